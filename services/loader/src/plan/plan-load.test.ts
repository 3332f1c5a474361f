// If this file fails, `plan` promises something else than `load` does, or changes what it only ought to look at.
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { createTestDatabase, startProcess, temporaryFolder, withLedger } from "@flatbed/testing"
import pg from "pg"
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest"
import { type Bench, column, openBench, people, pipelineOf } from "../loader.test-kit.ts"
import { formatPlan } from "./plan-text.ts"

const script = fileURLToPath(new URL("../../bin/flatbed-loader.mjs", import.meta.url))
let bench: Bench

beforeAll(async () => {
  bench = await openBench(people(10, 4))
})

beforeEach(async () => {
  await bench.query(
    `do $$ begin
       if (select relkind from pg_class where oid = to_regclass('public.people')) = 'v' then drop view public.people;
       else drop table if exists public.people cascade; end if;
     end $$`,
  )
  bench.source.publish(people(10, 4))
})

afterAll(() => bench.close())

type Change = Parameters<typeof pipelineOf>[0]
const loaderOf = (change: Change) => bench.createLoader({ pipelines: { people: pipelineOf(change) } })
const load = async (change: Change = {}) => (await loaderOf(change).load())[0]

/** All relations, columns, constraints and schemas that are not the server's own, and every row of ledger and tables. */
async function everything(query: (text: string) => Promise<Record<string, unknown>[]>): Promise<string> {
  const own = "n.nspname !~ '^pg_' and n.nspname <> 'information_schema'"
  const found = await query(
    `select pg_catalog.json_agg(line order by line)::text as lines from (
       select format('%s %s', n.oid, n.nspname) as line from pg_namespace n where ${own} union all
       select format('%s %s %s %s %s', c.oid, n.nspname, c.relname, c.relfilenode, c.relacl)
         from pg_class c join pg_namespace n on n.oid = c.relnamespace where ${own} union all
       select format('%s %s %s %s', a.attrelid, a.attname, a.atttypid, a.attnotnull)
         from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace where ${own} union all
       select format('%s %s', k.oid, pg_get_constraintdef(k.oid))
         from pg_constraint k join pg_namespace n on n.oid = k.connamespace where ${own}) as l`,
  )
  const tables = await query(
    "select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname in ('flatbed', 'public') order by 1",
  )
  const rows = await query(
    tables
      .map(({ name }) => `select '${name}' as name, pg_catalog.json_agg(t)::text as rows from ${name} as t`)
      .join(" union all ") || "select",
  )
  return JSON.stringify([found, rows])
}

/** The plan as printed; the database must be as it was. */
async function plan(change: Change = {}) {
  const before = await everything(bench.query)
  bench.source.forgetRequests()
  const [planned] = (await loaderOf(change).plan()).planned
  expect((await everything(bench.query)) === before).toBe(true)
  expect(bench.source.chunksAsked()).toEqual([])
  if (planned === undefined) throw new Error("nothing was planned")
  return { ...planned.plan, text: formatPlan(planned.plan, planned.pipeline) }
}

const head = (text: string) => text.replace(/[0-9a-f]{12}/g, "VERSION").replace(/2\d{3}-[-\d:.TZ]+/g, "TIME")

test("of a table that is not there: the statements that make it, and nothing is made", async () => {
  const indexes = [{ columns: ["name"], unique: false }]
  const planned = await plan({ mode: "mirror", key: ["id"], lineage: true, indexes })
  expect(head(planned.text)).toBe(`people: would load version VERSION into public.people (mirror)
  shows now  there is no such table yet
  moves      10 rows in 3 chunks, 184 B
  rejects    0 at the source; max_rejects allows 0
  changes    create table "public"."people" ("id" integer, "name" text, "born" date, "_flatbed_file" text, "_flatbed_row" bigint, "_flatbed_version" text, "_loaded_at" timestamp with time zone, primary key ("id"));
             create index "people_name_idx" on "public"."people" ("name");`)
  // They are what the load makes.
  for (const statement of planned.statements) await bench.query(statement)
  expect((await load({ mode: "mirror", key: ["id"], lineage: true, indexes }))?.problem).toBeUndefined()
  expect(await plan({ mode: "mirror", key: ["id"], lineage: true, indexes })).toMatchObject({
    outcome: "up-to-date",
    moves: null,
    text: expect.stringMatching(
      /^people: nothing to do, public\.people shows version [0-9a-f]{12}, 10 rows$/,
    ),
  })
})

test("of columns that differ: what becomes of them, by which statement", async () => {
  await load()
  const columns = [column("id", "bigint"), column("mail"), column("born", "date")]
  bench.source.publish({ name: "people", rowsPerChunk: 2, columns, rows: [["1", "a@b.c", null]] })
  const contract = { added: "evolve", dropped: "ignore", type: "evolve", required: [] } as const
  expect(
    head((await plan({ contract })).text),
  ).toBe(`people: would load version VERSION into public.people (replace)
  shows now  version VERSION of TIME, 10 rows
  moves      1 row in 1 chunk, 13 B
  rejects    0 at the source; max_rejects allows 0
  deletes    all rows before
  changes    alter table "public"."people" alter column "id" type bigint, add column "mail" text;
             made in a copy that takes the table's place, so that no reader sees it without rows
  columns that differ:
  COLUMN  IN THE TABLE  IN THE FILE  CONTRACT         WHAT HAPPENS
  id      integer       bigint       type: evolve     becomes bigint
  mail    -             text         added: evolve    is added as text
  name    text          -            dropped: ignore  is left as it is`)
  const frozen = await plan()
  expect(frozen).toMatchObject({
    outcome: "refused",
    problem: { code: "columns-differ" },
    columns: [{ column: "id" }, { column: "mail" }, { column: "name" }],
  })
  expect(frozen.text).toContain("public.people and the dataset differ in 3 columns:\n")
  expect(frozen.text).toContain('alter table public.people add column "mail" text;')
  expect(frozen.text.split("\n")[1]).toBe(
    "  columns-differ: public.people and the dataset differ in 3 columns:",
  )
  expect(frozen.text).not.toContain("Nothing was loaded")
  expect(frozen.problem?.hint).toMatch(/^Change the table or the source's settings/)
  const refused = await load()
  expect(refused?.problem?.message).toBe(frozen.problem?.detail)
})

test("of a version that other settings loaded: that it is loaded again, and why", async () => {
  await load({ mode: "replace", key: ["id"] })
  const changed = await plan({ mode: "upsert", key: ["id"] })
  expect(changed).toMatchObject({ outcome: "load", has_table: true, standing: { settings_changed: true } })
  expect(head(changed.text)).toContain(
    "shows now  version VERSION of TIME, 10 rows, loaded with other settings; all is loaded again\n",
  )
  expect(await plan({ mode: "replace", key: ["id"] })).toMatchObject({
    outcome: "up-to-date",
    standing: { settings_changed: false },
  })
})

test("of a load that was interrupted, and of one that append has done in part, only the rest", async () => {
  bench.source.fault(/chunks\/3/, ...Array(4).fill({ kind: "reset" }))
  expect((await load({ mode: "append" }))?.outcome).toBe("failed")
  const rest = await plan({ mode: "append" })
  expect(rest).toMatchObject({ moves: { chunks: 1, rows: 2 }, resumes: expect.any(Number) })
  expect(rest.text).toContain(`; run ${rest.resumes} goes on, and has the others`)
  expect((await load({ mode: "append" }))?.outcome).toBe("published")
  bench.source.publish(people(15, 4))
  expect(await plan({ mode: "append" })).toMatchObject({
    moves: { rows: 5 },
    files: { new: 0, grown: 1, known: 0, changed: [{ file: "people.csv", state: "grown" }] },
    text: expect.stringContaining("files      0 new, 1 grown, 0 known: people.csv (grown)"),
  })
})

const why = { code: "missing-cell", column: null, value: null, reason: "2 cells, expected 3" } as const

test.each<[string, Change, () => Promise<unknown> | undefined, string]>([
  [
    "more rejects than allowed",
    {},
    async () => bench.source.publish({ ...people(10, 4), setAside: new Map([[3, why]]) }),
    "rejects-over-limit",
  ],
  [
    "a view where the table is to be",
    {},
    () => bench.query("create view public.people as select 1 as id, 'a' as name, current_date as born"),
    "table-unsuitable",
  ],
  [
    "a view on a table that is to be swapped",
    { publish: "swap" },
    () =>
      bench.query(
        "create table public.people (id integer, name text, born date); create view public.names as select name from public.people",
      ),
    "table-unsuitable",
  ],
  ["fewer rows than expected", { expect_rows: ">10" }, () => undefined, "rows-unexpected"],
  ["a key that the file does not have", { mode: "upsert", key: ["mail"] }, () => undefined, "column-unknown"],
])("what would end the load is told with its problem: %s", async (_, change, prepare, code) => {
  await prepare()
  const planned = await plan(change)
  expect(planned.problem?.code).toBe(code)
  expect(planned.text).not.toContain("Nothing was loaded")
  if (planned.has_table === false) expect(planned.text).toContain("public.people would not be made\n")
  expect((await load(change))?.problem?.code).toBe(code)
})

test("plan and columns as a user types them: text, JSON, exit codes, a wrong name; no ledger is made by a plan", async () => {
  const folder = await temporaryFolder()
  const empty = await createTestDatabase({ template: false })
  const client = new pg.Client({ connectionString: empty.url })
  await client.connect()
  try {
    const yaml = `source: { url: "${bench.source.url}" }\ndatabase: { url: "\${DATABASE_URL}" }\n`
    const pipelines =
      "pipelines:\n  people: { dataset: people, table: people, contract: { required: [mail] } }\n"
    const configure = (rest: string) => writeFile(join(folder.path, "loader.yaml"), yaml + rest)
    const run = async (...args: string[]) => {
      const program = startProcess({ script, args, cwd: folder.path, env: { DATABASE_URL: empty.url } })
      const { code } = await program.end()
      return { code, stdout: program.stdout(), stderr: program.stderr() }
    }
    await configure(pipelines.replace("mail", "name"))
    const query = async (text: string) => (await client.query(text)).rows
    const before = await everything(query)
    const planned = await run("plan", "--json")
    expect(planned.code).toBe(0)
    expect(JSON.parse(planned.stdout)).toMatchObject({ plans: [{ pipeline: "people", outcome: "load" }] })
    expect((await everything(query)) === before).toBe(true)
    expect(await run("plan", "peeple")).toMatchObject({ code: 2, stderr: expect.stringContaining("people") })
    expect((await run("load")).code).toBe(0)
    const { stdout } = await run("columns")
    expect(stdout).toMatch(
      /^RUN +TABLE .*\n1 +public\.people +born +- +date +- +is made as date .*\n1 +public\.people +name /,
    )
    await client.query(withLedger("delete from flatbed.publications"))
    await configure(pipelines)
    expect(await run("plan")).toMatchObject({
      code: 5,
      stdout: expect.stringContaining('"mail" is required'),
    })
    await client.query(
      withLedger("delete from flatbed.migrations where id = (select max(id) from flatbed.migrations)"),
    )
    const [older] = (await bench.createLoader({ database: { url: empty.url } }).plan()).planned
    expect(older?.problem).toMatchObject({
      code: "database-failed",
      message: expect.stringContaining("older flatbed-loader"),
    })
  } finally {
    await client.end()
    await empty.drop()
    await folder.remove()
  }
})
