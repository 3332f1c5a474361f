// If this file fails, the plain model of nested records is wrong, and the reader is held against a mistake.
import { expect, it } from "vitest"
import { generateJson } from "./json-documents.ts"
import { type JsonShape, modelRows } from "./json-model.ts"
import {
  type JsonObject,
  type JsonTree,
  jsonArray,
  jsonBoolean,
  jsonNull,
  jsonNumber,
  jsonObject,
  jsonString,
} from "./json-tree.ts"

const s = (text: string) => jsonString(text)
const n = (lexeme: string) => jsonNumber(lexeme)
const o = (members: Readonly<Record<string, JsonTree>>) => jsonObject(Object.entries(members))
const a = (...items: JsonTree[]) => jsonArray(items)
const model = (records: readonly JsonObject[], shape: Partial<JsonShape> = {}) =>
  modelRows(records, { separator: "_", ...shape })

it("flattens objects at every depth and keeps arrays as they are written", () => {
  const first = o({ id: n("1"), m: o({ name: jsonNull, in: o({ x: n("1.10") }) }), tags: a(s("a"), n("2")) })
  const second = o({ m: o({ name: s(""), born: s("1950-03-02") }), id: n("2"), ok: jsonBoolean(true) })
  expect(model([first, second])).toEqual({
    columns: ["id", "m_name", "m_in_x", "tags", "m_born", "ok"],
    nested: ["tags"],
    rows: [
      ["1", null, "1.10", '["a",2]', null, null],
      ["2", "", null, null, "1950-03-02", "true"],
    ],
    counts: [1, 1],
  })
})

it("leaves objects whole where nothing is flattened, and makes JSON of what stands beside them", () => {
  const records = [o({ v: o({ a: n("1") }) }), o({ v: s("x") }), o({ v: n("1e5") }), o({ v: jsonNull })]
  expect(model(records, { separator: false })).toMatchObject({
    columns: ["v"],
    nested: ["v"],
    rows: [['{"a":1}'], ['"x"'], ["1e5"], [null]],
  })
})

it("makes a row of each element beside the parent's columns, and one of NULLs where there is none", () => {
  const of = (id: string, ...movies: JsonTree[]) => o({ id: n(id), movies: a(...movies), end: s("z") })
  const movie = (title: string) => o({ id: n("7"), info: o({ title: s(title) }) })
  const records = [of("1", movie("A"), movie("B")), of("2"), o({ id: n("3") }), of("4", o({}), s("C"))]
  expect(model(records, { explode: ["movies"] })).toEqual({
    columns: ["id", "movies_id", "movies_info_title", "end", "movies"],
    nested: [],
    rows: [
      ["1", "7", "A", "z", null],
      ["1", "7", "B", "z", null],
      ["2", null, null, "z", null],
      ["3", null, null, null, null],
      ["4", null, null, "z", null],
      ["4", null, null, "z", "C"],
    ],
    counts: [2, 1, 1, 2],
  })
  expect(model(records, { explode: ["movies"], separator: false })?.nested).toEqual(["movies_info"])
})

it("makes no column of what is an object or null, and one of what is never anything but null", () => {
  const records = [
    o({ a: jsonNull, b: jsonNull, c: a() }),
    o({ a: o({ x: n("1") }), c: o({}) }),
    o({ a: o({}) }),
  ]
  expect(model(records)?.columns).toEqual(["b", "c", "a_x"])
  expect(model(records, { explode: ["b"] })?.columns).toEqual(["b", "c", "a_x"])
})

it("finds an exploded array within an object", () => {
  const records = [o({ m: o({ x: n("1"), list: a(n("2"), n("3")) }), y: n("4") })]
  expect(model(records, { explode: ["m", "list"] })).toMatchObject({
    columns: ["m_x", "m_list", "y"],
    rows: [
      ["1", "2", "4"],
      ["1", "3", "4"],
    ],
  })
})

it("tells two ways to one name", () => {
  expect(model([o({ a_b: n("1"), a: o({ b: n("2") }) })])).toBeUndefined()
  expect(model([o({ a_b: n("1"), a: o({ b: n("2") }) })], { separator: "." })).toBeDefined()
})

it("is held against files that are JSON, each record where it is said to be", () => {
  let [refused, exploded, manyRows] = [0, 0, 0]
  for (let seed = 1; seed <= 2_000; seed += 1) {
    const { format, bytes, records, spans, expected, shape } = generateJson(seed)
    const parsed = spans.map(({ from, to }) => JSON.parse(bytes.subarray(from, to).toString()))
    const text = bytes.toString().replace(/^\ufeff/, "")
    const found =
      format === "json"
        ? follow(JSON.parse(text), records)
        : text
            .split(/\r?\n/)
            .filter((line) => line.trim() !== "")
            .map((line) => JSON.parse(line))
    expect(found, `seed ${seed}`).toEqual(parsed)
    if (expected === undefined) refused += 1
    if (shape.explode !== undefined) exploded += 1
    if (expected !== undefined && expected.rows.length > spans.length) manyRows += 1
    expect(expected?.rows.length ?? 0).toBe(expected?.counts.reduce((sum, count) => sum + count, 0) ?? 0)
  }
  expect(refused).toBeGreaterThan(10)
  expect(exploded).toBeGreaterThan(300)
  expect(manyRows).toBeGreaterThan(150)
})

/** RFC 6901. */
function follow(value: unknown, pointer: string): unknown {
  const keys = pointer
    .split("/")
    .slice(1)
    .map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"))
  return keys.reduce<unknown>((inside, key) => (inside as Record<string, unknown>)[key], value)
}
