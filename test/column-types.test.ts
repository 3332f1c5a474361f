// If this fails, a cell that the contract accepts is refused by Postgres, or arrives there with another value.
import { type ColumnType, columnTypes, grammars } from "@flatbed/contract"
import { createTestDatabase, type TestDatabase } from "@flatbed/testing"
import pg from "pg"
import { afterAll, beforeAll, describe, expect, test } from "vitest"

let database: TestDatabase
let client: pg.Client

beforeAll(async () => {
  database = await createTestDatabase()
  client = new pg.Client({ connectionString: database.url })
  await client.connect()
  await client.query("set datestyle = 'ISO, YMD'; set timezone = 'UTC'")
})

afterAll(async () => {
  await client.end()
  await database.drop()
})

/** What a lexeme means, as Postgres prints it, worked out by hand. */
const meanings: Record<ColumnType, readonly (readonly [lexeme: string, printed: string])[]> = {
  boolean: [
    ["true", "true"],
    ["False", "false"],
    ["TRUE", "true"],
  ],
  integer: [
    ["0", "0"],
    ["-17", "-17"],
    ["2147483647", "2147483647"],
    ["-2147483648", "-2147483648"],
  ],
  bigint: [
    ["2147483648", "2147483648"],
    ["9223372036854775807", "9223372036854775807"],
    ["-9223372036854775808", "-9223372036854775808"],
  ],
  numeric: [
    ["10.0", "10.0"],
    ["-.5", "-0.5"],
    ["1.5e-7", "0.00000015"],
    ["9007199254740993.10", "9007199254740993.10"],
    ["1E3", "1000"],
  ],
  date: [
    ["2024-02-29", "2024-02-29"],
    ["0001-01-01", "0001-01-01"],
    ["9999-12-31", "9999-12-31"],
  ],
  timestamp: [
    ["2024-02-29 07:00", "2024-02-29 07:00:00"],
    ["2024-02-29T07:00:05.123456", "2024-02-29 07:00:05.123456"],
    ["2024-02-29", "2024-02-29 00:00:00"],
  ],
  timestamptz: [
    ["2024-02-29T07:00:05Z", "2024-02-29 07:00:05+00"],
    ["2021-12-01T00:07:15.386+0100", "2021-11-30 23:07:15.386+00"],
    ["2021-12-01 00:07:15-03:30", "2021-12-01 03:37:15+00"],
    ["2021-12-01 00:07+15", "2021-11-30 09:07:00+00"],
  ],
  jsonb: [
    ["null", "null"],
    ['"\\u00e9"', '"é"'],
    ['{"b":1.10,"a":[true,{}]}', '{"a": [true, {}], "b": 1.10}'],
    ["9007199254740993", "9007199254740993"],
  ],
  text: [
    ["02134", "02134"],
    ["\\N", "\\N"],
    [" spaces ", " spaces "],
  ],
}

describe.each(columnTypes)("%s", (type) => {
  test.each([...meanings[type]])("%s arrives as %s", async (lexeme, printed) => {
    expect(grammars[type].accepts(lexeme)).toBe(true)
    const { rows } = await client.query(`select ($1::text)::${type}::text as printed`, [lexeme])
    expect(rows).toEqual([{ printed }])
  })

  test.each([...grammars[type].examples])("its example %s is accepted by Postgres", async (example) => {
    expect(grammars[type].accepts(example)).toBe(true)
    await client.query(`select ($1::text)::${type}`, [example])
  })
})

// What Postgres would take and silently read as something else, so that the grammar must not.
const traps: readonly (readonly [ColumnType, string])[] = [
  ["date", "today"],
  ["date", "2024/02/28"],
  ["date", "20240229"],
  ["timestamp", "2024-02-29 24:00:00"],
  ["timestamp", "2024-02-29 07:00:60"],
  ["timestamp", "2024-02-29 07:00:05.1234567"],
  ["timestamp", "2024-02-29 07:00:05Z"],
  ["timestamp", "now"],
  ["timestamptz", "2024-02-29 07:00:05"],
  ["boolean", "yes"],
  ["boolean", "1"],
  ["integer", "007"],
  ["integer", "0x1F"],
  ["integer", "1_000"],
  ["integer", " 1"],
  ["numeric", "NaN"],
  ["numeric", "Infinity"],
  ["numeric", "1_000.5"],
]

test.each([...traps])("%s refuses %s, which Postgres would read its own way", async (type, lexeme) => {
  expect(grammars[type].accepts(lexeme)).toBe(false)
  await client.query(`select ($1::text)::${type}`, [lexeme])
})
