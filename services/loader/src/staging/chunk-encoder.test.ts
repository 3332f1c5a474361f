// If this file fails, a cell arrives in the table as something else than the file says.
import { createTestDatabase } from "@flatbed/testing"
import fc from "fast-check"
import pg from "pg"
import { expect, test } from "vitest"
import { copyRows } from "../postgres/copy.ts"
import { type ChunkShape, encodeChunk } from "./chunk-encoder.ts"

const shape = (columns: number, firstRow = 1): ChunkShape => ({
  columns: ["a", "b", "c"].slice(0, columns),
  firstRow,
})
const ndjson = (rows: unknown[]) => Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(""))

// Expectations from the Postgres manual, COPY, "Text Format".
test.each([
  [["a", null], "a\t\\N\n"],
  [["", "\\N"], "\t\\\\N\n"],
  [["\\.", "\\"], "\\\\.\t\\\\\n"],
  [["a\tb", "a\nb"], "a\\tb\ta\\nb\n"],
  [["a\rb", "\b\f\v"], "a\\rb\t\\b\\f\\v\n"],
  [["ü\u{1f600}", "'\"`$"], "ü\u{1f600}\t'\"`$\n"],
])("%j becomes %j", (row, line) => {
  expect(encodeChunk(ndjson([row]), shape(2)).copyText.toString()).toBe(line)
})

test("no lines become no bytes", () => {
  expect(encodeChunk(Buffer.alloc(0), shape(2)).copyText).toEqual(Buffer.alloc(0))
})

test.each([
  ["not JSON", "[1", "Row 8 is not JSON"],
  ["neither a row nor a reject", '{"reject":{}}', "Row 8 is neither"],
  ["too few cells", '["a"]', "Row 8 has 1 cells"],
  ["too many cells", '["a","b","c"]', "Row 8 has 3 cells"],
  ["a number", '["a",1]', "cell 2"],
])("a line that is %s is damage, named by its row", (_name, line, words) => {
  const lines = Buffer.from(`["a","b"]\n${line}\n`)
  expect(() => encodeChunk(lines, shape(2, 7))).toThrow(
    expect.objectContaining({ code: "chunk-damaged", message: expect.stringContaining(words) }),
  )
})

test.each([
  ['["x","\\u0000"]', "nul-error", "b"],
  ['["\\ud800","x"]', "encoding-error", "a"],
  ['["\\udc00x","x"]', "encoding-error", "a"],
])("%s is set aside, for Postgres would change or refuse it", (line, code, column) => {
  const encoded = encodeChunk(Buffer.from(`["x","y"]\n${line}\n["x","z"]\n`), shape(2, 7))
  expect(encoded.refusals).toMatchObject([{ row: 8, code, column }])
  expect(encoded.copyText.toString()).toBe("x\ty\nx\tz\n")
  expect(encoded.rows).toEqual([7, 9])
})

test("a reject stands in its row's place, and the lines after it keep their rows", () => {
  const reject = { row: 8, file: "f.csv", line: 9, byte: 40, code: "missing-cell", column: null, value: null }
  const line = { reject: { ...reject, reason: "it has 1 cell", raw: "eA==" } }
  const encoded = encodeChunk(ndjson([["x", "y"], line, ["x", "z"]]), shape(2, 7))
  expect(encoded).toMatchObject({ rejects: [{ ...reject, raw: "eA==" }], rows: [7, 9], refusals: [] })
  expect(() => encodeChunk(ndjson([line]), shape(2, 7))).toThrow(/calls itself row 8/)
})

test("a guard sets a row aside by the first cell that it does not let through", () => {
  const guards = [undefined, (cell: string) => (cell.length > 2 ? "it is long" : undefined)]
  const encoded = encodeChunk(
    ndjson([
      ["long", "ok"],
      ["a", "long"],
      ["b", null],
    ]),
    { ...shape(2), guards },
  )
  expect(encoded.refusals).toEqual([
    { row: 2, code: "type-error", column: "b", value: "long", reason: '"long" does not fit: it is long.' },
  ])
  expect(encoded.copyText.toString()).toBe("long\tok\nb\t\\N\n")
})

test("an escaped surrogate pair is the character it stands for", () => {
  expect(encodeChunk(Buffer.from('["\\ud83d\\ude00"]\n'), shape(1)).copyText.toString()).toBe("\u{1f600}\n")
})

test("any cells come back from Postgres as they were", async () => {
  const database = await createTestDatabase()
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  await client.query("create table public.cells (row serial, a text, b text, c text)")
  const naughty = fc.constantFrom(
    "",
    "\\N",
    "\\.",
    "\\",
    "\t",
    "\n",
    "\r\n",
    "\\n",
    "\\x41",
    "\v\f\b",
    "NULL",
    "\u0001",
    "\u2028",
    "\ufeff",
  )
  const text = fc.oneof(
    naughty,
    fc.string({ unit: "binary" }),
    fc.string({ unit: "grapheme" }),
    fc.array(naughty).map((parts) => parts.join("")),
  )
  const cell = fc.option(
    text.map((value) => value.replaceAll("\0", "")),
    { nil: null },
  )
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(cell, cell, cell), { maxLength: 60 }), async (rows) => {
      await client.query("truncate public.cells restart identity")
      const counted = await copyRows(
        client,
        { schema: "public", name: "cells" },
        ["a", "b", "c"],
        encodeChunk(ndjson(rows), shape(3)).copyText,
      )
      const stored = await client.query({
        text: "select a, b, c from public.cells order by row",
        rowMode: "array",
      })
      expect(counted).toBe(rows.length)
      expect(stored.rows).toEqual(rows)
    }),
    { numRuns: 300, verbose: 1 },
  )
  await client.end()
  await database.drop()
})
