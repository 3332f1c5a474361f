/**
 * Pure: the anatomy of one CSV record in its own bytes (RFC 4180). The parser gives cells; only the bytes
 * tell '' from NULL, and where exactly a record is malformed.
 */
import type { Dialect } from "./format.ts"

export type RecordFault = {
  readonly kind: "bare-cr" | "quote-inside" | "after-quote" | "quote-open"
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

const lf = 0x0a
const cr = 0x0d

/** Reads the first record in `bytes` up to its end or its first fault. */
export function dissectRecord(bytes: Buffer, dialect: Dialect): RecordAnatomy {
  const delimiter = dialect.delimiter.charCodeAt(0)
  const quote = dialect.quote.charCodeAt(0)
  const quoted: boolean[] = []
  const starts: number[] = []
  const done = (fault?: RecordFault): RecordAnatomy => ({ quoted, starts, fault })
  const faultAt = (kind: RecordFault["kind"], byte: number) => done({ kind, byte, column: starts.length })

  let at = 0
  for (;;) {
    starts.push(at)
    quoted.push(bytes[at] === quote)
    if (bytes[at] === quote) {
      const close = closingQuote(bytes, at + 1, quote)
      if (close === -1) return faultAt("quote-open", at)
      at = close + 1
    } else {
      while (at < bytes.length && bytes[at] !== delimiter && bytes[at] !== lf && bytes[at] !== cr) {
        if (bytes[at] === quote) return faultAt("quote-inside", at)
        at += 1
      }
    }
    const next = bytes[at]
    if (next === undefined || next === lf || (next === cr && bytes[at + 1] === lf)) return done()
    if (next === cr) return faultAt("bare-cr", at)
    if (next !== delimiter) return faultAt("after-quote", at)
    at += 1
  }
}

/** A quote inside a quoted cell is written twice; the first single one closes it. */
function closingQuote(bytes: Buffer, from: number, quote: number): number {
  let at = bytes.indexOf(quote, from)
  while (at !== -1 && bytes[at + 1] === quote) at = bytes.indexOf(quote, at + 2)
  return at
}

/** How many line feeds lie in the bytes: a physical line ends with each, also inside quotes. */
export function countLines(bytes: Buffer, from = 0, to = bytes.length): number {
  let lines = 0
  for (let at = bytes.indexOf(lf, from); at !== -1 && at < to; at = bytes.indexOf(lf, at + 1)) lines += 1
  return lines
}
