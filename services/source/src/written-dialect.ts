/** Pure: how a file is written, in the words of the manifest. */
import type { WrittenDialect } from "@flatbed/contract"
import type { CsvDialect } from "./formats/csv-dialect.ts"

/** `fields` are the names of all cells, as the header or the settings say them. */
export function writtenDialect(dialect: CsvDialect, fields: readonly string[]): WrittenDialect {
  const { delimiter, quote, escapedBy, lineEnd } = dialect
  return {
    delimiter,
    quote_char: quote,
    double_quote: escapedBy === undefined,
    ...(escapedBy === undefined || escapedBy === "" ? {} : { escape_char: escapedBy }),
    ...(lineEnd === undefined ? {} : { line_terminator: lineEnd }),
    fields: [...fields],
  }
}
