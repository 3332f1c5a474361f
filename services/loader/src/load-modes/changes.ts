/** What a version changes in a table, row by row: told by one join, and kept beside staging until it is done. */
import { deletedAt } from "../columns/own-columns.ts"
import type { Session } from "../postgres/database.ts"
import { quoteName, quoteTable, type TableName } from "../postgres/identifier.ts"
import { differ, isOlder, sameKey } from "./keyed.ts"
import type { Application } from "./load-mode.ts"

export type Changes = {
  /** Staged rows whose key the table does not have. */
  readonly inserted: number
  /** Staged rows that are written otherwise in the table, or marked as deleted there. */
  readonly updated: number
  /** Staged rows that give way to a newer one of the table. */
  readonly older: number
  readonly unchanged: number
  /** Rows of the table, not marked as deleted, whose key the version does not have; 0 when they were not asked for. */
  readonly absent: number
}

/** Where they are kept: one row for each staged or stored row that something is to be done with. */
export function changesTable({ staging }: Pick<Application, "staging">): TableName {
  return { schema: staging.schema, name: `${staging.name}_changes` }
}

const manyRows = 1_000

/**
 * Finds them by one join that reads staging and table once, however the rows are to be written; each key is in staging
 * once, `rows` of them. Rows are noted by their place (ctid), which stays theirs while the publish keeps other writers out; the
 * part is that of a partitioned table.
 */
export async function findChanges(
  session: Session,
  application: Application,
  { absent, rows }: { readonly absent: "stay" | "go"; readonly rows: number },
): Promise<Changes> {
  const { staging, target, columns, rules } = application
  const { key, orderBy, deletes } = rules
  const mark = `t.${quoteName(deletedAt)}`
  const gone = deletes.soft ? `case when ${mark} is null then 'absent' end` : "'absent'"
  const older = orderBy === undefined ? "" : `when ${isOlder(orderBy)} then 'older'`
  const changed = deletes.soft ? `${differ(columns)} or ${mark} is not null` : differ(columns)
  const found = quoteTable(changesTable(application))
  // By their words and not by `is not null`: the planner takes that for all rows, too many for it to join in parallel.
  // Not logged: it does not outlive this transaction, and a crash ends that one too.
  await session.query(
    `create unlogged table ${found} as
     select * from (
       select s.ctid as staged, t.tableoid as part, t.ctid as at,
              case when s.ctid is null then ${gone} when t.ctid is null then 'new' ${older} when ${changed} then 'changed' end as what
         from ${quoteTable(staging)} as s ${absent === "go" ? "full" : "left"} join ${quoteTable(target)} as t on ${sameKey(key)}
     ) as compared where what in ('absent', 'new', 'older', 'changed')`,
  )
  const counted = await session.query(
    `select count(*) filter (where what = 'new') as inserted, count(*) filter (where what = 'changed') as updated,
            count(*) filter (where what = 'older') as older, count(*) filter (where what = 'absent') as absent
       from ${found}`,
  )
  const count = (name: string) => Number(counted.rows[0][name])
  const [inserted, updated, older_] = [count("inserted"), count("updated"), count("older")]
  const noted = { inserted, updated, older: older_, absent: count("absent") }
  const total = inserted + updated + older_ + noted.absent
  // Of fewer rows the planner's guess is good enough.
  if (total > manyRows) await session.query(`analyze ${found}`)
  return { ...noted, unchanged: rows - inserted - updated - older_ }
}

/** Ends what findChanges began, in the same transaction. */
export async function forgetChanges(session: Session, application: Application): Promise<void> {
  await session.query(`drop table ${quoteTable(changesTable(application))}`)
}
