/** Pure: the records in a chunk's bytes, one after the other. */
import { comma, lf, skipSpace } from "./json-bytes.ts"
import type { JsonDialect } from "./json-dialect.ts"
import { createValueFrame } from "./json-frame.ts"
import type { RecordOutcome, RecordReader } from "./json-record.ts"

/**
 * Tells how each record was read and where it lies, until the answer is false. The bytes begin with a record and end
 * behind one and what separates it from the next. Of an `accepted` chunk every record is known to be fine.
 */
export function eachRecord(
  bytes: Buffer,
  { lines, isOne }: JsonDialect,
  accepted: boolean,
  reader: RecordReader,
  tell: (outcome: RecordOutcome, from: number, to: number) => boolean,
): void {
  const length = bytes.length
  let at = 0
  if (lines === true) {
    while (at < length) {
      const end = bytes.indexOf(lf, at)
      const to = end === -1 ? length : end + 1
      const from = skipSpace(bytes, at, to)
      if (from < to && !tell(reader.read(bytes, from, to), at, to)) return
      at = to
    }
    return
  }
  const frame = createValueFrame()
  for (;;) {
    at = skipSpace(bytes, at, length)
    if (at >= length) return
    let to = length
    if (!accepted) {
      to = frame.follow(bytes, at, length)
      frame.reset()
      if (to === -1) to = length
    }
    const outcome = reader.read(bytes, at, to, accepted)
    if (accepted) to = reader.end()
    if (!tell(outcome, at, to) || isOne === true) return
    at = skipSpace(bytes, to, length)
    // Behind the last record stands what closes the array.
    if (bytes[at] !== comma) return
    at += 1
  }
}
