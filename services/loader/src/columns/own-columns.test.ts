// If this file fails, the loader's own columns meet the file's, or a table without them is loaded into all the same.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest"
import { type Bench, column, openBench, people, pipelineOf } from "../loader.test-kit.ts"
import { encodeChunk } from "../staging/chunk-encoder.ts"
import { fileCells } from "../staging/file-cells.ts"

let bench: Bench

beforeAll(async () => {
  bench = await openBench(people(4, 2))
})

beforeEach(async () => {
  await bench.query("drop table if exists public.people")
  bench.source.publish(people(4, 2))
  bench.source.forgetRequests()
})

afterAll(async () => {
  await bench.close()
})

type Change = Parameters<typeof pipelineOf>[0]

async function load(change: Change) {
  const [outcome] = await bench.createLoader({ pipelines: { people: pipelineOf(change) } }).load()
  return outcome?.problem
}

const soft = { mode: "soft", limit: { rows: 9, share: "100%" }, after_rejects: "refuse" } as const

test.each<[string, string, Change]>([
  ["_flatbed_file", "lineage: true", { lineage: true }],
  ["_flatbed_row", "lineage: true", { lineage: true, key: ["id"] }],
  ["_flatbed_version", "lineage: true", { lineage: true }],
  ["_loaded_at", "lineage: true", { lineage: true }],
  ["_flatbed_row", "key", { key: ["id"] }],
  ["_deleted_at", "deletes.mode: soft", { mode: "mirror", key: ["id"], deletes: soft }],
])("a file's own %s and `%s` are told together, and nothing is loaded", async (name, setting, change) => {
  const columns = [column("id", "integer"), column(name)]
  bench.source.publish({ name: "people", columns, rows: [["1", "x"]], rowsPerChunk: 1 })
  const problem = await load(change)
  expect(problem?.code).toBe("settings-invalid")
  expect(problem?.message).toContain(`"${name}"`)
  expect(problem?.message).toContain(`\`${setting}\` of pipelines.people`)
  expect(bench.source.requests().filter(({ path }) => path.includes("/chunks/"))).toEqual([])
  // Where nobody asks for ours, the name is the file's.
  expect(await load({})).toBeUndefined()
  expect(await bench.query(`select ${name} as cell from public.people`)).toEqual([{ cell: "x" }])
})

test("a table without the columns is refused, with statements that help; rows from before have no lineage until they change", async () => {
  const fresh = { mode: "upsert", key: ["id"] } as const
  expect(await load(fresh)).toBeUndefined()
  const problem = await load({ ...fresh, lineage: true })
  expect(problem?.code).toBe("columns-differ")
  const statements = problem?.message.match(/alter table .*;/g) ?? []
  expect(statements).toHaveLength(4)
  for (const statement of statements) await bench.query(statement)
  expect(await load({ ...fresh, lineage: true })).toBeUndefined()
  const next = people(4, 2)
  bench.source.publish({
    ...next,
    rows: next.rows.map((row) => (row[0] === "3" ? ["3", "other", null] : row)),
  })
  expect(await load({ ...fresh, lineage: true })).toBeUndefined()
  expect(
    await bench.query(
      "select id, _flatbed_file, _flatbed_row::integer, _loaded_at is null as never from public.people order by id",
    ),
  ).toEqual([
    { id: 1, _flatbed_file: null, _flatbed_row: null, never: true },
    { id: 2, _flatbed_file: null, _flatbed_row: null, never: true },
    { id: 3, _flatbed_file: "people.csv", _flatbed_row: 3, never: false },
    { id: 4, _flatbed_file: null, _flatbed_row: null, never: true },
  ])
})

test("columns of another type, or that the database fills in, are refused with what to do", async () => {
  await bench.query(
    `create table public.people (id integer, name text, born date, _flatbed_file text, _flatbed_row integer,
       _flatbed_version text generated always as ('x') stored, _loaded_at timestamp)`,
  )
  const problem = await load({ lineage: true })
  expect(problem?.code).toBe("columns-differ")
  expect(problem?.message).toContain('alter table public.people alter column "_flatbed_row" type bigint;')
  expect(problem?.message).toContain(
    'alter table public.people alter column "_loaded_at" type timestamp with time zone;',
  )
  expect(problem?.message).toMatch(/"_flatbed_version".* takes no values/)
})

test("a table with the columns is refused when the settings no longer ask for them: its rows would be without", async () => {
  expect(await load({ lineage: true })).toBeUndefined()
  const problem = await load({})
  expect(problem?.code).toBe("columns-differ")
  expect(problem?.message).toContain("set `lineage: true`, or drop the column")
})

test("a first load that becomes the table and one by key give the same table", async () => {
  const layout = async () =>
    await bench.query(
      `select attname, format_type(atttypid, atttypmod) as type, attnotnull, atthasdef from pg_catalog.pg_attribute
        where attrelid = 'public.people'::regclass and attnum > 0 order by attnum`,
    )
  expect(await load({ lineage: true })).toBeUndefined()
  const [renamed, rows] = [await layout(), await bench.query("select * from public.people order by id")]
  await bench.query("drop table public.people")
  expect(await load({ lineage: true, key: ["id"] })).toBeUndefined()
  expect(await layout()).toEqual(
    renamed.map((one) => (one.attname === "id" ? { ...one, attnotnull: true } : one)),
  )
  const copied = await bench.query("select * from public.people order by id")
  const untimed = (list: readonly Record<string, unknown>[]) => list.map(({ _loaded_at, ...row }) => row)
  expect(untimed(copied)).toEqual(untimed(rows))
  expect(new Set(rows.map(({ _loaded_at }) => String(_loaded_at))).size).toBe(1)
})

test("each row's file and number stand before its cells, and a file's name stays one cell", () => {
  const chunk = (n: number, first_row: number, file: string) => ({
    ...{ chunk: n, first_row, rows: 2, rejects: 0, filtered: 0, file },
    ...{ byte_from: 0, byte_to: 0, sha256: "" },
  })
  const files = fileCells([chunk(4, 7, "a\tb.csv"), chunk(5, 9, "c\\N.csv"), chunk(6, 11, "é.csv")])
  const lines = [["x"], [null], [""], ["y"], ["z"], ["\t"]].map((cells) => `${JSON.stringify(cells)}\n`)
  const { copyText } = encodeChunk(Buffer.from(lines.join("")), {
    columns: ["word"],
    firstRow: 7,
    numbered: true,
    files,
  })
  expect(copyText.toString()).toBe(
    [
      "a\\tb.csv\t7\tx\n",
      "a\\tb.csv\t8\t\\N\n",
      "c\\\\N.csv\t9\t\n",
      "c\\\\N.csv\t10\ty\n",
      "é.csv\t11\tz\n",
      "é.csv\t12\t\\t\n",
    ].join(""),
  )
})
