/** Too many rejects: the problem that says so, with the first one and where the others are. Pure. */
import { emptyLine, Problem } from "@flatbed/contract"
import { printable } from "../printable.ts"
import { counted, type ShowCommand } from "../summary.ts"
import type { RecordedReject } from "./reject-ledger.ts"
import type { RejectLimit } from "./reject-limit.ts"

/** `rejects-over-limit` for a run. `first` is the first of its rejects that the ledger holds. */
export function overLimit(run: {
  readonly runId: number
  readonly records: number
  readonly rejects: number
  /** max_rejects as the settings write it, and how many that is of this version. */
  readonly limit: RejectLimit
  readonly allowed: number
  readonly first: RecordedReject | undefined
  /** Whether there was a table before. */
  readonly hasTable: boolean
  readonly showCommand: ShowCommand
}): Problem {
  const { runId, records, rejects, limit, allowed, first, hasTable, showCommand } = run
  const share = typeof limit === "string" ? ` (${limit} of ${records}, rounded down)` : ""
  const found = `${rejects} of ${counted(records, "record")} ${rejects === 1 ? "was" : "were"} set aside; max_rejects allows ${allowed}${share}.`
  return new Problem("rejects-over-limit", `${found}${first === undefined ? "" : ` ${showFirst(first)}`}`, {
    hint:
      `${hasTable ? "The table is as it was." : "There is no table yet."} ` +
      `List them: ${showCommand(`rejects list --run ${runId}`)}\n` +
      `Mend the file, or raise max_rejects.${blankHint(first)}`,
    facts: {
      run: runId,
      rejects,
      allowed,
      ...(first === undefined ? {} : placeOf(first)),
    },
  })
}

// Many tools write an empty line at the end.
function blankHint(first: RecordedReject | undefined): string {
  if (first?.code !== "missing-cell" || !first.reason.startsWith(emptyLine)) return ""
  return "\nWhere empty lines mean nothing, say so in source.yaml:  dialect: { blank_lines: skip }"
}

/** A reject in one sentence: place, cell, reason. */
export function showReject(reject: Pick<RecordedReject, "file" | "line" | "column" | "reason">): string {
  const { file, line, column, reason } = reject
  return printable(`${file} line ${line}${column === null ? "" : `, column ${column}`}: ${reason}`)
}

function showFirst(reject: RecordedReject): string {
  const { value } = reject
  const shown =
    value === null || reject.reason.includes(JSON.stringify(value))
      ? ""
      : printable(` Found: ${JSON.stringify(value)}.`)
  return `The first: ${showReject(reject)}${shown}`
}

function placeOf({ row, file, line, byte, code, column, value, reason }: RecordedReject) {
  return { row, file, line, byte, reject: code, column, value, reason }
}
