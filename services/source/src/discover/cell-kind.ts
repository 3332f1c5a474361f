/** Pure: what a cell seems to be, for guesses only; what a column is served as, all rows decide. */
import { classifyLexeme } from "@flatbed/contract"

export type CellKind = "blank" | "null-word" | "number" | "boolean" | "date" | "text"

/** Words that stand for nothing where every other cell of a column is a number, a date or a boolean. */
export const nullWords: ReadonlySet<string> = new Set([
  ..."NA N/A n/a na #N/A NULL Null null None none nil NaN nan \\N - -- ? .".split(" "),
])

const decimalComma = /^[+-]?\d{1,3}(?:[. '\u00a0\u202f]?\d{3})*,\d+$/
const grouped = /^[+-]?[1-9]\d{0,2}(?:[,. '\u00a0\u202f]\d{3})+(?:[.,]\d+)?$/
const dayOrMonthFirst = /^\d{1,2}([./-])\d{1,2}\1(?:\d{4}|\d{2})(?:[ T]\d{1,2}:\d{2}(?::\d{2})?)?$/
const plusNumber = /^\+\d+(?:\.\d+)?$/

/** By its spelling, spaces around it not counted. */
export function kindOf(written: string): CellKind {
  const cell = written.trim()
  if (cell === "") return "blank"
  if (nullWords.has(cell)) return "null-word"
  switch (classifyLexeme(cell)) {
    case "integer":
    case "bigint":
    case "numeric":
      return "number"
    case "boolean":
      return "boolean"
    case "date":
    case "timestamp":
    case "timestamptz":
      return "date"
    case "jsonb":
    case "text":
      if (dayOrMonthFirst.test(cell)) return "date"
      return decimalComma.test(cell) || grouped.test(cell) || plusNumber.test(cell) ? "number" : "text"
  }
}
