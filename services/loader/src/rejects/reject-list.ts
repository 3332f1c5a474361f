/** What `rejects list` and `rejects show` print. Pure. */
import { rejectHints } from "@flatbed/contract"
import { escapeBytes } from "../printable.ts"
import { formatFields, formatTable } from "../text-table.ts"
import type { RecordedReject } from "./reject-ledger.ts"

/** A reject as `--json` prints it: names as on the wire, the bytes as base64. */
export function rejectToJson({ foundBy, raw, ...reject }: RecordedReject): Record<string, unknown> {
  return { ...reject, found_by: foundBy, hint: rejectHints[reject.code], raw: raw.toString("base64") }
}

/** Rejects as a table; `of` is how many there are in all. */
export function formatRejects(rejects: readonly RecordedReject[], of: number): string {
  if (rejects.length === 0) return "no rejects"
  const head = ["RUN", "ROW", "PLACE", "COLUMN", "VALUE", "REASON"]
  const table = formatTable(
    head,
    rejects.map((reject) => [
      String(reject.run),
      String(reject.row),
      `${reject.file}:${reject.line}`,
      reject.column ?? "-",
      reject.value === null ? "-" : escapeBytes(Buffer.from(reject.value)),
      reject.reason,
    ]),
  )
  const rest = of > rejects.length ? `\n${rejects.length} of ${of}; --limit shows more` : ""
  return `${table}${rest}`
}

/** All that is known of one reject, a line each. */
export function formatReject(reject: RecordedReject): string {
  const { value } = reject
  return formatFields([
    ["run", `${reject.run} of ${reject.pipeline}`],
    ["row", `${reject.row} of ${reject.dataset} ${reject.version.slice(0, 12)}, in chunk ${reject.chunk}`],
    ["file", reject.file],
    ["line", String(reject.line)],
    ["byte", String(reject.byte)],
    ["code", `${reject.code}, found by the ${reject.foundBy}`],
    ["column", reject.column ?? "-"],
    ["value", value === null ? "-" : escapeBytes(Buffer.from(value))],
    ["reason", reject.reason],
    ["next", rejectHints[reject.code]],
    ["raw", escapeBytes(reject.raw)],
  ])
}
