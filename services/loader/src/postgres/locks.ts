/** Locks on tables that a transaction holds. */
import type { Session } from "./database.ts"

/** A lock as pg_locks tells it: `mode` is such as `ShareRowExclusiveLock`. */
export type RelationLock = { readonly oid: number; readonly mode: string }

/** Those that this session's transaction has been granted on tables, indexes and the like. */
export async function readLocks(session: Session): Promise<RelationLock[]> {
  const { rows } = await session.query(
    `select relation as oid, mode from pg_catalog.pg_locks
      where pid = pg_catalog.pg_backend_pid() and locktype = 'relation' and granted
        and database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())`,
  )
  return rows.map((row) => ({ oid: Number(row.oid), mode: row.mode }))
}

/** Of these oids the tables that there are now, by name, without the catalogs' and those of schema `except`. */
export async function nameTables(
  session: Session,
  oids: readonly number[],
  except: string,
): Promise<ReadonlyMap<number, string>> {
  const { rows } = await session.query(
    `select c.oid, pg_catalog.format('%I.%I', n.nspname, c.relname) as name
       from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
      where c.oid = any($1::pg_catalog.oid[]) and c.relkind in ('r', 'p') and n.nspname <> $2
        and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
      order by 2`,
    [[...new Set(oids)], except],
  )
  return new Map(rows.map((row) => [Number(row.oid), row.name]))
}
