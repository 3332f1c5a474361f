// If this fails, a crash of Postgres' server in the middle of a load loses rows or doubles them.
import { mkdtemp, realpath } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { openPostgres, removePostgres } from "@flatbed/local"
import { testLedger, waitFor, withLedger } from "@flatbed/testing"
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

test.each([1, 2, chunks / 2, chunks, chunks + 1])("after %i commits", async (commits) => {
  await ask("drop table if exists public.zips")
  await ask(`drop schema if exists "${testLedger}" cascade`)
  await ask("create table public.zips (id integer check (id <> 99), zip text)")
  installation = await createInstallation({
    source: `datasets:\n  zips: { files: zips.csv, chunk: { rows: ${rowsPerChunk} } }`,
    loader: `connections: 1\nread_ahead: 0\ngroup: 0B\npipelines:\n  zips: { dataset: zips, table: zips, max_rejects: 2 }`,
  })
  await installation.write("zips.csv", csv)
  const source = await installation.startSource()
  const loader = installation.loader(["load"], { databaseUrl: url })
  await loader.waitForEvent("chunk.loaded", { count: commits })
  source.kill("SIGSTOP")
  await crash()
  source.kill("SIGCONT")

  // Published, and two records set aside.
  expect((await loader.end(60_000)).code).toBe(6)

  expect(await ask("select id, zip from public.zips order by id")).toEqual(rows)
  const { length: restarts } = loader.events().filter(({ event }) => event === "run.restarted")
  // At the end the load may be quicker than the crash.
  if (commits <= chunks / 2) expect(restarts).toBe(1)
  expect(await ask("select row from flatbed.rejects order by row")).toEqual([
    { row: "18" },
    { row: String(records.length) },
  ])
  expect(loader.events().filter(({ event }) => event === "run.published")).toMatchObject([
    { rows: rows.length, rejects: 2 },
  ])
})
