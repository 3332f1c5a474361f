/**
 * Pure: one CSV record in its own bytes, in every dialect (RFC 4180 and its relatives). The parser gives cells; only
 * the bytes tell where a record surely ends, '' from NULL, and where exactly it is malformed.
 */
import type { CsvDialect } from "./csv-dialect.ts"

export type FaultKind = "bare-cr" | "bare-lf" | "quote-inside" | "after-quote" | "quote-open"

export type RecordFault = {
  readonly kind: FaultKind
  /** Offset in the record. */
  readonly byte: number
  /** The cell it is in, from 1. */
  readonly column: number
}

export type RecordAnatomy = {
  /** For each cell whether it is quoted. */
  readonly quoted: readonly boolean[]
  /** For each cell its first byte, the quote included. */
  readonly starts: readonly number[]
  readonly fault: RecordFault | undefined
}

/** A dialect as bytes; −1 stands for what it does not have. */
export type Signs = {
  readonly delimiter: number
  readonly quote: number
  /** What makes a quote inside quotes text: the quote itself, when it is written twice. */
  readonly escaper: number
  readonly comment: number
  /** Whether a line with nothing on it is no record. */
  readonly passesBlank: boolean
  /** What ends a physical line. A line feed takes a carriage return before it along. */
  readonly lineEnd: number
  /** 1 for what may end an unquoted cell, 0 for the rest. Index: the byte. */
  readonly stops: Uint8Array
}

/** How far a record was followed. */
export type Walk = {
  /** Its end, bytes that are missing, or what is wrong with it. */
  readonly stop: "end" | "more" | FaultKind
  /** The offset behind its line end; of a fault, its offset. */
  readonly at: number
  readonly cells: number
  /** Where the quote stands that is still open, or −1. */
  readonly opened: number
}

const lf = 0x0a
const cr = 0x0d

const byteOf = (sign: string | undefined) =>
  sign === undefined || sign === "" ? -1 : (Buffer.from(sign)[0] ?? -1)

// Asked for with every record that has an empty cell.
const known = new WeakMap<CsvDialect, Signs>()

export function signsOf(dialect: CsvDialect): Signs {
  const signs = known.get(dialect) ?? readSigns(dialect)
  known.set(dialect, signs)
  return signs
}

function readSigns(dialect: CsvDialect): Signs {
  const delimiter = byteOf(dialect.delimiter)
  const quote = byteOf(dialect.quote)
  const escaper = dialect.escapedBy === undefined ? quote : byteOf(dialect.escapedBy)
  const stops = new Uint8Array(256)
  for (const byte of [delimiter, quote, lf, cr]) if (byte !== -1) stops[byte] = 1
  const lineEnd = dialect.lineEnd === "cr" ? cr : lf
  const passesBlank = dialect.blankLines === "skip"
  return { delimiter, quote, escaper, comment: byteOf(dialect.comment), passesBlank, lineEnd, stops }
}

/**
 * Whether the line that begins at `from` is no record, whatever comes behind the bytes. A carriage return that may yet
 * become a line's end is none as long as nothing follows it.
 */
export function isPassed(bytes: Buffer, from: number, { comment, passesBlank, lineEnd }: Signs): boolean {
  const byte = bytes[from]
  if (byte === undefined) return false
  if (byte === comment) return true
  return passesBlank && (byte === lineEnd || (lineEnd === lf && byte === cr && bytes[from + 1] === lf))
}

/**
 * Follows the record that begins at `from`, no further than `to`; with `isLast` the file ends there. What is said of
 * the first bytes stays true whatever comes behind them.
 */
export function walkRecord(
  bytes: Buffer,
  from: number,
  to: number,
  isLast: boolean,
  signs: Signs,
  anatomy?: { readonly quoted: boolean[]; readonly starts: number[] },
): Walk {
  const { delimiter, quote, lineEnd, stops } = signs
  let at = from
  let cells = 0
  const stopped = (stop: Walk["stop"], where: number, opened = -1): Walk => ({
    stop,
    at: where,
    cells,
    opened,
  })
  for (;;) {
    const isQuoted = at < to && bytes[at] === quote
    cells += 1
    anatomy?.starts.push(at - from)
    anatomy?.quoted.push(isQuoted)
    if (isQuoted) {
      const close = closingQuote(bytes, at + 1, to, isLast, signs)
      if (close === -1) return isLast ? stopped("quote-open", at, at) : stopped("more", to, at)
      at = close + 1
    } else {
      while (at < to && stops[bytes[at] as number] === 0) at += 1
      if (at < to && bytes[at] === quote) return stopped("quote-inside", at)
    }
    if (at >= to) return stopped(isLast ? "end" : "more", to)
    const next = bytes[at]
    if (next === delimiter) at += 1
    else if (next === lineEnd) return stopped("end", at + 1)
    else if (next === lf) return stopped("bare-lf", at)
    else if (next !== cr) return stopped("after-quote", at)
    else if (at + 1 < to) return bytes[at + 1] === lf ? stopped("end", at + 2) : stopped("bare-cr", at)
    else return isLast ? stopped("bare-cr", at) : stopped("more", to)
  }
}

/** Offset of the quote that closes, or −1 when it is not among the bytes. */
function closingQuote(bytes: Buffer, from: number, to: number, isLast: boolean, signs: Signs): number {
  const { quote, escaper } = signs
  let at = from
  if (escaper !== -1 && escaper !== quote) {
    while (at < to && bytes[at] !== quote) at += bytes[at] === escaper ? 2 : 1
    return at < to ? at : -1
  }
  for (;;) {
    at = bytes.indexOf(quote, at)
    if (at === -1 || at >= to) return -1
    if (escaper === -1) return at
    // Once more bytes have come, it may turn out to be the first of two.
    if (at + 1 >= to) return isLast ? at : -1
    if (bytes[at + 1] !== quote) return at
    at += 2
  }
}

/** Reads the first record in `bytes` up to its end or its first fault. */
export function dissectRecord(bytes: Buffer, dialect: CsvDialect): RecordAnatomy {
  const quoted: boolean[] = []
  const starts: number[] = []
  const { stop, at } = walkRecord(bytes, 0, bytes.length, true, signsOf(dialect), { quoted, starts })
  if (stop === "end" || stop === "more") return { quoted, starts, fault: undefined }
  return { quoted, starts, fault: { kind: stop, byte: at, column: starts.length } }
}

/** How many physical lines end in the bytes, also inside quotes. */
export function countLines(bytes: Buffer, lineEnd: number, from = 0, to = bytes.length): number {
  let lines = 0
  for (let at = bytes.indexOf(lineEnd, from); at !== -1 && at < to; at = bytes.indexOf(lineEnd, at + 1)) {
    lines += 1
  }
  return lines
}
