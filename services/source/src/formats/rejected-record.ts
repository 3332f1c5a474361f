/** Pure: a record set aside, as it is told of. */
import type { Reject, RejectCode } from "@flatbed/contract"

/** Why a record is no row: one reason, and the first cell at fault where a single one is. */
export type RecordVerdict = Pick<Reject, "column" | "value" | "reason"> & { readonly code: RejectCode }

/** A record set aside, as it stands in a chunk; `place` says where the record begins. */
export function describeReject(
  verdict: RecordVerdict,
  place: Pick<Reject, "row" | "file" | "line" | "byte">,
  bytes: Buffer,
): Reject {
  const { row, file, line, byte } = place
  const { code, column, value, reason } = verdict
  return { row, file, line, byte, code, column, value, reason, raw: withoutLineEnd(bytes).toString("base64") }
}

function withoutLineEnd(record: Buffer): Buffer {
  if (record.at(-1) !== 0x0a) return record
  return record.subarray(0, record.at(-2) === 0x0d ? -2 : -1)
}
