/** What the ledger says of what a table has to hold. */
import { Problem } from "@flatbed/contract"
import { findLatestPublication, findReceipt, type Publication } from "../ledger/publication-ledger.ts"
import type { Applied } from "../load-modes/load-mode.ts"
import type { Session } from "../postgres/database.ts"
import { findTable, type Table } from "../postgres/table.ts"
import type { Pipeline } from "../settings/pipeline-settings.ts"
import type { ShowCommand } from "../summary.ts"

/** The publication that a table shows, and the table as it is now. */
export type Standing = {
  readonly publication: Publication
  readonly applied: Applied
  readonly table: Table
}

/**
 * @throws Problem `verify-failed` when there is nothing to compare with: nothing was published, or by another pipeline, with
 * other settings or into another table.
 */
export async function findStanding(
  session: Session,
  pipeline: Pipeline,
  showCommand: ShowCommand,
): Promise<Standing> {
  const { name, target, settingsSha256 } = pipeline
  const publication = await findLatestPublication(session, target)
  const load = `Load it again: ${showCommand(`load ${name}`)}`
  if (publication === undefined)
    throw failed(
      target,
      `Nothing was published into ${target}.`,
      `Load it first: ${showCommand(`load ${name}`)}`,
    )
  if (publication.pipeline !== name)
    throw failed(
      target,
      `${target} was published last by pipeline ${publication.pipeline}, run ${publication.runId}, and not by ${name}.`,
      `Verify that one, or let one pipeline load this table. ${load}`,
    )
  if (publication.settingsSha256 !== settingsSha256)
    throw failed(
      target,
      `${name} had other settings when it published into ${target} (run ${publication.runId}): another dataset, mode or key.`,
      load,
    )
  const table = await findTable(session, pipeline.table)
  if (table === undefined) throw failed(target, `${target} was published and is not there any more.`, load)
  if (table.oid !== publication.targetOid)
    throw failed(target, `${target} is another table than the one that was published into.`, load)
  const receipt = await findReceipt(session, publication.runId)
  if (receipt === undefined) throw new Error(`publication ${publication.runId} vanished`)
  return { publication, applied: receipt, table }
}

function failed(table: string, detail: string, hint: string): Problem {
  return new Problem("verify-failed", detail, { hint, facts: { table } })
}

/** Numbers of the rows that a run's loader set aside, beside those that the source did. */
export async function findRefusedRows(session: Session, runId: number): Promise<Set<number>> {
  const { rows } = await session.query(
    `select "row" from ${session.ledger}.rejects where run_id = $1 and found_by = 'loader'`,
    [runId],
  )
  return new Set(rows.map(({ row }) => Number(row)))
}

/** How many rows this version's publications inserted into the table, and which rows were refused. */
export async function findPublished(
  session: Session,
  target: string,
  targetOid: number,
  version: string,
): Promise<{ readonly inserted: number; readonly refused: ReadonlySet<number> }> {
  const { rows } = await session.query(
    `select run_id, inserted from ${session.ledger}.publications
      where target = $1 and target_oid = $2 and version = $3 and forgotten_at is null`,
    [target, targetOid, version],
  )
  const refused = new Set<number>()
  for (const { run_id: run } of rows) {
    for (const row of await findRefusedRows(session, Number(run))) refused.add(row)
  }
  return { inserted: rows.reduce((sum, row) => sum + Number(row.inserted), 0), refused }
}

/** How many rows were appended to the table, by all publications that no `reset` made the ledger forget. */
export async function countAppended(session: Session, target: string, targetOid: number): Promise<number> {
  const { rows } = await session.query(
    `select coalesce(sum(inserted - deleted), 0) as rows from ${session.ledger}.publications
      where target = $1 and target_oid = $2 and forgotten_at is null`,
    [target, targetOid],
  )
  return Number(rows[0].rows)
}

export type VersionRun = { readonly run: number; readonly publishedAt: Date }

/**
 * The run that published this version into the table: of several the newest, or for a row that says when it came the one
 * that brought it. A publication is recorded in the transaction whose beginning the row names.
 */
export async function findVersionRun(
  session: Session,
  target: string,
  version: string,
  loadedAt: string | undefined,
): Promise<VersionRun | undefined> {
  const { rows } = await session.query(
    `select run_id, published_at from ${session.ledger}.publications where target = $1 and version = $2
      order by case when published_at >= $3::timestamptz then publication_id end nulls last, publication_id desc limit 1`,
    [target, version, loadedAt ?? null],
  )
  return rows[0] === undefined
    ? undefined
    : { run: Number(rows[0].run_id), publishedAt: rows[0].published_at }
}
