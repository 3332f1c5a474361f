/** What `status` tells about each pipeline, from the ledger. */
import { findNextTick } from "./due-ticks.ts"
import type { Session } from "./postgres/database.ts"
import type { Pipeline } from "./settings.ts"
import { formatTable } from "./text-table.ts"

export type PipelineStatus = {
  readonly pipeline: string
  readonly table: string
  /** `never`: nothing was published and nothing failed. `failed`: the last run; what was published before still shows. */
  readonly state: "running" | "published" | "failed" | "never"
  readonly version: string | null
  readonly rows: number | null
  /** Records of that version that were set aside. */
  readonly rejects: number | null
  readonly published_at: string | null
  readonly last_run: LastRun | null
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
    `select distinct on (pipeline) pipeline, version, rows, rejects, published_at from flatbed.publications
      where pipeline = any($1) order by pipeline, publication_id desc`,
    names,
  )
  const runs = await session.query(
    `select distinct on (pipeline) pipeline, run_id, state, version, started_at, chunks, problem_code,
            (select count(*) from flatbed.chunks c where c.run_id = r.run_id) as loaded
       from flatbed.runs r where pipeline = any($1) order by pipeline, run_id desc`,
    names,
  )
  const leases = await session.query(
    `select pipeline from flatbed.leases
      where pipeline = any($1) and owner is not null and expires_at > pg_catalog.clock_timestamp()`,
    names,
  )
  const running = new Set(leases.rows.map((row) => row.pipeline))
  return pipelines.map((pipeline) => {
    const published = publications.rows.find((row) => row.pipeline === pipeline.name)
    const run = runs.rows.find((row) => row.pipeline === pipeline.name)
    const lastRun = run === undefined ? null : readRun(run)
    const next =
      pipeline.schedule === undefined ? undefined : findNextTick(pipeline.schedule, clock.timezone, clock.now)
    return {
      pipeline: pipeline.name,
      table: pipeline.target,
      state: stateOf(running.has(pipeline.name), lastRun),
      version: published?.version ?? null,
      rows: published === undefined ? null : Number(published.rows),
      rejects: published === undefined ? null : Number(published.rejects),
      published_at: published?.published_at.toISOString() ?? null,
      last_run: lastRun,
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

function stateOf(running: boolean, lastRun: LastRun | null): PipelineStatus["state"] {
  if (running) return "running"
  if (lastRun === null) return "never"
  // A run that is neither published nor running was interrupted: the next one resumes it.
  return lastRun.state === "published" ? "published" : "failed"
}

/** The statuses as a table for a terminal. */
export function formatStatus(statuses: readonly PipelineStatus[]): string {
  const head = ["PIPELINE", "STATE", "ROWS", "REJECTS", "VERSION", "PUBLISHED", "LAST RUN", "NEXT"]
  const lines = statuses.map((status) => [
    status.pipeline,
    status.state,
    status.rows === null ? "-" : String(status.rows),
    status.rejects === null ? "-" : String(status.rejects),
    status.version?.slice(0, 12) ?? "-",
    status.published_at ?? "-",
    describeRun(status.last_run),
    status.next_tick ?? "-",
  ])
  return formatTable(head, lines)
}

function describeRun(run: LastRun | null): string {
  if (run === null) return "-"
  const chunks = run.state === "published" ? "" : ` at chunk ${run.loaded_chunks} of ${run.chunks}`
  return `${run.run} ${run.state}${chunks}${run.problem === null ? "" : ` (${run.problem})`}`
}
