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
 * Of a multiset of rows. A row's digest is the first 16 bytes of the SHA-256 of its canonical text; `high` and `low` are
 * the sums modulo 2^64 of their halves, read as big-endian numbers. Sums, and not XOR: a row that stands twice counts
 * twice.
 */
export type RowsDigest = { readonly rows: number; readonly high: bigint; readonly low: bigint }

/** Of no rows. */
export const noRows: RowsDigest = { rows: 0, high: 0n, low: 0n }

const half = (sum: bigint) => BigInt.asUintN(64, sum)

/** Of the rows of both. */
export function addDigests(a: RowsDigest, b: RowsDigest): RowsDigest {
  return { rows: a.rows + b.rows, high: half(a.high + b.high), low: half(a.low + b.low) }
}

/** Of the rows of `a` without those of `b`. */
export function subtractDigest(a: RowsDigest, b: RowsDigest): RowsDigest {
  return { rows: a.rows - b.rows, high: half(a.high - b.high), low: half(a.low - b.low) }
}

/** Both sums as 32 hexadecimal digits. */
export function formatDigest({ high, low }: RowsDigest): string {
  return [high, low].map((sum) => half(sum).toString(16).padStart(16, "0")).join("")
}

/** The inverse, for so many rows. */
export function parseDigest(rows: number, digits: string): RowsDigest {
  return { rows, high: BigInt(`0x${digits.slice(0, 16)}`), low: BigInt(`0x${digits.slice(16)}`) }
}

/** From sums that may be negative, or more than 64 bits. */
export function sumDigests(rows: number, high: bigint, low: bigint): RowsDigest {
  return { rows, high: half(high), low: half(low) }
}

/** Of one row, from its 16 bytes. */
export function digestOfRow(bytes: Buffer): RowsDigest {
  return { rows: 1, high: bytes.readBigUInt64BE(0), low: bytes.readBigUInt64BE(8) }
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

const [newline, quote, comma, minus, point, zero, nine] = [0x0a, 0x22, 0x2c, 0x2d, 0x2e, 0x30, 0x39]
const [space, plus, opening, backslash, closing, brace, zulu] = [0x20, 0x2b, 0x5b, 0x5c, 0x5d, 0x7b, 0x5a]
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

  function digestLine(bytes: Buffer, from: number, to: number): Buffer {
    const most = (to - from) * roomPerByte + roomBeside
    if (out.length < most) out = Buffer.allocUnsafe(most * 2)
    const length = writeCanonical(bytes, from, to)
    if (length !== undefined) return hash("sha256", out.subarray(0, length), "buffer")
    const cells = canonicalCells(bytes.toString("utf8", from, to), types)
    return hash("sha256", JSON.stringify(cells), "buffer")
  }

  /** The length of the canonical text in `out`; undefined for a line that has to be taken apart. */
  function writeCanonical(bytes: Buffer, from: number, to: number): number | undefined {
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
        if (byte === backslash || at >= to) return undefined
        out[end++] = byte as number
        at += 1
      }
      at += 1
      if (!isKept) {
        end = before
        continue
      }
      const settled = settleCell(type, start, end)
      if (settled === undefined) return undefined
      end = settled
      out[end++] = quote
    }
    if (bytes[at] !== closing || at + 1 !== to) return undefined
    out[end++] = closing
    return end
  }

  /** Makes the lexeme between the two canonical; answers its new end, or undefined where that takes more. */
  function settleCell(type: ColumnType, start: number, end: number): number | undefined {
    switch (type) {
      case "text":
      case "date":
        return end
      case "jsonb":
        return undefined
      case "boolean":
        for (let at = start; at < end; at++) out[at] = (out[at] as number) | 0x20
        return end
      case "integer":
      case "bigint":
        return settleSign(start, end)
      case "numeric":
        return settleDecimal(start, end)
      case "timestamp":
      case "timestamptz":
        return settleTime(type, start, end)
    }
  }

  function settleSign(start: number, end: number): number {
    if (end - start !== 2 || out[start] !== minus || out[start + 1] !== zero) return end
    out[start] = zero
    return start + 1
  }

  function settleDecimal(start: number, end: number): number | undefined {
    let pointAt = -1
    for (let at = start; at < end; at++) {
      const byte = out[at] as number
      if (byte > nine) return undefined
      if (byte === point) pointAt = at
    }
    if (pointAt === -1) return settleSign(start, end)
    if (pointAt === start || out[pointAt - 1] === minus) return undefined
    let last = end
    while (out[last - 1] === zero) last -= 1
    if (last - 1 === pointAt) last -= 1
    return settleSign(start, last)
  }

  function settleTime(type: "timestamp" | "timestamptz", start: number, end: number): number {
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

  return {
    /** The digest of the lines' rows. */
    digest(lines: Buffer, onRow?: RowWatcher): RowsDigest {
      let total = noRows
      let [a, b, c, d, rows] = [0, 0, 0, 0, 0]
      const settle = () => {
        const high = BigInt(a) * 2n ** 32n + BigInt(b)
        const low = BigInt(c) * 2n ** 32n + BigInt(d)
        total = addDigests(total, { rows, high, low })
        ;[a, b, c, d, rows] = [0, 0, 0, 0, 0]
      }
      let from = 0
      for (let index = 0; from < lines.length; index++) {
        const to = lines.indexOf(newline, from)
        if (to === -1) throw new Error("the last row line has no end")
        if (lines[from] !== brace) {
          const digest = digestLine(lines, from, to)
          a += digest.readUInt32BE(0)
          b += digest.readUInt32BE(4)
          c += digest.readUInt32BE(8)
          d += digest.readUInt32BE(12)
          rows += 1
          if (rows === exactRows) settle()
          onRow?.(index, digest.subarray(0, 16))
        }
        from = to + 1
      }
      settle()
      return total
    },
  }
}
