// If this file fails, `verify` finds differences in a table that is right, or none in one that is wrong.
import {
  type Column,
  type ColumnType,
  canonicalCell,
  columnTypes,
  createRowDigester,
  formatDigest,
  grammars,
} from "@flatbed/contract"
import { createTestDatabase, type TestDatabase, testLedger } from "@flatbed/testing"
import fc from "fast-check"
import pg from "pg"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { fittingTypes, postgresTypes } from "../columns/column-fit.ts"
import { asSession } from "../postgres/database.ts"
import type { Table } from "../postgres/table.ts"
import { digestTable } from "../postgres/table-digest.ts"
import { cellsSql, compareByText } from "./canonical-columns.ts"

const seed = Number(process.env.FLATBED_TEST_SEED ?? Date.now() % 1_000_000_000)
const cellsOfEach = Number(process.env.FLATBED_TEST_CANONICAL_CELLS ?? 500)

let database: TestDatabase
let client: pg.Client

beforeAll(async () => {
  database = await createTestDatabase()
  client = new pg.Client({ connectionString: database.url })
  await client.connect()
  // As every transaction of the loader has them.
  await client.query("set datestyle = 'ISO, YMD'; set timezone = 'UTC'; set search_path = ''")
})

afterAll(async () => {
  await client?.end()
  await database?.drop()
})

const digits = (most: number) =>
  fc.string({ unit: fc.constantFrom(..."0123456789"), minLength: 1, maxLength: most })
const two = (from: number, to: number) =>
  fc.integer({ min: from, max: to }).map((number) => String(number).padStart(2, "0"))
const sign = fc.constantFrom("", "-")
const whole = fc.oneof(
  fc.constant("0"),
  digits(24).map((text) => text.replace(/^0+/, "") || "0"),
)
const exponent = fc.oneof(
  fc.constant(""),
  fc.integer({ min: -40, max: 40 }).map((number) => `e${number}`),
  fc.constantFrom("E+7", "e-999", "e400"),
)
const number = fc
  .tuple(sign, whole, fc.option(digits(12), { nil: "" }), exponent)
  .map(([minus, before, behind, power]) => `${minus}${before}${behind === "" ? "" : `.${behind}`}${power}`)
const numeric = fc.oneof(
  number,
  fc.tuple(sign, digits(8), exponent).map(([minus, behind, power]) => `${minus}.${behind}${power}`),
)
const day = fc
  .tuple(fc.constantFrom("0001", "0099", "1600", "1999", "2024", "9999"), two(1, 12), two(1, 31))
  .map((parts) => parts.join("-"))
const clock = fc
  .tuple(
    two(0, 23),
    two(0, 59),
    fc.option(two(0, 59), { nil: undefined }),
    fc.option(digits(6), { nil: undefined }),
  )
  .map(([hours, minutes, seconds, fraction]) =>
    seconds === undefined
      ? `${hours}:${minutes}`
      : `${hours}:${minutes}:${seconds}${fraction === undefined ? "" : `.${fraction}`}`,
  )
const timestamp = fc
  .tuple(day, fc.constantFrom(" ", "T"), clock)
  .map(([date, between, time]) => date + between + time)
const zone = fc.oneof(
  fc.constantFrom("Z", " Z", "+01", "-0930", "+05:45", "-15:59", "+15:59"),
  fc
    .tuple(fc.constantFrom("+", "-"), two(0, 15), fc.constantFrom("", ":"), two(0, 59))
    .map((parts) => parts.join("")),
)
const letters = fc.string({
  unit: fc.oneof(
    fc.constantFrom(..." \"\\/,{}[]:'\u0001\u001f\b\f\n\r\t\u007f\u0085\u2028éß漢😀Nn"),
    fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
  ),
  maxLength: 12,
})
const json = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom("null", "true", "false", '"\\u00e9\\/\\b"', " [ ] ", "{ }"),
    number,
    letters.map((text) => JSON.stringify(text)),
    fc.array(tie("value"), { maxLength: 3 }).map((values) => `[${values.join(" , ")}]`),
    // Few names, so that some stand twice.
    fc
      .array(fc.tuple(fc.constantFrom("a", "b", "aa", "ä", "Z", "", "a\\u0062"), tie("value")), {
        maxLength: 4,
      })
      .map((pairs) => `{${pairs.map(([name, value]) => `"${name}" :${value}`).join(",")}}`),
  ),
})).value

/** Any spelling that the type's grammar accepts. */
const lexemes: Readonly<Record<ColumnType, fc.Arbitrary<string>>> = {
  boolean: fc.mixedCase(fc.constantFrom("true", "false")),
  integer: fc.oneof(fc.integer().map(String), fc.constant("-0")),
  bigint: fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String), fc.constant("-0")),
  numeric,
  date: day,
  timestamp: fc.oneof(day, timestamp),
  timestamptz: fc.tuple(timestamp, zone).map((parts) => parts.join("")),
  jsonb: json,
  text: letters,
}

function sampleOf(type: ColumnType): string[] {
  const fitting = lexemes[type].filter((lexeme) => !lexeme.includes("\0") && grammars[type].accepts(lexeme))
  return fc.sample(fitting, { seed, numRuns: cellsOfEach })
}

const column = (type: ColumnType): Column => ({ name: "c", type, nullable: true })
const tableOf = (type: string): Pick<Table, "columns"> => ({
  columns: [{ name: "c", type, notNull: false, filledByDatabase: false, closed: false }],
})

describe(`what Postgres prints of a cell is its canonical spelling (seed ${seed})`, () => {
  const pairs = columnTypes.flatMap((type) => fittingTypes(type).map((into) => [type, into] as const))

  test.each(pairs)("%s in a column %s", async (type, into) => {
    const small = into === "smallint"
    const sample = small ? ["0", "-0", "-32768", "32767"] : sampleOf(type)
    const compared = compareByText([column(type)], tableOf(into))
    expect(compared[0]?.type).not.toBe("left-out")
    const as = compared[0]?.type as ColumnType
    const { rows } = await client.query(
      `select ${cellsSql(compared)} as cells from (
         select value::${into} as "c" from unnest($1::text[]) with ordinality as given (value, i) order by i offset 0) as t`,
      [sample],
    )
    const printed = rows.map(({ cells }) => cells[0])
    expect(sample.map((lexeme, i) => [lexeme, printed[i]])).toEqual(
      sample.map((lexeme) => [lexeme, canonicalCell(as, lexeme)]),
    )
  })

  test("so both sides have one digest for rows of all types, NULL among them", async () => {
    const columns = columnTypes.map((type): Column => ({ name: type, type, nullable: true }))
    const samples = columnTypes.map(sampleOf)
    const random = fc.sample(fc.nat({ max: 5 }), { seed, numRuns: cellsOfEach * columns.length })
    const rows = samples[0]?.map((_, i) =>
      samples.map((sample, k) => (random[i * columns.length + k] === 0 ? null : (sample[i] ?? null))),
    )
    const list = columnTypes.map((type) => `"${type}" ${postgresTypes[type]}`)
    await client.query(`create table public.cells (${list.join(", ")})`)
    const values = columnTypes.map((type, i) => `(row ->> ${i})::${postgresTypes[type]}`)
    await client.query(
      `insert into public.cells select ${values.join(", ")} from pg_catalog.json_array_elements($1::json) as given (row)`,
      [JSON.stringify(rows)],
    )
    const compared = compareByText(columns, {
      columns: columnTypes.map((name) => ({ ...tableOf("").columns[0], name, type: postgresTypes[name] })),
    } as Pick<Table, "columns">)
    const table = { schema: "public", name: "cells" }
    const inTable = await digestTable(
      asSession(client as unknown as pg.PoolClient, testLedger),
      { table, where: undefined },
      compared,
    )
    const lines = Buffer.from((rows ?? []).map((row) => `${JSON.stringify(row)}\n`).join(""))
    const served = createRowDigester(columnTypes).digest(lines)
    expect([inTable.rows, formatDigest(inTable)]).toEqual([cellsOfEach, formatDigest(served)])
  })
})

test("a value in a wider column that is none of the file's is not taken for it", async () => {
  const text = async (type: ColumnType, into: string, value: string) => {
    const compared = compareByText([column(type)], tableOf(into))
    const { rows } = await client.query(
      `select ${cellsSql(compared)} as cells from (select $1::${into} as "c") as t`,
      [value],
    )
    return rows[0].cells[0]
  }
  expect(await text("date", "timestamp without time zone", "2024-02-29 00:00:01")).toBe("2024-02-29 00:00:01")
  expect(await text("integer", "numeric", "1.5")).toBe("1.5")
  expect(await text("integer", "numeric", "NaN")).toBe("NaN")
})

test("columns that the table lacks, or whose type shows other values, are left out", () => {
  const table = { columns: [...tableOf("character(3)").columns] }
  expect(compareByText([column("text"), { ...column("text"), name: "d" }], table)).toEqual([
    { name: "c", type: "left-out", sql: undefined },
    { name: "d", type: "left-out", sql: undefined },
  ])
})
