/** How each pipeline's last attempt ended, in the ledger: also of attempts that failed before they had a run. */
import type { Problem } from "@flatbed/contract"
import type { Database, Session } from "../postgres/database.ts"
import type { RunOutcome } from "../summary.ts"

export type Attempt = {
  readonly outcome: "published" | "up-to-date" | "stopped" | "failed"
  readonly version: string | null
  readonly problem: { readonly code: string; readonly detail: string } | null
  readonly endedAt: Date
}

const withinMs = 5_000

// Another loader has the pipeline and will say how it ended: a late word of ours would stand in its place.
const others: ReadonlySet<Problem["code"]> = new Set(["lease-held", "lease-lost"])

/**
 * Notes how an attempt ended, within five seconds. Never throws: the database may be what failed, and the attempt's own
 * problem is the one to report. What ended because another loader has the pipeline is not noted.
 */
export async function recordAttempt(
  database: Database,
  ended: Pick<RunOutcome, "pipeline" | "table" | "outcome" | "version" | "newest" | "problem">,
): Promise<void> {
  const { pipeline, table, outcome, version, newest, problem } = ended
  if (outcome === "skipped" || outcome === "rehearsed" || (problem !== undefined && others.has(problem.code)))
    return
  const values = [pipeline, table, outcome, version ?? null, problem?.code ?? null, problem?.message ?? null]
  // An older version that was chosen says nothing of the newest.
  const isProven = (outcome === "published" || outcome === "up-to-date") && newest === undefined
  const work = database.transaction(
    (session) =>
      session.query(
        `insert into ${session.ledger}.attempts as known
           (pipeline, target, outcome, version, problem_code, problem_detail, proven_at)
         values ($1, $2, $3, $4, $5, $6, case when $7 then pg_catalog.clock_timestamp() end)
         on conflict (pipeline) do update
           set proven_at = coalesce(excluded.proven_at,
                 case when known.target = excluded.target then known.proven_at end),
               target = excluded.target, outcome = excluded.outcome, version = excluded.version,
               problem_code = excluded.problem_code, problem_detail = excluded.problem_detail,
               ended_at = excluded.ended_at`,
        [...values, isProven],
      ),
    { doing: "noting how the attempt ended", signal: AbortSignal.timeout(withinMs) },
  )
  await work.catch(() => undefined)
}

/** How these pipelines' last attempts ended, each to be asked for with the table that the pipeline has now. */
export async function getAttempts(
  session: Session,
  pipelines: readonly string[],
): Promise<(pipeline: string, target: string) => Attempt | undefined> {
  const text = `select * from ${session.ledger}.attempts where pipeline = any($1)`
  const { rows } = await session.query(text, [pipelines])
  return (pipeline, target) => {
    const row = rows.find((one) => one.pipeline === pipeline && one.target === target)
    if (row === undefined) return undefined
    const problem =
      row.problem_code === null ? null : { code: row.problem_code, detail: row.problem_detail ?? "" }
    return { outcome: row.outcome, version: row.version, problem, endedAt: row.ended_at }
  }
}
