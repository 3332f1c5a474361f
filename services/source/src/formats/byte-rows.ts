/**
 * Rows as JSON objects or as canonical CSV from a chunk's bytes: what people read. The cells are found and written
 * as bytes; a string is made only of a number that a double may not hold. Trusts that a scan has accepted every
 * record.
 */
import type { TakeBuffer } from "@flatbed/codec"
import { type ColumnType, lexemeToJson } from "@flatbed/contract"
import { createByteOutput } from "./byte-output.ts"
import type { ByteTables } from "./byte-table.ts"
import type { CsvLayout } from "./csv-dialect.ts"

const lf = 0x0a
const cr = 0x0d
const comma = 0x2c
const doubleQuote = 0x22
/** A decimal of this many characters has at most as many digits as a double holds (IEEE 754, 15 digits). */
const exactLength = 15

/** The rows in the form, and how many. `bytes` are whole records without rejects. */
export function encodeRows(
  bytes: Buffer,
  layout: CsvLayout,
  tables: ByteTables,
  form: "objects" | "csv",
  take: TakeBuffer = Buffer.allocUnsafeSlow,
): { body: Buffer; rows: number } {
  const { width, fields } = layout
  const { ends, delimiter, quote } = tables
  const froms = new Int32Array(width)
  const tos = new Int32Array(width)
  const wasQuoted = new Uint8Array(width)
  const output = createByteOutput(bytes.length * 2 + 4096, quote)
  const keys = fields.map(({ name }) => Buffer.from(`${JSON.stringify(name)}:`))
  let rows = 0
  let at = 0

  while (at < bytes.length) {
    findCells()
    if (form === "csv") writeCsvRow()
    else writeObject()
    rows += 1
  }
  return { body: output.finish(take), rows }

  function findCells(): void {
    for (let column = 0; column < width; column += 1) {
      if (bytes[at] === quote) {
        froms[column] = at + 1
        wasQuoted[column] = 1
        do {
          at = bytes.indexOf(quote, at + 1) + 1
        } while (bytes[at] === quote)
        tos[column] = at - 1
      } else {
        froms[column] = at
        wasQuoted[column] = 0
        while (at < bytes.length && ends[bytes[at] as number] === 0) at += 1
        tos[column] = at
      }
      if (bytes[at] === delimiter) at += 1
    }
    if (bytes[at] === cr) at += 1
    if (bytes[at] === lf) at += 1
  }

  function writeObject(): void {
    if (rows > 0) output.text(",\n")
    output.text("{")
    fields.forEach(({ type, index }, i) => {
      if (i > 0) output.put(comma)
      output.copy(keys[i] as Buffer)
      const [from, to] = [froms[index] as number, tos[index] as number]
      if (from === to && wasQuoted[index] === 0) output.text("null")
      else writeValue(type, from, to)
    })
    output.text("}")
  }

  function writeValue(type: ColumnType, from: number, to: number): void {
    switch (type) {
      case "integer":
        output.raw(bytes, from, to)
        return
      case "boolean":
      case "bigint":
      case "numeric":
        if (type !== "boolean" && to - from <= exactLength && isPlainNumber(bytes, from, to)) {
          output.raw(bytes, from, to)
        } else output.text(lexemeToJson(type, bytes.toString("latin1", from, to)))
        return
      case "date":
      case "timestamp":
      case "timestamptz":
      case "text":
        output.json(bytes, from, to)
    }
  }

  function writeCsvRow(): void {
    fields.forEach(({ index }, i) => {
      if (i > 0) output.put(comma)
      const [from, to] = [froms[index] as number, tos[index] as number]
      const isEmpty = from === to
      if (isEmpty && wasQuoted[index] === 0) return
      if (isEmpty || needsQuotes(bytes, from, to)) output.quoted(bytes, from, to)
      else output.unquoted(bytes, from, to)
    })
    output.text("\r\n")
  }
}

/** Digits with a sign and a point at most, the point not first: then JSON may have the bytes as they are. */
function isPlainNumber(bytes: Buffer, from: number, to: number): boolean {
  const first = bytes[from] === 0x2d ? bytes[from + 1] : bytes[from]
  if (first === 0x2e) return false
  for (let at = from; at < to; at += 1) {
    if (((bytes[at] as number) | 0x20) === 0x65) return false
  }
  return true
}

/** RFC 4180 section 2, and a cell that begins like a byte order mark: it would be taken for one. */
function needsQuotes(bytes: Buffer, from: number, to: number): boolean {
  if (bytes[from] === 0xef && bytes[from + 1] === 0xbb && bytes[from + 2] === 0xbf && to - from >= 3)
    return true
  for (let at = from; at < to; at += 1) {
    const byte = bytes[at]
    if (byte === comma || byte === doubleQuote || byte === lf || byte === cr) return true
  }
  return false
}
