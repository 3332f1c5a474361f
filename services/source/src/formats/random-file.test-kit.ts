/** For tests: bytes put together from whatever a CSV reader may trip over, well-formed only by chance. */
import type { ColumnType } from "@flatbed/contract"
import fc from "fast-check"
import type { CellRules } from "../cell-rules.ts"
import { isByteDialect } from "./byte-table.ts"
import type { CsvDialect } from "./csv-dialect.ts"

export type RandomFile = {
  readonly bytes: Buffer
  readonly dialect: CsvDialect
  readonly types: Readonly<Record<string, ColumnType>>
  /** What happens to the cells of the first column, and which rows are served. */
  readonly rules: CellRules
  /** The columns that are served, in their order; all of them unless told. */
  readonly select?: readonly string[]
  /** How many bytes are pushed at once. */
  readonly step: number
  readonly maxRecordBytes: number
}

const lexemes = [
  ..."0 1 -1 007 -0 - . .5 -.5 5. 10.0 1.50 1e5 1E-3 1e9999 +5 2147483647 2147483648 -2147483648 -2147483649".split(
    " ",
  ),
  ..."999999999 1234567890 9223372036854775807 9223372036854775808 123456789012345678901234567890".split(" "),
  ..."123456789.123456 0.000001 00.5 1.2.3 12-34 382-4657 true TRUE False tru falsey t f yes NaN Infinity".split(
    " ",
  ),
  ..."2024-02-29 2023-02-29 0000-01-01 2024-13-01 2024-02-29T07:00 2024-02-29T07:00:05.123456".split(" "),
  ..."2024-02-29T07:00:05.1234567 2024-02-29T24:00 2024-02-29T07:00Z 2021-12-01T00:07:15.386+0100".split(" "),
  ..."2021-12-01T00:07+16 2021-12-01T00:07-03:30 2021-12-01T00:07:60 2021-12-01x10 2024-2-29".split(" "),
  "2024-02-29 07:00:05",
  "2024-02-29 07:00 Z",
  "2024-02-29 07:00 +01",
  "0".repeat(30),
  "9".repeat(1001),
  `0.${"1".repeat(1100)}`,
]
const words = [
  "a",
  "x y",
  " ",
  "\\N",
  "\\.",
  "\\",
  "\t",
  "\u0001",
  "\u007f",
  '{"a":1}',
  "[",
  "null",
  "é",
  "€",
  "😀",
  "\ufeff",
]
const signs = [",", ";", '"', "'", '""', "''", "\n", "\r\n", "\r", '","', '"\n"']
const damage = [[0], [0xff], [0xc3], [0xed, 0xa0, 0x80], [0xf0, 0x9f, 0x98], [0xc0, 0x80], [0xef, 0xbb]]

const piece = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...lexemes).map((text) => Buffer.from(text)) },
  { weight: 4, arbitrary: fc.constantFrom(...words).map((text) => Buffer.from(text)) },
  { weight: 5, arbitrary: fc.constantFrom(...signs).map((text) => Buffer.from(text)) },
  { weight: 3, arbitrary: fc.constantFrom(...damage).map((bytes) => Buffer.from(bytes)) },
)
const cell = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...lexemes).map((text) => Buffer.from(text)) },
  { weight: 3, arbitrary: fc.constantFrom(...words).map((text) => Buffer.from(text)) },
  { weight: 2, arbitrary: fc.constant(Buffer.alloc(0)) },
  { weight: 2, arbitrary: fc.array(piece, { maxLength: 3 }).map((parts) => Buffer.concat(parts)) },
)
const types = ["boolean", "integer", "bigint", "numeric", "date", "timestamp", "timestamptz", "text"] as const
const dialects: CsvDialect[] = [
  { delimiter: ",", quote: '"' },
  { delimiter: ";", quote: "'" },
  { delimiter: "\t", quote: '"' },
  { delimiter: "|", quote: "`" },
  { delimiter: "\\", quote: "~" },
]
const sign = fc.integer({ min: 1, max: 127 }).map((code) => String.fromCharCode(code))
const dialect = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...dialects) },
  { weight: 1, arbitrary: fc.record({ delimiter: sign, quote: sign }).filter(isByteDialect) },
)

const manyRules: readonly CellRules[] = [
  { nullWords: ["", "-", "null"] },
  { nullWords: [] },
  { null_values: { c0: ["x y", "0"] } },
  { clean: { c0: ["trim", { strip_characters: "-+" }] } },
  { clean: { c0: [{ fill: "7" }, { map: { yes: "true" } }] } },
  { filter: { c0: { not_null: true } } },
  { filter: { c0: { ne: "a" } }, clean: { c0: [{ null_if: ["\\N"] }] } },
]

/** Files of one to four columns; cells mostly of the column's own kind, quoted or not, records mostly whole. */
export function createRandomFile(): fc.Arbitrary<RandomFile> {
  return fc
    .tuple(
      dialect,
      fc.integer({ min: 1, max: 4 }),
      fc.array(fc.array(fc.tuple(cell, fc.boolean(), fc.integer({ min: 0, max: 20 })), { maxLength: 4 }), {
        maxLength: 8,
      }),
      fc.dictionary(fc.constantFrom("c0", "c1", "c2", "c3"), fc.constantFrom(...types), { maxKeys: 2 }),
      fc.constantFrom("\n", "\r\n"),
      fc.boolean(),
      fc.integer({ min: 1, max: 40 }),
      fc.boolean(),
      // The shorter one is broken by damage that goes on, and by long cells.
      fc.oneof({ weight: 4, arbitrary: fc.constant(1 << 20) }, { weight: 1, arbitrary: fc.constant(48) }),
      fc.oneof(
        { weight: 3, arbitrary: fc.constant({}) },
        { weight: 1, arbitrary: fc.constantFrom(...manyRules) },
      ),
      fc.oneof(
        { weight: 2, arbitrary: fc.constant([]) },
        { weight: 1, arbitrary: fc.shuffledSubarray(["c0", "c1", "c2", "c3"]) },
      ),
    )
    .map(
      ([dialect, width, records, declared, newline, endsInNewline, step, hasMark, most, rules, chosen]) => {
        const names = Array.from({ length: width }, (_, i) => `c${i}`)
        // Rules speak of columns that are served.
        const some = Object.keys(rules).length > 0 ? [] : chosen.filter((name) => names.includes(name))
        const served = some.length === 0 ? names : some
        const lines = records.map((cells) => {
          // One record in some twenty has another number of cells.
          const ragged = (cells[0]?.[2] ?? 0) === 0
          const written = Array.from({ length: ragged ? cells.length : width }, (_, i) => {
            const [text, isQuoted] = cells[i] ?? [Buffer.alloc(0), false]
            return isQuoted ? quoted(text, dialect.quote) : text
          })
          return join(written, dialect.delimiter)
        })
        const header = `${hasMark ? "\ufeff" : ""}${names.join(dialect.delimiter)}`
        const body = join([Buffer.from(header), ...lines], newline)
        return {
          bytes: endsInNewline ? Buffer.concat([body, Buffer.from(newline)]) : body,
          dialect,
          types: Object.fromEntries(Object.entries(declared).filter(([name]) => served.includes(name))),
          rules,
          ...(some.length === 0 ? {} : { select: some }),
          step,
          maxRecordBytes: most,
        }
      },
    )
}

function quoted(text: Buffer, quote: string): Buffer {
  const sign = quote.charCodeAt(0)
  return Buffer.from([sign, ...[...text].flatMap((byte) => (byte === sign ? [sign, sign] : [byte])), sign])
}

function join(parts: readonly Buffer[], separator: string): Buffer {
  return Buffer.concat(parts.flatMap((part, i) => (i === 0 ? [part] : [Buffer.from(separator), part])))
}
