/** What `status` tells about each pipeline, from the ledger. */
import { type Attempt, getAttempts } from "./attempt-ledger.ts"
import { findNextTick } from "./due-ticks.ts"
import type { Pipeline } from "./pipeline-settings.ts"
import type { Session } from "./postgres/database.ts"
import { printable } from "./printable.ts"
import { formatTable } from "./text-table.ts"

export type PipelineStatus = {
  readonly pipeline: string
  readonly table: string
  /**
   * Of the table that the pipeline has now. `never`: nothing was published and nothing failed. `failed`: the last
   * attempt, or the last run was interrupted; what was published before still shows.
   */
  readonly state: "running" | "published" | "failed" | "never"
  /** What stopped the last attempt; null unless `failed`, and when it was interrupted without a word. */
  readonly problem: { readonly code: string; readonly detail: string } | null
  readonly version: string | null
  /** Of that version, also those that `append` found there. */
  readonly rows: number | null
  /** Records of that version that were set aside. */
  readonly rejects: number | null
  readonly published_at: string | null
  readonly last_run: LastRun | null
  /** Also of an attempt that failed before it had a run. */
  readonly last_attempt: {
    readonly outcome: string
    readonly version: string | null
    readonly ended_at: string
  } | null
  readonly next_tick: string | null
}

type LastRun = {
  readonly run: number
  readonly state: string
  readonly version: string
  readonly started_at: string
  readonly chunks: number
  readonly loaded_chunks: number
  readonly problem: string | null
}

/** One status per pipeline, in their order. */
export async function getStatus(
  session: Session,
  pipelines: readonly Pipeline[],
  clock: { readonly timezone: string; readonly now: Date },
): Promise<PipelineStatus[]> {
  const names = [pipelines.map(({ name }) => name)]
  const publications = await session.query(
    `select distinct on (pipeline, target) pipeline, target, version, rows + known_rows as rows, rejects, published_at
       from flatbed.publications where pipeline = any($1) order by pipeline, target, publication_id desc`,
    names,
  )
  const runs = await session.query(
    `select distinct on (pipeline, target)
            pipeline, target, run_id, state, version, started_at, chunks, problem_code,
            (select count(*) from flatbed.chunks c where c.run_id = r.run_id) as loaded
       from flatbed.runs r where pipeline = any($1) and not rehearsal order by pipeline, target, run_id desc`,
    names,
  )
  const findAttempt = await getAttempts(
    session,
    pipelines.map(({ name }) => name),
  )
  const leases = await session.query(
    `select pipeline from flatbed.leases
      where pipeline = any($1) and owner is not null and expires_at > pg_catalog.clock_timestamp()`,
    names,
  )
  const running = new Set(leases.rows.map((row) => row.pipeline))
  return pipelines.map((pipeline) => {
    const isOurs = (row: { pipeline: string; target: string }) =>
      row.pipeline === pipeline.name && row.target === pipeline.target
    const published = publications.rows.find(isOurs)
    const run = runs.rows.find(isOurs)
    const lastRun = run === undefined ? null : readRun(run)
    const attempt = findAttempt(pipeline.name, pipeline.target)
    const state = running.has(pipeline.name)
      ? "running"
      : stateOf({ attempt, run, publishedAt: published?.published_at })
    const next =
      pipeline.schedule === undefined ? undefined : findNextTick(pipeline.schedule, clock.timezone, clock.now)
    return {
      pipeline: pipeline.name,
      table: pipeline.target,
      state,
      problem: state === "failed" ? (attempt?.problem ?? null) : null,
      version: published?.version ?? null,
      rows: published === undefined ? null : Number(published.rows),
      rejects: published === undefined ? null : Number(published.rejects),
      published_at: published?.published_at.toISOString() ?? null,
      last_run: lastRun,
      last_attempt:
        attempt === undefined
          ? null
          : { outcome: attempt.outcome, version: attempt.version, ended_at: attempt.endedAt.toISOString() },
      next_tick: next?.toISOString() ?? null,
    }
  })
}

function readRun(row: {
  run_id: string
  state: string
  version: string
  started_at: Date
  chunks: string
  loaded: string
  problem_code: string | null
}): LastRun {
  return {
    run: Number(row.run_id),
    state: row.state,
    version: row.version,
    started_at: row.started_at.toISOString(),
    chunks: Number(row.chunks),
    loaded_chunks: Number(row.loaded),
    problem: row.problem_code,
  }
}

type Seen = {
  readonly attempt: Attempt | undefined
  readonly run: { readonly state: string; readonly started_at: Date } | undefined
  readonly publishedAt: Date | undefined
}

function stateOf({ attempt, run, publishedAt }: Seen): Exclude<PipelineStatus["state"], "running"> {
  // The attempt's row is written with best effort: what the ledger's other tables say later than it stands.
  const isLatest = attempt !== undefined && (publishedAt === undefined || attempt.endedAt >= publishedAt)
  if (isLatest && (attempt.outcome === "failed" || attempt.outcome === "stopped")) return "failed"
  // A run that is neither published nor running was interrupted, and the next one resumes it, unless an attempt after
  // it found nothing to do.
  const interrupted = run !== undefined && run.state !== "published"
  if (interrupted && !(isLatest && attempt.endedAt >= run.started_at)) return "failed"
  return publishedAt === undefined ? "never" : "published"
}

/** The statuses as a table for a terminal; below it why the failed ones failed, and what their tables show. */
export function formatStatus(statuses: readonly PipelineStatus[]): string {
  const head = ["PIPELINE", "TABLE", "STATE", "ROWS", "REJECTS", "VERSION", "PUBLISHED", "LAST RUN", "NEXT"]
  const lines = statuses.map((status) => [
    status.pipeline,
    status.table,
    status.state,
    status.rows === null ? "-" : String(status.rows),
    status.rejects === null ? "-" : String(status.rejects),
    status.version?.slice(0, 12) ?? "-",
    status.published_at ?? "-",
    describeRun(status.last_run),
    status.next_tick ?? "-",
  ])
  return [formatTable(head, lines), ...statuses.flatMap(describeProblem)].join("\n\n")
}

function describeProblem(status: PipelineStatus): string[] {
  const { pipeline, problem, last_attempt: attempt, version, published_at: publishedAt } = status
  if (problem === null) return []
  const when = attempt === null ? "" : ` at ${attempt.ended_at}`
  const what = attempt?.version == null ? "" : ` with version ${attempt.version.slice(0, 12)}`
  const shows =
    version === null
      ? "nothing was published there yet"
      : `the table still shows version ${version.slice(0, 12)} of ${publishedAt}`
  const detail = problem.detail.split("\n").map(printable).join("\n  ")
  return [`${pipeline} failed${when}${what}; ${shows}\n  ${problem.code}: ${detail}`]
}

function describeRun(run: LastRun | null): string {
  if (run === null) return "-"
  const chunks = run.state === "published" ? "" : ` at chunk ${run.loaded_chunks} of ${run.chunks}`
  return `${run.run} ${run.state}${chunks}${run.problem === null ? "" : ` (${run.problem})`}`
}
