/** CSV records to row lines, the way from the file to the wire. See `assembly/row-lines.ts`. */
import { behindInput, copyOut, inputAt, memoryOf, sharedCodec } from "./codec-module.ts"

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
 * many. Every cell is written, in the file's order: unquoted empty is null (RFC 4180, RFC 8259).
 */
export function encodeRowLines(records: Buffer, shape: CsvShape): { body: Buffer; rows: number } {
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
  let at = inputAt
  while (at < end) {
    codec.encodeRowLines(at, end, width, delimiter, quote, out, out + room)
    const wroteTo = codec.linesWroteTo.value
    if (wroteTo > out) parts.push(copyOut(memory, out, wroteTo, Buffer.allocUnsafeSlow))
    else {
      room *= 2
      memory = memoryOf(codec, out + room)
    }
    at = codec.linesReadTo.value
    rows += codec.linesRows.value
  }
  const [only] = parts
  return { body: parts.length === 1 && only !== undefined ? only : Buffer.concat(parts), rows }
}
