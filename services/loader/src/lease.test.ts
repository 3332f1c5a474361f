// If this file fails, two loaders can write one table, and a loader that lost its turn can still commit.
import { createTestDatabase, type TestDatabase, testLedger, waitFor, withLedger } from "@flatbed/testing"
import pg from "pg"
import { afterEach, beforeEach, expect, test } from "vitest"
import { claimLease, type Lease } from "./lease.ts"
import { type Database, openDatabase } from "./postgres/database.ts"
import { patience } from "./retry.ts"

const settings = { expiresMs: 60_000, takeoverMs: 5000 }
let database: TestDatabase
let pools: Database[]
let client: pg.Client
let lostEpochs: number

beforeEach(async () => {
  database = await createTestDatabase()
  pools = []
  lostEpochs = 0
  client = new pg.Client({ connectionString: database.url })
  await client.connect()
  await client.query("create table public.work (what text)")
})

afterEach(async () => {
  await client.end()
  await Promise.all(pools.map((pool) => pool.close()))
  await database.drop()
})

function openPool(): Database {
  const limits = { connectTimeoutMs: 5000, statementTimeoutMs: 20_000, lockTimeoutMs: 5000 }
  const pool = openDatabase(
    { url: database.url, ledgerSchema: testLedger, ...limits, retries: { attempts: 3, capMs: 20 } },
    { name: "flatbed-loader/people", connections: 4, patience },
  )
  pools.push(pool)
  return pool
}

const claim = (owner: string, more: Partial<typeof settings> = {}): Promise<Lease> =>
  claimLease(
    { pipeline: "people", owner },
    { ...settings, ...more },
    {
      database: openPool(),
      patience,
      onLost: () => {
        lostEpochs += 1
      },
    },
  )
const write = (lease: Lease, what: string) =>
  lease.transaction((session) => session.query("insert into public.work values ($1)", [what]), {
    doing: "writing",
  })
const expire = () =>
  client.query(withLedger("update flatbed.leases set expires_at = now() - interval '1 second'"))
const written = async () =>
  (await client.query("select what from public.work order by what")).rows.map((row) => row.what)

test("one of many that claim at once gets the lease, the others hear who has it", async () => {
  const claims = await Promise.allSettled(Array.from({ length: 8 }, (_, i) => claim(`run ${i}`)))
  expect(claims.filter(({ status }) => status === "fulfilled")).toHaveLength(1)
  for (const one of claims) {
    if (one.status === "rejected") expect(one.reason).toMatchObject({ code: "lease-held", exitCode: 8 })
  }
})

test("an owner whose session began after another claim's transaction is not taken for gone", async () => {
  const pool = openPool()
  let owner: Lease | undefined
  const late: Database = {
    ...pool,
    // Between the first look of this transaction at the sessions and its claim, another process connects and claims.
    transaction: (work, options) =>
      pool.transaction(async (session) => {
        owner ??= await claim("newcomer")
        return await work(session)
      }, options),
  }
  const parts = { database: late, patience, onLost: () => {} }
  const claimed = claimLease({ pipeline: "people", owner: "late" }, settings, parts)
  await expect(claimed).rejects.toMatchObject({ code: "lease-held" })
  if (owner === undefined) throw new Error("nobody claimed")
  await write(owner, "newcomer's")
  expect(await written()).toEqual(["newcomer's"])
})

test("a lease that was given back can be claimed at once, under a higher epoch", async () => {
  const first = await claim("first")
  await first.release()
  const second = await claim("second")
  expect(second.epoch).toBe(first.epoch + 1)
})

test("transactions of one owner do not wait for each other", async () => {
  const lease = await claim("first")
  let inside = 0
  const meet = () =>
    lease.transaction(
      async () => {
        inside += 1
        await waitFor(() => inside >= 2)
      },
      { doing: "meeting" },
    )
  await Promise.all([meet(), meet()])
  expect(inside).toBe(2)
})

test("an owner that was taken over cannot begin anything", async () => {
  const first = await claim("first")
  await expire()
  const second = await claim("second")
  await expect(write(first, "first")).rejects.toMatchObject({ code: "lease-lost", exitCode: 8 })
  await write(second, "second")
  expect(await written()).toEqual(["second"])
})

test("an owner frozen inside a transaction cannot commit once another has passed the barrier", async () => {
  const first = await claim("first")
  let frozen = false
  let wake: () => void = () => undefined
  const sleeping = first.transaction(
    async (session) => {
      await session.query("insert into public.work values ('first')")
      frozen = true
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    },
    { doing: "sleeping" },
  )
  sleeping.catch(() => undefined)
  await waitFor(() => frozen)
  await expire()
  const second = await claim("second")
  await write(second, "second")
  wake()
  // Its session was ended by the takeover; what it does next meets the fence.
  await expect(sleeping).rejects.toMatchObject({ code: "lease-lost" })
  expect(await written()).toEqual(["second"])
})

test("an owner that is about to commit is waited for, and its work stays", async () => {
  const first = await claim("first")
  let frozen = false
  let wake: () => void = () => undefined
  const slow = first.transaction(
    async (session) => {
      await session.query("insert into public.work values ('first')")
      frozen = true
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    },
    { doing: "committing slowly" },
  )
  await waitFor(() => frozen)
  await expire()
  const taking = claim("second")
  await waitFor(async () => {
    const { rows } = await client.query(
      "select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like '%for update%'",
    )
    return rows.length > 0
  })
  wake()
  await slow
  await taking
  expect(await written()).toEqual(["first"])
})

test("the heartbeat keeps a lease alive, and finds out that it is lost", async () => {
  const first = await claim("first", { expiresMs: 300 })
  const expiry = async () =>
    (await client.query(withLedger("select expires_at from flatbed.leases"))).rows[0].expires_at.getTime()
  const before = await expiry()
  await waitFor(async () => (await expiry()) > before)
  await client.query(withLedger("update flatbed.leases set epoch = epoch + 1, owner = 'second'"))
  await waitFor(() => lostEpochs > 0)
  await first.release()
  expect((await client.query(withLedger("select owner from flatbed.leases"))).rows).toEqual([
    { owner: "second" },
  ])
})

test("a lease whose owner's session is gone can be claimed at once; while it lives, the expiry decides", async () => {
  await claim("first")
  await expect(claim("second")).rejects.toMatchObject({ code: "lease-held" })
  await pools.shift()?.close()
  await waitFor(async () => {
    const { rowCount } = await client.query(
      withLedger("select from pg_stat_activity join flatbed.leases on pid = backend_pid and owner = 'first'"),
    )
    return rowCount === 0
  })
  const third = await claim("third")
  expect(third.epoch).toBe(2)
})
