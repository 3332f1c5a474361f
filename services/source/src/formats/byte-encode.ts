/**
 * Rows as arrays of JSON strings from a chunk's bytes: what the loader reads. The codec does it where every cell is
 * served in the file's order; here is the same byte by byte, for the rest. Subtle: behind the bytes stands a line feed, so that no inner loop tests for the end; and the room left in the output is at least
 * what is left of the input, so that only bytes that grow (escapes, NULL, a cell's own signs) need to look at it.
 * Trusts that a scan has accepted every record.
 */
import { encodeRowLines, joinBuffers, type TakeBuffer } from "@flatbed/codec"
import { type ByteTables, role } from "./byte-table.ts"
import type { CsvLayout } from "./csv-dialect.ts"

const { plain, delimiter, lf: lineFeed, cr: carriageReturn, escape: toEscape } = role
const openBracket = 0x5b
const closeBracket = 0x5d
const doubleQuote = 0x22
const comma = 0x2c
const lf = 0x0a
const backslash = 0x5c
/** What one cell's signs or one escape may take beyond the byte that caused them. */
const margin = 64

const nullWord = Buffer.from("null")
const hexDigits = Buffer.from("0123456789abcdef")
// RFC 8259 section 7, in the spelling of JSON.stringify: the letter behind the backslash, or 0 for \u00xx.
const escapeLetters = new Uint8Array(256)
for (const [byte, letter] of [
  [0x08, "b"],
  [0x09, "t"],
  [0x0a, "n"],
  [0x0c, "f"],
  [0x0d, "r"],
  [doubleQuote, '"'],
  [backslash, "\\"],
] as const) {
  escapeLetters[byte] = letter.charCodeAt(0)
}

/** The rows, and how many. `bytes` are whole records without rejects. */
export function encodeCells(
  records: Buffer,
  layout: CsvLayout,
  tables: ByteTables,
  take: TakeBuffer = Buffer.allocUnsafeSlow,
): { body: Buffer; rows: number } {
  const { width } = layout
  const order = layout.fields.map(({ index }) => index)
  if (order.length === width && order.every((index, i) => index === i)) {
    return encodeRowLines(records, { width, delimiter: tables.delimiter, quote: tables.quote }, take)
  }
  const { body, rows } = encodePlainly(records, layout, tables)
  return { body: joinBuffers([body], take), rows }
}

/** Any cells in any order; and the reference for the codec. */
export function encodePlainly(
  records: Buffer,
  layout: CsvLayout,
  tables: ByteTables,
): { body: Buffer; rows: number } {
  const end = records.length
  const bytes = Buffer.allocUnsafe(end + 1)
  records.copy(bytes)
  bytes[end] = lf
  const { unquoted, quoted, quote } = tables
  const { width } = layout
  const order = layout.fields.map(({ index }) => index)
  const isServed = new Uint8Array(width)
  for (const index of order) isServed[index] = 1
  const isInOrder = order.every((index, i) => i === 0 || index > (order[i - 1] ?? -1))
  const permute = isInOrder ? undefined : createPermutation(order, width)

  // Locals that no inner function touches: a variable that one did would live in memory, not in a register.
  let out: Buffer = Buffer.allocUnsafe(end * 2 + 4096)
  let room = out.length - margin
  let to = 0
  let at = 0
  let rows = 0

  while (at < end) {
    const rowFrom = to
    out[to++] = openBracket
    for (let column = 0; column < width; column += 1) {
      let byte = bytes[at] as number
      if (to + end - at > room) {
        out = grow(out, to)
        room = out.length - margin
      }
      if (isServed[column] === 0) {
        if (byte === quote) {
          do {
            at = bytes.indexOf(quote, at + 1) + 1
          } while (bytes[at] === quote && at < end)
        } else {
          let what = unquoted[byte]
          while (what === plain || what === toEscape) what = unquoted[bytes[++at] as number]
        }
      } else {
        permute?.begin(column, to)
        if (byte === quote) {
          out[to++] = doubleQuote
          for (;;) {
            byte = bytes[++at] as number
            while (quoted[byte] === plain) {
              out[to++] = byte
              byte = bytes[++at] as number
            }
            if (byte === quote) {
              at += 1
              if (at >= end || bytes[at] !== quote) break
            }
            if (to + end - at > room) {
              out = grow(out, to)
              room = out.length - margin
            }
            if (quote === doubleQuote || byte !== quote) to = writeEscape(out, to, byte)
            else out[to++] = byte
          }
          out[to++] = doubleQuote
        } else if (isCellEnd(unquoted[byte])) {
          to += nullWord.copy(out, to)
        } else {
          out[to++] = doubleQuote
          for (;;) {
            while (unquoted[byte] === plain) {
              out[to++] = byte
              byte = bytes[++at] as number
            }
            if (unquoted[byte] !== toEscape) break
            if (to + end - at > room) {
              out = grow(out, to)
              room = out.length - margin
            }
            to = writeEscape(out, to, byte)
            byte = bytes[++at] as number
          }
          out[to++] = doubleQuote
        }
        out[to++] = comma
      }
      // Over the delimiter; at the record's last cell, over its line end.
      if (column < width - 1) at += 1
      else at += bytes[at] === 0x0d ? 2 : 1
    }
    // The last comma gives its place to the bracket.
    out[to - 1] = closeBracket
    if (permute !== undefined) permute.apply(out, rowFrom + 1, to - 1)
    out[to++] = lf
    rows += 1
  }
  return { body: out.subarray(0, to), rows }
}

/** Writes what JSON has for the byte and answers the offset behind it. */
function writeEscape(out: Buffer, at: number, byte: number): number {
  let to = at
  const letter = escapeLetters[byte] as number
  out[to++] = backslash
  if (letter !== 0) {
    out[to++] = letter
    return to
  }
  out[to++] = 0x75
  out[to++] = 0x30
  out[to++] = 0x30
  out[to++] = hexDigits[byte >> 4] as number
  out[to++] = hexDigits[byte & 15] as number
  return to
}

function grow(out: Buffer, to: number): Buffer {
  const larger = Buffer.allocUnsafe(out.length * 2)
  out.copy(larger, 0, 0, to)
  return larger
}

function isCellEnd(what: number | undefined): boolean {
  return what === delimiter || what === lineFeed || what === carriageReturn
}

/** Puts a row's cells, written in the file's order, into the served one. */
function createPermutation(order: readonly number[], width: number) {
  const starts = new Int32Array(width)
  // The served column behind each in the file; −1 behind the last.
  const nextOf = new Int32Array(width).fill(-1)
  const fileOrder = [...order].sort((a, b) => a - b)
  for (const [i, column] of fileOrder.entries()) nextOf[column] = fileOrder[i + 1] ?? -1
  let row: Buffer = Buffer.alloc(0)
  return {
    begin(column: number, at: number): void {
      starts[column] = at
    },
    /** `from` is behind the opening bracket, `to` at the closing one. */
    apply(out: Buffer, from: number, to: number): void {
      const length = to - from
      if (row.length < length) row = Buffer.allocUnsafe(2 * length)
      out.copy(row, 0, from, to)
      let at = from
      for (let i = 0; i < order.length; i += 1) {
        const column = order[i] as number
        const next = nextOf[column] as number
        const cellTo = next === -1 ? length : (starts[next] as number) - 1 - from
        if (i > 0) out[at++] = comma
        for (let cell = (starts[column] as number) - from; cell < cellTo; cell += 1)
          out[at++] = row[cell] as number
      }
    },
  }
}
