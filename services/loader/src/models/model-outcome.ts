/** How the making of a model ended, in one sentence and as JSON. Pure. */
import { type Problem, toProblemDocument } from "@flatbed/contract"
import type { CheckResult } from "../checks/check.ts"
import { count, counted } from "../counted.ts"
import { describeResults } from "../summary.ts"
import type { AppliedRows, Made, Model } from "./model.ts"

/** `skipped`: something that it needs is not there. `stopped`: a signal ended it, and the old model stays. */
export type ModelOutcome = {
  readonly model: string
  readonly table: string
  readonly as: Model["as"]
  readonly outcome: "made" | "up-to-date" | "skipped" | "stopped" | "failed"
  /** The run's number, counted for each model from 1. */
  readonly run: number | undefined
  /** Why it was made, or skipped. */
  readonly reason: string | undefined
  /** Rows of the table; undefined of a view, and where nothing is known of it. */
  readonly rows: number | undefined
  readonly applied: AppliedRows | undefined
  /** Rows that checks left out. */
  readonly rejects: number
  readonly checks: readonly CheckResult[]
  /** What is told of checks that do not hold. */
  readonly told: readonly string[]
  /** How many versions were new to it; undefined unless its SQL asks for them. */
  readonly newVersions: number | undefined
  readonly seconds: number
  readonly problem: Problem | undefined
}

type Known = {
  readonly made?: Made
  readonly reason?: string
  readonly told?: readonly string[]
  readonly rows?: number | undefined
  readonly problem?: Problem
}

/** The outcome with what is known of it. */
export function outcomeOf(
  { name, target, as }: Pick<Model, "name" | "target" | "as">,
  outcome: ModelOutcome["outcome"],
  seconds: number,
  { made, reason, told = [], rows, problem }: Known,
): ModelOutcome {
  return {
    ...{ model: name, table: target, as, outcome, seconds, told, problem },
    reason: reason === "" ? undefined : reason,
    run: made?.number,
    rows: made?.tableRows ?? rows,
    applied: made?.applied,
    rejects: made?.rejects ?? 0,
    checks: made?.checks ?? [],
    newVersions: made?.newVersions,
  }
}

/** The sentence: `genre_day: made, 120 rows in music.genre_day (3 new, 1 changed, 116 the same, 0 deleted) in 0.05 s`. */
export function describeOutcome(outcome: ModelOutcome): string {
  const { model, table, as, rows, seconds, reason, problem } = outcome
  const shown = as === "view" ? `view ${table}` : `${counted(rows ?? 0, "row")} in ${table}`
  switch (outcome.outcome) {
    case "made": {
      const results = describeResults(outcome.checks)
      const checks = results === undefined ? "" : `; checks: ${results}`
      const left = outcome.rejects === 0 ? "" : `; ${counted(outcome.rejects, "row")} left out by checks`
      return `${model}: made, ${shown}${showApplied(outcome)} in ${seconds.toFixed(2)} s${left}${checks}`
    }
    case "up-to-date":
      return `${model}: up to date, ${shown}`
    case "skipped":
      return `${model}: skipped, ${reason}`
    case "stopped":
      return `${model}: stopped after ${seconds.toFixed(2)} s; ${table} is as it was, and the next load makes it`
    case "failed":
      // The problem by itself says which model it is of.
      return `${model}: failed with ${problem?.code ?? "internal"}: ${(problem?.message ?? "").replace(`Model ${model} failed: `, "")}`
  }
}

/** What changed in the table, where that is another thing than all of its rows. */
function showApplied({ applied, rows }: ModelOutcome): string {
  if (applied === undefined || (applied.inserted === rows && applied.deleted === 0)) return ""
  const { inserted, updated, unchanged, deleted } = applied
  return ` (${count(inserted)} new, ${count(updated)} changed, ${count(unchanged)} the same, ${count(deleted)} deleted)`
}

/** The outcome as `--json` prints it. */
export function modelToJson(outcome: ModelOutcome): Record<string, unknown> {
  const { run, reason, rows, applied, newVersions, seconds, problem, told, ...rest } = outcome
  return {
    ...rest,
    run: run ?? null,
    reason: reason ?? null,
    rows: rows ?? null,
    applied: applied ?? null,
    new_versions: newVersions ?? null,
    seconds: Math.round(seconds * 1000) / 1000,
    problem: problem === undefined ? null : toProblemDocument(problem),
  }
}
