import { expect, it } from "vitest"
import type { CsvDialect } from "./formats/csv-dialect.ts"
import { writtenDialect } from "./written-dialect.ts"

it.each<[CsvDialect, object]>([
  [
    { delimiter: ",", quote: '"' },
    { delimiter: ",", quote_char: '"', double_quote: true },
  ],
  [
    { delimiter: "\t", quote: "" },
    { delimiter: "\t", quote_char: "", double_quote: true },
  ],
  [
    { delimiter: ";", quote: "'", escapedBy: "\\", lineEnd: "cr" },
    { delimiter: ";", quote_char: "'", double_quote: false, escape_char: "\\", line_terminator: "cr" },
  ],
  [
    { delimiter: ",", quote: '"', escapedBy: "", ragged: "pad" },
    { delimiter: ",", quote_char: '"', double_quote: false },
  ],
])("%j is told in the words of Table CsvDialect", (dialect, told) => {
  expect(writtenDialect(dialect, ["a", "b"])).toEqual({ ...told, fields: ["a", "b"] })
})
