/**
 * Digests of rows that do not depend on their order: the same for a version's rows as the source has them and for a
 * table's as Postgres has them, so that neither has to travel.
 */
import { hash } from "node:crypto"
import { canonicalCell } from "./canonical-cell.ts"
import type { ColumnType } from "./columns.ts"

/** As what a column's cells are hashed; `left-out`: not at all. */
export type DigestType = ColumnType | "left-out"

/**
 * Of a multiset of rows. A row's digest are the first 16 bytes of the SHA-256 of its canonical text; `sum` is the sum
 * modulo 2^64 of their first halves, read as big-endian numbers. A sum, and not XOR: a row that stands twice counts
 * twice.
 */
export type RowsDigest = { readonly rows: number; readonly sum: bigint }

/** Of no rows. */
export const noRows: RowsDigest = { rows: 0, sum: 0n }

/** From a sum that may be negative, or more than 64 bits. */
export function sumDigests(rows: number, sum: bigint): RowsDigest {
  return { rows, sum: BigInt.asUintN(64, sum) }
}

/** Of the rows of both. */
export function addDigests(a: RowsDigest, b: RowsDigest): RowsDigest {
  return sumDigests(a.rows + b.rows, a.sum + b.sum)
}

/** Of the rows of `a` without those of `b`. */
export function subtractDigest(a: RowsDigest, b: RowsDigest): RowsDigest {
  return sumDigests(a.rows - b.rows, a.sum - b.sum)
}

/** The sum as 16 hexadecimal digits. */
export function formatDigest({ sum }: RowsDigest): string {
  return sum.toString(16).padStart(16, "0")
}

/** The inverse, for so many rows. */
export function parseDigest(rows: number, digits: string): RowsDigest {
  return { rows, sum: BigInt(`0x${digits}`) }
}

/** Of one row, from its 16 bytes. */
export function digestOfRow(bytes: Buffer): RowsDigest {
  return { rows: 1, sum: bytes.readBigUInt64BE(0) }
}

/** The cells of a row line of a chunk in their canonical spelling, those left out being left out. */
export function canonicalCells(line: string, types: readonly DigestType[]): (string | null)[] {
  const cells: unknown = JSON.parse(line)
  if (!Array.isArray(cells) || cells.length !== types.length)
    throw new Error(`a row line has ${types.length} cells; this one is ${line.slice(0, 100)}`)
  return types.flatMap((type, i) => {
    if (type === "left-out") return []
    const cell: unknown = cells[i]
    return [typeof cell === "string" ? canonicalCell(type, cell) : null]
  })
}

/** `index` counts lines, rejects too, from 0; `digest` are 16 bytes. */
export type RowWatcher = (index: number, digest: Buffer) => void

const newline = 0x0a
const quote = 0x22
const comma = 0x2c
const minus = 0x2d
const point = 0x2e
const zero = 0x30
const nine = 0x39
const space = 0x20
const plus = 0x2b
const opening = 0x5b
const backslash = 0x5c
const closing = 0x5d
const brace = 0x7b
const zulu = 0x5a
const nullLetters = [0x6e, 0x75, 0x6c, 0x6c]
// A canonical cell that is written here is less than three times as long as its lexeme; others take the plain way.
const roomPerByte = 4
const roomBeside = 64
// So many sums of 32 bits are exact in a double.
const exactRows = 2 ** 20

/**
 * Hashes the row lines of chunks, each ended by a newline; lines of rejects are passed over. A row's canonical text is
 * the JSON array of its canonical cells, text or null, without blanks, as `JSON.stringify` and Postgres' array_to_json
 * write it. Most lines are that already, but for some bytes, so they are copied and not taken apart.
 */
export function createRowDigester(types: readonly DigestType[]) {
  let out = Buffer.allocUnsafe(4096)

  /** SHA-256, a character for each byte: the quickest that Node has for short texts. */
  function digestLine(bytes: Buffer, from: number, to: number): string {
    const most = (to - from) * roomPerByte + roomBeside
    if (out.length < most) out = Buffer.allocUnsafe(most * 2)
    const length = writeCanonical(types, bytes, from, to, out)
    if (length !== 0) return hash("sha256", out.subarray(0, length), "binary")
    const cells = canonicalCells(bytes.toString("utf8", from, to), types)
    return hash("sha256", JSON.stringify(cells), "binary")
  }

  return {
    /** The digest of the lines' rows. */
    digest(lines: Buffer, onRow?: RowWatcher): RowsDigest {
      let total = noRows
      let [high, low, rows] = [0, 0, 0]
      const settle = () => {
        total = addDigests(total, { rows, sum: BigInt(high) * 2n ** 32n + BigInt(low) })
        high = 0
        low = 0
        rows = 0
      }
      let from = 0
      for (let index = 0; from < lines.length; index++) {
        const to = lines.indexOf(newline, from)
        if (to === -1) throw new Error("the last row line has no end")
        if (lines[from] !== brace) {
          const digest = digestLine(lines, from, to)
          high += wordAt(digest, 0)
          low += wordAt(digest, 4)
          rows += 1
          if (rows === exactRows) settle()
          onRow?.(index, Buffer.from(digest.slice(0, 16), "latin1"))
        }
        from = to + 1
      }
      settle()
      return total
    },
  }
}

/** Four characters, each one byte, as a big-endian number. */
function wordAt(bytes: string, at: number): number {
  return (
    bytes.charCodeAt(at) * 0x1000000 +
    bytes.charCodeAt(at + 1) * 0x10000 +
    bytes.charCodeAt(at + 2) * 0x100 +
    bytes.charCodeAt(at + 3)
  )
}

/** Writes the canonical text of a row line; answers its length, or 0 for a line that has to be taken apart. */
function writeCanonical(
  types: readonly DigestType[],
  bytes: Buffer,
  from: number,
  to: number,
  out: Buffer,
): number {
  let at = from + 1
  let end = 0
  out[end++] = opening
  for (let i = 0; i < types.length; i++) {
    if (i > 0) at += 1
    const type = types[i] as DigestType
    const isKept = type !== "left-out"
    if (isKept && end > 1) out[end++] = comma
    if (bytes[at] !== quote) {
      at += nullLetters.length
      if (isKept) for (const letter of nullLetters) out[end++] = letter
      continue
    }
    const before = end
    if (isKept) out[end++] = quote
    const start = end
    at += 1
    for (let byte = bytes[at]; byte !== quote; byte = bytes[at]) {
      if (byte === backslash || at >= to) return 0
      out[end++] = byte as number
      at += 1
    }
    at += 1
    if (!isKept) {
      end = before
      continue
    }
    // Most columns are text, and integers that need nothing.
    if (type !== "text" && type !== "date") end = settleCell(type, out, start, end)
    if (end === 0) return 0
    out[end++] = quote
  }
  if (bytes[at] !== closing || at + 1 !== to) return 0
  out[end++] = closing
  return end
}

/** Makes the lexeme between the two canonical; answers its new end, or 0 where that takes more. */
function settleCell(type: ColumnType, out: Buffer, start: number, end: number): number {
  switch (type) {
    case "text":
    case "date":
      return end
    case "jsonb":
      return 0
    case "boolean":
      for (let at = start; at < end; at++) out[at] = (out[at] as number) | 0x20
      return end
    case "integer":
    case "bigint":
      return settleSign(out, start, end)
    case "numeric":
      return settleDecimal(out, start, end)
    case "timestamp":
    case "timestamptz":
      return settleTime(type, out, start, end)
  }
}

function settleSign(out: Buffer, start: number, end: number): number {
  if (end - start !== 2 || out[start] !== minus || out[start + 1] !== zero) return end
  out[start] = zero
  return start + 1
}

function settleDecimal(out: Buffer, start: number, end: number): number {
  let pointAt = -1
  for (let at = start; at < end; at++) {
    const byte = out[at] as number
    if (byte > nine) return 0
    if (byte === point) pointAt = at
  }
  if (pointAt === -1) return settleSign(out, start, end)
  if (pointAt === start || out[pointAt - 1] === minus) return 0
  let last = end
  while (out[last - 1] === zero) last -= 1
  if (last - 1 === pointAt) last -= 1
  return settleSign(out, start, last)
}

function settleTime(type: "timestamp" | "timestamptz", out: Buffer, start: number, end: number): number {
  const isWhole = type === "timestamp" ? end - start === 19 : end - start === 20 && out[end - 1] === zulu
  if (!isWhole)
    return start + out.write(canonicalCell(type, out.toString("latin1", start, end)), start, "latin1")
  out[start + 10] = space
  if (type === "timestamp") return end
  out[end - 1] = plus
  out[end] = zero
  out[end + 1] = zero
  return end + 2
}
