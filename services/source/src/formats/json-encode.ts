/**
 * Rows as arrays of cells, the form that a loader asks for, copied from the records' own bytes: for chunks without
 * rejects and columns whose cells are served as they are written. Lines that look like one before them but for their
 * values are copied by the codec; `encodePlainly` does the same byte by byte, for the rest.
 */
import { encodeJsonLines, type TakeBuffer } from "@flatbed/codec"
import type { EncodedRows, Layout } from "./format.ts"
import { backslash, closeArray, comma, openArray, quote, skipSpace } from "./json-bytes.ts"
import type { JsonDialect } from "./json-dialect.ts"
import { shapeOfLine } from "./json-line-shape.ts"
import { createRecordReader, kinds } from "./json-record.ts"
import { eachRecord } from "./json-runs.ts"
import { absentIndex } from "./shape-row.ts"

// From here on one native copy is faster than a loop.
const longCell = 48
const newline = 0x0a
const longestEscape = 6
// What a chunk needs, a little more than its bytes in the file; what a larger one needed is let go.
const keptRoom = 4 * 1024 * 1024

const escapes: readonly (Buffer | undefined)[] = Array.from({ length: 128 }, (_, byte) =>
  byte >= 0x20 && byte !== quote && byte !== backslash
    ? undefined
    : Buffer.from(JSON.stringify(String.fromCharCode(byte)).slice(1, -1)),
)

/** The rows of whole records that were accepted; the body is the buffer that `take` makes, called once. */
export function encodeJsonCells(
  bytes: Buffer,
  layout: Layout<JsonDialect>,
  take: TakeBuffer = Buffer.allocUnsafeSlow,
): EncodedRows {
  const { lines, explode } = layout.dialect
  return lines === true && explode === undefined
    ? encodeLines(bytes, layout, take)
    : encodePlainly(bytes, layout, take)
}

function encodeLines(bytes: Buffer, layout: Layout<JsonDialect>, take: TakeBuffer): EncodedRows {
  const { dialect, fields } = layout
  const { reader, addRow, begin, written } = copierOf(layout)
  const columns = fields.map(({ index, type }) => ({
    field: index === absentIndex ? -1 : index,
    isJson: type === "jsonb",
  }))
  const readLine = (lineFrom: number, to: number) => {
    begin()
    const from = skipSpace(bytes, lineFrom, to)
    if (from === to) return { body: written(), rows: 0, shape: undefined }
    reader.read(bytes, from, to)
    addRow(bytes)
    return { body: written(), rows: 1, shape: shapeOfLine(reader, bytes, lineFrom, to) }
  }
  const { places = [], separator } = dialect
  const given = { fields: places.length, columns, hasObjects: separator === false }
  return { ...encodeJsonLines(bytes, given, readLine, take), rejects: 0 }
}

/** Records of either format one by one; and the reference for the codec. */
export function encodePlainly(
  bytes: Buffer,
  layout: Layout<JsonDialect>,
  take: TakeBuffer = Buffer.allocUnsafeSlow,
): EncodedRows {
  const { reader, addRow, begin, written, reserve } = copierOf(layout)
  let rows = 0
  begin()
  reserve(bytes.length + 4096)
  eachRecord(bytes, layout.dialect, true, reader, () => {
    const elements = reader.elements()
    if (elements === 0) addRow(bytes)
    for (let i = 0; i < elements; i += 1) {
      reader.select(bytes, i)
      addRow(bytes)
    }
    rows += Math.max(elements, 1)
    return true
  })
  const body = take(written().length)
  written().copy(body)
  begin()
  return { body, rows, rejects: 0 }
}

// Of ten thousand small files each is a chunk, and all are read alike: making a copier costs more than a row.
const copiers = new WeakMap<Layout<JsonDialect>, RowCopier>()

function copierOf(layout: Layout<JsonDialect>): RowCopier {
  const known = copiers.get(layout) ?? createRowCopier(layout)
  copiers.set(layout, known)
  return known
}

type RowCopier = ReturnType<typeof createRowCopier>

// Shared by all of them, as one is done before the next begins: a megabyte for each chunk would be a megabyte of garbage.
let scratch: Buffer = Buffer.allocUnsafeSlow(8 * 1024)

/** A string of JSON is copied with its escapes; JSON in a jsonb column becomes a string with escapes of its own. */
function createRowCopier({ dialect, fields }: Layout<JsonDialect>) {
  const { separator, explode, places = [] } = dialect
  const reader = createRecordReader({ flatten: separator !== false, explode, places })
  const ids = Int32Array.from(fields.map(({ index }) => index))
  const isJson = Uint8Array.from(fields.map(({ type }) => Number(type === "jsonb")))
  const width = ids.length
  const { cells } = reader
  let out = scratch
  let to = 0

  function need(room: number): void {
    if (to + room <= out.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(out.length * 2, to + room))
    out.copy(larger, 0, 0, to)
    out = larger
    if (out.length <= keptRoom) scratch = out
  }

  function writeEscaped(bytes: Buffer, from: number, end: number): void {
    need((end - from) * longestEscape + 2)
    out[to++] = quote
    for (let at = from; at < end; at += 1) {
      const byte = bytes[at] as number
      const spelled = byte < 128 ? escapes[byte] : undefined
      if (spelled === undefined) out[to++] = byte
      else to += spelled.copy(out, to)
    }
    out[to++] = quote
  }

  /** Writes the row that the reader has up, out of the bytes that it was read from. */
  function addRow(bytes: Buffer): void {
    need(16)
    out[to++] = openArray
    for (let i = 0; i < width; i += 1) {
      const id = ids[i] as number
      const kind = id === absentIndex ? kinds.none : reader.kindAt(id)
      need(16)
      if (i > 0) out[to++] = comma
      if (kind <= kinds.null) {
        out[to] = 0x6e
        out[to + 1] = 0x75
        out[to + 2] = 0x6c
        out[to + 3] = 0x6c
        to += 4
        continue
      }
      const from = cells.starts[id] as number
      const end = cells.ends[id] as number
      if (isJson[i] === 1 || kind === kinds.nested) {
        writeEscaped(bytes, from, end)
        continue
      }
      need(end - from + 16)
      const isBare = kind === kinds.number || kind === kinds.boolean
      if (isBare) out[to++] = quote
      if (end - from > longCell) to += bytes.copy(out, to, from, end)
      else for (let at = from; at < end; at += 1) out[to++] = bytes[at] as number
      if (isBare) out[to++] = quote
    }
    need(16)
    out[to] = closeArray
    out[to + 1] = newline
    to += 2
  }

  return {
    reader,
    addRow,
    /** Sees to it that so many bytes more can be written without moving what is there. */
    reserve: need,
    /** What was written; void after the next row, of whatever copier. */
    written: () => out.subarray(0, to),
    /** Begins anew, where another copier may have written meanwhile. */
    begin(): void {
      out = scratch
      to = 0
    },
  }
}
