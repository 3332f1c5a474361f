import { expect, it } from "vitest"
import type { Dialect } from "./formats/format.ts"
import { writtenDialect } from "./written-dialect.ts"

it.each<[Dialect, object]>([
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
])("%j is told in the words of Table Dialect", (dialect, told) => {
  expect(writtenDialect(dialect, ["a", "b"])).toEqual({ ...told, fields: ["a", "b"] })
})
