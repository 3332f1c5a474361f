// If this file fails, a table gets or loses columns that nobody agreed to, or the log says something else than happened.
import { type Column, type Evidence, Problem } from "@flatbed/contract"
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest"
import { type Bench, column, openBench, people, pipelineOf } from "../loader.test-kit.ts"
import { refuseUnusableNames } from "./column-names.ts"
import type { ColumnContract } from "./contract-settings.ts"

let bench: Bench

beforeAll(async () => {
  bench = await openBench(people(1, 1))
})

beforeEach(async () => {
  await bench.query("drop table if exists public.people")
  await bench.query("delete from flatbed.column_changes")
  bench.log.lines.length = 0
})

afterAll(async () => {
  await bench.close()
})

type Case = {
  readonly contract?: Partial<ColumnContract>
  /** The table's columns; undefined: there is none. */
  readonly table: string | undefined
  readonly file: readonly [Column, string | null][]
  readonly evidence?: Readonly<Record<string, Partial<Evidence>>>
  readonly key?: string[]
  /** What is printed, its columns divided by bars; without its first line and its head. */
  readonly printed: readonly string[]
  /** The table's columns behind the load; those of before when it was refused. */
  readonly after?: string
}

const id = [column("id", "integer", false), "1"] as [Column, string]
const name = [column("name"), "Ada"] as [Column, string]
const of = (name: string, type: Column["type"], cell: string | null): [Column, string | null] => [
  column(name, type, cell === null),
  cell,
]
const [evolve, ignore, freeze] = ["evolve", "ignore", "freeze"] as const
const table = "id integer, name text"

const cases: Readonly<Record<string, Case>> = {
  "a column is added, and nothing was said": {
    table,
    file: [id, name, of("mail", "text", "a@b.c")],
    printed: ["mail | - | text | added: freeze | refused"],
  },
  "a column is added: evolve": {
    ...{ contract: { added: evolve }, table },
    file: [id, name, of("mail", "text", "a@b.c")],
    printed: ["mail | - | text | added: evolve | is added as text"],
    after: "id integer, name text, mail text",
  },
  "a column is added in the middle of the file: evolve": {
    ...{ contract: { added: evolve }, table },
    file: [id, of("seen", "timestamp", "2024-02-29 07:00"), name],
    printed: ["seen | - | timestamp | added: evolve | is added as timestamp without time zone"],
    after: "id integer, name text, seen timestamp without time zone",
  },
  "a column is added: ignore": {
    ...{ contract: { added: ignore }, table },
    file: [id, of("mail", "text", "a@b.c"), name],
    printed: ["mail | - | text | added: ignore | is not loaded"],
    after: table,
  },
  "a column is added that is the key: ignore": {
    ...{ contract: { added: ignore }, table: "name text", key: ["id"] },
    file: [id, name],
    printed: ["id | - | integer | added: ignore | refused: key names it"],
  },
  "a column is dropped, and nothing was said": {
    table,
    file: [id],
    printed: ["name | text | - | dropped: freeze | refused"],
  },
  "a column is dropped: evolve": {
    ...{ contract: { dropped: evolve }, table },
    file: [id],
    printed: ["name | text | - | dropped: evolve | stays, NULL in new rows"],
    after: table,
  },
  "a column that takes no NULL is dropped: evolve": {
    ...{ contract: { dropped: evolve }, table: "id integer, name text not null" },
    file: [id],
    printed: ["name | text not null | - | dropped: evolve | takes NULL, and stays"],
    after: table,
  },
  "a column of the primary key is dropped: evolve": {
    ...{ contract: { dropped: evolve }, table: "id integer, name text primary key" },
    file: [id],
    printed: ["name | text not null | - | dropped: evolve | refused: it is in the primary key"],
  },
  "a column is dropped: ignore": {
    ...{ contract: { dropped: ignore }, table },
    file: [id],
    printed: ["name | text | - | dropped: ignore | is left as it is"],
    after: table,
  },
  "a column that takes no NULL is dropped: ignore": {
    ...{ contract: { dropped: ignore }, table: "id integer, name text not null" },
    file: [id],
    printed: ["name | text not null | - | dropped: ignore | refused: it takes no NULL and has no default"],
  },
  "a column with a default is not in the file": {
    table: "id integer, name text not null default 'x'",
    file: [id],
    printed: [],
    after: "id integer, name text not null",
  },
  "integer to bigint, and nothing was said": {
    table,
    file: [of("id", "bigint", "3000000000"), name],
    printed: ["id | integer | bigint | type: freeze | refused"],
  },
  "integer to bigint: evolve": {
    ...{ contract: { type: evolve }, table },
    file: [of("id", "bigint", "3000000000"), name],
    printed: ["id | integer | bigint | type: evolve | becomes bigint"],
    after: "id bigint, name text",
  },
  "smallint to bigint: evolve": {
    ...{ contract: { type: evolve }, table: "id smallint not null, name text" },
    file: [of("id", "bigint", "3000000000"), name],
    printed: ["id | smallint not null | bigint | type: evolve | becomes bigint"],
    after: "id bigint not null, name text",
  },
  "bigint to numeric: evolve": {
    ...{ contract: { type: evolve }, table: "id bigint, name text" },
    file: [of("id", "numeric", "3000000000.5"), name],
    printed: ["id | bigint | numeric | type: evolve | becomes numeric"],
    after: "id numeric, name text",
  },
  "integer to numeric: evolve": {
    ...{ contract: { type: evolve }, table },
    file: [of("id", "numeric", "1.5"), name],
    printed: ["id | integer | numeric | type: evolve | becomes numeric"],
    after: "id numeric, name text",
  },
  "date to timestamp, and nothing was said": {
    table: "id integer, name date",
    file: [id, of("name", "timestamp", "2024-02-29 07:00")],
    printed: ["name | date | timestamp | type: freeze | refused"],
  },
  "date to timestamp: evolve": {
    ...{ contract: { type: evolve }, table: "id integer, name date" },
    file: [id, of("name", "timestamp", "2024-02-29 07:00")],
    printed: ["name | date | timestamp | type: evolve | becomes timestamp without time zone"],
    after: "id integer, name timestamp without time zone",
  },
  "more digits than the column has: evolve": {
    ...{ contract: { type: evolve }, table: "id numeric(3,1), name text" },
    file: [of("id", "numeric", "12.34"), name],
    evidence: { id: { max_integer_digits: 2, max_scale: 2 } },
    printed: ["id | numeric(3,1) | numeric | type: evolve | becomes numeric"],
    after: "id numeric, name text",
  },
  "longer text than the column has: evolve": {
    ...{ contract: { type: evolve }, table: 'id integer, name varchar(2) collate "C" not null' },
    file: [id, [column("name", "text", false), "Ada"]],
    evidence: { name: { max_bytes: 3 } },
    printed: ["name | character varying(2) not null | text | type: evolve | becomes character varying"],
    after: 'id integer, name character varying not null collate "C"',
  },
  "bigint to integer, and nothing was said": {
    table: "id bigint, name text",
    file: [id, name],
    printed: [],
    after: "id bigint, name text",
  },
  "timestamp to date, and nothing was said": {
    table: "id integer, name timestamp without time zone",
    file: [id, of("name", "date", "2024-02-29")],
    printed: [],
    after: "id integer, name timestamp without time zone",
  },
  "integer to text: evolve": {
    ...{ contract: { type: evolve }, table },
    file: [of("id", "text", "one"), name],
    printed: ["id | integer | text | type: evolve | refused: no wider type holds both"],
  },
  "boolean to integer: evolve": {
    ...{ contract: { type: evolve }, table: "id boolean, name text" },
    file: [id, name],
    printed: ["id | boolean | integer | type: evolve | refused: no wider type holds both"],
  },
  "date to a time with a zone: evolve": {
    ...{ contract: { type: evolve }, table: "id integer, name date" },
    file: [id, of("name", "timestamptz", "2024-02-29T07:00Z")],
    printed: ["name | date | timestamptz | type: evolve | refused: no wider type holds both"],
  },
  "empty cells, and nothing was said": {
    table: "id integer, name text not null",
    file: [id, of("name", "text", null)],
    printed: ["name | text not null | text, some empty | type: freeze | refused"],
  },
  "empty cells: evolve": {
    ...{ contract: { type: evolve }, table: "id integer, name text not null" },
    file: [id, of("name", "text", null)],
    printed: ["name | text not null | text, some empty | type: evolve | takes NULL"],
    after: table,
  },
  "empty cells in the primary key: evolve": {
    ...{ contract: { type: evolve }, table: "id integer, name text primary key" },
    file: [id, of("name", "text", null)],
    printed: ["name | text not null | text, some empty | type: evolve | refused: it is in the primary key"],
  },
  "wider and empty cells: evolve": {
    ...{ contract: { type: evolve }, table: "id integer, name date not null" },
    file: [id, [column("name", "timestamp"), null]],
    printed: [
      "name | date not null | timestamp | type: evolve | becomes timestamp without time zone",
      "name | timestamp without time zone not null | timestamp, some empty | type: evolve | takes NULL",
    ],
    after: "id integer, name timestamp without time zone",
  },
  "another order": {
    table,
    file: [name, id],
    printed: [],
    after: table,
  },
  "another name, and nothing was said": {
    table,
    file: [id, of("names", "text", "Ada")],
    printed: [
      "names | - | text | added: freeze | refused",
      "name | text | - | dropped: freeze | refused",
      'names may be name under another name: then give the dataset | columns: { rename: { "names": "name" } } | in source.yaml',
    ],
  },
  "another name: evolve": {
    ...{ contract: { added: evolve, dropped: evolve }, table },
    file: [id, of("names", "text", "Ada")],
    printed: [
      "names | - | text | added: evolve | is added as text",
      "name | text | - | dropped: evolve | stays, NULL in new rows",
      'names may be name under another name: then give the dataset | columns: { rename: { "names": "name" } } | in source.yaml',
    ],
    after: "id integer, name text, names text",
  },
  "another case: evolve": {
    ...{ contract: { added: evolve, dropped: evolve }, table },
    file: [id, of("Name", "text", "Ada")],
    printed: [
      "Name | - | text | added: evolve | refused: only its case differs from name",
      "name | text | - | dropped: evolve | stays, NULL in new rows",
    ],
  },
  "a required column is not in the file: ignore": {
    ...{ contract: { dropped: ignore, required: ["id", "name"] }, table },
    file: [id],
    printed: ["name | text | - | required | refused"],
  },
  "a required column is not in the file, and there is no table": {
    ...{ contract: { required: ["name"] }, table: undefined },
    file: [id],
    printed: ["name | - | - | required | refused"],
  },
  "one is added and one dropped: ignore": {
    ...{ contract: { added: ignore, dropped: ignore }, table },
    file: [of("mail", "text", "a@b.c"), id],
    printed: [
      "mail | - | text | added: ignore | is not loaded",
      "name | text | - | dropped: ignore | is left as it is",
    ],
    after: table,
  },
  "what is accepted does not happen beside what is not": {
    ...{ contract: { added: evolve, type: freeze }, table },
    file: [of("id", "numeric", "1.5"), name, of("mail", "text", "a@b.c")],
    printed: [
      "id | integer | numeric | type: freeze | refused",
      "mail | - | text | added: evolve | is added as text",
    ],
  },
  "one is wider, one added, one dropped: evolve": {
    ...{
      contract: { added: evolve, dropped: evolve, type: evolve },
      table: "id integer, name text not null",
    },
    file: [of("mail", "text", "a@b.c"), of("id", "bigint", "3000000000")],
    printed: [
      "mail | - | text | added: evolve | is added as text",
      "id | integer | bigint | type: evolve | becomes bigint",
      "name | text not null | - | dropped: evolve | takes NULL, and stays",
    ],
    after: "id bigint, name text, mail text",
  },
  "a column that the database fills in: evolve and ignore": {
    ...{ contract: { added: ignore, dropped: ignore, type: evolve } },
    table: "id integer, name text generated always as ('x') stored",
    file: [id, name],
    printed: ["name | text | text | - | refused"],
  },
}

/** `id integer, name text not null`, as the catalogs have it. */
async function columnsOf(): Promise<string> {
  const rows = await bench.query(
    `select format('%s %s%s%s', attname, format_type(atttypid, atttypmod), case when attnotnull then ' not null' else '' end,
              case when attcollation <> typcollation then format(' collate %I', collname) else '' end) as line
       from pg_attribute join pg_type t on t.oid = atttypid left join pg_collation c on c.oid = attcollation
      where attrelid = to_regclass('public.people') and attnum > 0 and not attisdropped order by attnum`,
  )
  return rows.map(({ line }) => line).join(", ")
}

test.each(Object.entries(cases))(
  "%s",
  async (_, { contract, table, file, evidence = {}, key, ...wanted }) => {
    if (table !== undefined) await bench.query(`create table public.people (${table})`)
    const before = await columnsOf()
    bench.source.publish({
      ...{ name: "people", rowsPerChunk: 10, evidence },
      columns: file.map(([column]) => column),
      rows: [file.map(([, cell]) => cell)],
    })
    bench.source.forgetRequests()
    const settings = {
      ...{ contract: { ...pipelineOf().contract, ...contract } },
      ...(key === undefined ? {} : { key, mode: "upsert" as const }),
    }
    const [outcome] = await bench.createLoader({ pipelines: { people: pipelineOf(settings) } }).load()

    const printed = bench.log.events("columns.changed").map(({ msg }) => String(msg).split("\n").slice(2))
    const bars = (line: string) => line.trim().replace(/ {2,}/g, " | ")
    expect(printed).toEqual(wanted.printed.length === 0 ? [] : [expect.anything()])
    expect((printed[0] ?? []).map(bars)).toEqual(wanted.printed)
    expect(await columnsOf()).toBe(wanted.after ?? before)
    if (wanted.after === undefined) {
      expect(outcome?.problem?.code).toBe("columns-differ")
      expect(bench.source.chunksAsked()).toEqual([])
      return
    }
    expect(outcome?.problem).toBeUndefined()
    const stored = new Set(wanted.after.split(", ").map((one) => one.split(" ")[0]))
    const loaded = file.filter(([column]) => stored.has(column.name))
    const selected = loaded.map(([{ name }]) => `"${name}"::text`).join(", ")
    const [row] = await bench.query(`select array[${selected}] as cells from public.people`)
    const asDate = (cell: string | null) => cell?.replace(/^(\d{4}-\d\d-\d\d)(?: (\d\d:\d\d))?$/, "$1")
    expect(row?.cells.map((cell: string | null) => cell?.slice(0, 10))).toEqual(
      loaded.map(([, cell]) => asDate(cell)?.slice(0, 10)),
    )
  },
)

test("the difference is a table that a person reads, with what to do about what is refused", async () => {
  await bench.query("create table public.people (id integer, name text, fax text)")
  bench.source.publish({
    ...{ name: "people", rowsPerChunk: 10, rows: [["3000000000", "Ada", "a@b.c"]] },
    columns: [column("id", "bigint", false), column("name"), column("mail")],
  })
  const contract = { ...pipelineOf().contract, added: evolve }
  const [outcome] = await bench.createLoader({ pipelines: { people: pipelineOf({ contract }) } }).load()
  expect(bench.log.events("columns.changed")[0]?.msg).toBe(
    `public.people and the dataset differ in 3 columns, and 2 of them are refused:
COLUMN  IN THE TABLE  IN THE FILE  CONTRACT         WHAT HAPPENS
id      integer       bigint       type: freeze     refused
mail    -             text         added: evolve    is added as text
fax     text          -            dropped: freeze  refused`,
  )
  expect(outcome?.problem).toMatchObject({
    code: "columns-differ",
    message: `public.people and the dataset differ in 3 columns, and 2 of them are refused:
  "id" is integer in the table, bigint with up to 0 digits before and 0 after the point in the file; it fits bigint, numeric, text, character varying
  "fax" (text) is not in the file; give it a default or drop it`,
    hint: "Nothing was loaded. Change the table or the source's settings as named above, or load into a new table. Or let the pipeline accept such changes:  contract: { dropped: evolve, type: evolve }",
  })
})

test("a required column that is missing is told with the one that may be meant", async () => {
  const columns = [column("id", "integer"), column("nmae")]
  bench.source.publish({ name: "people", rowsPerChunk: 1, columns, rows: [["1", "Ada"]] })
  const contract = { ...pipelineOf().contract, required: ["name"] }
  const [outcome] = await bench.createLoader({ pipelines: { people: pipelineOf({ contract }) } }).load()
  expect(outcome?.problem?.message).toBe(
    `public.people and the dataset differ in 1 column:
  "name" is required by the contract and not in the file; did you mean "nmae"? Then give the dataset columns: { rename: { "nmae": "name" } } in source.yaml, or name that one`,
  )
})

describe("names that Postgres cannot keep apart are told before anything is made", () => {
  const long = "n".repeat(62)
  const refused = (...names: string[]) => {
    try {
      refuseUnusableNames(
        "people",
        names.map((name) => column(name)),
      )
    } catch (error) {
      if (error instanceof Problem) return `${error.code}: ${error.message}`
    }
    return "taken"
  }

  test.each<[string[], string]>([
    [["id", "Name", "Größe", "GRÖSSE"], "taken"],
    [[`${long}1`, `${long}2`], "taken"],
    [
      ["id", "Id"],
      'header-invalid: people cannot become a table: its columns "id" and "Id" differ in case only.',
    ],
    [
      [`${long}1 a`, "id", `${long}1 b`],
      `header-invalid: people cannot become a table: its columns "${long}1 a" and "${long}1 b" are one in their first 63 bytes, and Postgres keeps no more.`,
    ],
    [
      [`${long}éa`],
      `header-invalid: people cannot become a table: its column "${long}éa" has 65 bytes, and Postgres keeps 63 of a name.`,
    ],
    [
      ["xmin"],
      'header-invalid: people cannot become a table: its column "xmin" is called like a column that every table of Postgres has of its own.',
    ],
    [
      ["a\0b"],
      'header-invalid: people cannot become a table: its column "a\\u0000b" holds a NUL character, which Postgres takes in no name.',
    ],
  ])("%j", (names, said) => {
    expect(refused(...names)).toBe(said)
  })

  test("more of them than a table has", () => {
    const many = Array.from({ length: 1601 }, (_, i) => `c${i}`)
    expect(refused(...many)).toBe("header-invalid: people has 1601 columns, and a table at most 1600.")
    expect(refused(...many.slice(1))).toBe("taken")
  })

  test("by a load, too", async () => {
    const columns = [column("id", "integer"), column("ID")]
    bench.source.publish({ name: "people", rowsPerChunk: 1, columns, rows: [["1", "Ada"]] })
    bench.source.forgetRequests()
    const [outcome] = await bench.createLoader().load()
    expect(outcome?.problem).toMatchObject({ code: "header-invalid", exitCode: 5 })
    expect(bench.source.chunksAsked()).toEqual([])
    expect(await columnsOf()).toBe("")
  })
})
