// If this fails, a crash of Postgres' server in the middle of a load loses rows or doubles them.
import { mkdtemp, realpath, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { openPostgres, removePostgres } from "@flatbed/local"
import { type TestProcess, testLedger, waitFor, withLedger } from "@flatbed/testing"
import pg from "pg"
import { afterAll, afterEach, beforeAll, expect, test } from "vitest"
import { createInstallation, type Installation } from "./installation.ts"

const chunks = 12
const rowsPerChunk = 5
const rows = Array.from({ length: chunks * rowsPerChunk }, (_, i) => ({ id: i + 1, zip: `0${2000 + i}` }))
// One that only Postgres refuses, in the fourth chunk, and one that the source sets aside, in the last.
const good = rows.map(({ id, zip }) => `${id},${zip}`)
const records = [...good.slice(0, 17), "99,refused", ...good.slice(17), "one more,than,two"]
const csv = `id,zip\n${records.map((record) => `${record}\n`).join("")}`

let folder: string
let url: string
let installation: Installation
beforeAll(async () => {
  folder = await mkdtemp(join(await realpath(tmpdir()), "flatbed-crash-"))
  const postgres = await openPostgres({ folder, durable: true, note: () => undefined })
  url = postgres.url("postgres")
  // What is committed without waiting stays in the server's memory for so long, and there a crash finds it.
  await ask("alter system set wal_writer_delay = '10s'")
  await ask("select pg_reload_conf()")
})
afterEach(() => installation.close())
afterAll(() => removePostgres(folder))

async function ask(text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  client.on("error", () => undefined)
  await client.connect()
  try {
    return (await client.query(withLedger(text))).rows
  } finally {
    await client.end().catch(() => undefined)
  }
}

/** A session that is killed takes the whole server with it, which forgets what was not written, and starts again. */
async function crash(): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  client.on("error", () => undefined)
  await client.connect()
  const [session] = (await client.query("select pg_backend_pid() as pid")).rows
  const findCheckpointer = async () =>
    (await ask("select pid from pg_stat_activity where backend_type = 'checkpointer'"))[0]?.pid
  const before = await findCheckpointer()
  process.kill(session.pid, "SIGKILL")
  await client.end().catch(() => undefined)
  // After the crash every process of the server is another one.
  const isAnother = async () => ![undefined, before].includes(await findCheckpointer())
  await waitFor(isAnother, { what: "Postgres after its crash" })
}

/** A source that has none of the files yet, a loader for `table`, and an empty ledger. */
async function install(pipeline: string): Promise<TestProcess> {
  await ask("drop table if exists public.zips")
  await ask(`drop schema if exists "${testLedger}" cascade`)
  await ask("create table public.zips (id integer primary key check (id <> 99), zip text)")
  installation = await createInstallation({
    source: `datasets:\n  zips: { files: "*.csv", chunk: { rows: ${rowsPerChunk} } }`,
    loader: `connections: 1\nread_ahead: 0\ngroup: 0B\npipelines:\n  zips: { dataset: zips, table: zips, ${pipeline} }`,
  })
  await installation.write("a.csv", "id,zip\n1001,before\n1002,before\n")
  return await installation.startSource()
}

/** Loads; Postgres' server crashes when so many chunks have been committed, and nothing more comes meanwhile. */
async function loadAcross(source: TestProcess, commits: number, ...args: string[]): Promise<TestProcess> {
  const loader = installation.loader(["load", ...args], { databaseUrl: url })
  await loader.waitForEvent("chunk.loaded", { count: commits })
  source.kill("SIGSTOP")
  await crash()
  source.kill("SIGCONT")
  await loader.end(60_000)
  return loader
}

const tableRows = async () => await ask("select id, zip from public.zips order by id")
const before = [1001, 1002].map((id) => ({ id, zip: "before" }))
const of = (loader: TestProcess, name: string) => loader.events().filter(({ event }) => event === name)

test.each([1, 2, chunks / 2, chunks, chunks + 1])("after %i commits of a first load", async (commits) => {
  const source = await install("max_rejects: 2")
  await rm(join(installation.folder, "files/a.csv"))
  await installation.write("zips.csv", csv)
  const loader = await loadAcross(source, commits)

  // Published, and two records set aside.
  expect((await loader.end()).code).toBe(6)
  expect(await tableRows()).toEqual(rows)
  // At the end the load may be quicker than the crash.
  if (commits <= chunks / 2) expect(of(loader, "run.restarted")).toHaveLength(1)
  expect(await ask("select row from flatbed.rejects order by row")).toEqual([
    { row: "18" },
    { row: String(records.length) },
  ])
  expect(of(loader, "run.published")).toMatchObject([{ rows: rows.length, rejects: 2 }])
})

test.each(["append", "upsert", "mirror"])("in the middle of %s", async (mode) => {
  const source = await install(`mode: ${mode}${mode === "append" ? "" : ", key: [id]"}, max_rejects: 2`)
  expect((await installation.loader(["load"], { databaseUrl: url }).end(60_000)).code).toBe(0)
  expect(await tableRows()).toEqual(before)
  await installation.write("zips.csv", csv)
  const loader = await loadAcross(source, 6)

  expect((await loader.end()).code).toBe(6)
  expect(await tableRows()).toEqual([...rows, ...before])
  expect(of(loader, "run.restarted")).toHaveLength(1)
  expect(await ask("select count(*)::integer as n from flatbed.rejects")).toEqual([{ n: 2 }])
})

test("in the middle of a rehearsal", async () => {
  const source = await install("max_rejects: 2")
  expect((await installation.loader(["load"], { databaseUrl: url }).end(60_000)).code).toBe(0)
  await installation.write("zips.csv", csv)
  const loader = await loadAcross(source, 6, "--rehearse")

  expect(of(loader, "run.restarted")).toHaveLength(1)
  expect(loader.stdout()).toContain("rehearsed, and nothing was changed: 62 rows")
  expect(await tableRows()).toEqual(before)
  expect((await installation.loader(["load"], { databaseUrl: url }).end(60_000)).code).toBe(6)
  expect(await tableRows()).toEqual([...rows, ...before])
})

test("before the chunk that has one reject too many", async () => {
  const source = await install("max_rejects: 2")
  expect((await installation.loader(["load"], { databaseUrl: url }).end(60_000)).code).toBe(0)
  // Of the three one was committed provisionally, and is gone when the last is found.
  await installation.write("zips.csv", `${csv}99,refused too\n`)
  const loader = await loadAcross(source, 6)

  expect((await loader.end()).code).toBe(5)
  expect(`${loader.stdout()}${loader.stderr()}`).toContain("3 of 65 records were set aside")
  expect(await tableRows()).toEqual(before)
  expect(await ask("select relname from pg_class where relname ~ '^staging_' and relkind = 'r'")).toEqual([])
})
