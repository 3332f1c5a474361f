/** Row lines of a chunk become COPY's text format. Pure; the hot path of a load. */
import { encodeCopyText, type TakeBuffer } from "@flatbed/codec"
import { Problem, type Reject, rejectLineSchema } from "@flatbed/contract"
import { Check } from "@flatbed/typebox"
import { type Refusal, showValue } from "../rejects/refusal.ts"
import type { CellGuard } from "./cell-guard.ts"
import { type FileCells, numberRows } from "./copy-lines.ts"

export type ChunkShape = {
  readonly columns: readonly string[]
  /** The row of the chunk's first record, from 1. */
  readonly firstRow: number
  /** Per column, see cell-guard.ts; left out when every cell is proven to fit. */
  readonly guards?: readonly (CellGuard | undefined)[] | undefined
  /** Whether each row's number in the version stands before its cells. */
  readonly numbered?: boolean | undefined
  /** With them each row's file stands before its number. */
  readonly files?: FileCells | undefined
}

export type EncodedChunk = {
  /** One line per row that is left. */
  readonly copyText: Buffer
  /** Which row each of these lines is; undefined when none is left out before or between them. */
  readonly rows: readonly number[] | undefined
  /** What the source set aside. */
  readonly rejects: readonly Reject[]
  /** What this side sets aside: no column of the table holds it as it is written. */
  readonly refusals: readonly Refusal[]
}

// Postgres manual, COPY, "Text Format": a backslash begins an escape, tab and newline end cells and rows. An
// escaped backslash also keeps the texts \N (NULL) and \. (end of data) from being read as such.
const escapes: Readonly<Record<string, string>> = {
  "\\": "\\\\",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
}
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that COPY's text format escapes.
const specials = /[\\\x08-\x0d]/g

// With the u flag, halves that make a pair are one character; only a single one has this property.
const loneSurrogate = /\p{Surrogate}/u

/**
 * `lines` are NDJSON, each ended by a newline: an array of cells, text or null, or the reject that stands in a row's
 * place. `take` makes the buffer of a text.
 *
 * @throws Problem `chunk-damaged` when a line is anything else.
 */
export function encodeChunk(lines: Buffer, shape: ChunkShape, take?: TakeBuffer): EncodedChunk {
  const texts: Buffer[] = []
  const rejects: Reject[] = []
  const refusals: Refusal[] = []
  const leftOut = new Set<number>()
  const { firstRow, columns, guards } = shape
  let row = firstRow
  let from = 0
  while (from < lines.length) {
    // A guard judges text, so its rows go the plain way, as does each line that is not plainly a row.
    if (guards === undefined) {
      const { text, rows, next } = encodeCopyText(lines, from, columns.length, take)
      texts.push(text)
      row += rows
      from = next
      if (from === lines.length) break
    }
    const to = lines.indexOf(0x0a, from)
    if (to < 0) throw damaged(row, "is cut off")
    const encoded = encodeLine(lines.toString("utf8", from, to), shape, row)
    if (typeof encoded === "string") texts.push(Buffer.from(encoded))
    else {
      leftOut.add(row)
      if ("raw" in encoded) rejects.push(encoded)
      else refusals.push(encoded)
    }
    row += 1
    from = to + 1
  }
  const [only] = texts
  const plain = texts.length === 1 && only !== undefined ? only : Buffer.concat(texts)
  const rows = listRows(firstRow, row, leftOut)
  const numberOf = (line: number) => rows?.[line] ?? firstRow + line
  const copyText = shape.numbered ? numberRows(plain, numberOf, shape.files) : plain
  return { copyText, rows, rejects, refusals }
}

/** The rows from one up to another without those left out; undefined when none is. */
function listRows(from: number, to: number, leftOut: ReadonlySet<number>): number[] | undefined {
  if (leftOut.size === 0) return undefined
  const rows: number[] = []
  for (let row = from; row < to; row++) if (!leftOut.has(row)) rows.push(row)
  return rows
}

/** A text as a cell of COPY's text format. */
export function escapeCell(text: string): string {
  return text.replace(specials, (character) => escapes[character] ?? character)
}

/** The plain way for one line, and the reference for the codec's. */
export function encodeLine(line: string, shape: ChunkShape, row: number): string | Reject | Refusal {
  let cells: unknown
  try {
    cells = JSON.parse(line)
  } catch {
    throw damaged(row, "is not JSON")
  }
  if (!Array.isArray(cells)) return readReject(cells, row)
  const { columns, guards } = shape
  if (cells.length !== columns.length)
    throw damaged(row, `has ${cells.length} cells, the version has ${columns.length} columns`)
  const refusal = guards === undefined ? undefined : findGuarded(cells, columns, guards, row)
  if (refusal !== undefined) return refusal
  // In JSON every control character and backslash is an escape, and only an escape can bring in what UTF-8 cannot.
  // So cells of a line without a backslash need none: most lines of most files.
  const escaped = line.includes("\\")
  for (let i = 0; i < columns.length; i++) {
    const cell = cells[i]
    if (cell === null) cells[i] = "\\N"
    else if (typeof cell !== "string")
      throw damaged(row, `has a cell that is neither text nor null: cell ${i + 1}`)
    else if (escaped) {
      const unfit = findUnfit(cell)
      if (unfit !== undefined) return { ...unfit, row, column: columns[i] ?? null, value: showValue(cell) }
      cells[i] = escapeCell(cell)
    }
  }
  return `${cells.join("\t")}\n`
}

/** What no column of Postgres can hold. */
function findUnfit(cell: string): Pick<Refusal, "code" | "reason"> | undefined {
  if (cell.includes("\0"))
    return { code: "nul-error", reason: "The cell holds a NUL character, which Postgres text cannot." }
  if (loneSurrogate.test(cell))
    return { code: "encoding-error", reason: "The cell holds half a surrogate pair, which UTF-8 cannot." }
  return undefined
}

function findGuarded(
  cells: readonly unknown[],
  columns: readonly string[],
  guards: readonly (CellGuard | undefined)[],
  row: number,
): Refusal | undefined {
  for (let i = 0; i < columns.length; i++) {
    const cell = cells[i]
    const wrong = typeof cell === "string" ? guards[i]?.(cell) : undefined
    if (typeof cell !== "string" || wrong === undefined) continue
    const value = showValue(cell)
    const reason = `${JSON.stringify(value)} does not fit: ${wrong}.`
    return { row, code: "type-error", column: columns[i] ?? null, value, reason }
  }
  return undefined
}

function readReject(line: unknown, row: number): Reject {
  if (!Check(rejectLineSchema, line)) throw damaged(row, "is neither an array of cells nor a reject")
  const { reject } = line
  if (reject.row !== row) throw damaged(row, `is a reject that calls itself row ${reject.row}`)
  return reject
}

function damaged(row: number, what: string): Problem {
  return new Problem("chunk-damaged", `Row ${row} ${what}.`, { facts: { row } })
}
