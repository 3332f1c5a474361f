// If this file fails, a migration of the user's runs twice, in another order, half, or not at all without a word.
import { mkdir, readdir, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { type TemporaryFolder, temporaryFolder } from "@flatbed/testing"
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest"
import { type Bench, openBench, people, pipelineOf } from "../loader.test-kit.ts"
import type { Loader } from "../loader.ts"

let bench: Bench
let folder: TemporaryFolder

beforeAll(async () => {
  bench = await openBench(people(3, 3))
  folder = await temporaryFolder()
})

afterAll(async () => {
  await bench.close()
  await folder.remove()
})

beforeEach(async () => {
  await bench.query(
    "drop schema if exists shop cascade; drop table if exists flatbed.own_migrations, public.people",
  )
  for (const name of await readdir(folder.path)) await rm(join(folder.path, name), { recursive: true })
})

async function write(files: Record<string, string>): Promise<Loader> {
  for (const [name, sql] of Object.entries(files)) await writeFile(join(folder.path, name), sql)
  return bench.createLoader({
    migrations: folder.path,
    pipelines: { people: pipelineOf({ table: "shop.people" }) },
  })
}

const refusal = async (loader: Loader) =>
  await loader.load().then(
    () => ({ message: "it was loaded" }),
    ({ code, exitCode, message, hint }) => ({ code, exitCode, message, hint }),
  )
const ran = async () =>
  (await bench.query("select name from flatbed.own_migrations order by id")).map(({ name }) => name)

const schema = "create schema shop; -- Up\n"
const table =
  "-- A body is no transaction.\ncreate table shop.people (id integer, name text, born date, note text default 'n');\ncreate function shop.f() returns void language plpgsql as $$ begin perform 1; commit; end $$;"

test("they run before anything is loaded, in the order of their numbers, once", async () => {
  const files = { "10_table.sql": table, "0002_schema.sql": schema, "README.md": "about them", ".x.sql": "x" }
  const loader = await write(files)
  expect(await loader.pendingMigrations()).toEqual(["0002_schema", "10_table"])
  const contract = { added: "freeze", dropped: "ignore", type: "freeze", required: [] } as const
  const pipelines = { people: pipelineOf({ table: "shop.people", contract }) }
  const settings = { migrations: folder.path, pipelines }
  expect(await bench.createLoader(settings).load()).toMatchObject([{ outcome: "published", rows: 3 }])
  expect(await bench.query("select id, note from shop.people order by id")).toEqual([
    ...[1, 2, 3].map((id) => ({ id, note: "n" })),
  ])
  expect(bench.log.events("migrations.run")).toMatchObject([{ migrations: ["0002_schema", "10_table"] }])
  await writeFile(join(folder.path, "11_more.sql"), "comment on table shop.people is 'ours'")
  expect(await loader.pendingMigrations()).toEqual(["11_more"])
  await bench.createLoader(settings).load()
  await bench.createLoader(settings).load()
  expect(await ran()).toEqual(["0002_schema", "10_table", "11_more"])
})

test("of one that fails nothing stays, what ran before it does, and the next load goes on", async () => {
  const broken = "create table shop.a (id integer);\n\ncreate table shop.b (id\n  intejer);\n"
  const loader = await write({
    "1_schema.sql": schema,
    "2_broken.sql": broken,
    "3_later.sql": "create table shop.c ()",
  })
  expect(await refusal(loader)).toEqual({
    code: "migration-failed",
    exitCode: 4,
    message: '2_broken.sql, line 4: Postgres said: type "intejer" does not exist.',
    hint: "Nothing of 2_broken.sql was kept. 1_schema ran before it and stays.",
  })
  const tables = () =>
    bench.query("select to_regclass('shop.a') as a, to_regclass('shop.c') as c, to_regnamespace('shop') as s")
  expect(await tables()).toEqual([{ a: null, c: null, s: "shop" }])
  await writeFile(join(folder.path, "2_broken.sql"), broken.replace("intejer", "integer"))
  await loader.load()
  expect(await tables()).toEqual([{ a: "shop.a", c: "shop.c", s: "shop" }])
  expect(await ran()).toEqual(["1_schema", "2_broken", "3_later"])
})

test("names are looked up in no schema, and what one sets is not set for the next", async () => {
  const loader = await write({
    "1_a.sql": `${schema}set search_path to shop; set role pg_monitor; set local role none;`,
    "2_b.sql": "create schema other;\ncreate table people ();",
  })
  expect(await refusal(loader)).toMatchObject({
    code: "migration-failed",
    message: "2_b.sql, line 2: Postgres said: no schema has been selected to create in.",
    hint: expect.stringContaining("write each with its own, as in public.orders"),
  })
})

test("their order never follows from a clock: a file may set the zone, and times that are wrong already do no harm", async () => {
  const loader = await write({
    "1_a.sql": `${schema}set timezone = 'Asia/Tokyo';`,
    "2_b.sql": "create table shop.b ()",
  })
  await loader.load()
  await writeFile(join(folder.path, "3_c.sql"), "create table shop.c ()")
  await loader.load()
  expect(await ran()).toEqual(["1_a", "2_b", "3_c"])
  const near = "bool_and(run_on between now() - interval '5 minutes' and now()) as near"
  expect(await bench.query(`select ${near} from flatbed.own_migrations`)).toEqual([{ near: true }])
  // As a loader before this one made it, in a zone that was changed in between.
  await bench.query(
    "alter table flatbed.own_migrations alter column run_on type timestamp; update flatbed.own_migrations set run_on = run_on - id * interval '1 hour'",
  )
  await writeFile(join(folder.path, "10_d.sql"), "create table shop.d ()")
  await loader.load()
  expect(await ran()).toEqual(["1_a", "2_b", "3_c", "10_d"])
})

test("loaders that begin at once run them once", async () => {
  const loader = await write({
    "1_a.sql": `${schema}create table shop.made ();select pg_catalog.pg_sleep(0.2);`,
  })
  await Promise.all([1, 2, 3].map(() => loader.load()))
  expect(await ran()).toEqual(["1_a"])
})

test("a rehearsal runs none and says so", async () => {
  const loader = await write({ "1_a.sql": schema })
  await loader.load([], undefined, { rehearse: true })
  expect(bench.log.events("migrations.pending")).toMatchObject([{ migrations: ["1_a"] }])
  expect(await bench.query("select to_regnamespace('shop') as s")).toEqual([{ s: null }])
})

test.each([
  [
    "a name without a number",
    { "create.sql": schema },
    "The migration create.sql is not called as a migration is.",
  ],
  [
    "an ending in capitals",
    { "1_a.sql": schema, "2_UP.SQL": "select 1" },
    "The migration 2_UP.SQL is not called as a migration is.",
  ],
  [
    "a name with a quote",
    { "1_it's.sql": schema },
    "The migration 1_it's.sql is not called as a migration is.",
  ],
  [
    "one number twice",
    { "1_a.sql": schema, "01_b.sql": schema },
    /^The migration (1_a|01_b)\.sql has the number of /,
  ],
  ["nothing in it", { "1_a.sql": "-- later\n" }, "The migration 1_a.sql holds no SQL."],
  [
    "a transaction of its own",
    { "1_a.sql": `${schema}\ncommit;` },
    "The migration 1_a.sql, line 3 says COMMIT.",
  ],
  [
    "a byte order mark",
    { "1_a.sql": `\ufeff${schema}` },
    "The migration 1_a.sql begins with a byte order mark.",
  ],
  [
    "a way back",
    { "1_a.sql": `${schema}-- Down Migration\ndrop schema shop;` },
    "The migration 1_a.sql has a part for Up or Down Migration.",
  ],
] as [string, Record<string, string>, string | RegExp][])(
  "%s is refused, and nothing runs",
  async (_name, files, message) => {
    const refused = await refusal(await write(files))
    expect(refused).toMatchObject({
      code: "migration-failed",
      exitCode: 4,
      hint: expect.stringMatching(/^No migration was run\. /),
    })
    expect(refused.message).toEqual(typeof message === "string" ? message : expect.stringMatching(message))
    expect(await bench.query("select to_regnamespace('shop') as s")).toEqual([{ s: null }])
  },
)

test("a folder that is called as a migration is refused, and so is one that runs in no transaction, with what to do", async () => {
  const loader = await write({ "1_a.sql": `${schema}create table shop.a (id integer);` })
  await writeFile(join(folder.path, "2_index.sql"), "create index concurrently on shop.a (id);")
  expect(await refusal(loader)).toMatchObject({
    code: "migration-failed",
    message: "2_index.sql: Postgres said: CREATE INDEX CONCURRENTLY cannot run inside a transaction block.",
    hint: expect.stringMatching(
      /^Nothing of 2_index\.sql was kept\. 1_a ran before it and stays\. A migration is one transaction, in which that cannot run: take it out, and name it under `indexes:` of the pipeline or model, or make the index by hand\.$/,
    ),
  })
  await rm(join(folder.path, "2_index.sql"))
  await mkdir(join(folder.path, "2_more.sql"))
  expect(await refusal(loader)).toMatchObject({
    code: "migration-failed",
    message: "The migration 2_more.sql is a folder, expected a file of SQL.",
  })
})

test("one that ran and is gone, and a new one before those that ran, are told", async () => {
  const loader = await write({ "1_a.sql": schema, "5_b.sql": "create table shop.b ()" })
  await loader.load()
  await writeFile(join(folder.path, "3_early.sql"), "select 1")
  expect(await refusal(loader)).toMatchObject({
    code: "migration-failed",
    message: "The migration 3_early.sql is new, and 5_b.sql with a later number has run already.",
    hint: "No migration was run. Give it the next free number.",
  })
  await expect(loader.pendingMigrations()).rejects.toMatchObject({ code: "migration-failed" })
  await rm(join(folder.path, "3_early.sql"))
  await rm(join(folder.path, "1_a.sql"))
  expect((await refusal(loader)).message).toMatch(
    /^The migration 1_a\.sql ran at \d{4}-\S+ \S+ and is not in the folder any more\.$/,
  )
})

test("a folder that is not there is a settings problem", async () => {
  const loader = bench.createLoader({ migrations: join(folder.path, "gone") })
  expect(await refusal(loader)).toMatchObject({ code: "settings-invalid", exitCode: 2 })
})
