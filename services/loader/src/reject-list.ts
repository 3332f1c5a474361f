/** What `rejects list` and `rejects show` print. Pure. */
import { isUtf8 } from "node:buffer"
import type { RecordedReject } from "./reject-ledger.ts"
import { formatFields, formatTable } from "./text-table.ts"

/** A reject as `--json` prints it: names as on the wire, the bytes as base64. */
export function rejectToJson({ foundBy, raw, ...reject }: RecordedReject): Record<string, unknown> {
  return { ...reject, found_by: foundBy, raw: raw.toString("base64") }
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
    ["raw", escapeBytes(reject.raw)],
  ])
}

/**
 * Bytes for a terminal: valid UTF-8 as it is, and what is not printable, or would be taken for a command of the
 * terminal, as `\n`, `\t`, `\x1b`. A backslash is doubled, so that it can be read back.
 */
export function escapeBytes(bytes: Buffer): string {
  let text = ""
  for (let at = 0; at < bytes.length; ) {
    const length = characterLength(bytes, at)
    const character = length === 0 ? "" : bytes.toString("utf8", at, at + length)
    if (length === 0 || unprintable.test(character)) {
      for (const byte of bytes.subarray(at, at + Math.max(1, length))) text += escapeByte(byte)
    } else text += character === "\\" ? "\\\\" : character
    at += Math.max(1, length)
  }
  return text
}

// Control, format (bidirectional marks among them), unassigned and private characters, line and paragraph separators.
const unprintable = /[\p{C}\p{Zl}\p{Zp}]/u
const named: Readonly<Record<number, string>> = { 9: "\\t", 10: "\\n", 13: "\\r" }
const escapeByte = (byte: number) => named[byte] ?? `\\x${byte.toString(16).padStart(2, "0")}`

/** How many bytes the UTF-8 character at `at` has; 0 when it is not well-formed. */
function characterLength(bytes: Buffer, at: number): number {
  const first = bytes[at] ?? 0
  const length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
  const character = bytes.subarray(at, at + length)
  return character.length === length && isUtf8(character) ? length : 0
}
