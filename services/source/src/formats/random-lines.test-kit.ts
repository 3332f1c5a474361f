/** For tests: NDJSON put together from whatever a reader may trip over, many of its lines alike but for their values. */
import type { ColumnType } from "@flatbed/contract"
import fc from "fast-check"
import type { CellRules } from "../cell-rules.ts"
import type { JsonDialect } from "./json-dialect.ts"

export type RandomLines = {
  readonly bytes: Buffer
  readonly dialect: JsonDialect
  readonly types: Readonly<Record<string, ColumnType>>
  readonly rules: CellRules & { readonly drop: readonly string[] }
  /** How many bytes are pushed at once. */
  readonly step: number
  readonly maxRecordBytes: number
}

const numbers = [
  ..."0 1 -1 -0 10.0 1.50 -0.05 1e5 1E-3 1e9999 0e0 2147483647 2147483648 -2147483648 -2147483649".split(" "),
  ..."999999999 1234567890 1540919166796 1540919166796.0 9223372036854775807 9223372036854775808".split(" "),
  ..."123456789012345678 1234567890123456789 0.000001 123456789.123456 12345678901234567.12345678901234567".split(
    " ",
  ),
  "9".repeat(63),
  "9".repeat(64),
  "9".repeat(65),
  `0.${"1".repeat(62)}`,
  `0.${"1".repeat(63)}`,
  `-${"8".repeat(1001)}`,
]
const texts = [
  ..."a x-y 42 -7 4.50 1e5 007 true false null t RI 382-4657 2024-02-29 2023-02-29 2024-13-01".split(" "),
  ..."2024-02-29T07:00 2024-02-29T07:00:05.123456 2024-02-29T07:00:05.1234567 2024-02-29T07:00Z".split(" "),
  ..."2021-12-01T00:07:15.386+0100 2024-02-29x 2024-02-2 2024\\u002d02\\u002d29 \\u0032024-02-29".split(" "),
  ...'\\n \\" \\\\ \\/ 01\\/02\\/2024 2024-02-29\\n \\u00e9 \\u20ac \\ud83d\\ude00 \\u0001'.split(" "),
  "",
  " ",
  "é",
  "€uro",
  "😀",
  "sixteen bytes it",
  "seventeen bytes i",
  "x".repeat(33),
  `2024-02-29T07:00:05.${"1".repeat(60)}`,
  `${"y".repeat(30)}\\t${"z".repeat(30)}`,
]
const nested = ["[]", "{}", '[1, "]"]', '["a\\"[", null]', '{"k":1}', '{"k":{"l":[]}}', '[{"k":1},{"k":2}]']
/** No value, or none that may be loaded. */
const broken = [
  ..."01 1. .5 - +1 1e 1e+ tru nul True falsey 1x NaN \"a 'a' {]} [1 \\".split(" "),
  ...'"\\x" "\\u12" "\\u12g4" "\\u0000" "\\ud800" "\\ude00" "\\ud800\\u0041" "a\tb" "a"b'.split(" "),
  '{"k":1,"k":2}',
  "",
]
const damage = [[0], [0xff], [0xc3], [0xed, 0xa0, 0x80], [0x22, 0xc0, 0x80, 0x22], [0x22, 0xe2, 0x82, 0x22]]

const buffer = (text: string) => Buffer.from(text)
const value = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...numbers).map(buffer) },
  { weight: 10, arbitrary: fc.constantFrom(...texts.map((text) => `"${text}"`)).map(buffer) },
  { weight: 4, arbitrary: fc.constantFrom("null", "true", "false").map(buffer) },
  { weight: 1, arbitrary: fc.constantFrom(...nested).map(buffer) },
)
const badValue = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...broken).map(buffer) },
  { weight: 1, arbitrary: fc.constantFrom(...damage).map((bytes) => Buffer.from(bytes)) },
)

/** What stands around the values of a line: one text more than values. */
const shapes: readonly (readonly string[])[] = [
  ['{"a":', ',"b":', ',"c":', "}"],
  ['{"a": ', ', "b": ', ', "c": ', "}"],
  ['{"a":', ',"c":', "}"],
  ['{"c":', ',"a":', ',"b":', "}"],
  ['{"a":', "}"],
  ['{"a":{"b":', ',"c":', '},"d":', "}"],
  ['{"a":{"b":', '},"b":', "}"],
  ['{ "a" : ', ' , "a_b" : ', " } "],
  ['  {"a":', ',"e":{},"b":', "}\t"],
  ['{"a":', ',"a rather long key, longer than sixteen bytes":', ',"\\u0062":', "}"],
  ['{"a":', ',"a":', "}"],
  ['{"a":', ',"b":', "},"],
  ['{"é":', ',"b":', "}"],
  ['{"a":null,"b":', "}"],
]
const others = [
  "",
  " ",
  "\t",
  "{}",
  "[]",
  "[1]",
  "17",
  '"a"',
  "null",
  "{",
  '{"a"}',
  '{"a":1}}',
  "\u00a0",
  "{,}",
]

type Line = { readonly shape: number; readonly values: readonly Buffer[]; readonly other: Buffer | undefined }

const values = fc.array(value, { minLength: 3, maxLength: 3 })
const line: fc.Arbitrary<Line> = fc.oneof(
  { weight: 20, arbitrary: values.map((some) => ({ shape: 0, values: some, other: undefined })) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(values, badValue, fc.integer({ min: 0, max: 2 }))
      .map(([some, bad, at]) => ({ shape: 0, values: some.with(at, bad), other: undefined })),
  },
  { weight: 5, arbitrary: values.map((some) => ({ shape: 1, values: some, other: undefined })) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom(...others, "", " \t")
      .map((text) => ({ shape: 0, values: [], other: Buffer.from(text) })),
  },
)

const types = [
  "boolean",
  "integer",
  "bigint",
  "numeric",
  "date",
  "timestamp",
  "timestamptz",
  "text",
  "jsonb",
] as const
const manyRules: readonly CellRules[] = [
  { nullWords: ["", "-", "a"] },
  { null_values: { a: ["", "0"] } },
  { clean: { a: ["trim"] } },
  { clean: { b: [{ fill: "7" }, { map: { RI: "true" } }] } },
  { filter: { a: { not_null: true } } },
  { filter: { c: { ne: "a" } }, clean: { c: [{ null_if: ["\\N"] }] } },
]

/** Files of up to 24 lines of two shapes and some of none. */
export function createRandomLines(): fc.Arbitrary<RandomLines> {
  return fc
    .record({
      mainShape: fc.nat(shapes.length - 1),
      otherShape: fc.nat(shapes.length - 1),
      lines: fc.array(line, { minLength: 0, maxLength: 24, size: "max" }),
      declared: fc.oneof(
        { weight: 2, arbitrary: fc.constant({}) },
        {
          weight: 1,
          arbitrary: fc.dictionary(fc.constantFrom("a", "b", "c", "a_b"), fc.constantFrom(...types), {
            maxKeys: 2,
          }),
        },
      ),
      newline: fc.constantFrom("\n", "\n", "\r\n"),
      endsInNewline: fc.boolean(),
      step: fc.oneof(fc.integer({ min: 1, max: 60 }), fc.constant(1 << 20)),
      mark: fc.constantFrom("", "", "", "\ufeff", "\n", " \r\n"),
      // The shorter one is broken by long values.
      maxRecordBytes: fc.oneof(
        { weight: 6, arbitrary: fc.constant(1 << 20) },
        { weight: 1, arbitrary: fc.constant(60) },
      ),
      rules: fc.oneof(
        { weight: 4, arbitrary: fc.constant({}) },
        { weight: 1, arbitrary: fc.constantFrom(...manyRules) },
      ),
      drop: fc.oneof({ weight: 5, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: fc.constant(["b"]) }),
      separator: fc.constantFrom("_", "_", ".", false as const),
      explode: fc.oneof(
        { weight: 9, arbitrary: fc.constant(undefined) },
        { weight: 1, arbitrary: fc.constant(["b"]) },
      ),
    })
    .map(({ mainShape, otherShape, lines, newline, endsInNewline, mark, ...given }) => {
      const written = lines.map(({ shape, values, other }) => {
        const gaps = shapes[shape === 0 ? mainShape : otherShape] ?? []
        return (
          other ??
          Buffer.concat(
            gaps.flatMap((gap, i) => [Buffer.from(gap), values[i] ?? Buffer.alloc(0)]).slice(0, -1),
          )
        )
      })
      const ended = written.flatMap((one, i) => [
        one,
        Buffer.from(i < written.length - 1 || endsInNewline ? newline : ""),
      ])
      const { separator, explode, declared, rules, drop, step, maxRecordBytes } = given
      return {
        bytes: Buffer.concat([Buffer.from(mark), ...ended]),
        dialect: {
          ...{ lines: true as const, records: [], separator },
          ...(explode === undefined ? {} : { explode }),
        },
        types: declared,
        rules: { ...rules, drop },
        step,
        maxRecordBytes,
      }
    })
}
