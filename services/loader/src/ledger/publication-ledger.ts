/** What the ledger holds about publications: which version each table shows, and what became of its rows. */

import type { Session } from "../postgres/database.ts"
import type { RunReceipt } from "../receipt.ts"
import type { FileCounts } from "../version-part.ts"
import type { RunIdentity } from "./ledger.ts"

export type Publication = {
  readonly runId: number
  readonly pipeline: string
  readonly version: string
  readonly settingsSha256: string
  readonly targetOid: number
  readonly rows: number
  /** Rows of the version that the table had from before; 0 but for `append`. */
  readonly knownRows: number
  readonly rejects: number
  /** Records that the source's filter left out. */
  readonly filtered: number
  readonly bytes: number
  /** ETag of the dataset document that named the version, if one is known. */
  readonly datasetTag: string | undefined
  readonly publishedAt: Date
}

/** Writes the publication and closes the run, in the transaction that makes the version visible. */
export async function recordPublication(
  session: Session,
  published: RunIdentity & {
    readonly runId: number
    readonly targetOid: number
    readonly receipt: RunReceipt
    readonly bytes: number
    readonly datasetTag: string | undefined
    readonly files: FileCounts | undefined
  },
): Promise<void> {
  const { receipt } = published
  await session.query(
    `insert into ${session.ledger}.publications
       (run_id, pipeline, dataset, version, settings_sha256, target, target_oid, rows, rejects, filtered, bytes, dataset_tag,
        inserted, updated, unchanged, repeated, older, deleted, known_rows, files_new, files_grown, files_known,
        records, refused, table_rows)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
             $23, $24, $25)`,
    [
      published.runId,
      published.pipeline,
      published.dataset,
      published.version,
      published.settingsSha256,
      published.target,
      published.targetOid,
      receipt.rows,
      receipt.rejects,
      receipt.filtered,
      published.bytes,
      published.datasetTag ?? null,
      receipt.inserted,
      receipt.updated,
      receipt.unchanged,
      receipt.repeated,
      receipt.older,
      receipt.deleted,
      receipt.known_rows,
      published.files?.new ?? null,
      published.files?.grown ?? null,
      published.files?.known ?? null,
      receipt.records,
      receipt.refused,
      receipt.table_rows,
    ],
  )
  await session.query(
    `update ${session.ledger}.runs set state = 'published', finished_at = pg_catalog.clock_timestamp() where run_id = $1`,
    [published.runId],
  )
}

/** Notes the tag that the document naming this publication's version carries now. */
export async function recordDatasetTag(session: Session, runId: number, tag: string): Promise<void> {
  const text = `update ${session.ledger}.publications set dataset_tag = $2 where run_id = $1`
  await session.query(text, [runId, tag])
}

/** Another table took the place of the one that was published into, with its rows. */
export async function movePublications(
  session: Session,
  target: string,
  from: number,
  to: number,
): Promise<void> {
  const text = `update ${session.ledger}.publications set target_oid = $3 where target = $1 and target_oid = $2`
  await session.query(text, [target, from, to])
}

/** The receipt of a run that was published: this settles a publish whose answer was lost. */
export async function findReceipt(session: Session, runId: number): Promise<RunReceipt | undefined> {
  const { rows } = await session.query(`select * from ${session.ledger}.publications where run_id = $1`, [
    runId,
  ])
  return rows[0] === undefined ? undefined : readReceipt(rows[0])
}

/** The receipt in a row of the publications, as the driver or `to_json` gives it. */
// biome-ignore lint/suspicious/noExplicitAny: a row of the driver, read field by field here.
export function readReceipt(row: any): RunReceipt {
  return {
    records: Number(row.records),
    filtered: Number(row.filtered),
    rejects: Number(row.rejects),
    refused: Number(row.refused),
    rows: Number(row.rows),
    inserted: Number(row.inserted),
    updated: Number(row.updated),
    unchanged: Number(row.unchanged),
    repeated: Number(row.repeated),
    older: Number(row.older),
    deleted: Number(row.deleted),
    known_rows: Number(row.known_rows),
    table_rows: row.table_rows === null ? null : Number(row.table_rows),
  }
}

/** The latest version published into a table, by whichever pipeline; none that `reset` made the ledger forget. */
export async function findLatestPublication(
  session: Session,
  target: string,
): Promise<Publication | undefined> {
  const { rows } = await session.query(
    `select run_id, pipeline, version, settings_sha256, target_oid, rows, known_rows, rejects, filtered, bytes,
            dataset_tag, published_at
       from ${session.ledger}.publications where target = $1 and forgotten_at is null
      order by publication_id desc limit 1`,
    [target],
  )
  const row = rows[0]
  if (row === undefined) return undefined
  return {
    runId: Number(row.run_id),
    pipeline: row.pipeline,
    version: row.version,
    settingsSha256: row.settings_sha256,
    targetOid: Number(row.target_oid),
    rows: Number(row.rows),
    knownRows: Number(row.known_rows),
    rejects: Number(row.rejects),
    filtered: Number(row.filtered),
    bytes: Number(row.bytes),
    datasetTag: row.dataset_tag ?? undefined,
    publishedAt: row.published_at,
  }
}
