// If this fails, values of NDJSON change on their way from the file to the wire: at the borders of the sixteen bytes
// that are compared and copied at once, where lines differ in their keys, or where the output has to grow.
import { expect, test } from "vitest"
import { encodeJsonLines, type JsonColumns, type LineRows } from "./json-lines.ts"
import type { LineShape } from "./json-shapes.ts"

const columnsOf = (...fields: number[]): JsonColumns => ({
  fields: 3,
  columns: fields.map((field) => ({ field, isJson: false })),
  hasObjects: false,
})

/** A shape from the texts around its values, whose fields are 0, 1, … */
const shapeOf = (...gaps: string[]): LineShape =>
  gaps.map((gap, i) => ({ gap: Buffer.from(gap), field: i === gaps.length - 1 ? -1 : i }))

/** Encodes; lines of unknown shape are answered by a line of their own, and by the shapes in turn. */
function encode(lines: string, columns: JsonColumns, ...shapes: LineShape[]) {
  const unknown: string[] = []
  const bytes = Buffer.from(lines)
  const readLine = (from: number, to: number): LineRows => {
    unknown.push(bytes.toString("utf8", from, to))
    return { body: Buffer.from(`["read ${unknown.length}"]\n`), rows: 1, shape: shapes[unknown.length - 1] }
  }
  const { body, rows } = encodeJsonLines(bytes, columns, readLine)
  return { rows, unknown, told: body.toString().split("\n").slice(0, -1) }
}

test("a value of any length between keys of any length is the same behind the wire, and only the first line is read in full", () => {
  for (let length = 0; length <= 40; length += 1) {
    const key = `"${"k".repeat(length)}"`
    const shape = shapeOf(`{${key}: `, `,"b":`, `, "c":`, "}\r\n")
    const values = [
      [`"${"x".repeat(length)}"`, `-${"1".repeat(length + 1)}`, "true"],
      [`"${"é".repeat(length)}\\n"`, "null", `0.${"5".repeat(length + 1)}e-7`],
      ["false", `"${"y".repeat(length)}\\u20ac"`, '""'],
    ]
    const lines = values.map(([a, b, c]) => `{${key}: ${a},"b":${b}, "c":${c}}\r\n`)
    const { told, unknown, rows } = encode(`${lines[0]}${lines.join("")}`, columnsOf(0, 1, 2), shape)
    expect(unknown).toEqual([lines[0]])
    expect(rows).toBe(4)
    const inQuotes = (value = "") => (value === "null" || value.startsWith('"') ? value : `"${value}"`)
    expect(told).toEqual(['["read 1"]', ...values.map((row) => `[${row.map(inQuotes).join(",")}]`)])
  }
})

test("columns come in their own order; a field may be left out, or be missing on a line", () => {
  const two = shapeOf('{"a":', ',"b":', "}\n")
  const one: LineShape = [
    { gap: Buffer.from('{"b":'), field: 1 },
    { gap: Buffer.from("}\n"), field: -1 },
  ]
  const lines = '{"a":1,"b":2}\n{"b":3}\n{"a":4,"b":5}\n{"b":6}\n'
  expect(encode(lines, columnsOf(1, -1, 0), two, one)).toEqual({
    rows: 4,
    unknown: ['{"a":1,"b":2}\n', '{"b":3}\n'],
    told: ['["read 1"]', '["read 2"]', '["5",null,"4"]', '["6",null,null]'],
  })
  expect(encode(lines, columnsOf(1), two, one).told.slice(2)).toEqual(['["5"]', '["6"]'])
})

test("of two shapes that begin alike the right one is taken, whichever came first", () => {
  const plain = shapeOf('{"a":', "}\n")
  const deep = shapeOf('{"a":{"b":', "}}\n")
  const first = '{"a":1}\n{"a":{"b":1}}\n'
  const second = '{"a":{"b":1}}\n{"a":1}\n'
  const both = '{"a":{"b":7}}\n{"a":8}\n{"a":null}\n'
  const told = ['["read 1"]', '["read 2"]', '["7"]', '["8"]', "[null]"]
  expect(encode(first + both, columnsOf(0), plain, deep).told).toEqual(told)
  expect(encode(second + both, columnsOf(0), deep, plain).told).toEqual(told)
})

test("what is JSON goes out as one string, also where that is six times as long", () => {
  const shape = shapeOf('{"a":', ',"b":', "}\n")
  const columns: JsonColumns = {
    ...{ fields: 2, hasObjects: true },
    columns: [
      { field: 0, isJson: true },
      { field: 1, isJson: false },
    ],
  }
  const given = [
    ['"x\\"y"', '{"k":[1,"]}"]}'],
    ["17", "[]"],
    ["null", '[\t"a" ]'],
    [`["${"\\\\".repeat(30_000)}"]`, `[${"\t".repeat(60_000)}]`],
  ]
  const lines = given.map(([a, b]) => `{"a":${a},"b":${b}}\n`)
  const { told, unknown } = encode(`${lines[0]}${lines.join("")}`, columns, shape)
  expect(unknown).toHaveLength(1)
  expect(told.slice(1).map((row) => JSON.parse(row))).toEqual(
    given.map((row) => row.map((value) => (value === "null" ? null : value))),
  )
})

test("a line that is not like the others is handed over whole, wherever it differs", () => {
  const shape = shapeOf('{"a":', ',"b":', "}\n")
  const others = [
    '{"a":1,"b":2} \n',
    '{"a":1,"b": 2}\n',
    '{"a":1,"c":2}\n',
    '{"a":01,"b":2}\n',
    '{"a":1.,"b":2}\n',
    '{"a":+1,"b":2}\n',
    '{"a":1e,"b":2}\n',
    '{"a":tru,"b":2}\n',
    '{"a":nulls,"b":2}\n',
    '{"a":"x,"b":2}\n',
    '{"a":"\\x","b":2}\n',
    '{"a":"\\u12g4","b":2}\n',
    '{"a":"\\ud800","b":2}\n',
    '{"a":"\\u0000","b":2}\n',
    '{"a":"\t","b":2}\n',
    '{"a":{},"b":2}\n',
    '{"a":1,"b":2',
  ]
  for (const other of others) {
    const lines = `{"a":1,"b":2}\n{"a":1,"b":2}\n${other}`
    expect(encode(lines, columnsOf(0, 1), shape)).toEqual({
      rows: 3,
      unknown: ['{"a":1,"b":2}\n', other],
      told: ['["read 1"]', '["1","2"]', '["read 2"]'],
    })
  }
})

test("the rows are in the one buffer that was asked for", () => {
  const lines = Buffer.from('{"a":"x"}\n'.repeat(5))
  const taken: Buffer[] = []
  const readLine = () => ({ body: Buffer.from('["x"]\n'), rows: 1, shape: shapeOf('{"a":', "}\n") })
  const { body, rows } = encodeJsonLines(lines, columnsOf(0), readLine, (bytes) => {
    taken.push(Buffer.alloc(bytes))
    return taken.at(-1) as Buffer
  })
  expect(taken).toHaveLength(1)
  expect(body).toBe(taken[0])
  expect({ rows, text: body.toString() }).toEqual({ rows: 5, text: '["x"]\n'.repeat(5) })
})
