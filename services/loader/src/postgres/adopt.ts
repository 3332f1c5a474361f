/** A staging table becomes the table itself, so that a first load writes its rows once. */
import { randomBytes } from "node:crypto"
import type { Session } from "./database.ts"
import { quoteName, quoteTable, type TableName } from "./identifier.ts"
import type { StagingColumn } from "./staging.ts"
import { createTable } from "./table.ts"

/**
 * Renames staging to a target that is not there. It gets the rights that a table made in that place gets: an empty
 * one is made the ordinary way, and tells what the default privileges are (Postgres manual, ALTER DEFAULT PRIVILEGES).
 */
export async function adoptStaging(
  session: Session,
  staging: TableName,
  target: TableName,
  columns: readonly StagingColumn[],
): Promise<void> {
  await createTable(session, target, columns)
  const grants = await findGrants(session, target)
  await session.query(`drop table ${quoteTable(target)}`)
  // Under a name that nobody has, since each of both schemas may hold a table of the other's name.
  const passing = `flatbed_${randomBytes(8).toString("hex")}`
  await session.query(`alter table ${quoteTable(staging)} rename to ${passing}`)
  const moved = { schema: target.schema, name: passing }
  await session.query(
    `alter table ${quoteTable({ ...staging, name: passing })} set schema ${quoteName(target.schema)}`,
  )
  await session.query(`alter table ${quoteTable(moved)} rename to ${quoteName(target.name)}`)
  await session.query(`alter table ${quoteTable(target)} reset (autovacuum_enabled)`)
  for (const grant of grants) await session.query(grant)
}

/** The statements that give others the rights they have on a table; its owner has all of them anyway. */
async function findGrants(session: Session, table: TableName): Promise<string[]> {
  const name = quoteTable(table)
  const { rows } = await session.query<{ privilege: string; grantee: string; option: boolean }>(
    `select acl.privilege_type as privilege, acl.is_grantable as option,
            case when acl.grantee = 0 then 'public' else pg_catalog.quote_ident(role.rolname) end as grantee
       from pg_catalog.pg_class as t
      cross join pg_catalog.aclexplode(t.relacl) as acl
       left join pg_catalog.pg_roles as role on role.oid = acl.grantee
      where t.oid = $1::pg_catalog.regclass and acl.grantee <> t.relowner`,
    [name],
  )
  return rows.map(
    ({ privilege, grantee, option }) =>
      `grant ${privilege} on table ${name} to ${grantee}${option ? " with grant option" : ""}`,
  )
}

/**
 * Whether every snapshot that a session of this database holds now sees all chunks of the run. Only then may staging
 * become the table: a reader with an older snapshot that first touches the table later would see a part of it. A
 * snapshot taken from now on sees all, for they are committed.
 */
export async function seesWholeRun(session: Session, runId: number): Promise<boolean> {
  // xmin of a receipt is its chunk's transaction. A backend's xmin is the oldest transaction that its snapshot
  // takes for unfinished (Postgres manual, pg_stat_activity): it must be younger than the youngest chunk.
  const { rows } = await session.query<{ whole: boolean }>(
    `select not exists (
       select from pg_catalog.pg_stat_activity as reader
        where reader.datname = pg_catalog.current_database() and reader.pid <> pg_catalog.pg_backend_pid()
          -- Of another role's session the type is not shown; only those of clients and their workers have a user.
          and coalesce(reader.backend_type in ('client backend', 'parallel worker', 'background worker'),
                       reader.usesysid is not null)
          and pg_catalog.age(reader.backend_xmin) >=
              (select pg_catalog.min(pg_catalog.age(xmin)) from flatbed.chunks where run_id = $1)) as whole`,
    [runId],
  )
  return rows[0]?.whole === true
}
