/** What the ledger holds about the checks of a run, and how rows that broke one leave staging. */
import { Problem, type Reject } from "@flatbed/contract"
import { rowColumn } from "../columns/own-columns.ts"
import type { Session } from "../postgres/database.ts"
import { quoteName, quoteTable } from "../postgres/identifier.ts"
import { stagingTable } from "../postgres/staging.ts"
import { recordRejects } from "../rejects/reject-ledger.ts"
import { type Check, type CheckResult, describeRule } from "./check.ts"

/** A row that is to be set aside, and the check that it broke. */
export type BrokenRow = { readonly check: Check; readonly reject: Reject }

/**
 * Takes rows out of staging: their rejects are listed, and the receipts of their chunks count them as refused, so that
 * what is left still adds up. Does nothing when an earlier try, whose answer was lost, had done it.
 *
 * @throws Problem `receipt-unbalanced` when staging has only some of them.
 */
export async function takeOut(
  session: Session,
  runId: number,
  rows: readonly BrokenRow[],
  chunkOf: (row: number) => number,
): Promise<void> {
  const gone = await session.query(
    `delete from ${quoteTable(stagingTable(session, runId))} as s using unnest($1::bigint[]) as gone (row)
      where s.${quoteName(rowColumn)} = gone.row`,
    [rows.map(({ reject }) => reject.row)],
  )
  const count = gone.rowCount ?? 0
  if (count === 0) return
  if (count !== rows.length) {
    throw new Problem(
      "receipt-unbalanced",
      `Staging has ${count} of ${rows.length} rows that broke a check.`,
      {
        hint: "Nothing was published, and the next run starts afresh. Please report this with the log.",
      },
    )
  }
  const loader = rows.map(({ reject }) => reject)
  // Written anew, the receipts are as young as this change of staging: see seesWholeRun.
  await recordRejects(session, runId, { chunkOf, source: [], loader, refused: count })
  const failed = countBy(rows, ({ check }) => check)
  const results = [...failed].map(([check, failed]) => ({ check, failed }))
  await recordResults(session, runId, results)
}

/**
 * Notes for each check how many rows broke it. What was set aside for one is added up, for those rows are gone when
 * the checks of a run that was interrupted are asked again.
 */
export async function recordResults(
  session: Session,
  runId: number,
  results: readonly { readonly check: Check; readonly failed: number }[],
): Promise<void> {
  const column = <T>(read: (check: Check) => T) => results.map(({ check }) => read(check))
  await session.query(
    `insert into ${session.ledger}.checks as c (run_id, place, name, severity, column_names, expected, failed)
     select $1, place, name, severity, column_names, expected, failed
       from unnest($2::integer[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[])
              as n (place, name, severity, column_names, expected, failed)
     on conflict (run_id, place) do update
       set failed = excluded.failed + case when c.severity = 'reject' then c.failed else 0 end`,
    [
      runId,
      column(({ place }) => place),
      column(({ name }) => name),
      column(({ severity }) => severity),
      column(({ columns }) => (columns.length === 0 ? null : columns.join(", "))),
      column(({ rule }) => describeRule(rule)),
      results.map(({ failed }) => failed),
    ],
  )
}

/** How the checks of a run came out, in the order of the settings. */
export async function getResults(session: Session, runId: number): Promise<CheckResult[]> {
  const { rows } = await session.query(
    `select name, severity, failed from ${session.ledger}.checks where run_id = $1 order by place`,
    [runId],
  )
  return rows.map(({ name, severity, failed }) => ({ name, severity, failed: Number(failed) }))
}

function countBy<T, K>(list: readonly T[], key: (one: T) => K): Map<K, number> {
  const counts = new Map<K, number>()
  for (const one of list) counts.set(key(one), (counts.get(key(one)) ?? 0) + 1)
  return counts
}
