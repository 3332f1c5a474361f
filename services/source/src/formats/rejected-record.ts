/** Pure: a record set aside, as it is told of. */
import type { Reject, RejectCode } from "@flatbed/contract"

const lf = 0x0a
const cr = 0x0d

/** Why a record is no row: one reason, and the first cell at fault where a single one is. */
export type RecordVerdict = Pick<Reject, "column" | "value" | "reason"> & { readonly code: RejectCode }

/** Where a record begins: row 0 is the header; bytes are offsets in the file. */
export type RecordPlace = {
  readonly file: string
  readonly row: number
  readonly line: number
  readonly byte: number
}

/** A damaged span may be as long as a record; so much of it is shown. */
export const longestDamagedRaw = 64 * 1024

/** A record set aside, as it stands in a chunk; `place` says where the record begins, `lineEnd` how its lines end. */
export function describeReject(
  verdict: RecordVerdict,
  place: Pick<Reject, "row" | "file" | "line" | "byte">,
  bytes: Buffer,
  lineEnd = lf,
): Reject {
  const { row, file, line, byte } = place
  const { code, column, value, reason } = verdict
  const shown = code === "quote-error" ? bytes.subarray(0, longestDamagedRaw) : bytes
  return {
    row,
    file,
    line,
    byte,
    code,
    column,
    value,
    reason,
    raw: withoutLineEnd(shown, lineEnd).toString("base64"),
  }
}

function withoutLineEnd(record: Buffer, lineEnd: number): Buffer {
  if (record.at(-1) !== lineEnd) return record
  return record.subarray(0, lineEnd === lf && record.at(-2) === cr ? -2 : -1)
}
