// If this fails, a filter lets rows through that it should not, or keeps others back.
import type { ColumnType } from "@flatbed/contract"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { compareText, compareTo } from "./compare-values.ts"
import { type Condition, checkFilter, compileFilter } from "./filter.ts"

const seed = Number(process.env.FLATBED_TEST_SEED ?? Date.now() % 1_000_000_000)
const cases = Number(process.env.FLATBED_TEST_CASES ?? 2_000)

function served(condition: Condition, type: ColumnType | undefined, cells: readonly (string | null)[]) {
  const [column] = compileFilter({ c: condition }, () => type)
  return cells.filter((cell) => column?.accepts(cell))
}

// Written by hand: condition, type, cells, cells that are served.
test.each<[Condition, ColumnType | undefined, (string | null)[], (string | null)[]]>([
  [{ gt: "0" }, "numeric", ["-1", "0", "-0", "0.0", ".1", "1e-9", "5", null], [".1", "1e-9", "5"]],
  [{ ge: "1.10" }, "numeric", ["1.1", "1.0999", "1.10", "1.100001"], ["1.1", "1.10", "1.100001"]],
  [{ eq: "1.1" }, "numeric", ["1.10", "1.1", "11e-1", "1.01"], ["1.10", "1.1", "11e-1"]],
  [{ ne: "0" }, "numeric", ["0", "-0", "0.00", "0e5", "1", null], ["1"]],
  [{ gt: "9007199254740992" }, "bigint", ["9007199254740992", "9007199254740993"], ["9007199254740993"]],
  [{ lt: "-9007199254740992" }, "bigint", ["-9007199254740992", "-9007199254740993"], ["-9007199254740993"]],
  [{ gt: "1.5" }, "integer", ["1", "2"], ["2"]],
  [{ lt: "1e400" }, "numeric", ["1e399", "1e400", "9e400", "-1e500"], ["1e399", "-1e500"]],
  [{ gt: "0", le: "10" }, "integer", ["0", "1", "10", "11"], ["1", "10"]],
  [{ in: ["1", "2.0"] }, "numeric", ["1.0", "2", "3"], ["1.0", "2"]],
  [{ not_in: ["1", "2"] }, "numeric", ["1.0", "2", "3", null], ["3"]],
  [{ in: ["KS", "OH"] }, undefined, ["KS", "ks", "OH", "", null], ["KS", "OH"]],
  [{ eq: "" }, "text", ["", " ", null], [""]],
  [{ starts_with: "0" }, "text", ["021", "210", "", null], ["021"]],
  [{ starts_with: "é" }, "text", ["été", "e\u0301te\u0301"], ["été"]],
  [{ gt: "a" }, "text", ["A", "a", "b", "á"], ["b", "á"]],
  [{ not_null: true }, "text", ["", "a", null], ["", "a"]],
  [{ null: true }, "text", ["", "a", null], [null]],
  [{ gt: "0", null: true }, "integer", ["-1", "1", null], ["1", null]],
  [{ gt: "0", not_null: true }, "integer", ["-1", "1", null], ["1"]],
  [{ eq: "TRUE" }, "boolean", ["true", "True", "false", null], ["true", "True"]],
  [
    { ge: "2024-02-29" },
    "date",
    ["2024-02-28", "2024-02-29", "2024-03-01", "0999-12-31"],
    ["2024-02-29", "2024-03-01"],
  ],
  [
    { lt: "2024-01-02" },
    "timestamp",
    ["2024-01-01", "2024-01-01 23:59:59.999999", "2024-01-02T00:00", "2024-01-02 00:00:00.000001"],
    ["2024-01-01", "2024-01-01 23:59:59.999999"],
  ],
  [
    { eq: "2024-01-01 07:00" },
    "timestamp",
    ["2024-01-01T07:00:00", "2024-01-01 07:00:00.000", "2024-01-01 07:00:01"],
    ["2024-01-01T07:00:00", "2024-01-01 07:00:00.000"],
  ],
  [
    { eq: "2024-01-01T00:00Z" },
    "timestamptz",
    ["2024-01-01T01:00+01", "2023-12-31T19:00:00-0500", "2024-01-01 05:30 Z", "2024-01-01T05:30+05:30"],
    ["2024-01-01T01:00+01", "2023-12-31T19:00:00-0500", "2024-01-01T05:30+05:30"],
  ],
])("%j on %s", (condition, type, cells, expected) => {
  expect(served(condition, type, cells)).toEqual(expected)
})

test(`numbers compare as whole numbers of their smallest parts do (seed ${seed})`, () => {
  const number = fc.tuple(fc.bigInt(-(10n ** 25n), 10n ** 25n), fc.integer({ min: 0, max: 20 }))
  const spell = ([units, scale]: [bigint, number]) => {
    const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, "0")
    const [whole, fraction] = [digits.slice(0, digits.length - scale), digits.slice(digits.length - scale)]
    return [
      `${units < 0n ? "-" : ""}${whole}${fraction === "" ? "" : `.${fraction}`}`,
      `${units}e-${scale}`,
      `${units < 0n ? "-" : ""}${whole}.${fraction}000`,
    ]
  }
  fc.assert(
    fc.property(number, number, (left, right) => {
      const [a, b] = [left[0] * 10n ** BigInt(20 - left[1]), right[0] * 10n ** BigInt(20 - right[1])]
      const expected = a < b ? -1 : a > b ? 1 : 0
      for (const one of spell(left)) {
        for (const other of spell(right)) {
          expect(Math.sign(compareTo("numeric", other)(one)), `${one} and ${other}`).toBe(expected)
        }
      }
    }),
    { numRuns: cases / 4, seed },
  )
})

test(`texts compare as their bytes do (seed ${seed})`, () => {
  const text = fc.string({
    unit: fc.oneof(
      fc.constantFrom("a", "é", "\ue000", "\uffff", "😀", "\ud7ff"),
      fc.string({ unit: "binary", maxLength: 1 }),
    ),
    maxLength: 4,
  })
  fc.assert(
    fc.property(text, text, (left, right) => {
      expect(Math.sign(compareText(left, right))).toBe(Buffer.compare(Buffer.from(left), Buffer.from(right)))
    }),
    { numRuns: cases, seed },
  )
})

test(`times compare as their instants do (seed ${seed})`, () => {
  const time = fc.tuple(
    fc.integer({ min: -62_000_000_000_000, max: 253_000_000_000_000 }),
    fc.constantFrom(-720, -330, 0, 60, 345, 840),
  )
  const spell = ([ms, minutes]: [number, number]) => {
    const clock = new Date(ms + minutes * 60_000).toISOString().slice(0, -1)
    const size = Math.abs(minutes)
    const two = (n: number) => String(n).padStart(2, "0")
    return `${clock}${minutes < 0 ? "-" : "+"}${two(Math.floor(size / 60))}:${two(size % 60)}`
  }
  fc.assert(
    fc.property(time, time, (left, right) => {
      const compare = compareTo("timestamptz", spell(right))
      expect(Math.sign(compare(spell(left)))).toBe(Math.sign(left[0] - right[0]))
    }),
    { numRuns: cases, seed },
  )
})

describe("what cannot be compared is refused with the reason", () => {
  const problems = (condition: Condition, type?: ColumnType) => checkFilter({ c: condition }, () => type)

  test.each<[Condition, ColumnType | undefined, string, RegExp]>([
    [{ gt: "x" }, "numeric", "c.gt", /is "x", expected numeric: a decimal number/],
    [{ eq: "1.5" }, "integer", "c.eq", /expected integer/],
    [{ in: ["1", "x"] }, "bigint", "c.in", /is "x"/],
    [{ eq: "01.02.2024" }, "date", "c.eq", /YYYY-MM-DD/],
    [{ lt: "2024-01-01" }, "timestamptz", "c.lt", /offset/],
    [{ gt: "true" }, "boolean", "c.gt", /an order.*eq or ne/],
    [{ starts_with: "1" }, "integer", "c.starts_with", /is for text, but the column's type is integer/],
    [{ gt: "0" }, undefined, "c.gt", /needs to know.*types: \{ "c": integer \}/],
    [{ gt: "m" }, undefined, "c.gt", /types: \{ "c": text \}/],
    [{ eq: "5" }, undefined, "c.eq", /may be integer or text/],
    [{ ne: "true" }, undefined, "c.ne", /may be boolean or text/],
    [{ null: true, not_null: true }, "text", "c.not_null", /beside null/],
    [{}, "text", "c", /says nothing/],
  ])("%j on %s", (condition, type, path, message) => {
    expect(problems(condition, type)).toEqual([{ path, message: expect.stringMatching(message) }])
  })

  test.each<[Condition, ColumnType | undefined]>([
    [{ gt: "1.5" }, "integer"],
    [{ gt: "1e400" }, "bigint"],
    [{ in: ["KS", "02134"] }, undefined],
    [{ starts_with: "5" }, undefined],
    [{ null: true }, undefined],
    [{ not_null: true }, undefined],
    [{ ge: "2024-01-01" }, "timestamp"],
    [{ eq: "True" }, "boolean"],
  ])("%j on %s is none of them", (condition, type) => {
    expect(problems(condition, type)).toEqual([])
  })
})
