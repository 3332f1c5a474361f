// If this file fails, a ledger under another name is not found, or a search path decides what a name of ours means.
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { createTestDatabase, createTestRole, type TestDatabase, type TestRole } from "@flatbed/testing"
import pg from "pg"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type Bench, createTestLog, makeSettings, openBench, people, pipelineOf } from "./loader.test-kit.ts"
import { createLoader } from "./loader.ts"
import { listRuns } from "./run-list.ts"

const schema = "Ledger two"
const key = ["id"]
const pipelines = {
  replaced: pipelineOf({ table: "replaced" }),
  swapped: pipelineOf({ table: "swapped", publish: "swap" }),
  appended: pipelineOf({ table: "appended", mode: "append" }),
  fresh: pipelineOf({ table: "fresh", mode: "upsert", key, lineage: true }),
  mirrored: pipelineOf({ table: "mirrored", mode: "mirror", key, max_rejects: 1 }),
}

let bench: Bench
let database: TestDatabase
let role: TestRole
let admin: pg.Client

beforeAll(async () => {
  bench = await openBench(people(5, 2))
  database = await createTestDatabase({ template: false })
  role = await createTestRole(database)
  admin = new pg.Client({ connectionString: database.url })
  await admin.connect()
  await admin.query(`grant create on database ${database.name} to ${role.name};
    grant usage, create on schema public to ${role.name}`)
})

afterAll(async () => {
  await admin.end()
  await database.drop()
  await role.drop()
  await bench.close()
})

// A namesake of what our statements use, each of which would give wrong answers or stop the load.
const namesakes = `create schema evil;
  create table evil.runs (run_id bigint); create table evil.leases (pipeline text); create table evil.people (id int);
  create function evil.count(bigint) returns bigint language sql as 'select -1::bigint';
  create function evil.clock_timestamp() returns timestamptz language sql as $$ select timestamptz '1970-01-01' $$;
  create function evil.now() returns timestamptz language sql as $$ select timestamptz '1970-01-01' $$;
  create function evil.set_config(text, text, boolean) returns text language sql as $$ select 'nothing'::text $$;
  create function evil.unnest(bigint[]) returns setof bigint language sql as 'select 0::bigint where false';
  create function evil.to_regclass(text) returns regclass language sql as 'select null::regclass';
  create function evil.never(text, text) returns boolean language sql as 'select false';
  create operator evil.= (leftarg = text, rightarg = text, function = evil.never);
  create domain evil.text as pg_catalog.text check (false);
  grant usage on schema evil to public`

test("a ledger of another name holds all of it, whatever search path the role and the database have", async () => {
  await admin.query(namesakes)
  // Before pg_catalog: a statement that relied on the path would find these first.
  for (const whose of [`database ${database.name}`, `role ${role.name}`]) {
    await admin.query(`alter ${whose} set search_path to evil, pg_catalog, public`)
  }
  const settings = makeSettings(
    { source: bench.source.url, database: role.url },
    { pipelines, database: { url: role.url, schema } },
  )
  const loader = createLoader(settings, { log: createTestLog().log, version: "0.0.0-test" })
  for (const tag of ["a", "b"]) {
    bench.source.publish(people(5, 2, tag))
    // To append, a file of that name would have to be the same or longer.
    const names = Object.keys(pipelines).filter((name) => tag === "a" || name !== "appended")
    const outcomes = await loader.load(names)
    expect(outcomes.map(({ pipeline, outcome, problem }) => [pipeline, outcome, problem])).toEqual(
      names.map((name) => [name, "published", undefined]),
    )
  }
  bench.source.publish(people(5, 2, "a"))
  expect(await loader.load(["appended"])).toMatchObject([{ outcome: "up-to-date" }])
  bench.source.publish(people(5, 2, "b"))
  const again = Object.keys(pipelines).filter((name) => name !== "appended")
  expect((await loader.load(again)).map(({ outcome }) => outcome)).toEqual(again.map(() => "up-to-date"))
  expect((await loader.status()).map(({ pipeline, state, rows }) => [pipeline, state, rows])).toEqual(
    Object.keys(pipelines).map((name) => [name, "published", 5]),
  )
  expect(await loader.askLedger((session) => listRuns(session, { limit: 20 }))).toHaveLength(9)

  for (const { table } of Object.values(pipelines)) {
    const { rows } = await admin.query(`select pg_catalog.count(*)::integer as n from public.${table}`)
    expect([table, rows]).toEqual([table, [{ n: 5 }]])
  }
  const { rows: made } = await admin.query(
    `select nspname as schema, pg_catalog.count(*)::integer as n from pg_catalog.pg_class
       join pg_catalog.pg_namespace as s on s.oid = relnamespace
      where relkind = 'r' and relowner = $1::pg_catalog.regrole and relname not in
        ('replaced', 'swapped', 'appended', 'fresh', 'mirrored') group by 1`,
    [role.name],
  )
  expect(made).toEqual([{ schema, n: expect.any(Number) }])
  const { rows: left } = await admin.query(
    "select relname from pg_catalog.pg_class where relname like 'staging%' and relkind = 'r'",
  )
  expect(left).toEqual([])
})

test("two ledgers in one database know nothing of each other", async () => {
  const loaderOf = (name: string, table: string) =>
    createLoader(
      makeSettings(
        { source: bench.source.url, database: database.url },
        {
          database: { url: database.url, schema: name },
          pipelines: { people: pipelineOf({ table }) },
        },
      ),
      { log: createTestLog().log, version: "0.0.0-test" },
    )
  await loaderOf("one", "of_one").load()
  expect(await loaderOf("other", "of_other").status()).toMatchObject([{ state: "never" }])
  expect(await loaderOf("one", "of_one").status()).toMatchObject([{ state: "published", rows: 5 }])
})

test("no statement of the loader, and no migration, writes a name for the ledger's schema", () => {
  const tables = new Set<string>()
  const migrations = new URL("../migrations/", import.meta.url)
  const guilty: string[] = []
  for (const file of readdirSync(migrations)) {
    const text = readFileSync(new URL(file, migrations), "utf8")
    for (const [, name = ""] of text.matchAll(/create table (\w+)/g)) tables.add(name)
    if (/\bflatbed\./.test(text)) guilty.push(`${file}: write the table's name alone`)
  }
  expect([...tables]).toContain("leases")
  const named = new RegExp(`\\bflatbed\\.(?:${[...tables].join("|")}|migrations|staging_)`)
  for (const file of readdirSync(import.meta.dirname, { recursive: true, encoding: "utf8" })) {
    if (!file.endsWith(".ts") || file.includes(".test")) continue
    const lines = readFileSync(join(import.meta.dirname, file), "utf8").split("\n")
    for (const [i, line] of lines.entries()) {
      if (named.test(line)) guilty.push(`${file}:${i + 1}: write \${session.ledger}. instead`)
    }
  }
  expect(guilty).toEqual([])
})
