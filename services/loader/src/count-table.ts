/**
 * Counts a table in which something else than the load may write: its own triggers and rules. Everywhere else Postgres'
 * counts of the load's statements are the count, and a look at every row would say nothing new.
 */

import { deletedAt } from "./columns/own-columns.ts"
import type { Application, Applied, loadModeNames } from "./load-modes/load-mode.ts"
import type { Session } from "./postgres/database.ts"
import { quoteName, quoteTable } from "./postgres/identifier.ts"
import type { TableCount } from "./receipt.ts"

type Mode = (typeof loadModeNames)[number]
type Watched = Pick<Application, "target" | "exists" | "rules">

/**
 * Begins before the table is touched; what is answered counts it behind the load. Undefined where no trigger or rule
 * is, where the loader's role may not read the table, and for `append`, beside which others may write.
 */
export async function watchTable(
  session: Session,
  mode: Mode,
  watched: Watched,
): Promise<((applied: Applied) => Promise<TableCount | undefined>) | undefined> {
  if (!watched.exists || mode === "append" || !(await isMeddledWith(session, watched))) return undefined
  const before = await countRows(session, watched)
  return async (applied) => {
    const expected = expectedRows(mode, watched, before, applied)
    return expected === undefined ? undefined : { found: await countRows(session, watched), expected }
  }
}

/** Rows that count as there once the mode is done; undefined where the counts alone do not tell. */
function expectedRows(mode: Mode, { rules }: Watched, before: number, applied: Applied): number | undefined {
  const { inserted, updated, unchanged, older } = applied
  if (mode === "upsert") return before + inserted
  // Of rows that give way to a newer one some may be marked as deleted, and stay so.
  if (rules.deletes.soft && older > 0) return undefined
  return inserted + updated + unchanged + older
}

/** All that are not marked as deleted. */
async function countRows(session: Session, { target, rules }: Watched): Promise<number> {
  const live = rules.deletes.soft ? `where ${quoteName(deletedAt)} is null` : ""
  const { rows } = await session.query(`select count(*) as rows from ${quoteTable(target)} ${live}`)
  return Number(rows[0].rows)
}

/** Whether somebody's trigger or rule is on the table or one of its partitions, and the table may be read. */
async function isMeddledWith(session: Session, { target }: Watched): Promise<boolean> {
  const { rows } = await session.query(
    `with own as (select $1::pg_catalog.regclass as oid
                  union select relid from pg_catalog.pg_partition_tree($1::pg_catalog.regclass))
     select pg_catalog.has_table_privilege($1::pg_catalog.regclass, 'select') and (
              exists (select from pg_catalog.pg_trigger
                       where tgrelid in (select oid from own) and not tgisinternal and tgenabled <> 'D')
           or exists (select from pg_catalog.pg_rewrite
                       where ev_class in (select oid from own) and ev_type <> '1' and ev_enabled <> 'D')) as meddled`,
    [quoteTable(target)],
  )
  return rows[0].meddled
}
