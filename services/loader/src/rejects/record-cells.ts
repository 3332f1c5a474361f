/** Pure: a record's text by its file's dialect, taken apart without changing it. Only whole records come apart. */
import type { FileDialect } from "./reject-export.ts"

/** One cell as it stands in the file, quotes included. */
export type WrittenCell = { readonly written: string; readonly quoted: boolean }

/** The record's cells; undefined when its quotes do not match, so that nobody can say where one ends. */
export function splitRecord(text: string, dialect: FileDialect): WrittenCell[] | undefined {
  const { delimiter, quote_char: quote } = dialect
  const cells: WrittenCell[] = []
  let at = 0
  for (;;) {
    const from = at
    const quoted = quote !== "" && text.startsWith(quote, at)
    if (quoted) {
      const end = findCellEnd(text, at + quote.length, dialect)
      if (end === undefined) return undefined
      at = end
    } else {
      const next = text.indexOf(delimiter, at)
      at = next === -1 ? text.length : next
      const cell = text.slice(from, at)
      if ((quote !== "" && cell.includes(quote)) || cell.includes(lineEndOf(dialect))) return undefined
    }
    cells.push({ written: text.slice(from, at), quoted })
    if (at === text.length) return cells
    if (!text.startsWith(delimiter, at)) return undefined
    at += delimiter.length
  }
}

/** Where a quoted cell ends, behind its closing quote. */
function findCellEnd(text: string, from: number, dialect: FileDialect): number | undefined {
  const { quote_char: quote, escape_char: sign, double_quote: doubled } = dialect
  let at = from
  while (at < text.length) {
    if (sign !== undefined && text.startsWith(sign, at)) at += sign.length + 1
    else if (!text.startsWith(quote, at)) at += 1
    else if (doubled && text.startsWith(quote, at + quote.length)) at += 2 * quote.length
    else return at + quote.length
  }
  return undefined
}

const lineEndOf = ({ line_terminator: end }: FileDialect) => (end === "cr" ? "\r" : "\n")
