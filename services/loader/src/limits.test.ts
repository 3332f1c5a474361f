// If this file fails, a setting that promises a limit has none: a load waits for ever, or takes more than it may.
import { once } from "node:events"
import { createServer } from "node:net"
import { testLedger, waitFor, withLedger } from "@flatbed/testing"
import pg from "pg"
import { afterEach, beforeEach, expect, test } from "vitest"
import { type Bench, makeSettings, openBench, people } from "./loader.test-kit.ts"

const { deadlines } = makeSettings({ source: "", database: "" })
let bench: Bench
let holder: pg.Client

beforeEach(async () => {
  bench = await openBench(people(40, 2))
  holder = new pg.Client({ connectionString: bench.databaseUrl })
  await holder.connect()
})

afterEach(async () => {
  await holder.end()
  await bench.close()
})

/** Every chunk's transaction waits inside Postgres, as behind a slow disk, until the holder lets go. */
async function blockChunks(): Promise<void> {
  await holder.query(
    withLedger(`create function flatbed.wait() returns trigger language plpgsql as
    $$ begin perform pg_catalog.pg_advisory_xact_lock_shared(4711); return new; end $$`),
  )
  await holder.query(
    withLedger(
      "create trigger wait before insert on flatbed.chunks for each row execute function flatbed.wait()",
    ),
  )
  await holder.query("select pg_advisory_lock(4711)")
}
const release = () => holder.query("select pg_advisory_unlock(4711)")
const blocked = async () => {
  const text =
    "select count(*)::integer as n from pg_stat_activity where wait_event = 'advisory' and datname = current_database()"
  return (await bench.query(text))[0]?.n
}

test("connections is how many chunks are COPYed at once, read_ahead how many more are fetched", async () => {
  await blockChunks()
  const loading = bench.createLoader({ connections: 2, read_ahead: 3 }).load()
  await waitFor(async () => (await blocked()) === 2 && bench.source.chunksAsked().length >= 5)
  expect(bench.source.chunksAsked()).toEqual([1, 2, 3, 4, 5])
  await release()
  expect(await loading).toMatchObject([{ outcome: "published", rows: 40 }])
})

test("deadlines.stop is what a stop leaves to chunks under way; then they are rolled back", async () => {
  await blockChunks()
  const stop = new AbortController()
  const loader = bench.createLoader({ connections: 2, deadlines: { ...deadlines, stop: 100 } })
  const loading = loader.load([], stop.signal)
  await waitFor(async () => (await blocked()) === 2)
  stop.abort()
  expect(await loading).toMatchObject([{ outcome: "stopped" }])
  await release()
  await waitFor(async () => (await bench.sessions()) === 0)
  expect(await bench.query("select from flatbed.chunks")).toEqual([])
  expect(await loader.load()).toMatchObject([{ outcome: "published", rows: 40, fetched: 20 }])
})

test("a chunk that commits within deadlines.stop stays", async () => {
  await blockChunks()
  const stop = new AbortController()
  const loader = bench.createLoader({ connections: 2 })
  const loading = loader.load([], stop.signal)
  await waitFor(async () => (await blocked()) === 2)
  stop.abort()
  await release()
  expect(await loading).toMatchObject([{ outcome: "stopped" }])
  expect(await bench.query("select from flatbed.chunks")).toHaveLength(2)
  expect(await loader.load()).toMatchObject([{ outcome: "published", rows: 40, fetched: 18 }])
})

test("deadlines.statement ends a statement that takes longer", async () => {
  await blockChunks()
  const outcomes = await bench.createLoader({ deadlines: { ...deadlines, statement: 200 } }).load()
  expect(outcomes).toMatchObject([{ outcome: "failed", problem: { code: "database-failed", exitCode: 4 } }])
  expect(outcomes[0]?.problem?.message).toContain("statement timeout")
})

test("deadlines.connect ends the wait for a Postgres that takes the connection and says nothing", async () => {
  const mute = createServer(() => undefined).listen(0, "127.0.0.1")
  await once(mute, "listening")
  const { port } = mute.address() as { port: number }
  const url = new URL(bench.databaseUrl)
  url.port = String(port)
  url.hostname = "127.0.0.1"
  const loader = bench.createLoader({
    database: { url: url.href, schema: testLedger },
    deadlines: { ...deadlines, connect: 100 },
  })
  await expect(loader.load()).rejects.toMatchObject({ code: "database-unreachable" })
  mute.close()
})

test("a lease that another loader took in the middle of a run ends the run with lease-lost", async () => {
  await blockChunks()
  const loading = bench.createLoader().load()
  await waitFor(async () => (await blocked()) === 3)
  await bench.query("update flatbed.leases set epoch = epoch + 1, owner = 'another'")
  await release()
  expect(await loading).toMatchObject([{ outcome: "failed", problem: { code: "lease-lost", exitCode: 8 } }])
  expect(await bench.query("select to_regclass('public.people') as t")).toEqual([{ t: null }])
  expect(await bench.query("select owner from flatbed.leases")).toEqual([{ owner: "another" }])
})

test("many failed runs leave no session and no staging but the last one's", async () => {
  bench.source.publish(people(4, 2))
  bench.source.fault(/\/chunks\/2$/, ...Array(50).fill({ kind: "digest", value: undefined }))
  const loader = bench.createLoader({ retries: { attempts: 1, cap: 1 } })
  for (let i = 0; i < 25; i++) expect(await loader.load()).toMatchObject([{ outcome: "failed" }])
  await waitFor(async () => (await bench.sessions()) === 0)
  expect(
    await bench.query("select from pg_class where relname like 'staging_%' and relkind = 'r'"),
  ).toHaveLength(1)
  expect(await bench.query("select attempts from flatbed.runs")).toEqual([{ attempts: 25 }])
})
