/** Writes the bytes of a CSV file and, line by line beside them, what a reader has to find there. */
import { encodeText, type PollutedEncoding } from "./polluted-encodings.ts"

/** A cell: null is nothing between two delimiters, text is quoted where it must be, or where it says so. */
export type WrittenCell = string | null | { readonly text: string; readonly quoted: true }

/** How one file spells its records. */
export type Spelling = {
  readonly delimiter: string
  /** Empty: there are no quotes. */
  readonly quote: string
  /** What stands before a quote inside quotes; without it the quote is written twice. */
  readonly escape?: string
  readonly newline: "\n" | "\r\n" | "\r"
}

/** A piece of a file. Damage is one record set aside; what is passed over is no record: header, preamble, comments. */
export type Piece = { readonly end?: string } & (
  | { readonly clean: string; readonly cells: readonly (string | null)[] }
  | { readonly damage: string | Buffer }
  | { readonly passed: string }
)

export type ExpectedRecord = {
  /** The line on which it begins, from 1. */
  readonly line: number
  readonly byteFrom: number
  /** Without its line end. */
  readonly byteTo: number
  /** Null for a record that is set aside. */
  readonly cells: readonly (string | null)[] | null
}

export type WrittenFile = { readonly bytes: Buffer; readonly records: readonly ExpectedRecord[] }

/** A quoted cell. */
export const quoted = (text: string): WrittenCell => ({ text, quoted: true })

export function spellCell(cell: WrittenCell, { delimiter, quote, escape: sign, newline }: Spelling): string {
  if (cell === null) return ""
  const { text, quoted: isQuoted } = typeof cell === "string" ? { text: cell, quoted: cell === "" } : cell
  const special = [delimiter, "\n", "\r", ...(quote === "" ? [] : [quote])]
  if (quote === "" || (!isQuoted && !special.some((one) => text.includes(one)))) return text
  const inner =
    sign === undefined
      ? text.replaceAll(quote, quote + quote)
      : text.replaceAll(sign, sign + sign).replaceAll(quote, sign + quote)
  return quote + inner.replaceAll("\n", newline === "\r" ? "\r" : "\n") + quote
}

export function spellRow(row: readonly WrittenCell[], spelling: Spelling): string {
  return row.map((cell) => spellCell(cell, spelling)).join(spelling.delimiter)
}

/** What a reader finds in a cell. */
export function cellValue(cell: WrittenCell): string | null {
  return cell === null || typeof cell === "string" ? cell : cell.text
}

/** A well-formed record. */
export function cleanRow(row: readonly WrittenCell[], spelling: Spelling): Piece {
  const values = row
    .map(cellValue)
    .map((text) => (spelling.newline === "\r" ? (text?.replaceAll("\n", "\r") ?? null) : text))
  return { clean: spellRow(row, spelling), cells: values }
}

/** The pieces one behind the other; `lastEnd: false` leaves out the last line end. */
export function writePieces(
  pieces: readonly Piece[],
  spelling: Spelling,
  { encoding = "utf-8", mark = false, lastEnd = true }: WriteOptions = {},
): WrittenFile {
  const parts: Buffer[] = mark ? [encodeText("\ufeff", encoding)] : []
  const records: ExpectedRecord[] = []
  let byte = parts.reduce((sum, part) => sum + part.length, 0)
  let line = 1
  pieces.forEach((piece, i) => {
    const text = "clean" in piece ? piece.clean : "damage" in piece ? piece.damage : piece.passed
    const own = typeof text === "string" ? encodeText(text, encoding) : text
    const isLast = i === pieces.length - 1
    const end = encodeText(isLast && !lastEnd ? "" : (piece.end ?? spelling.newline), encoding)
    if (!("passed" in piece)) {
      const cells = "clean" in piece ? piece.cells : null
      records.push({ line, byteFrom: byte, byteTo: byte + own.length, cells })
    }
    parts.push(own, end)
    byte += own.length + end.length
    line += countLineEnds(Buffer.concat([own, end]), spelling)
  })
  return { bytes: Buffer.concat(parts), records }
}

export type WriteOptions = {
  readonly encoding?: PollutedEncoding
  /** A byte order mark. */
  readonly mark?: boolean
  readonly lastEnd?: boolean
}

// None of the characters that are written here has the byte of a line end in it.
function countLineEnds(bytes: Buffer, { newline }: Spelling): number {
  const sign = newline === "\r" ? 0x0d : 0x0a
  return bytes.reduce((sum, byte) => (byte === sign ? sum + 1 : sum), 0)
}
