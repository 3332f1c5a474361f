/** Pure: CSV among the formats. */
import type { Settings } from "@flatbed/config"
import type { TObject } from "@flatbed/typebox"
import { checkDialect, describeDialect, dialectOf, dialectSchema, writeDialect } from "../dialect-settings.ts"
import { writtenDialect } from "../written-dialect.ts"
import type { CsvDialect } from "./csv-dialect.ts"
import type { Format } from "./formats.ts"
import { chooseReader } from "./readers.ts"

const settings = { dialect: dialectSchema }

/** RFC 4180 and its relatives. */
export const csvFormat = {
  name: "csv",
  endings: [".csv", ".tsv", ".txt"],
  settings,
  checkSettings: (path, { dialect }) => checkDialect(`${path}.dialect`, dialect),
  dialectOf: ({ dialect }) => dialectOf(dialect),
  chooseReader: (dialect, settings) => chooseReader(dialect, settings.dialect.reader),
  canonicalDialect,
  writeDialect,
  describeDialect: (dialect) => describeDialect(writeDialect(dialect)),
  writtenDialect,
} as const satisfies Format<CsvDialect, Settings<TObject<typeof settings>>>

// What is as RFC 4180 has it is left out, as in datasets that were declared before it could be set.
function canonicalDialect({ delimiter, quote, ...others }: CsvDialect): unknown {
  const set = Object.entries(others).sort(([a], [b]) => (a < b ? -1 : 1))
  return set.length === 0 ? [delimiter, quote] : [delimiter, quote, set]
}
