/** What the ledger holds about the columns of each table: how they were made, and what changed them. */

import type { Session } from "../postgres/database.ts"
import type { StagingColumn } from "../postgres/staging.ts"
import { becomesOf } from "./column-changes.ts"
import type { ColumnChange } from "./column-contract.ts"

type RunOfTable = { readonly runId: number; readonly pipeline: string; readonly target: string }

/** One line of a table's history. */
export type ColumnEvent = {
  readonly run: number
  readonly pipeline: string
  readonly table: string
  readonly column: string
  readonly kind: string
  readonly before: string | null
  readonly file: string | null
  readonly after: string | null
  readonly policy: string | null
  readonly outcome: string
  /** Of a table of this name that was there before the one that was made last. */
  readonly earlier_table: boolean
  readonly at: string
}

type Written = Pick<ColumnEvent, "column" | "kind" | "before" | "file" | "after" | "policy" | "outcome">

/** Notes the columns of a table that this run makes. */
export async function recordMadeColumns(
  session: Session,
  run: RunOfTable,
  columns: readonly StagingColumn[],
): Promise<void> {
  const made = columns.map(({ name, type }) => ({
    ...{ column: name, kind: "made", before: null, file: type, after: type, policy: null },
    outcome: `is made as ${type}`,
  }))
  await insertEvents(session, run, made)
}

/** Notes what this run does about columns. What a run before did likewise, as to leave one out, is not noted again. */
export async function recordColumnChanges(
  session: Session,
  run: RunOfTable,
  changes: readonly ColumnChange[],
): Promise<void> {
  if (changes.length > 0) await insertEvents(session, run, await findNews(session, run.target, changes))
}

/** Of the changes those that do something to the table, or that no run before has done likewise. */
export async function findNews<Change extends ColumnChange>(
  session: Session,
  target: string,
  changes: readonly Change[],
): Promise<(Change & Written)[]> {
  const { rows } = await session.query<{ column: string; kind: string; policy: string | null }>(
    `select distinct on (column_name) column_name as column, kind, policy from ${session.ledger}.column_changes
      where target = $1 and column_name = any($2) order by column_name, change_id desc`,
    [target, changes.map(({ column }) => column)],
  )
  const last = new Map(rows.map(({ column, kind, policy }) => [column, `${kind} ${policy}`]))
  return changes
    .filter((change) => becomesOf(change) !== change.before || last.get(change.column) !== keyOf(change))
    .map((change) => ({ ...change, after: becomesOf(change) }))
}

const keyOf = ({ kind, policy }: ColumnChange) => `${kind} ${policy}`

/** The history of a pipeline's tables, or of all, newest first. */
export async function listColumnEvents(
  session: Session,
  asked: { readonly pipeline?: string | undefined; readonly limit: number },
): Promise<ColumnEvent[]> {
  const { rows } = await session.query<EventRow>(
    `select * from ${session.ledger}.column_changes where $1::text is null or pipeline = $1
      order by change_id desc limit $2`,
    [asked.pipeline ?? null, asked.limit],
  )
  // Newest first: what is older than the run that made a table happened to one before it.
  const madeBy = new Map<string, string>()
  return rows.map((row) => {
    const maker = madeBy.get(row.target)
    if (row.kind === "made" && maker === undefined) madeBy.set(row.target, row.run_id)
    return readEvent(row, maker !== undefined && maker !== row.run_id)
  })
}

type EventRow = {
  readonly run_id: string
  readonly pipeline: string
  readonly target: string
  readonly column_name: string
  readonly kind: string
  readonly before: string | null
  readonly file: string | null
  readonly after: string | null
  readonly policy: string | null
  readonly outcome: string
  readonly changed_at: Date
}

function readEvent(row: EventRow, isEarlier: boolean): ColumnEvent {
  return {
    run: Number(row.run_id),
    pipeline: row.pipeline,
    table: row.target,
    column: row.column_name,
    kind: row.kind,
    before: row.before,
    file: row.file,
    after: row.after,
    policy: row.policy,
    outcome: row.outcome,
    earlier_table: isEarlier,
    at: row.changed_at.toISOString(),
  }
}

async function insertEvents(
  session: Session,
  { runId, pipeline, target }: RunOfTable,
  events: readonly Written[],
): Promise<void> {
  if (events.length === 0) return
  const column = (read: (event: Written) => string | null) => events.map(read)
  await session.query(
    `insert into ${session.ledger}.column_changes (run_id, pipeline, target, column_name, kind, before, file, after, policy, outcome)
     select $1, $2, $3, n.* from unnest($4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[]) as n`,
    [
      ...[runId, pipeline, target],
      ...[column((one) => one.column), column((one) => one.kind), column((one) => one.before)],
      ...[column((one) => one.file), column((one) => one.after), column((one) => one.policy)],
      column((one) => one.outcome),
    ],
  )
}
