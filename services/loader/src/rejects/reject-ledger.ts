/** Rejects in the ledger: written with their chunk, read by `rejects list` and `rejects show`. */
import type { Reject } from "@flatbed/contract"
import type { Session } from "../postgres/database.ts"
import { toStorable } from "./refusal.ts"

/** A reject as the ledger keeps it. */
export type RecordedReject = Omit<Reject, "raw"> & {
  readonly run: number
  readonly pipeline: string
  readonly dataset: string
  readonly version: string
  readonly chunk: number
  /** `source`: the record breaks the file's form or a declared type. `loader`: Postgres refuses the row. */
  readonly foundBy: "source" | "loader"
  /** The record's bytes, without its line end. */
  readonly raw: Buffer
}

/** Which rejects of a run to write. */
export type FoundRejects = {
  /** The number of the chunk to which a row belongs. */
  readonly chunkOf: (row: number) => number
  readonly source: readonly Reject[]
  readonly loader: readonly Reject[]
  /** How many the loader set aside: also those of which nothing is written. */
  readonly refused: number
}

/**
 * Writes rejects, in one statement with what is counted of them: the run's rejects, and those of the loader at the
 * receipts of their chunks that are there. Rejects that are there already stay as they are.
 */
export async function recordRejects(session: Session, runId: number, found: FoundRejects): Promise<void> {
  const rows = [
    ...found.source.map((reject) => ({ reject, by: "source" })),
    ...found.loader.map((reject) => ({ reject, by: "loader" })),
  ]
  if (rows.length === 0) return
  const column = <T>(read: (reject: Reject) => T) => rows.map(({ reject }) => read(reject))
  const chunks = countByChunk(found)
  await session.query(
    `with counted as (update ${session.ledger}.runs set rejects = rejects + $13::bigint where run_id = $1 and $13::bigint > 0),
          receipts as (update ${session.ledger}.chunks as c set refused = c.refused + here.refused
                         from unnest($14::bigint[], $15::bigint[]) as here (chunk, refused)
                        where c.run_id = $1 and c.chunk = here.chunk)
     insert into ${session.ledger}.rejects (run_id, chunk, row, file, line, byte, code, column_name, value, reason, raw, found_by)
     select $1, * from unnest($2::bigint[], $3::bigint[], $4::text[], $5::bigint[], $6::bigint[], $7::text[],
                                             $8::text[], $9::text[], $10::text[], $11::bytea[], $12::text[])
     on conflict do nothing`,
    [
      runId,
      column(({ row }) => found.chunkOf(row)),
      column(({ row }) => row),
      column(({ file }) => storable(file)),
      column(({ line }) => line),
      column(({ byte }) => byte),
      column(({ code }) => code),
      column((reject) => storable(reject.column)),
      column(({ value }) => storable(value)),
      column(({ reason }) => storable(reason)),
      column(({ raw }) => Buffer.from(raw, "base64")),
      rows.map(({ by }) => by),
      found.refused,
      [...chunks.keys()],
      [...chunks.values()],
    ],
  )
}

function countByChunk({ chunkOf, loader }: FoundRejects): Map<number, number> {
  const counts = new Map<number, number>()
  for (const { row } of loader) counts.set(chunkOf(row), (counts.get(chunkOf(row)) ?? 0) + 1)
  return counts
}

/** Forgets the rejects of runs whose work is done again by another run, which finds the same ones. */
export async function forgetRejects(session: Session, runIds: readonly number[]): Promise<void> {
  await session.query(`delete from ${session.ledger}.rejects where run_id = any($1::bigint[])`, [runIds])
}

/** How many rejects of these runs are written. */
export async function countRejects(session: Session, runIds: readonly number[]): Promise<number> {
  const text = `select count(*) as rejects from ${session.ledger}.rejects where run_id = any($1::bigint[])`
  return Number((await session.query(text, [runIds])).rows[0].rejects)
}

/** The latest run of each pipeline, or of this one. */
export async function findLatestRuns(session: Session, pipeline: string | undefined): Promise<number[]> {
  const { rows } = await session.query(
    `select pg_catalog.max(run_id) as run from ${session.ledger}.runs
      where $1::text is null or pipeline = $1 group by pipeline order by 1`,
    [pipeline ?? null],
  )
  return rows.map(({ run }) => Number(run))
}

/** Rejects of these runs in the order of runs and rows, at most `limit`. */
export async function getRejects(
  session: Session,
  runIds: readonly number[],
  limit: number,
): Promise<RecordedReject[]> {
  const { rows } = await session.query(
    `${selectRejects(session)} where r.run_id = any($1::bigint[]) order by r.run_id, r.row limit $2`,
    [runIds, limit],
  )
  return rows.map(readReject)
}

// Rejects read at once; what is longer than this is read by itself, so that memory does not grow with the records.
const pageRejects = 200
const pageRawBytes = 64 * 1024

/** A run's rejects behind row `after`, in the rows' order, a bounded number at once; none when there are no more. */
export async function getRejectsAfter(
  session: Session,
  runId: number,
  after: number,
): Promise<RecordedReject[]> {
  const { rows } = await session.query(
    `select r.run_id, r.chunk, r.row, r.file, r.line, r.byte, r.code, r.column_name, r.value, r.reason, r.found_by,
            case when pg_catalog.octet_length(r.raw) <= $4 then r.raw end as raw, pipeline, dataset, version
       from ${session.ledger}.rejects r join ${session.ledger}.runs on runs.run_id = r.run_id
      where r.run_id = $1 and r.row > $2 order by r.row limit $3`,
    [runId, after, pageRejects, pageRawBytes],
  )
  const long = rows.findIndex(({ raw }) => raw === null)
  if (long > 0) return rows.slice(0, long).map(readReject)
  if (long === -1) return rows.map(readReject)
  const first = await findReject(session, runId, Number(rows[0].row))
  return first === undefined ? [] : [first]
}

/** The reject of one row; undefined when that row was not set aside. */
export async function findReject(
  session: Session,
  runId: number,
  row: number,
): Promise<RecordedReject | undefined> {
  const { rows } = await session.query(`${selectRejects(session)} where r.run_id = $1 and r.row = $2`, [
    runId,
    row,
  ])
  return rows[0] === undefined ? undefined : readReject(rows[0])
}

const selectRejects = (session: Session) => `select r.*, pipeline, dataset, version
  from ${session.ledger}.rejects r join ${session.ledger}.runs on runs.run_id = r.run_id`

// biome-ignore lint/suspicious/noExplicitAny: a row of the driver, read field by field here.
function readReject(row: any): RecordedReject {
  return {
    run: Number(row.run_id),
    pipeline: row.pipeline,
    dataset: row.dataset,
    version: row.version,
    chunk: Number(row.chunk),
    row: Number(row.row),
    file: row.file,
    line: Number(row.line),
    byte: Number(row.byte),
    code: row.code,
    column: row.column_name,
    value: row.value,
    reason: row.reason,
    foundBy: row.found_by,
    raw: row.raw,
  }
}

// A cell that was set aside for its NUL comes with it; text cannot hold it, and the bytes stand in raw.
function storable(text: string | null): string | null {
  return text === null ? null : toStorable(text)
}
