// If this file fails, values are rounded or cut without a word, or a load fails half way that could have said so.
import type { Column, ColumnType, Evidence } from "@flatbed/contract"
import { createTestDatabase } from "@flatbed/testing"
import pg from "pg"
import { describe, expect, test } from "vitest"
import { column } from "../loader.test-kit.ts"
import type { Table, TableColumn } from "../postgres/table.ts"
import { refuseChanges } from "./column-changes.ts"
import { fittingTypes, postgresTypes, typeFits } from "./column-fit.ts"
import { planColumns, planStaging } from "./column-plan.ts"
import { frozenContract } from "./contract-settings.ts"

const evidence = (name: string, seen: Partial<Evidence> = {}): Evidence => ({
  column: name,
  declared: false,
  nulls: 0,
  empties: 0,
  max_bytes: 0,
  max_integer_digits: 0,
  max_scale: 0,
  forms: [],
  ruled_out: null,
  ...seen,
})
const tableColumn = (name: string, type: string, more: Partial<TableColumn> = {}): TableColumn => ({
  name,
  type,
  notNull: false,
  filledByDatabase: false,
  closed: false,
  ...more,
})
const table = (columns: TableColumn[], more: Partial<Table> = {}): Table => ({
  oid: 1,
  kind: "r",
  columns,
  referencedBy: [],
  checks: [],
  ...more,
})
const plan = (
  columns: Column[],
  found: Table | undefined,
  seen: Evidence[] | null = null,
  tolerant = false,
) => {
  const target = '"public"."t"'
  const planned = planColumns({ target, columns, evidence: seen, table: found, tolerant })
  refuseChanges(target, planned.changes, frozenContract)
  return planned.columns
}

const first = { row: 1, line: 2, value: "" }
const digits = (integer: number, scale = 0) => ({ max_integer_digits: integer, max_scale: scale })

describe("a type fits", () => {
  test.each<[ColumnType, string, Partial<Evidence>, boolean]>([
    ["integer", "bigint", {}, true],
    ["integer", "numeric", {}, true],
    ["integer", "smallint", digits(4), true],
    ["integer", "smallint", digits(5), false],
    ["integer", "numeric(6,2)", digits(4), true],
    ["integer", "numeric(6,2)", digits(5), false],
    ["integer", "boolean", {}, false],
    ["bigint", "integer", {}, false],
    ["bigint", "double precision", {}, false],
    ["numeric", "numeric(5,2)", digits(3, 2), true],
    ["numeric", "numeric(5,2)", digits(3, 3), false],
    ["numeric", "numeric(5,2)", digits(4, 1), false],
    ["numeric", "numeric(5)", digits(5, 0), true],
    ["numeric", "real", {}, false],
    ["text", "character varying(10)", { max_bytes: 10 }, true],
    ["text", "character varying(10)", { max_bytes: 11 }, false],
    ["text", "character varying", { max_bytes: 9999 }, true],
    ["text", "character(10)", { max_bytes: 3 }, false],
    ["text", "integer", {}, false],
    ["date", "timestamp without time zone", {}, true],
    ["date", "timestamp with time zone", {}, false],
    ["timestamp", "timestamp(3) without time zone", {}, false],
    ["timestamp", "timestamp(6) without time zone", {}, true],
    ["timestamptz", "timestamp without time zone", {}, false],
    ["boolean", "text", {}, true],
    // NULL in every row.
    ["text", "integer", { nulls: 3 }, true],
    ["text", "money", { nulls: 3 }, true],
    ["text", "integer", { nulls: 3, declared: true }, false],
    ["text", "integer", { nulls: 3, empties: 1, forms: [{ form: "text", cells: 1, first }] }, false],
  ])("%s into %s with %j: %s", (type, into, seen, fits) => {
    expect(typeFits(type, into, evidence("c", seen))).toBe(fits)
  })

  test("never a declared limit that no evidence speaks about", () => {
    expect(typeFits("text", "character varying(10)", undefined)).toBe(false)
    expect(typeFits("numeric", "numeric(10,2)", undefined)).toBe(false)
  })

  test("its own column of a new table, always", () => {
    for (const [type, into] of Object.entries(postgresTypes)) {
      expect(typeFits(type as ColumnType, into, undefined)).toBe(true)
      expect(fittingTypes(type as ColumnType)).toContain(into)
    }
  })
})

test("every fitting type is one that Postgres writes just so, and takes the values unchanged", async () => {
  const values: Record<ColumnType, string> = {
    boolean: "true",
    integer: "-9999",
    bigint: "9223372036854775807",
    numeric: "12.50",
    date: "2024-02-29",
    timestamp: "2024-02-29 07:00:05.123456",
    timestamptz: "2024-02-29 07:00:05.123456+00",
    jsonb: '{"a": [1, "x"]}',
    text: "t",
  }
  const database = await createTestDatabase()
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  await client.query("set timezone = 'UTC'")
  for (const [type, value] of Object.entries(values)) {
    for (const into of fittingTypes(type as ColumnType)) {
      const { rows } = await client.query(
        `select format_type(a.t, -1) as written, ($1::${into})::${postgresTypes[type as ColumnType]}::text as back
        from (select '${into}'::regtype as t) a`,
        [value],
      )
      expect(rows[0]).toEqual({ written: into, back: value })
    }
  }
  await client.end()
  await database.drop()
})

describe("a plan", () => {
  const served = [column("id", "integer", false), column("name")]

  test("for a new table has the file's names and types", () => {
    expect(plan(served, undefined)).toEqual([
      { name: "id", type: "integer" },
      { name: "name", type: "text" },
    ])
  })

  test("for a table has the table's types in the file's order", () => {
    const found = table([tableColumn("name", "character varying(5)"), tableColumn("id", "bigint")])
    expect(plan(served, found, [evidence("name", { max_bytes: 5 })])).toEqual([
      { name: "id", type: "bigint" },
      { name: "name", type: "character varying(5)" },
    ])
  })

  test("leaves out columns that the database fills in", () => {
    const more = [
      tableColumn("at", "date", { filledByDatabase: true }),
      tableColumn("twice", "integer", { closed: true }),
    ]
    expect(
      plan(served, table([tableColumn("id", "integer"), tableColumn("name", "text"), ...more])),
    ).toHaveLength(2)
  })

  test("lists everything that differs, each with what to do", () => {
    const found = table([
      tableColumn("id", "smallint"),
      tableColumn("other", "text"),
      tableColumn("born", "date", { notNull: true }),
      tableColumn("sum", "integer", { closed: true }),
    ])
    const columns = [...served, column("born", "date", true), column("sum", "integer")]
    expect(() => plan(columns, found, [evidence("id", digits(7))])).toThrow(
      expect.objectContaining({
        code: "columns-differ",
        exitCode: 5,
        facts: { table: '"public"."t"', columns: "id, name, born, sum, other" },
        message: expect.stringMatching(
          /5 column.*"id" is smallint in the table, integer with up to 7 digits.*"name" \(text\) is not in the table; drop it in the source's columns, or add it:\n +alter table "public"\."t" add column "name" text;\n.*"born" is not null.*"sum" is generated.*"other" \(text\) is not in the file/s,
        ),
      }),
    )
  })

  test("names the cell that made a column of numbers text, and each way on", () => {
    const ruledOut = { type: "numeric" as const, row: 2, line: 3, value: "hello" }
    const minutes = column("total day minutes")
    const seen = [evidence(minutes.name, { max_bytes: 5, max_integer_digits: 3, ruled_out: ruledOut })]
    const into = (type: string) => () => plan([minutes], table([tableColumn(minutes.name, type)]), seen)
    const message = (plans: () => unknown) => {
      try {
        plans()
      } catch (error) {
        return (error as Error).message
      }
      return ""
    }
    expect(message(into("numeric"))).toContain(
      '"total day minutes" is numeric in the table, text of up to 5 bytes in the file because of "hello" in row 2, line 3. Mend that cell;',
    )
    expect(message(into("numeric"))).toContain(
      'columns: { types: { "total day minutes": numeric } } in source.yaml',
    )
    expect(message(into("numeric"))).toContain("differ in 1 column:")
    // A date column takes no number either: mending the cell would not help.
    expect(message(into("date"))).not.toContain("hello")
  })

  test("lists the types that would take the column, and of its own only one with more room", () => {
    const seen = [evidence("n", digits(4, 1))]
    const into = (type: string) => () => plan([column("n", "numeric")], table([tableColumn("n", type)]), seen)
    expect(into("numeric(4,1)")).toThrow(/; it fits numeric with more room, text, character varying$/m)
    expect(into("real")).toThrow(/; it fits numeric, text, character varying$/m)
    expect(() =>
      plan([column("n", "integer")], table([tableColumn("n", "smallint")]), [evidence("n", digits(5))]),
    ).toThrow(/; it fits integer, bigint, numeric, text, character varying$/m)
  })

  test("names the file, where a version has many: of the cell in the way, and of a column that came with one", () => {
    const inFile = { row: 12, line: 3, value: "x", file: "in/b.csv" }
    const seen = [
      evidence("id", { ruled_out: { type: "integer", ...inFile }, max_integer_digits: 2 }),
      evidence("name", {
        forms: [
          { form: "text", cells: 1, first: { row: 40, line: 2, value: "y", file: "in/c.csv" } },
          { form: "integer", cells: 7, first: { ...inFile, value: "7" } },
        ],
      }),
    ]
    const plans = () => plan([column("id"), column("name")], table([tableColumn("id", "integer")]), seen)
    expect(plans).toThrow(/because of "x" in row 12, line 3 of in\/b\.csv\./)
    expect(plans).toThrow(/"name" \(text, first in in\/b\.csv, line 3\) is not in the table;/)
  })

  test("lets single cells be too wide and NULL where rows may be set aside, but not a type that fits none", () => {
    const found = table([
      tableColumn("id", "smallint"),
      tableColumn("name", "character varying(3)"),
      tableColumn("born", "date", { notNull: true }),
    ])
    const columns = [...served, column("born", "date", true)]
    expect(plan(columns, found, null, true)).toEqual([
      { name: "id", type: "smallint" },
      { name: "name", type: "character varying(3)" },
      { name: "born", type: "date", notNull: true },
    ])
    expect(() => plan([column("name")], table([tableColumn("name", "integer")]), null, true)).toThrow(
      /integer/,
    )
    const rounding = table([tableColumn("at", "timestamp(3) without time zone")])
    expect(() => plan([column("at", "timestamp")], rounding, null, true)).toThrow(/timestamp\(3\)/)
  })

  test("of staging takes over the checks that speak of its columns only", () => {
    const found = table([tableColumn("id", "integer")], {
      checks: [
        { name: "a", definition: "CHECK ((id > 0))", columns: ["id"] },
        { name: "b", definition: "CHECK ((id > own))", columns: ["id", "own"] },
      ],
    })
    const columns = [{ name: "id", type: "integer" }]
    expect(planStaging({ columns, changes: [] }, found)).toEqual({
      columns,
      checks: [{ name: "a", definition: "CHECK ((id > 0))" }],
    })
  })

  test("takes upper and lower case for different names", () => {
    expect(() => plan([column("ID", "integer")], table([tableColumn("id", "integer")]))).toThrow(
      /"ID".*\n.*"id"/,
    )
  })

  test("refuses a view, and a table that foreign keys point at", () => {
    expect(() => plan(served, table([], { kind: "v" }))).toThrow(
      expect.objectContaining({ code: "table-unsuitable", message: expect.stringContaining("a view") }),
    )
    expect(() => plan(served, table([], { referencedBy: ["orders (orders_fk)"] }))).toThrow(
      /orders \(orders_fk\)/,
    )
  })
})
