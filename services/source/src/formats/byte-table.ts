/** Pure: what a byte means to the byte reader, decided once per dialect. Index: the byte; value: its role. */
import type { CsvDialect } from "./csv-dialect.ts"

/** Roles of bytes. `plain` is 0 so that a loop may test for it alone. */
export const role = { plain: 0, delimiter: 1, lf: 2, cr: 3, quote: 4, escape: 5 } as const

export type ByteTables = {
  readonly delimiter: number
  readonly quote: number
  /** Outside quotes: delimiter, line ends and quote are told apart, the rest is plain. */
  readonly ends: Uint8Array
  /** Outside quotes, for JSON: as `ends`, and what a JSON string must escape. */
  readonly unquoted: Uint8Array
  /** Inside quotes, for JSON: the quote, and what a JSON string must escape. */
  readonly quoted: Uint8Array
}

const doubleQuote = 0x22
const backslash = 0x5c

export function createByteTables(dialect: CsvDialect): ByteTables {
  const delimiter = dialect.delimiter.charCodeAt(0)
  const quote = dialect.quote.charCodeAt(0)
  // RFC 8259 section 7: the control characters, the backslash and the double quote.
  const escapes = new Uint8Array(256).fill(role.escape, 0, 0x20)
  escapes[doubleQuote] = role.escape
  escapes[backslash] = role.escape
  const quoted = escapes.slice()
  quoted[quote] = role.quote
  const unquoted = quoted.slice()
  const ends = new Uint8Array(256)
  ends[quote] = role.quote
  for (const table of [unquoted, ends]) {
    table[delimiter] = role.delimiter
    table[0x0a] = role.lf
    table[0x0d] = role.cr
  }
  return { delimiter, quote, ends, unquoted, quoted }
}

// The scan reads numbers before it looks for the cell's end, so none of their signs may be one.
const usableDelimiter = /^[^0-9.\-\r\n\0\u0080-\uffff]$/
// A doubled quote is two bytes to the scan and one in the cell: so it may be nothing that JSON writes as an escape, but for
// the double quote, and nothing that stands in a number, a date or a word for true or false.
const usableQuote = /^[!-*,/;-@[\]^_`{|}~]$/

/**
 * Whether the byte reader knows the dialect: a one-byte delimiter that stands in no number, a punctuation mark as quote, and
 * otherwise RFC 4180. Where the header is and what it says is read before.
 */
export function isByteDialect(dialect: CsvDialect): boolean {
  return findUnread(dialect).length === 0
}

/** What of the dialect keeps the byte reader from it. */
export function findUnread(dialect: CsvDialect): (keyof CsvDialect)[] {
  const { delimiter, quote } = dialect
  const others = ["escapedBy", "comment", "lineEnd", "ragged", "blankLines", "nul"] as const
  return [
    ...(usableDelimiter.test(delimiter) ? [] : ["delimiter" as const]),
    ...(usableQuote.test(quote) && quote !== delimiter ? [] : ["quote" as const]),
    ...others.filter((setting) => dialect[setting] !== undefined),
  ]
}
