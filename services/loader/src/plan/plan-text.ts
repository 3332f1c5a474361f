/** Pure: the plan of a load as a person reads it. */
import { formatChanges } from "../columns/column-changes.ts"
import { printable } from "../printable.ts"
import type { Pipeline } from "../settings/pipeline-settings.ts"
import { count, counted, showBytes } from "../summary.ts"
import { formatFields } from "../text-table.ts"
import type { PipelinePlan } from "./plan-load.ts"
import type { ModelPlan } from "./plan-models.ts"

const shownFiles = 5

/** One line that says it all, and below it what is known, indented. */
export function formatPlan(plan: PipelinePlan, pipeline: Pipeline): string {
  const { rejects, problem } = plan
  const fields: (readonly [string, string])[] = [
    ...(plan.outcome === "up-to-date" || plan.has_table === null
      ? []
      : [["shows now", showStanding(plan)] as const]),
    ...showMoves(plan),
    ...(plan.files === null ? [] : [["files", showFiles(plan.files)] as const]),
    ...(rejects === null
      ? []
      : [
          [
            "rejects",
            `${count(rejects.found)} at the source; max_rejects allows ${count(rejects.allowed)}`,
          ] as const,
        ]),
    ...(plan.outcome === "load" && plan.has_table === true ? showDeletes(pipeline) : []),
    ...(plan.outcome === "load" ? showChecks(pipeline) : []),
    ...plan.statements.map((statement, i) => [i === 0 ? "changes" : "", `${statement};`] as const),
    ...(plan.widened_by === null || plan.statements.length === 0
      ? []
      : [["", `made in ${plan.widened_by}, so that no reader sees it without rows`] as const]),
  ]
  const blocks = [
    // Why it is refused is what the reader came for.
    ...(problem === null ? [] : [showProblem(problem)]),
    ...(fields.length === 0 ? [] : [formatFields(fields)]),
    ...(plan.columns.length === 0 ? [] : [`columns that differ:\n${formatChanges(plan.columns)}`]),
  ]
  return [headline(plan), ...blocks.map(indent)].join("\n")
}

/** A line for each model that would be made or would wait; the others are counted, as `load` does. */
export function formatModelPlans(plans: readonly ModelPlan[]): string[] {
  const lines = plans.flatMap(({ model, table, as, outcome, reason }) => {
    if (outcome === "up-to-date") return []
    const what = outcome === "make" ? `would make ${table} (${as}):` : "would not be made,"
    return [`${model}: ${what} ${reason}`]
  })
  const others = plans.length - lines.length
  const rest = others === 0 ? [] : [`${counted(others, "model")} up to date`]
  return plans.length === 0 ? [] : [[...lines, ...rest].join("\n")]
}

function headline(plan: PipelinePlan): string {
  const { pipeline, table, mode, outcome, version, standing, problem } = plan
  const shown = version?.slice(0, 12) ?? ""
  switch (outcome) {
    case "load":
      return `${pipeline}: would load version ${shown} into ${table} (${mode})`
    case "up-to-date":
      return `${pipeline}: nothing to do, ${table} shows version ${shown}, ${counted(standing?.rows ?? 0, "row")}`
    case "refused":
      return `${pipeline}: would fail with ${problem?.code}${version === null ? "" : ` for version ${shown}`}, and ${table} would ${plan.has_table === false ? "not be made" : "stay as it is"}`
  }
}

function showProblem({ code, detail, hint }: NonNullable<PipelinePlan["problem"]>): string {
  const lines = `${code}: ${detail}${hint === undefined ? "" : `\n${hint}`}`
  return lines.split("\n").map(printable).join("\n")
}

function showStanding({ standing, has_table: hasTable, outcome }: PipelinePlan): string {
  if (hasTable === false) return "there is no such table yet"
  if (standing === null) return "nothing of this pipeline"
  const shown = `version ${standing.version.slice(0, 12)} of ${standing.published_at}, ${counted(standing.rows, "row")}`
  if (!standing.settings_changed) return shown
  return `${shown}, loaded with other settings${outcome === "load" ? "; all is loaded again" : ""}`
}

function showMoves({ moves, resumes }: PipelinePlan): (readonly [string, string])[] {
  if (moves === null) return []
  const goesOn = resumes === null ? "" : `; run ${resumes} goes on, and has the others`
  return [
    [
      "moves",
      `${counted(moves.rows, "row")} in ${counted(moves.chunks, "chunk")}, ${showBytes(moves.bytes)}${goesOn}`,
    ],
  ]
}

function showFiles({ new: fresh, grown, known, changed }: NonNullable<PipelinePlan["files"]>): string {
  const named = changed.slice(0, shownFiles).map(({ file, state }) => `${file} (${state})`)
  const more = changed.length > shownFiles ? ` and ${count(changed.length - shownFiles)} more` : ""
  return `${count(fresh)} new, ${count(grown)} grown, ${count(known)} known${named.length === 0 ? "" : `: ${named.join(", ")}${more}`}`
}

/** Postgres reads a check's condition by making a table with it, and a plan makes none. */
function showChecks({ checks }: Pipeline): (readonly [string, string])[] {
  return checks.length === 0
    ? []
    : [["checks", `${counted(checks.length, "check")}, which the load tries first`]]
}

/** What a load deletes is known when its rows are in staging, and not before. */
function showDeletes({ mode, rules: { key, deletes, swap } }: Pipeline): (readonly [string, string])[] {
  switch (mode) {
    case "append":
    case "upsert":
      return [["deletes", "no row"]]
    case "replace":
      return [
        [
          "deletes",
          key.length > 0
            ? "rows that the version does not have: how many, staging will tell"
            : swap
              ? "the table of all rows before"
              : "all rows before",
        ],
      ]
    case "mirror": {
      const how = deletes.soft ? "are marked" : "go"
      return [
        [
          "deletes",
          `rows that the version does not have ${how}: how many, staging will tell; at most ${counted(deletes.maxRows, "row")} and ${deletes.maxShare}`,
        ],
      ]
    }
  }
}

const indent = (text: string) =>
  text
    .split("\n")
    .map((line) => `  ${line}`)
    .join("\n")
