/** What the ledger holds about runs: which are open, which chunks have arrived, what was published. */
import type { Manifest } from "@flatbed/contract"
import type { Session } from "../postgres/database.ts"
import type { StagingPlan } from "../postgres/staging.ts"
import { toStorable } from "../rejects/refusal.ts"
import type { FileDialect, WholeRecords } from "../rejects/reject-export.ts"

/** What decides whether two runs do the same work. */
export type RunIdentity = {
  readonly pipeline: string
  readonly dataset: string
  readonly version: string
  readonly settingsSha256: string
  /** The table as `schema.table`, quoted where need be. */
  readonly target: string
}

export type OpenRun = {
  readonly runId: number
  /** Whether it was to publish nothing. */
  readonly rehearsal: boolean
  readonly staging: StagingPlan
  /** The code of the problem that stopped it, if one did. */
  readonly problem: string | null
}

export type Receipt = {
  readonly chunk: number
  readonly first_row: number
  readonly rows: number
  /** Records that the source set aside. */
  readonly rejects: number
  /** Records that the source's filter leaves out. */
  readonly filtered: number
  readonly raw_sha256: string
  /** Rows that were set aside here. */
  readonly refused: number
}

/** Every run of the pipeline that is not over: published or abandoned ones are. Newest first. */
export async function findOpenRuns(session: Session, pipeline: string): Promise<(OpenRun & RunIdentity)[]> {
  const { rows } = await session.query(
    `select run_id, pipeline, dataset, version, settings_sha256, target, staging_columns, staging_checks, problem_code, rehearsal
       from ${session.ledger}.runs
      where pipeline = $1 and state in ('loading', 'failed') order by run_id desc`,
    [pipeline],
  )
  return rows.map((row) => ({
    runId: Number(row.run_id),
    pipeline: row.pipeline,
    dataset: row.dataset,
    version: row.version,
    settingsSha256: row.settings_sha256,
    target: row.target,
    staging: { columns: row.staging_columns, checks: row.staging_checks },
    problem: row.problem_code,
    rehearsal: row.rehearsal,
  }))
}

/** Writes a new run and returns its id. */
export async function recordRun(
  session: Session,
  run: RunIdentity & {
    readonly manifest: Manifest
    readonly epoch: number
    readonly staging: StagingPlan
    readonly rehearsal: boolean
  },
): Promise<number> {
  const { manifest } = run
  const { rows } = await session.query(
    `insert into ${session.ledger}.runs
       (pipeline, dataset, version, settings_sha256, target, staging_columns, staging_checks, chunks, rows, rejects, filtered,
        bytes, epoch, dialect, rehearsal)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) returning run_id`,
    [
      run.pipeline,
      run.dataset,
      run.version,
      run.settingsSha256,
      run.target,
      JSON.stringify(run.staging.columns),
      JSON.stringify(run.staging.checks),
      manifest.chunks.length,
      manifest.rows,
      manifest.rejects,
      manifest.filtered,
      manifestBytes(manifest),
      run.epoch,
      manifest.dialect === undefined ? null : storableJson(fileDialect(manifest)),
      run.rehearsal,
    ],
  )
  return Number(rows[0].run_id)
}

/** Marks a run as going on under a new epoch. */
export async function recordResume(session: Session, runId: number, epoch: number): Promise<void> {
  await session.query(
    `update ${session.ledger}.runs set state = 'loading', epoch = $2, attempts = attempts + 1,
            problem_code = null, problem_detail = null, finished_at = null
      where run_id = $1`,
    [runId, epoch],
  )
}

/** Closes a run that did its work and took it back. */
export async function recordRehearsed(session: Session, runId: number): Promise<void> {
  await session.query(
    `update ${session.ledger}.runs set state = 'rehearsed', finished_at = pg_catalog.clock_timestamp() where run_id = $1`,
    [runId],
  )
}

/** Whether it was closed so. */
export async function isRehearsed(session: Session, runId: number): Promise<boolean> {
  const text = `select from ${session.ledger}.runs where run_id = $1 and state = 'rehearsed'`
  return (await session.query(text, [runId])).rowCount === 1
}

/** Marks runs that nobody will resume: their version, settings or staging is no longer wanted. */
export async function recordAbandoned(session: Session, runIds: readonly number[]): Promise<void> {
  await session.query(
    `update ${session.ledger}.runs set state = 'abandoned', finished_at = coalesce(finished_at, pg_catalog.clock_timestamp())
      where run_id = any($1::bigint[])`,
    [runIds],
  )
}

/** Notes why a run stopped. It stays resumable. */
export async function recordFailure(
  session: Session,
  runId: number,
  problem: { readonly code: string; readonly message: string },
): Promise<void> {
  await session.query(
    `update ${session.ledger}.runs set state = 'failed', problem_code = $2, problem_detail = $3,
            finished_at = pg_catalog.clock_timestamp()
      where run_id = $1 and state = 'loading'`,
    [runId, problem.code, problem.message],
  )
}

/** How many records of a run's version were set aside as far as is known. */
export async function getRunRejects(session: Session, runId: number): Promise<number> {
  const { rows } = await session.query(`select rejects from ${session.ledger}.runs where run_id = $1`, [
    runId,
  ])
  return Number(rows[0]?.rejects)
}

/** Writes chunks' receipts, first in their transaction. Answers how many were not there yet. */
export async function recordReceipts(
  session: Session,
  runId: number,
  receipts: readonly Receipt[],
): Promise<number> {
  const column = <T>(read: (receipt: Receipt) => T) => receipts.map(read)
  const { rowCount } = await session.query(
    `insert into ${session.ledger}.chunks (run_id, chunk, first_row, rows, rejects, filtered, raw_sha256, refused)
     select $1, * from unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[], $8::bigint[])
     on conflict do nothing`,
    [
      runId,
      column(({ chunk }) => chunk),
      column(({ first_row }) => first_row),
      column(({ rows }) => rows),
      column(({ rejects }) => rejects),
      column(({ filtered }) => filtered),
      column(({ raw_sha256 }) => raw_sha256),
      column(({ refused }) => refused),
    ],
  )
  return rowCount ?? 0
}

/** Whether the receipts of all these chunks are there. */
export async function hasReceipts(
  session: Session,
  runId: number,
  { first, last }: { readonly first: number; readonly last: number },
): Promise<boolean> {
  const text = `select from ${session.ledger}.chunks where run_id = $1 and chunk between $2 and $3`
  return (await session.query(text, [runId, first, last])).rowCount === last - first + 1
}

/** All receipts of a run in the order of their chunks. */
export async function getReceipts(session: Session, runId: number): Promise<Receipt[]> {
  const { rows } = await session.query(
    `select chunk, first_row, rows, rejects, filtered, raw_sha256, refused from ${session.ledger}.chunks
      where run_id = $1 order by chunk`,
    [runId],
  )
  return rows.map((row) => ({
    chunk: Number(row.chunk),
    first_row: Number(row.first_row),
    rows: Number(row.rows),
    rejects: Number(row.rejects),
    filtered: Number(row.filtered),
    raw_sha256: row.raw_sha256,
    refused: Number(row.refused),
  }))
}

/** How the file of a run is written; of records without cells, and where the source did not tell, the encoding at the most. */
export async function findRunDialect(session: Session, runId: number): Promise<FileDialect | WholeRecords> {
  const { rows } = await session.query(`select dialect from ${session.ledger}.runs where run_id = $1`, [
    runId,
  ])
  return rows[0]?.dialect ?? {}
}

function fileDialect({ dialect, files }: Manifest): unknown {
  return { ...dialect, encoding: files[0]?.encoding }
}

// jsonb refuses NUL and halves of surrogate pairs (Postgres manual, JSON Types); names may hold what they like.
function storableJson(value: unknown): string {
  return JSON.stringify(value, (_key, item) => (typeof item === "string" ? toStorable(item) : item))
}

/** Bytes of a version's files. */
export function manifestBytes(manifest: Manifest): number {
  return manifest.files.reduce((sum, file) => sum + file.bytes, 0)
}
