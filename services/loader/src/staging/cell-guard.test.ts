// If this file fails, a value is rounded or cut on its way into the table, without a word.
import { createTestDatabase } from "@flatbed/testing"
import fc from "fast-check"
import pg from "pg"
import { expect, test } from "vitest"
import { column } from "../loader.test-kit.ts"
import { createGuards } from "./cell-guard.ts"

const guard = (type: "numeric" | "text", into: string) =>
  createGuards([column("c", type)], null, [{ name: "c", type: into }])?.[0]

test.each([
  ["numeric(5,2)", "1.23", true],
  ["numeric(5,2)", "1.234", false],
  ["numeric(5,2)", "1.2300", true],
  ["numeric(5,2)", "-.5", true],
  ["numeric(5,2)", "1e-2", true],
  ["numeric(5,2)", "1e-3", false],
  ["numeric(5,2)", "125e-2", true],
  ["numeric(5,2)", "100", true],
  ["numeric(5)", "1.5", false],
  ["numeric(5)", "1.0", true],
])("%s takes %s as written: %s", (into, cell, taken) => {
  expect(guard("numeric", into)?.(cell) === undefined).toBe(taken)
})

test.each([
  ["abc", true],
  ["abcd", false],
  ["ab  ", false],
  ["\u{1f600}\u{1f600}\u{1f600}", true],
  ["e\u0301e\u0301", false],
])("character varying(3) takes %j as written: %s", (cell, taken) => {
  expect(guard("text", "character varying(3)")?.(cell) === undefined).toBe(taken)
})

test("columns whose evidence proves the fit have no guard, and without any there is no list", () => {
  const evidence = {
    ...{
      column: "c",
      declared: false,
      nulls: 0,
      empties: 0,
      max_bytes: 3,
      max_integer_digits: 0,
      max_scale: 0,
    },
    ...{ forms: [], ruled_out: null },
  }
  expect(createGuards([column("c")], [evidence], [{ name: "c", type: "character varying(3)" }])).toBe(
    undefined,
  )
  expect(guard("text", "text")).toBe(undefined)
})

test("numeric: what passes the guard is what Postgres stores with the very value, for any spelling", async () => {
  const database = await createTestDatabase()
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  const digits = fc.string({ unit: fc.constantFrom(..."0123456789"), minLength: 1, maxLength: 6 })
  const spelling = fc
    .tuple(fc.constantFrom("", "-"), digits, fc.option(digits), fc.option(fc.integer({ min: -8, max: 3 })))
    .map(([sign, whole, fraction, exponent]) => {
      const number = `${sign}${whole.replace(/^0+(?=.)/, "")}${fraction === null ? "" : `.${fraction}`}`
      return exponent === null ? number : `${number}e${exponent}`
    })
  await fc.assert(
    fc.asyncProperty(fc.array(spelling, { minLength: 1, maxLength: 50 }), async (cells) => {
      const { rows } = await client.query({
        text: "select c::numeric = c::numeric(30,3) from unnest($1::text[]) with ordinality as t (c, i) order by i",
        values: [cells],
        rowMode: "array",
      })
      const check = guard("numeric", "numeric(30,3)")
      expect(cells.map((cell) => check?.(cell) === undefined)).toEqual(rows.map(([same]) => same))
    }),
    { numRuns: 50, verbose: 1 },
  )
  await client.end()
  await database.drop()
})
