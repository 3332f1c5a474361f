/** A run in one sentence, for the log's last line and for the terminal. Pure. */
import { type Problem, toProblemDocument } from "@flatbed/contract"
import { type CheckResult, severities } from "./checks/check.ts"
import { count, counted } from "./counted.ts"
import type { Applied } from "./load-modes/load-mode.ts"
import type { RunReceipt } from "./receipt.ts"
import { type Rehearsal, rehearsalToJson } from "./rehearsal.ts"
import type { Pipeline } from "./settings/pipeline-settings.ts"
import type { FileCounts } from "./version-part.ts"

export { count, counted } from "./counted.ts"

/** How one run ended. `rehearsed`: it would have been published. `skipped`: another run of the pipeline is under way. `stopped`: a signal ended it. */
export type RunOutcome = {
  readonly pipeline: string
  readonly dataset: string
  readonly table: string
  readonly outcome: "published" | "rehearsed" | "up-to-date" | "skipped" | "stopped" | "failed"
  readonly run: number | undefined
  readonly version: string | undefined
  /** The newest version, when another one was chosen. */
  readonly newest: string | undefined
  /** Rows of the version, and its records that were set aside. */
  readonly rows: number
  /** Rows of the version that `append` found in the table. */
  readonly knownRows: number
  /** What `append` did with the version's files; undefined for other modes, and when nothing was published. */
  readonly files: FileCounts | undefined
  readonly rejects: number
  /** Records that the source's filter leaves out. */
  readonly filtered: number
  readonly bytes: number
  /** Chunks that this run fetched. */
  readonly fetched: number
  readonly seconds: number
  /** How the pipeline's checks came out, in the order of the settings; none where nothing was published. */
  readonly checks: readonly CheckResult[]
  /** What became of the rows; undefined when nothing was published. */
  readonly applied: Applied | undefined
  readonly receipt: RunReceipt | undefined
  /** Undefined but for a rehearsal. */
  readonly rehearsal: Rehearsal | undefined
  readonly problem: Problem | undefined
}

/** An outcome for which there is nothing to count. */
export function outcomeWithoutRows(
  { name, dataset, target }: Pipeline,
  outcome: RunOutcome["outcome"],
  problem: Problem | undefined,
  seconds: number,
): RunOutcome {
  const nothing = {
    run: undefined,
    version: undefined,
    newest: undefined,
    rows: 0,
    knownRows: 0,
    files: undefined,
    rejects: 0,
    filtered: 0,
    bytes: 0,
    fetched: 0,
    checks: [],
    applied: undefined,
    receipt: undefined,
    rehearsal: undefined,
  }
  return { pipeline: name, dataset, table: target, outcome, problem, seconds, ...nothing }
}

/** A command of this program as a user can type it: from `rejects list --run 7`. */
export type ShowCommand = (args: string) => string

/** The sentence. A published run names rows, bytes, seconds, rows per second and the version's first 12 digits. */
export function summarize(run: RunOutcome, showCommand: ShowCommand): string {
  const { pipeline, table, rows, seconds, problem } = run
  const results = describeResults(run.checks)
  const checks = results === undefined ? "" : `; checks: ${results}`
  const older = run.newest === undefined ? "" : `, not the newest, ${run.newest.slice(0, 12)}`
  const shown = run.version?.slice(0, 12) ?? ""
  const version = `${shown}${older}`
  switch (run.outcome) {
    case "published":
      return (
        `${pipeline}: ${counted(rows, "row")}, ${showBytes(run.bytes)} in ${seconds.toFixed(2)} s ` +
        `(${counted(rowsPerSecond(run), "row")}/s) into ${table}${showChanges(run)}, version ${version}${showLeftOut(run, showCommand)}${checks}`
      )
    case "rehearsed":
      return (
        `${pipeline}: rehearsed, and nothing was changed: ${counted(rows, "row")}, ${showBytes(run.bytes)} in ${seconds.toFixed(2)} s ` +
        `would go into ${table}${showChanges(run)}, version ${version}${showLeftOut(run, showCommand)}${checks}`
      )
    case "up-to-date":
      // The version's rows: of the table's own, some may have given way or have come with others.
      return `${pipeline}: up to date, ${table} has version ${shown} of ${counted(rows, "row")}${older}${showLeftOut(run, showCommand)}`
    case "skipped":
      return `${pipeline}: skipped, ${problem?.message ?? "another run is under way"}`
    case "stopped":
      return `${pipeline}: stopped after ${seconds.toFixed(2)} s; the next run goes on with the missing chunks`
    case "failed":
      return `${pipeline}: failed with ${problem?.code ?? "internal"}: ${problem?.message ?? ""}`
  }
}

/** What changed in the table, where that is another thing than all of its rows. */
function showChanges({ applied, rows, files }: RunOutcome): string {
  if (files !== undefined) {
    const told = [`${count(files.new)} new`, `${count(files.grown)} grown`, `${count(files.known)} known`]
    const repeated =
      applied === undefined || applied.repeated === 0 ? "" : `; ${count(applied.repeated)} repeated`
    return ` (files: ${told.join(", ")}${repeated})`
  }
  if (applied === undefined || (applied.inserted === rows && applied.deleted === 0)) return ""
  const { inserted, updated, unchanged, repeated, older, deleted } = applied
  const told = [
    `${count(inserted)} new`,
    `${count(updated)} changed`,
    `${count(unchanged)} the same`,
    ...(repeated === 0 ? [] : [`${count(repeated)} repeated`]),
    ...(older === 0 ? [] : [`${count(older)} older`]),
    `${count(deleted)} deleted`,
  ]
  return ` (${told.join(", ")})`
}

/** The end of the sentence: how many records are no rows, and how to see those set aside. Empty when all are. */
function showLeftOut({ rejects, filtered, run }: RunOutcome, showCommand: ShowCommand): string {
  const were = (number: number) => `${count(number)} ${number === 1 ? "record was" : "records were"}`
  const list = run === undefined ? "" : ` (${showCommand(`rejects list --run ${run}`)})`
  const aside = rejects === 0 ? "" : `; ${were(rejects)} set aside${list}`
  return `${aside}${filtered === 0 ? "" : `; ${were(filtered)} filtered by the source's settings`}`
}

/**
 * How the checks of a run came out, with the names of those that do not hold: `8 passed, 1 warned (plan_one_of: 3
 * rows)`. Undefined when there were none.
 */
export function describeResults(results: readonly CheckResult[]): string | undefined {
  if (results.length === 0) return undefined
  const words = { fail: "failed", reject: "rejected", warn: "warned" } as const
  const broken = results.filter(({ failed }) => failed > 0)
  const told = severities.flatMap((severity) => {
    const number = broken.filter((one) => one.severity === severity).length
    return number === 0 ? [] : [`${number} ${words[severity]}`]
  })
  const list = broken.map(({ name, failed }) => `${name}: ${counted(failed, "row")}`).join(", ")
  return `${[`${results.length - broken.length} passed`, ...told].join(", ")}${list === "" ? "" : ` (${list})`}`
}

/** The outcome as `--json` prints it. */
export function outcomeToJson(run: RunOutcome): Record<string, unknown> {
  const {
    run: runId,
    version,
    newest,
    problem,
    seconds,
    applied,
    receipt,
    rehearsal,
    knownRows,
    files,
    ...rest
  } = run
  return {
    ...rest,
    run: runId ?? null,
    version: version ?? null,
    newest: newest ?? null,
    applied: applied ?? null,
    receipt: receipt ?? null,
    rehearsal: rehearsal === undefined ? null : rehearsalToJson(rehearsal),
    known_rows: knownRows,
    files: files ?? null,
    seconds: Math.round(seconds * 1000) / 1000,
    rows_per_second: run.outcome === "published" ? rowsPerSecond(run) : null,
    problem: problem === undefined ? null : toProblemDocument(problem),
  }
}

/** Bytes as a person reads them, in powers of ten. */
export function showBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"]
  const step = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3))
  return `${(bytes / 1000 ** step).toFixed(step === 0 ? 0 : 1)} ${units[step]}`
}

function rowsPerSecond({ rows, seconds }: RunOutcome): number {
  return seconds === 0 ? 0 : Math.round(rows / seconds)
}
