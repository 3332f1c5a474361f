/** NDJSON to row lines, the way from the file to the wire. See `assembly/json-rows.ts`. */
import { behindInput, inputAt, memoryOf, sharedCodec } from "./codec-module.ts"
import { cellBytes, createShapes, type LineShape, placeShapes } from "./json-shapes.ts"
import type { TakeBuffer } from "./take-buffer.ts"

const lf = 0x0a
const limits = { gaps: 4096, bytes: 128 * 1024 }
const columnWords = 2

export type JsonColumns = {
  /** How many fields the shapes speak of. */
  readonly fields: number
  /** The field of each column, −1 where no line has it; and whether its values are served as JSON in a string. */
  readonly columns: readonly { readonly field: number; readonly isJson: boolean }[]
  /** Whether objects may be values. */
  readonly hasObjects: boolean
}

/** The rows of a line that no shape knew, and its shape if it may come again. */
export type LineRows = {
  readonly body: Buffer
  readonly rows: number
  readonly shape: LineShape | undefined
}

/**
 * Lines that a scan accepted, as one JSON array of strings and nulls per line; and how many. A line of unknown shape is
 * read by `readLine`, which is told where it lies; its answer may be void after the next call. The rows are in a buffer
 * that `take` makes, called once.
 */
export function encodeJsonLines(
  lines: Buffer,
  { fields, columns, hasObjects }: JsonColumns,
  readLine: (from: number, to: number) => LineRows,
  take: TakeBuffer = Buffer.allocUnsafeSlow,
): { body: Buffer; rows: number } {
  const codec = sharedCodec()
  const places = placeShapes(inputAt, fields, limits)
  const columnsAt = places.end
  const heldAt = columnsAt + columns.length * columnWords * 4
  const end = heldAt + lines.length
  const wholeEnd = heldAt + lines.lastIndexOf(lf) + 1
  const out = end + behindInput
  let room = lines.length + 65_536
  let memory = memoryOf(codec, out + room)
  let words = wordsOf(memory)
  lines.copy(memory, heldAt)
  columns.forEach(({ field, isJson }, i) => {
    const cell = field === -1 ? 0 : places.cellsAt + field * cellBytes
    words.set([cell, Number(isJson)], columnsAt / 4 + i * columnWords)
  })
  const shapes = createShapes(places, fields, limits, () => ({ memory, words }))
  codec.openShapes(places.shapesAt, places.cellsAt, places.pathAt, places.nestAt, hasObjects, true)

  function grow(): void {
    room *= 2
    memory = memoryOf(codec, out + room)
    words = wordsOf(memory)
  }

  let at = heldAt
  let to = out
  let rows = 0
  while (at < end) {
    codec.encodeJsonLines(at, wholeEnd, columnsAt, columns.length, to, out + room)
    at = codec.jsonReadTo.value
    to = codec.jsonWroteTo.value
    rows += codec.jsonRows.value
    if (codec.jsonIsFull.value !== 0) {
      grow()
      continue
    }
    if (at >= end) break
    const lineEnd = at < wholeEnd ? lines.indexOf(lf, at - heldAt) + 1 : lines.length
    const read = readLine(at - heldAt, lineEnd)
    while (to + read.body.length > out + room) grow()
    to += read.body.copy(memory, to)
    rows += read.rows
    if (read.shape !== undefined) shapes.learn(read.shape)
    at = heldAt + lineEnd
  }
  const body = take(to - out)
  memory.copy(body, 0, out, to)
  return { body, rows }
}

function wordsOf(memory: Buffer): Int32Array {
  return new Int32Array(memory.buffer, 0, memory.byteLength >> 2)
}
