/** CSV records to row lines, the way from the file to the wire. See `assembly/row-lines.ts`. */
import { behindInput, copyOut, inputAt, memoryOf, sharedCodec } from "./codec-module.ts"
import { joinBuffers, type TakeBuffer } from "./take-buffer.ts"

const lf = 0x0a

export type CsvShape = {
  /** Cells in each record. */
  readonly width: number
  /** One byte each. */
  readonly delimiter: number
  readonly quote: number
}

/**
 * Whole records that a scan accepted, none of them a reject, as one JSON array of strings and nulls per line; and how
 * many. Every cell is written, in the file's order: unquoted empty is null (RFC 4180, RFC 8259). The lines are in a buffer
 * that `take` makes, called once.
 */
export function encodeRowLines(
  records: Buffer,
  shape: CsvShape,
  take: TakeBuffer = Buffer.allocUnsafeSlow,
): { body: Buffer; rows: number } {
  const codec = sharedCodec()
  const { width, delimiter, quote } = shape
  const end = inputAt + records.length
  const out = end + behindInput
  let room = Math.ceil(records.length * 1.75) + 65_536
  let memory = memoryOf(codec, out + room)
  records.copy(memory, inputAt)
  memory[end] = lf

  const parts: Buffer[] = []
  let rows = 0
  for (let at = inputAt; at < end; ) {
    codec.encodeRowLines(at, end, width, delimiter, quote, out, out + room)
    at = codec.linesReadTo.value
    rows += codec.linesRows.value
    const wroteTo = codec.linesWroteTo.value
    if (wroteTo === out) {
      room *= 2
      memory = memoryOf(codec, out + room)
    } else if (at >= end && parts.length === 0) return { body: copyOut(memory, out, wroteTo, take), rows }
    else parts.push(copyOut(memory, out, wroteTo, Buffer.allocUnsafeSlow))
  }
  return { body: joinBuffers(parts, take), rows }
}
