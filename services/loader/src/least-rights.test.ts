// If this file fails, the loader needs more rights than its role script gives, or fails without saying which one.
import { readFile } from "node:fs/promises"
import {
  createTestDatabase,
  createTestRole,
  type ScriptedSource,
  startScriptedSource,
  type TestDatabase,
  type TestRole,
  temporaryFolder,
} from "@flatbed/testing"
import pg from "pg"
import { afterEach, beforeEach, expect, test } from "vitest"
import { createTestLog, makeSettings, people, pipelineOf } from "./loader.test-kit.ts"
import { createLoader, type Loader } from "./loader.ts"
import { seesWholeRun } from "./postgres/adopt.ts"
import { asSession } from "./postgres/database.ts"
import type { LoaderSettings } from "./settings/settings.ts"
import type { RunOutcome } from "./summary.ts"

const scriptFile = new URL("../deploy/role.sql", import.meta.url)
const scriptedRole = "flatbed_loader"

let database: TestDatabase
let source: ScriptedSource
let admin: pg.Client
const roles: TestRole[] = []

beforeEach(async () => {
  database = await createTestDatabase({ template: false })
  source = await startScriptedSource(people(6, 2))
  admin = new pg.Client({ connectionString: database.url })
  await admin.connect()
})

afterEach(async () => {
  await admin.end()
  await source.close()
  await database.drop()
  for (const role of roles.splice(0)) await role.drop()
})

async function createRole(): Promise<TestRole> {
  const role = await createTestRole(database)
  roles.push(role)
  return role
}

function createLoaderAs(
  url: string,
  pipelines: LoaderSettings["pipelines"],
  models: LoaderSettings["models"] = {},
): Loader {
  // The script's name for the ledger, whatever other tests call it.
  const database = { url, schema: "flatbed" }
  const settings = makeSettings({ source: source.url, database: url }, { pipelines, models, database })
  return createLoader(settings, { log: createTestLog().log, version: "0.0.0-test" })
}

async function loadAs(url: string, pipeline: Parameters<typeof pipelineOf>[0]): Promise<RunOutcome> {
  const [outcome] = await createLoaderAs(url, { people: pipelineOf(pipeline) }).load()
  if (outcome === undefined) throw new Error("nothing was loaded")
  return outcome
}

const key = ["id"]
const deletes = { mode: "soft", limit: { rows: 10, share: "100%" }, after_rejects: "refuse" } as const
const modes = {
  replaced: pipelineOf({ table: "vendor.replaced" }),
  different: pipelineOf({ table: "vendor.different", key, lineage: true }),
  fresh: pipelineOf({ table: "vendor.fresh", mode: "upsert", key, dedupe: "exact" }),
  mirrored: pipelineOf({ table: "vendor.mirrored", mode: "mirror", key }),
  marked: pipelineOf({ table: "vendor.marked", mode: "mirror", key, deletes, lineage: true }),
  indexed: pipelineOf({ table: "vendor.indexed", indexes: [{ columns: ["name"], unique: true }] }),
} as const

const namesIn = async (table: string) =>
  (await admin.query(`select name from ${table} order by id`)).rows.map(({ name }) => name)
const named = (tag: string) => Array.from({ length: 6 }, (_, i) => `${tag} ${i + 1}`)

test("with the role script every mode loads, into tables of its own and into one that it was given, and sees no other", async () => {
  await admin.query(
    `create schema crm;
     create table crm.people (id integer, name text, born date);
     create table crm.secret (word text);
     insert into crm.people values (7, 'gone', null);`,
  )
  await admin.query(`drop role if exists ${scriptedRole}`)
  await admin.query(await readFile(scriptFile, "utf8"))
  const url = new URL(database.url)
  const folder = await temporaryFolder()
  const sql = await folder.write("model.sql", "select id, name from vendor.fresh")
  const model = { sql, needs: ["fresh"], indexes: [], checks: [{ sql: "id > 0", severity: "fail" }] } as const
  const models = {
    table: { ...model, as: "table", table: "vendor.model_table", key: ["id"] },
    view: { ...model, as: "view", table: "vendor.model_view" },
    append: { ...model, as: "append", table: "vendor.model_append" },
    upsert: { ...model, as: "upsert", table: "vendor.model_upsert", key: ["id"] },
  } as const
  try {
    await admin.query(`alter role ${scriptedRole} password 'only-here'`)
    url.username = scriptedRole
    url.password = "only-here"
    const loader = createLoaderAs(url.href, modes, models)
    for (const tag of ["a", "b"]) {
      source.publish(people(6, 2, tag))
      const outcomes = await loader.load()
      expect(outcomes.map(({ outcome, problem }) => [outcome, problem])).toEqual(
        Object.keys(modes).map(() => ["published", undefined]),
      )
      for (const { table } of Object.values(modes)) expect(await namesIn(table)).toEqual(named(tag))
      const made = await loader.makeModels({ after: Object.keys(modes) })
      expect(made.map(({ outcome, problem }) => [outcome, problem])).toEqual(
        Object.keys(models).map(() => ["made", undefined]),
      )
      for (const table of ["vendor.model_table", "vendor.model_view", "vendor.model_upsert"])
        expect(await namesIn(table)).toEqual(named(tag))
    }
    const given = ["replaced", "different", "fresh", "mirrored"] as const
    for (const [i, name] of given.entries()) {
      source.publish(people(6, 2, `given ${i}`))
      const { problem } = await loadAs(url.href, { ...modes[name], lineage: false, table: "crm.people" })
      expect([name, problem]).toEqual([name, undefined])
      expect(await namesIn("crm.people")).toEqual(named(`given ${i}`))
    }

    const own = new pg.Client({ connectionString: url.href })
    await own.connect()
    for (const text of [
      "select from crm.secret",
      "create table crm.more ()",
      "create table public.more ()",
      "create schema more",
      "alter table crm.people add column more text",
      "drop table crm.people",
      "truncate crm.people",
    ]) {
      await expect(own.query(text), text).rejects.toMatchObject({ code: "42501" })
    }
    await own.end()
  } finally {
    await folder.remove()
    await admin.query(`drop owned by ${scriptedRole} cascade`)
    await admin.query(`drop role ${scriptedRole}`)
  }
}, 60_000)

test("a right that is missing is named before a row moves, with the statement that gives it", async () => {
  const { name, url } = await createRole()
  const table = "crm.people"
  const load = async (pipeline: Parameters<typeof pipelineOf>[0] = {}) => {
    source.forgetRequests()
    const { problem } = await loadAs(url, { table, mode: "upsert", key, ...pipeline })
    expect(source.requests().filter(({ path }) => path.includes("/chunks/"))).toEqual([])
    return problem
  }
  const said = async (statements: string) => {
    const problem = await load()
    expect(problem?.code).toBe("database-refused")
    expect(problem?.hint).toBe(`As the owner, or a superuser:  ${statements}`)
    // What it says is what helps.
    await admin.query(statements)
  }

  const first = createLoaderAs(url, { people: pipelineOf({ table }) }).load()
  await expect(first).rejects.toMatchObject({
    code: "database-refused",
    message: `The role ${name} may not make the schema flatbed, which is not there: the ledger and staging live in it.`,
    hint: expect.stringContaining(`create schema flatbed authorization ${name};`),
  })
  await admin.query(`create schema flatbed authorization ${name}`)

  await said(`create schema "crm"; grant usage, create on schema "crm" to ${name};`)
  await admin.query(`revoke all on schema crm from ${name}`)
  await said(`grant usage on schema "crm" to ${name}; grant create on schema "crm" to ${name};`)
  await admin.query(`revoke create on schema crm from ${name}`)
  await said(`grant create on schema "crm" to ${name};`)
  await admin.query("create table crm.people (id integer, name text, born date)")
  await said(`grant select, insert, update on "crm"."people" to ${name};`)

  await admin.query("alter table crm.people enable row level security")
  const hidden = await load()
  expect(hidden).toMatchObject({
    code: "database-refused",
    message: `The row-level security of crm.people holds for the role ${name}: it would hide rows from the load.`,
    hint: expect.stringContaining(`alter role ${name} bypassrls;`),
  })
  await admin.query(`alter role ${name} bypassrls`)
  expect((await loadAs(url, { table, mode: "upsert", key })).problem).toBeUndefined()
  expect(await namesIn(table)).toEqual(named("a"))

  // What it has is enough for an upsert, and not for a mirror.
  expect(await load({ mode: "mirror" })).toMatchObject({
    message: `The role ${name} cannot load crm.people: it lacks delete on crm.people.`,
  })
})

test("a role that may insert and nothing else appends, one load after the other", async () => {
  const { name, url } = await createRole()
  await admin.query(
    `create schema flatbed authorization ${name};
     create table public.people (id integer, name text, born date);
     grant usage on schema public to ${name}; grant insert on public.people to ${name}`,
  )
  for (const rows of [6, 9]) {
    source.publish(people(rows, 2))
    const pipeline = { table: "public.people", mode: "append", lineage: false } as const
    expect((await loadAs(url, pipeline)).problem).toBeUndefined()
    expect(await namesIn("public.people")).toHaveLength(rows)
  }
})

test("an index on another role's table is refused with the statement for its owner", async () => {
  const { name, url } = await createRole()
  await admin.query(
    `create schema flatbed authorization ${name};
     create table public.people (id integer, name text, born date);
     grant usage on schema public to ${name};
     grant insert, delete on public.people to ${name}`,
  )
  const pipeline = { table: "public.people", indexes: [{ columns: ["name"], unique: false }] }
  const { problem } = await loadAs(url, pipeline)
  expect(problem).toMatchObject({
    code: "database-refused",
    hint: expect.stringContaining('create index "people_name_idx" on "public"."people" ("name");'),
  })
  expect(await namesIn("public.people")).toEqual([])
  await admin.query('create index "people_name_idx" on "public"."people" ("name")')
  expect((await loadAs(url, pipeline)).problem).toBeUndefined()
})

test("a reader of another role whose snapshot is older than a chunk is noticed", async () => {
  const [loader, other] = [await createRole(), await createRole()]
  await admin.query(`create schema flatbed authorization ${loader.name}`)
  expect((await loadAs(loader.url, { table: "flatbed_people" })).problem?.code).toBe("database-refused")
  const reader = new pg.Client({ connectionString: other.url })
  const session = new pg.Pool({ connectionString: loader.url, max: 1 })
  await reader.connect()
  await reader.query("begin isolation level repeatable read")
  await reader.query("select 1 from pg_catalog.pg_class limit 1")
  const { rows } = await session.query(
    `insert into flatbed.runs (pipeline, dataset, version, settings_sha256, target, staging_columns, chunks, rows, bytes, epoch)
     values ('p', 'd', 'v', 's', 't', '[]', 1, 1, 1, 1) returning run_id`,
  )
  const run = Number(rows[0].run_id)
  await session.query(
    "insert into flatbed.chunks (run_id, chunk, first_row, rows, rejects, raw_sha256) values ($1, 1, 1, 1, 0, '')",
    [run],
  )
  const client = asSession(await session.connect(), "flatbed")
  expect(await seesWholeRun(client, run)).toBe(false)
  client.release()
  await reader.end()
  await session.end()
})
