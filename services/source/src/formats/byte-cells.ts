/** Pure: one record's bytes to the texts of its cells (RFC 4180). Trusts that a scan has found it well-formed. */
import type { CsvDialect } from "./csv-dialect.ts"
import type { WrittenCells } from "./format.ts"

const lf = 0x0a
const cr = 0x0d
const nowhere = () => false

/** Reads records of a dialect with one-byte signs; the record's line end is no part of its last cell. */
export function createCellReader({ delimiter, quote }: CsvDialect): (record: Buffer) => WrittenCells {
  const quoteByte = quote.charCodeAt(0)
  const doubled = quote + quote

  function readQuoted(text: string): WrittenCells {
    const texts: string[] = []
    const quoted: boolean[] = []
    for (let at = 0; at <= text.length; at += 1) {
      const isQuoted = text.startsWith(quote, at)
      const end = isQuoted ? closingQuote(text, at + 1) : text.indexOf(delimiter, at)
      const to = end === -1 ? text.length : end
      texts.push(isQuoted ? text.slice(at + 1, to).replaceAll(doubled, quote) : text.slice(at, to))
      quoted.push(isQuoted)
      at = isQuoted ? to + 1 : to
    }
    return { texts, isQuoted: (index) => quoted[index] === true }
  }

  function closingQuote(text: string, from: number): number {
    let at = text.indexOf(quote, from)
    while (at !== -1 && text[at + 1] === quote) at = text.indexOf(quote, at + 2)
    return at
  }

  return (record) => {
    const text = record.toString("utf8", 0, lengthOf(record))
    return record.includes(quoteByte) ? readQuoted(text) : { texts: text.split(delimiter), isQuoted: nowhere }
  }
}

/** Without its line end. */
function lengthOf(record: Buffer): number {
  if (record.at(-1) !== lf) return record.length
  return record.at(-2) === cr ? record.length - 2 : record.length - 1
}
