/** What `status` tells about each pipeline, from the ledger. */
import { formatDuration } from "@flatbed/config"
import { getFreshness, showAge } from "./freshness.ts"
import { type Attempt, getAttempts } from "./ledger/attempt-ledger.ts"
import type { Session } from "./postgres/database.ts"
import { printable } from "./printable.ts"
import { findNextTick } from "./schedule/due-ticks.ts"
import type { Pipeline } from "./settings/pipeline-settings.ts"
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
  /** When the table was last known to show the newest version, also when nothing was new. */
  readonly proven_at: string | null
  /** Since then, by the database's clock; null also where no `fresh_within` asks for it. */
  readonly age_seconds: number | null
  /** As the settings say; null when they do not. */
  readonly fresh_within: string | null
  /** Known so longer ago than `fresh_within`, or never. */
  readonly overdue: boolean
  /** Whether the table into which that version went is there: `replaced` when another one has its name. Null: none went. */
  readonly table_is: "there" | "gone" | "replaced" | null
  /** What shapes the table is another than when the version was loaded: the next load loads it again. */
  readonly settings_changed: boolean
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
    `select distinct on (pipeline, target) pipeline, target, version, rows + known_rows as rows, rejects, published_at, settings_sha256, target_oid
       from ${session.ledger}.publications where pipeline = any($1) and forgotten_at is null order by pipeline, target, publication_id desc`,
    names,
  )
  const runs = await session.query(
    `select distinct on (pipeline, target)
            pipeline, target, run_id, state, version, started_at, chunks, problem_code,
            (select count(*) from ${session.ledger}.chunks c where c.run_id = r.run_id) as loaded
       from ${session.ledger}.runs r where pipeline = any($1) and not rehearsal order by pipeline, target, run_id desc`,
    names,
  )
  const findAttempt = await getAttempts(
    session,
    pipelines.map(({ name }) => name),
  )
  const leases = await session.query(
    `select pipeline from ${session.ledger}.leases
      where pipeline = any($1) and owner is not null and expires_at > pg_catalog.clock_timestamp()`,
    names,
  )
  const oids = await findOids(session, pipelines)
  const freshness = await getFreshness(session, pipelines)
  const running = new Set(leases.rows.map((row) => row.pipeline))
  return pipelines.map((pipeline, i) => {
    const isOurs = (row: { pipeline: string; target: string }) =>
      row.pipeline === pipeline.name && row.target === pipeline.target
    const published = publications.rows.find(isOurs)
    const run = runs.rows.find(isOurs)
    const lastRun = run === undefined ? null : readRun(run)
    const attempt = findAttempt(pipeline.name, pipeline.target)
    const state = running.has(pipeline.name)
      ? "running"
      : stateOf({ attempt, run, publishedAt: published?.published_at })
    const { provenAt, ageMs, overdue = false } = freshness[i] ?? {}
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
      proven_at: provenAt?.toISOString() ?? null,
      age_seconds:
        ageMs === undefined || pipeline.freshWithinMs === undefined ? null : Math.floor(ageMs / 1000),
      fresh_within: pipeline.freshWithinMs === undefined ? null : formatDuration(pipeline.freshWithinMs),
      overdue,
      table_is:
        published === undefined
          ? null
          : oids[i] === undefined
            ? "gone"
            : oids[i] === Number(published.target_oid)
              ? "there"
              : "replaced",
      settings_changed: published !== undefined && published.settings_sha256 !== pipeline.settingsSha256,
      last_run: lastRun,
      last_attempt:
        attempt === undefined
          ? null
          : { outcome: attempt.outcome, version: attempt.version, ended_at: attempt.endedAt.toISOString() },
      next_tick: next?.toISOString() ?? null,
    }
  })
}

/** What now has the names of the pipelines' tables, in their order; undefined where nothing has. */
async function findOids(
  session: Session,
  pipelines: readonly Pipeline[],
): Promise<readonly (number | undefined)[]> {
  const { rows } = await session.query<{ oid: string | null }>(
    `select c.oid from unnest($1::text[], $2::text[]) with ordinality as asked (schema, name, place)
       left join pg_catalog.pg_namespace as n on n.nspname = asked.schema
       left join pg_catalog.pg_class as c on c.relnamespace = n.oid and c.relname = asked.name
      order by place`,
    [pipelines.map(({ table }) => table.schema), pipelines.map(({ table }) => table.name)],
  )
  return rows.map(({ oid }) => (oid === null ? undefined : Number(oid)))
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

/** Whether somebody should look: the last attempt failed, the table is overdue, or it is not there any more. */
export function needsLook({ state, overdue, table_is: is }: PipelineStatus): boolean {
  return state === "failed" || overdue || is === "gone"
}

/** The statuses as a table for a terminal; below it what is wrong, and what the next load will do about it. */
export function formatStatus(statuses: readonly PipelineStatus[]): string {
  const head = ["PIPELINE", "TABLE", "STATE", "ROWS", "REJECTS", "VERSION"]
  const when = ["PUBLISHED", "UP TO DATE", "LAST RUN", "NEXT"]
  const lines = statuses.map((status) => [
    status.pipeline,
    status.table,
    `${status.state}${status.overdue ? ", overdue" : ""}${status.table_is === "gone" ? ", table gone" : ""}`,
    status.rows === null ? "-" : String(status.rows),
    status.rejects === null ? "-" : String(status.rejects),
    status.version?.slice(0, 12) ?? "-",
    status.published_at ?? "-",
    status.proven_at ?? "-",
    describeRun(status.last_run),
    status.next_tick ?? "-",
  ])
  const below = statuses.flatMap((one) => [
    ...describeProblem(one),
    ...describeTable(one),
    ...describeAge(one),
    ...describeChange(one),
  ])
  return [formatTable([...head, ...when], lines), ...below].join("\n\n")
}

function describeTable({ pipeline, table, table_is: is, version }: PipelineStatus): string[] {
  const what = `${table} into which ${pipeline} loaded version ${version?.slice(0, 12)}`
  switch (is) {
    case "gone":
      return [`The table ${what} is not there any more: the next load makes it again`]
    case "replaced":
      return [`The table ${what} was dropped or renamed, and another one is there: the next load fills that`]
    case "there":
    case null:
      return []
  }
}

function describeAge(status: PipelineStatus): string[] {
  const { pipeline, overdue, proven_at: provenAt, age_seconds: age, fresh_within: within } = status
  if (!overdue) return []
  const since =
    provenAt === null || age === null
      ? "was never known to be up to date"
      : `was last known to be up to date ${showAge(age)} ago, at ${provenAt}`
  return [`${pipeline} is overdue: its table ${since}, and fresh_within is ${within}`]
}

function describeChange({ pipeline, settings_changed: changed, version }: PipelineStatus): string[] {
  if (!changed || version === null) return []
  const short = version.slice(0, 12)
  return [
    `${pipeline} has other settings than when version ${short} was loaded: the next load loads it again`,
  ]
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
