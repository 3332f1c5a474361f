/** What `models list` and `status` tell about each model, from the ledger. */
import type { Session } from "../postgres/database.ts"
import { printable } from "../printable.ts"
import { formatTable } from "../text-table.ts"
import type { Model } from "./model.ts"
import { readFacts } from "./model-ledger.ts"
import { describeStale, findStale, findUnloaded } from "./staleness.ts"

export type ModelStatus = {
  readonly model: string
  readonly as: Model["as"]
  readonly table: string
  readonly needs: readonly string[]
  /**
   * `failed`: the last run failed, and what was made before still shows. `stale`: the next load makes it. `never`: it
   * was never made.
   */
  readonly state: "made" | "stale" | "failed" | "never"
  /** Why it is stale, or what it waits for; null when neither. */
  readonly reason: string | null
  readonly problem: { readonly code: string; readonly detail: string } | null
  /** Of the table behind the last run that made it; null of a view. */
  readonly rows: number | null
  /** Rows that checks left out of it. */
  readonly rejects: number | null
  /** Number and end of the last run, also of one that failed. */
  readonly run: number | null
  readonly last_run_at: string | null
  readonly made_at: string | null
}

/** One status per model, in the order in which they are made. */
export async function getModelStatus(session: Session, models: readonly Model[]): Promise<ModelStatus[]> {
  if (models.length === 0) return []
  const facts = await readFacts(session, models)
  const stale = findStale(models, facts)
  const names = [models.map(({ name }) => name)]
  const last = await session.query(
    `select distinct on (model) model, number, state, problem_code, problem_detail, ended_at
       from ${session.ledger}.model_runs where model = any($1::text[]) order by model, number desc`,
    names,
  )
  const made = await session.query(
    `select distinct on (model) model, rejects, ended_at
       from ${session.ledger}.model_runs where model = any($1::text[]) and state = 'made' order by model, number desc`,
    names,
  )
  return models.map((model) => {
    const run = last.rows.find((row) => row.model === model.name)
    const shown = made.rows.find((row) => row.model === model.name)
    const why = stale.get(model.name)
    const unloaded = findUnloaded(model, facts)
    const isFailed = run?.state === "failed"
    return {
      ...{ model: model.name, as: model.as, table: model.target, needs: model.needs },
      state: isFailed ? "failed" : why === undefined ? "made" : why.why === "never" ? "never" : "stale",
      reason:
        unloaded.length > 0
          ? `it waits for ${unloaded.join(", ")} to be loaded`
          : why === undefined
            ? null
            : describeStale(why, model),
      problem: isFailed ? { code: run.problem_code, detail: run.problem_detail } : null,
      rows: facts.made.get(model.name)?.tableRows ?? null,
      rejects: shown === undefined ? null : Number(shown.rejects),
      run: run === undefined ? null : Number(run.number),
      last_run_at: run?.ended_at?.toISOString() ?? null,
      made_at: shown?.ended_at?.toISOString() ?? null,
    }
  })
}

/** The statuses as a table for a terminal; below it what is wrong, and what the next load will do about it. */
export function formatModels(statuses: readonly ModelStatus[]): string {
  const head = ["MODEL", "AS", "TABLE", "NEEDS", "STATE", "ROWS", "LAST"]
  const lines = statuses.map(({ model, as, table, needs, state, rows, last_run_at: last }) => [
    ...[model, as, table, needs.join(", "), state],
    ...[rows === null ? "-" : String(rows), last ?? "-"],
  ])
  return [formatTable(head, lines), ...statuses.flatMap(describeState)].join("\n\n")
}

function describeState({
  model,
  state,
  reason,
  problem,
  table,
  run,
  made_at: madeAt,
}: ModelStatus): string[] {
  switch (state) {
    case "made":
      return []
    case "never":
    case "stale":
      return [`${model} is to be made: ${reason}`]
    case "failed": {
      const shows = madeAt === null ? "it was never made" : `${table} still shows what was made at ${madeAt}`
      const detail = (problem?.detail ?? "").split("\n").map(printable).join("\n  ")
      return [`${model} failed in its run ${run}; ${shows}\n  ${problem?.code}: ${detail}`]
    }
  }
}
