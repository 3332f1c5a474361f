// If this file fails, `verify` takes a right table for a wrong one, or two different rows for the same.
import { createHash } from "node:crypto"
import { describe, expect, test } from "vitest"
import { canonicalCell } from "./canonical-cell.ts"
import type { ColumnType } from "./columns.ts"
import {
  addDigests,
  createRowDigester,
  type DigestType,
  formatDigest,
  noRows,
  parseDigest,
  subtractDigest,
} from "./row-digest.ts"

const canonical: Record<ColumnType, [lexeme: string, spelling: string][]> = {
  boolean: [
    ["True", "true"],
    ["FALSE", "false"],
  ],
  integer: [
    ["-0", "0"],
    ["-17", "-17"],
    ["2147483647", "2147483647"],
  ],
  bigint: [
    ["-0", "0"],
    ["-9223372036854775808", "-9223372036854775808"],
  ],
  numeric: [
    ["10.0", "10"],
    ["100", "100"],
    ["0.10", "0.1"],
    [".5", "0.5"],
    ["-.50", "-0.5"],
    ["-0", "0"],
    ["-0.00", "0"],
    ["1.5e-7", "0.00000015"],
    ["1.50E+2", "150"],
    [".05e1", "0.5"],
    ["12.5e1", "125"],
    ["0e5", "0"],
    ["9223372036854775808", "9223372036854775808"],
  ],
  date: [["2024-02-29", "2024-02-29"]],
  timestamp: [
    ["2024-02-29", "2024-02-29 00:00:00"],
    ["2024-02-29T07:00", "2024-02-29 07:00:00"],
    ["2024-02-29 07:00:05", "2024-02-29 07:00:05"],
    ["2024-02-29T07:00:05.120000", "2024-02-29 07:00:05.12"],
    ["2024-02-29 07:00:05.000", "2024-02-29 07:00:05"],
  ],
  timestamptz: [
    ["2024-02-29T07:00:05Z", "2024-02-29 07:00:05+00"],
    ["2024-02-29 07:00 Z", "2024-02-29 07:00:00+00"],
    ["2021-12-01T00:07:15.386+0100", "2021-11-30 23:07:15.386+00"],
    ["2024-01-01 00:30:00.500000-03:30", "2024-01-01 04:00:00.5+00"],
    ["9999-12-31 23:30:00-01", "10000-01-01 00:30:00+00"],
    ["0001-01-01 00:00:00+01", "0001-12-31 23:00:00+00 BC"],
  ],
  jsonb: [
    ['{ "bb":1.50,"a" : [1,2e1 , null],"a":[] }', '{"a": [], "bb": 1.50}'],
    ['{"b":{},"ä":0.10,"aa":-0}', '{"b": {}, "aa": 0, "ä": 0.10}'],
    ['"\\u00e9\\/\\n\\u001f"', '"é/\\n\\u001f"'],
    ["1.50e1", "15.0"],
    ["-0.00", "0.00"],
    ["1E-3", "0.001"],
    [" true ", "true"],
  ],
  text: [
    ["", ""],
    ["007", "007"],
    [" a\n", " a\n"],
  ],
}

describe("one spelling for each value", () => {
  test.each(
    Object.entries(canonical).flatMap(([type, cases]) =>
      cases.map(([lexeme, spelling]) => [type as ColumnType, lexeme, spelling] as const),
    ),
  )("%s %j is %j", (type, lexeme, spelling) => {
    expect(canonicalCell(type, lexeme)).toBe(spelling)
  })
})

/** As the chunk's lines have them. */
const linesOf = (rows: readonly unknown[]) =>
  Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(""))

/** SHA-256's first 8 bytes of each text, summed: in the plainest words. */
function sumOf(texts: readonly string[]): string {
  let sum = 0n
  for (const text of texts) sum += BigInt(`0x${createHash("sha256").update(text).digest("hex").slice(0, 16)}`)
  return (sum % 2n ** 64n).toString(16).padStart(16, "0")
}

const all: readonly ColumnType[] = [
  "boolean",
  "integer",
  "bigint",
  "numeric",
  "date",
  "timestamp",
  "timestamptz",
  "jsonb",
  "text",
]

describe("the digest of rows", () => {
  test("is that of the JSON array of their canonical cells, however they are written", () => {
    // The cases of each type side by side, so that every column meets every way in which the others are read.
    const most = Math.max(...all.map((type) => canonical[type].length))
    const rows = Array.from({ length: most }, (_, i) =>
      all.map((type) => canonical[type][i % canonical[type].length] ?? ["", ""]),
    )
    const { rows: counted, ...digest } = createRowDigester(all).digest(
      linesOf(rows.map((row) => row.map(([lexeme]) => lexeme))),
    )
    expect(counted).toBe(most)
    expect(formatDigest({ rows: counted, ...digest })).toBe(
      sumOf(rows.map((row) => JSON.stringify(row.map(([, spelling]) => spelling)))),
    )
  })

  test.each(
    all.flatMap((type) => canonical[type].map(([lexeme, spelling]) => [type, lexeme, spelling] as const)),
  )("of a single cell, %s %j", (type, lexeme, spelling) => {
    const { digest } = createRowDigester([type])
    expect(formatDigest(digest(linesOf([[lexeme]])))).toBe(sumOf([JSON.stringify([spelling])]))
  })

  test("tells NULL from the empty text and from the word", () => {
    const { digest } = createRowDigester(["text", "numeric"])
    const rows = [
      [null, null],
      ["", null],
      ["null", null],
      ["a", "1.0"],
    ]
    const texts = ["[null,null]", '["",null]', '["null",null]', '["a","1"]']
    expect(formatDigest(digest(linesOf(rows)))).toBe(sumOf(texts))
    expect(new Set(rows.map((row) => formatDigest(digest(linesOf([row]))))).size).toBe(4)
  })

  test("is the same in any order, and another one when a row stands twice or two cells change places", () => {
    const { digest } = createRowDigester(["text", "text"])
    const rows = [
      ["a", "b"],
      ["c", "d"],
      ['é\u0007"\\', "😀"],
    ]
    const of = (...some: unknown[]) => formatDigest(digest(linesOf(some)))
    expect(of(rows[2], rows[0], rows[1])).toBe(of(...rows))
    expect(of(...rows, rows[0])).not.toBe(of(...rows))
    expect(of(...rows, rows[0], rows[0])).not.toBe(of(...rows))
    expect(of(["a", "d"], ["c", "b"], rows[2])).not.toBe(of(...rows))
  })

  test("leaves columns out as though they were not there, and counts no reject", () => {
    const types: DigestType[] = ["left-out", "text", "left-out", "integer", "left-out"]
    const lines = linesOf([["x", "a", null, "-0", "1"], { reject: { row: 2 } }, ["y", null, '"', null, "\\"]])
    const seen: [number, string][] = []
    const found = createRowDigester(types).digest(lines, (index, digest) =>
      seen.push([index, digest.toString("hex")]),
    )
    expect(found.rows).toBe(2)
    const hex = (text: string) => createHash("sha256").update(text).digest("hex").slice(0, 32)
    expect(seen).toEqual([
      [0, hex('["a","0"]')],
      [2, hex("[null,null]")],
    ])
    expect(formatDigest(found)).toBe(sumOf(['["a","0"]', "[null,null]"]))
  })

  test("can be added and taken away", () => {
    const { digest } = createRowDigester(["text"])
    const [a, b] = [digest(linesOf([["a"], ["b"]])), digest(linesOf([["c"]]))]
    expect(addDigests(a, b)).toEqual(digest(linesOf([["c"], ["b"], ["a"]])))
    expect(subtractDigest(addDigests(a, b), a)).toEqual(b)
    expect(subtractDigest(a, a)).toEqual(noRows)
    expect(parseDigest(a.rows, formatDigest(a))).toEqual(a)
  })

  test.each(['["a"', '["a","b","c"]', '["a"]x', "[1]", "[]"])(
    "of a line that is no row, %s, is none",
    (line) => {
      const { digest } = createRowDigester(["text", "text"])
      expect(() => digest(Buffer.from(`${line}\n`))).toThrow()
    },
  )
})
