/** Pure: a dialect in csv-parse's words, for bytes that are known to be well-formed records. */
import type { Options } from "csv-parse"
import type { CsvDialect } from "./csv-dialect.ts"

export function parseOptions({ delimiter, quote, escapedBy = quote, lineEnd }: CsvDialect): Options {
  return {
    delimiter,
    quote: quote === "" ? null : quote,
    escape: escapedBy === "" ? null : escapedBy,
    record_delimiter: lineEnd === "cr" ? ["\r"] : ["\r\n", "\n"],
    // A cell may begin with U+FEFF; only the file's first bytes are a mark, and those are behind us.
    bom: false,
    // Counted where the message can place the record.
    relax_column_count: true,
    skip_empty_lines: false,
  }
}
