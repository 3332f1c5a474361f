import fc from "fast-check"
import { describe, expect, test } from "vitest"
import {
  type Column,
  type ColumnType,
  classifyLexeme,
  columnTypes,
  grammars,
  hashColumns,
  joinTypes,
  lexemeToJson,
} from "./columns.ts"

const digits = (count: number) => "1".repeat(count)

/** Per type: spellings that arrive with the value written, and spellings that are refused. */
const cases: Record<ColumnType, { accepted: string[]; refused: string[] }> = {
  boolean: {
    accepted: ["true", "false", "True", "FALSE", "tRuE"],
    refused: ["", "t", "f", "yes", "no", "on", "1", "0", " true", "true ", "true\n", "fal\u017fe", "null"],
  },
  integer: {
    accepted: ["0", "-0", "7", "-17", "999999999", "1000000000", "2147483647", "-2147483648"],
    refused: [
      ...["", "-", "+5", "007", "-01", "00", "5.", "5.0", "1e3", " 1", "1 ", "1\n", "1_000", "1,000", "0x10"],
      ...["2147483648", "-2147483649", "9999999999", "99999999999999999999999", "٣", "１", "−5", "NaN"],
    ],
  },
  bigint: {
    accepted: ["0", "2147483648", "-2147483649", "9223372036854775807", "-9223372036854775808"],
    refused: [
      "9223372036854775808",
      "-9223372036854775809",
      digits(20),
      `-${digits(20)}`,
      digits(500),
      "+1",
      "01",
      "1.0",
    ],
  },
  numeric: {
    accepted: [
      ...["0", "-0", "10.0", "0.10", ".5", "-.5", "-0.0", "1e400", "1E+5", "1.5e-7", "1e-999", ".5e3"],
      ...["9223372036854775808", digits(1000)],
    ],
    refused: [
      ...[
        "",
        ".",
        "-",
        "-.",
        "5.",
        "5.e3",
        "e5",
        "+5",
        "+.5",
        "007",
        "00.5",
        "-01.5",
        "1e",
        "1e+",
        "1e1000",
        "1.2.3",
      ],
      ...[
        "NaN",
        "nan",
        "inf",
        "Infinity",
        "-Infinity",
        " 1",
        "1 ",
        "1.5\n",
        "1,5",
        "1_0",
        "0x1F",
        "0b1",
        "0o7",
        "٣.٥",
      ],
      ...["$5", "5%", digits(1001)],
    ],
  },
  date: {
    accepted: [
      "2024-02-29",
      "2000-02-29",
      "2023-02-28",
      "0001-01-01",
      "9999-12-31",
      "2024-12-31",
      "2024-04-30",
    ],
    refused: [
      ...["2023-02-29", "1900-02-29", "2024-02-30", "2024-04-31", "2024-00-10", "2024-13-01", "2024-01-00"],
      ...[
        "2024-01-32",
        "0000-01-01",
        "10000-01-01",
        "-2024-01-01",
        "24-01-01",
        "2024-1-1",
        "2024/01/01",
        "20240101",
      ],
      ...[
        "01-02-2024",
        "2024-01-01 ",
        " 2024-01-01",
        "2024-01-01\n",
        "2024-01-01 00:00",
        "2024-01-01Z",
        "today",
      ],
      ...["infinity", "epoch", "２０２４-01-01", "2024-01-01 BC", ""],
    ],
  },
  timestamp: {
    accepted: [
      ...["2024-02-29", "2024-02-29 07:00", "2024-02-29T07:00", "2024-02-29 23:59:59", "2024-02-29 00:00:00"],
      ...["2024-02-29T07:00:05.1", "2024-02-29 07:00:05.123456", "0001-01-01 00:00"],
    ],
    refused: [
      ...[
        "2024-02-29 24:00",
        "2024-02-29 24:00:00",
        "2024-02-29 23:60",
        "2024-02-29 23:59:60",
        "2024-02-29 7:00",
      ],
      ...[
        "2024-02-29 07:00:05.1234567",
        "2024-02-29 07:00:05.",
        "2024-02-29 07",
        "2024-02-29  07:00",
        "2023-02-29 07:00",
      ],
      ...["2024-02-29t07:00", "2024-02-29 07:00:05,5", "2024-02-29 07:00 PM", "2024-02-29 07:00Z"],
      ...[
        "2024-02-29 07:00+01",
        "0000-01-01 00:00",
        "now",
        "infinity",
        "07:00",
        "2024-02-29T",
        "2024-02-29 07:00\n",
      ],
    ],
  },
  timestamptz: {
    accepted: [
      ...["2024-02-29 07:00Z", "2024-02-29 07:00 Z", "2024-02-29T07:00:05Z", "2021-12-01T00:07:15.386+0100"],
      ...[
        "2024-02-29 07:00:05.123456-08",
        "2024-02-29 07:00+05:30",
        "2024-02-29 07:00-15:59",
        "2024-02-29 07:00+00",
      ],
    ],
    refused: [
      ...[
        "2024-02-29",
        "2024-02-29 07:00",
        "2024-02-29 07:00+16",
        "2024-02-29 07:00+15:60",
        "2024-02-29 07:00+1",
      ],
      ...["2024-02-29 07:00+010", "2024-02-29 07:00+01:00:00", "2024-02-29 07:00z", "2024-02-29 07:00 UTC"],
      ...[
        "2024-02-29 07:00 CET",
        "2024-02-29 07:00 +01",
        "2024-02-29Z",
        "2024-02-29 07:00:05.1234567Z",
        "24:00Z",
      ],
      ...["2024-02-29 24:00Z", "2024-02-29 07:00:60Z", "2023-02-29 07:00Z", "2024-02-29 07:00ZZ"],
    ],
  },
  jsonb: {
    accepted: [
      ...[
        "{}",
        "[]",
        "null",
        "true",
        "0",
        "-0.0",
        "1e400",
        '""',
        '"a"',
        ' {"a": [1, {"b": null}]}\n',
        '{"a":1,"a":2}',
      ],
      ...['"\\ud83d\\ude00"', '"\\\\u0000"', '"😀"', '"\u2028"'],
    ],
    refused: [
      ...["", " ", "a", "{a:1}", "{'a':1}", "[1,]", "01", "+1", "NaN", '"a', '"\n"', "1 2", "undefined"],
      ...['"\\u0000"', '{"\\u0000":1}', '"\\ud83d"', '"\\ude00\\ud83d"', '["a","\\uDBFFx"]'],
    ],
  },
  text: {
    accepted: ["", " ", "02134", "382-4657", "yes", "a\nb", "\u{1f4a9}", "null", "NaN", "'; drop table x"],
    refused: ["a\0b", "\0"],
  },
}

describe.each(columnTypes)("%s", (type) => {
  test.each(cases[type].accepted)("accepts %j", (lexeme) => {
    expect(grammars[type].accepts(lexeme)).toBe(true)
  })

  test.each(cases[type].refused)("refuses %j", (lexeme) => {
    expect(grammars[type].accepts(lexeme)).toBe(false)
  })

  test("accepts the examples that its message shows", () => {
    expect(grammars[type].examples.filter((example) => !grammars[type].accepts(example))).toEqual([])
  })
})

describe("the type of a cell", () => {
  test.each([
    ["0", "integer"],
    ["-0", "integer"],
    ["2147483647", "integer"],
    ["2147483648", "bigint"],
    ["-9223372036854775808", "bigint"],
    ["9223372036854775808", "numeric"],
    ["10.0", "numeric"],
    [".5", "numeric"],
    ["1e3", "numeric"],
    ["False", "boolean"],
    ["true", "boolean"],
    ["2024-02-29", "date"],
    ["2024-02-29 07:00", "timestamp"],
    ["2024-02-29T07:00Z", "timestamptz"],
    ["02134", "text"],
    ["382-4657", "text"],
    ["yes", "text"],
    ["+5", "text"],
    ["5.", "text"],
    ["NaN", "text"],
    ["", "text"],
    [" 1", "text"],
    ["2023-02-29", "text"],
    ["１２", "text"],
  ] satisfies [string, ColumnType][])("of %j is %s", (lexeme, type) => {
    expect(classifyLexeme(lexeme)).toBe(type)
  })

  test("is the narrowest whose grammar accepts it, for any text", () => {
    const narrowestFirst: ColumnType[] = [
      "integer",
      "bigint",
      "numeric",
      "boolean",
      "date",
      "timestamp",
      "timestamptz",
    ]
    const letters = fc.constantFrom(..."0123456789-+.:eETZ truefals", "2024-02-29", "12:30:45", "true")
    fc.assert(
      fc.property(fc.string({ unit: letters, maxLength: 12 }), (lexeme) => {
        const expected = narrowestFirst.find((type) => grammars[type].accepts(lexeme)) ?? "text"
        expect(classifyLexeme(lexeme)).toBe(expected)
      }),
      { numRuns: 5000 },
    )
  })
})

describe("the type of a column", () => {
  test.each([
    ["integer", "bigint", "bigint"],
    ["integer", "numeric", "numeric"],
    ["bigint", "numeric", "numeric"],
    ["date", "timestamp", "timestamp"],
    ["date", "timestamptz", "text"],
    ["timestamp", "timestamptz", "text"],
    ["boolean", "integer", "text"],
    ["numeric", "date", "text"],
    ["integer", "text", "text"],
  ] satisfies [ColumnType, ColumnType, ColumnType][])("of %s and %s is %s", (a, b, joined) => {
    expect(joinTypes(a, b)).toBe(joined)
  })

  test("does not depend on the order of the rows", () => {
    for (const a of columnTypes) {
      expect(joinTypes(a, a)).toBe(a)
      for (const b of columnTypes) {
        expect(joinTypes(a, b)).toBe(joinTypes(b, a))
        for (const c of columnTypes) {
          expect(joinTypes(joinTypes(a, b), c), `${a}, ${b}, ${c}`).toBe(joinTypes(a, joinTypes(b, c)))
        }
      }
    }
  })

  test("accepts every cell of the types that it joins", () => {
    for (const a of columnTypes) {
      for (const b of columnTypes) {
        // A reader that finds JSON beside them spells the other cells as JSON, too.
        if ((a === "jsonb") !== (b === "jsonb")) continue
        for (const lexeme of [...cases[a].accepted, ...cases[b].accepted]) {
          expect(grammars[joinTypes(a, b)].accepts(lexeme), `${lexeme} as ${joinTypes(a, b)}`).toBe(true)
        }
      }
    }
  })
})

/** A decimal by itself: digits and a power of ten, without trailing zeros. Knows nothing of doubles. */
function decimal(lexeme: string): { digits: bigint; exponent: number } {
  const [, sign, whole = "", fraction = "", exponent = "0"] =
    /^(-?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/.exec(lexeme) ?? []
  const value = { digits: BigInt(`${sign}${whole}${fraction}`), exponent: Number(exponent) - fraction.length }
  while (value.digits !== 0n && value.digits % 10n === 0n) {
    value.digits /= 10n
    value.exponent += 1
  }
  return value.digits === 0n ? { digits: 0n, exponent: 0 } : value
}

const digitString = (max: number) =>
  fc.string({ unit: fc.constantFrom(..."0123456789"), minLength: 1, maxLength: max })
const wholePart = digitString(25).map((text) => text.replace(/^0+(?=\d)/, ""))
const numericLexeme = fc
  .tuple(
    fc.constantFrom("", "-"),
    fc.oneof(
      wholePart,
      fc.tuple(wholePart, digitString(60)).map(([whole, fraction]) => `${whole}.${fraction}`),
      digitString(60).map((fraction) => `.${fraction}`),
      fc.tuple(fc.nat({ max: 320 }), digitString(15)).map(([zeros, tail]) => `0.${"0".repeat(zeros)}${tail}`),
    ),
    fc.oneof(
      fc.constant(""),
      fc.integer({ min: -999, max: 999 }).map((exponent) => `e${exponent}`),
    ),
  )
  .map((parts) => parts.join(""))

describe("a cell as JSON", () => {
  test.each([
    ["boolean", "True", "true"],
    ["boolean", "FALSE", "false"],
    ["integer", "-17", "-17"],
    ["bigint", "9007199254740991", "9007199254740991"],
    ["bigint", "9007199254740992", '"9007199254740992"'],
    ["bigint", "-9007199254740993", '"-9007199254740993"'],
    ["numeric", "10.0", "10.0"],
    ["numeric", ".5", "0.5"],
    ["numeric", "-.5", "-0.5"],
    ["numeric", "1e400", '"1e400"'],
    ["numeric", "1e-400", '"1e-400"'],
    ["numeric", "0.1234567890123456", '"0.1234567890123456"'],
    ["date", "2024-02-29", '"2024-02-29"'],
    ["timestamptz", "2024-02-29T07:00Z", '"2024-02-29T07:00Z"'],
    ["text", 'a "b"\n', '"a \\"b\\"\\n"'],
    ["text", "02134", '"02134"'],
  ] satisfies [ColumnType, string, string][])("%s %j is %s", (type, lexeme, json) => {
    expect(lexemeToJson(type, lexeme)).toBe(json)
  })

  test("a number is one only where a reader that takes doubles gets the very decimal written", () => {
    let numbers = 0
    let strings = 0
    fc.assert(
      fc.property(numericLexeme, (lexeme) => {
        expect(grammars.numeric.accepts(lexeme)).toBe(true)
        const parsed: unknown = JSON.parse(lexemeToJson("numeric", lexeme))
        if (typeof parsed === "number") {
          numbers += 1
          expect(parsed).toBe(Number(lexeme))
          expect(decimal(String(parsed))).toEqual(decimal(lexeme))
        } else {
          strings += 1
          expect(parsed).toBe(lexeme)
        }
      }),
      { numRuns: 5000 },
    )
    // Both ways out are really taken.
    expect(numbers).toBeGreaterThan(500)
    expect(strings).toBeGreaterThan(500)
  })

  test("whole numbers arrive with their value, as number or as text", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
        const parsed: unknown = JSON.parse(lexemeToJson("bigint", value.toString()))
        expect(BigInt(parsed as string | number)).toBe(value)
      }),
    )
  })

  test("any text survives", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        expect(JSON.parse(lexemeToJson("text", text))).toBe(text)
      }),
    )
  })
})

test("the hash of columns changes with every name, type, nullability and with the order", () => {
  const columns: Column[] = [
    { name: "a", type: "integer", nullable: false },
    { name: "b", type: "text", nullable: true },
  ]
  const [a, b] = columns as [Column, Column]
  const variants = [
    columns,
    [b, a],
    [a],
    [{ ...a, name: "A" }, b],
    [{ ...a, type: "bigint" as const }, b],
    [{ ...a, nullable: true }, b],
    [],
  ]
  expect(new Set(variants.map(hashColumns)).size).toBe(variants.length)
  expect(hashColumns([{ nullable: false, type: "integer", name: "a" }, b])).toBe(hashColumns(columns))
  expect(hashColumns(columns)).toMatch(/^[0-9a-f]{64}$/)
})
