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

/** Numbers of the rows of a version that were refused whenever it was published into the table. */
export async function findRefusedOf(
  session: Session,
  target: string,
  targetOid: number,
  version: string,
): Promise<Set<number>> {
  const { rows } = await session.query(
    `select distinct r."row" from ${session.ledger}.rejects as r
       join ${session.ledger}.publications as p on p.run_id = r.run_id
      where p.target = $1 and p.target_oid = $2 and p.version = $3 and p.forgotten_at is null and r.found_by = 'loader'`,
    [target, targetOid, version],
  )
  return new Set(rows.map(({ row }) => Number(row)))
}

/** What a version brought into a table, of which nothing may be gone. */
export type BroughtRows = {
  readonly version: string
  readonly rows: number
  /** Whether they name the version: not known of those that came when the pipeline had other settings. */
  readonly isNamed: boolean
}

export type Expected = {
  /** How many rows the table has at least. */
  readonly least: number
  /** In the order in which they were published. */
  readonly versions: readonly BroughtRows[]
}

/**
 * What the table has to hold by the ledger, as far as no `reset` made it forget. `append` leaves every row where it is, so
 * all that was appended counts, and what the last publication of another mode before that left; of the other modes only
 * the last publication: what came before may have gone since, rightly. Of a version that was published again after
 * somebody made the ledger forget its files the same rows came twice, so they are counted once.
 */
export async function findExpected(
  session: Session,
  { target, mode, settingsSha256 }: Pick<Pipeline, "target" | "mode" | "settingsSha256">,
  { table, applied, publication }: Standing,
): Promise<Expected> {
  if (mode !== "append") {
    const { version } = publication
    const rows = applied.inserted + applied.updated
    return { least: rows + applied.unchanged + applied.older, versions: [{ version, rows, isNamed: true }] }
  }
  // Only `append` counts files.
  const { rows } = await session.query(
    `with of_table as (
       select * from ${session.ledger}.publications where target = $1 and target_oid = $2 and forgotten_at is null),
     before as (select max(publication_id) as publication_id from of_table where files_new is null)
     select o.version, min(o.publication_id) as first, bool_and(o.settings_sha256 = $3) as is_named,
            max(o.inserted + o.updated) - case when o.files_new is null then 0 else sum(o.deleted) end as named,
            max(o.rows - o.repeated) filter (where o.files_new is null) as left_by_other
       from of_table as o cross join before as b
      where o.publication_id >= coalesce(b.publication_id, 0)
      group by o.version, o.files_new is null order by first`,
    [target, table.oid, settingsSha256],
  )
  const versions = rows.map(({ version, named, is_named: isNamed }) => ({
    ...{ version, isNamed },
    rows: Math.max(0, Number(named)),
  }))
  const least = rows.map(({ left_by_other: left }, i) => Number(left ?? versions[i]?.rows ?? 0))
  return { least: least.reduce((sum, rows) => sum + rows, 0), versions: joinVersions(versions) }
}

function joinVersions(brought: readonly BroughtRows[]): BroughtRows[] {
  const joined = new Map<string, BroughtRows>()
  for (const one of brought) {
    const before = joined.get(one.version) ?? { ...one, rows: 0 }
    const isNamed = before.isNamed && one.isNamed
    joined.set(one.version, { ...one, rows: before.rows + one.rows, isNamed })
  }
  return [...joined.values()]
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
