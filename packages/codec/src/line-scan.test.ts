// If this fails, what the lines of an NDJSON file say of its columns is not what stands in them, or lines are lost.
import { expect, test } from "vitest"
import type { LineShape } from "./json-shapes.ts"
import { type LineScanner, type LineSink, openLineScanner } from "./line-scan.ts"
import { cellForms } from "./record-scan.ts"

const rules = { maxLineBytes: 100_000, hasObjects: false, accepted: false }
const shape: LineShape = [
  { gap: Buffer.from('{"a":'), field: 0 },
  { gap: Buffer.from(',"b":'), field: 1 },
  { gap: Buffer.from("}\n"), field: -1 },
]
const everyForm = (1 << cellForms.length) - 1

/** Holds the lines after the first, which gives the shape, and tells what became of them. */
function scan(lines: string, given: Partial<typeof rules> = {}, prepare?: (scanner: LineScanner) => void) {
  const scanner = openLineScanner({ ...rules, ...given })
  scanner.learn(shape)
  prepare?.(scanner)
  const told: (number | string)[] = []
  const sink: LineSink = {
    line: (bytes) => told.push(bytes),
    notes: (notes, memory) =>
      told.push(
        ...notes.map(
          ({ field, form, from, to }) => `${field} ${cellForms[form]} ${memory.toString("utf8", from, to)}`,
        ),
      ),
    row: () => true,
  }
  scanner.hold(Buffer.from(lines))
  scanner.scan(false, sink)
  const summary = [0, 1].map((field) => {
    const { cells, ...others } = scanner.summary(field) ?? { cells: [] }
    const forms = cellForms.flatMap((form, i) => (cells[i] === 0 ? [] : [`${form} ${cells[i]}`]))
    return { ...others, forms: forms.join(", ") }
  })
  const left = scanner.held().toString()
  scanner.close()
  return { told, summary, left }
}

test("lines are told with their lengths, and a form where it comes first", () => {
  const lines = ['{"a":1,"b":"x"}', '{"a":-22,"b":null}', '{"a":3.25,"b":""}', '{"a":null,"b":"2024-02-29"}']
  expect(scan(lines.map((line) => `${line}\n`).join(""))).toEqual({
    told: ["0 integer 1", '1 text "x"', 16, 19, "0 numeric 3.25", 18, '1 date "2024-02-29"', 28],
    summary: [
      { bytes: 4, written: 4, digits: 2, scale: 2, forms: "integer 2, numeric 1" },
      { bytes: 10, written: 12, digits: 0, scale: 0, forms: "date 1, text 1, empty 1" },
    ],
    left: "",
  })
})

test("each value has the form that its spelling has", () => {
  const forms = {
    "0": "integer",
    "-0": "integer",
    "999999999": "integer",
    "2147483647": "integer",
    "2147483648": "bigint",
    "-2147483648": "integer",
    "-2147483649": "bigint",
    "999999999999999999": "bigint",
    "0.0": "numeric",
    "-12.50": "numeric",
    true: "boolean",
    false: "boolean",
    '""': "empty",
    '"x"': "text",
    '"42"': "text",
    '"true"': "text",
    '"2023-02-29"': "text",
    '"2024-02-29"': "date",
    '"2024-02-29T07:00"': "timestamp",
    '"2024-02-29 07:00:05.5+01"': "timestamptz",
    '"2024-02-29\\n"': "text",
    "[]": "jsonb",
    '[1,{"k":[{"k":2}]}]': "jsonb",
  }
  for (const [value, form] of Object.entries(forms)) {
    const { told } = scan(`{"a":${value},"b":null}\n`)
    expect(told).toEqual([`0 ${form} ${value}`, value.length + 16])
  }
})

test("a line that the codec cannot judge is left, with all behind it", () => {
  const values = [
    "1e5",
    "1234567890123456789",
    '"\\u0032024-02-29"',
    '"2024\\u002d02-29"',
    '{"k":1}',
    '[{"k":1,"k":2}]',
    '[{"\\u006b":1}]',
    "[1,]",
    "[01]",
    '["\\ud800"]',
    "[[}]",
    "[",
    "[".repeat(34) + "]".repeat(34),
    `[{${Array.from({ length: 130 }, (_, i) => `"k${i}":0`).join(",")}}]`,
  ]
  for (const value of values) {
    const lines = `{"a":1,"b":2}\n{"a":${value},"b":2}\n{"a":1,"b":2}\n`
    const { told, left } = scan(lines)
    expect({ value, told, left }).toEqual({
      value,
      told: ["0 integer 1", "1 integer 2", 14],
      left: lines.slice(14),
    })
  }
})

test("objects are values where they are not taken apart", () => {
  expect(scan('{"a":{"k":1,"l":{}},"b":null}\n', { hasObjects: true }).told).toEqual([
    '0 jsonb {"k":1,"l":{}}',
    30,
  ])
})

test("a value that its column's type does not allow leaves the line to the caller", () => {
  const bit = (form: (typeof cellForms)[number]) => 1 << cellForms.indexOf(form)
  const integers = (scanner: LineScanner) => scanner.allow(0, bit("integer") | bit("null"))
  const values = { "1": true, '"42"': true, null: true, "2.5": false, '""': false, '"x"': false, true: false }
  for (const [value, isTold] of Object.entries(values)) {
    const { left } = scan(`{"a":${value},"b":null}\n`, {}, integers)
    expect({ value, isTold: left === "" }).toEqual({ value, isTold })
  }
  expect(scan('{"a":"x","b":null}\n', {}, (scanner) => scanner.allow(0, everyForm)).left).toBe("")
})

test("a line beyond the limit is left, and so is one without an end", () => {
  expect(scan(`{"a":"${"x".repeat(80)}","b":null}\n`, { maxLineBytes: 90 }).told).toEqual([])
  expect(scan('{"a":1,"b":2}\n{"a":1,"b":2}').left).toBe('{"a":1,"b":2}')
})

test("the same is told wherever the bytes are cut, also where the memory has to grow", () => {
  const values = ["1", '"x"', `"${"y".repeat(700_000)}"`, "2.5", '"é"']
  const lines = Buffer.from(values.map((value) => `{"a":${value},"b":null}\n`).join(""))
  const cuts = [1, 5, 14, 15, 16, 17, 30, 31, 700_040, 700_044, lines.length - 1]
  const wanted = values.map((value) => Buffer.byteLength(value) + 16)
  for (const cut of cuts) {
    const scanner = openLineScanner({ ...rules, maxLineBytes: 1_000_000 })
    scanner.learn(shape)
    const told: number[] = []
    const sink: LineSink = { line: (bytes) => told.push(bytes), notes: () => {}, row: () => true }
    for (const bytes of [lines.subarray(0, cut), lines.subarray(cut)]) {
      scanner.hold(bytes)
      scanner.scan(false, sink)
    }
    expect({ cut, told }).toEqual({ cut, told: wanted })
    expect(scanner.summary(0)).toMatchObject({ bytes: 700_000, digits: 1, scale: 1 })
    scanner.close()
  }
})

test("every row is put up with its values where that is asked for, until the answer is no", () => {
  const scanner = openLineScanner(rules)
  scanner.learn(shape)
  const rows: unknown[] = []
  const sink: LineSink = {
    line: () => rows.push("line"),
    notes: () => rows.push("notes"),
    row(memory, from, to) {
      const values: string[] = []
      scanner.eachValue((field, kind, at, end) =>
        values.push(`${field} ${kind} ${memory.toString("utf8", at, end)}`),
      )
      rows.push([to - from, ...values])
      return rows.length < 2
    },
  }
  scanner.hold(Buffer.from('{"a":1,"b":"x"}\n{"a":null,"b":"\\n"}\n{"a":3,"b":4}\n'))
  scanner.scan(true, sink)
  expect(rows).toEqual([
    [16, "0 2 1", '1 4 "x"'],
    [20, "0 1 null", '1 5 "\\n"'],
  ])
  expect(scanner.held().toString()).toBe('{"a":3,"b":4}\n')
  scanner.close()
})
