// If this file fails, a cell arrives in the table as something else than the file says.
import { createTestDatabase } from "@flatbed/testing"
import fc from "fast-check"
import pg from "pg"
import { expect, test } from "vitest"
import { encodeChunk } from "./chunk-encoder.ts"
import { copyRows } from "./postgres/copy.ts"

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
  expect(encodeChunk(ndjson([row]), 2, 1).toString()).toBe(line)
})

test("no lines become no bytes", () => {
  expect(encodeChunk(Buffer.alloc(0), 2, 1)).toEqual(Buffer.alloc(0))
})

test.each([
  ["not JSON", "[1", "Row 8 is not JSON"],
  ["not an array", '{"reject":{}}', "Row 8 is not an array"],
  ["too few cells", '["a"]', "Row 8 has 1 cells"],
  ["too many cells", '["a","b","c"]', "Row 8 has 3 cells"],
  ["a number", '["a",1]', "cell 2"],
])("a line that is %s is damage, named by its row", (_name, line, words) => {
  const lines = Buffer.from(`["a","b"]\n${line}\n`)
  expect(() => encodeChunk(lines, 2, 7)).toThrow(
    expect.objectContaining({ code: "chunk-damaged", message: expect.stringContaining(words) }),
  )
})

test.each(['["a","\\u0000"]', '["\\ud800","b"]', '["\\udc00x","b"]'])(
  "%s is refused, for Postgres would change or refuse it",
  (line) => {
    expect(() => encodeChunk(Buffer.from(`${line}\n`), 2, 7)).toThrow(
      expect.objectContaining({ code: "data-refused", facts: expect.objectContaining({ row: 7 }) }),
    )
  },
)

test("an escaped surrogate pair is the character it stands for", () => {
  expect(encodeChunk(Buffer.from('["\\ud83d\\ude00"]\n'), 1, 1).toString()).toBe("\u{1f600}\n")
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
        encodeChunk(ndjson(rows), 3, 1),
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
