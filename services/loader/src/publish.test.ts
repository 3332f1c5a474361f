// If this file fails, staging becomes the table when a reader would see a part of it, or publish: swap loses something.
import { waitFor, withLedger } from "@flatbed/testing"
import pg from "pg"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { type Bench, column, openBench, people, pipelineOf } from "./loader.test-kit.ts"

let bench: Bench
let reader: pg.Client

beforeEach(async () => {
  bench = await openBench(people(10, 3))
  reader = new pg.Client({ connectionString: bench.databaseUrl })
  await reader.connect()
})

afterEach(async () => {
  await reader.end()
  await bench.close()
})

const load = async (change: Parameters<typeof pipelineOf>[0]) => {
  const [outcome] = await bench.createLoader({ pipelines: { people: pipelineOf(change) } }).load()
  return outcome
}
const names = async (from: Pick<pg.Client, "query"> = reader) =>
  (await from.query("select name from public.people order by id")).rows.map(({ name }) => name)
const wanted = (tag: string, rows: number) => Array.from({ length: rows }, (_, i) => `${tag} ${i + 1}`)
const oid = async () => (await reader.query("select 'public.people'::regclass::oid as oid")).rows[0].oid
/** A snapshot from before whatever comes next, in a transaction that has not looked at any table of ours. */
const takeSnapshot = () => reader.query("begin isolation level repeatable read; select 1")

describe("publish: swap", () => {
  const swap = { publish: "swap", swap_wait: 2000 } as const

  test("the new rows' table takes the place of the old one, and the second load finds it up to date", async () => {
    await load(swap)
    await reader.query(
      "create index by_name on public.people (name); grant select on public.people to public",
    )
    const before = await oid()
    bench.source.publish(people(12, 3, "b"))
    const outcome = await load(swap)
    expect(outcome?.applied).toMatchObject({ inserted: 12, deleted: 10, updated: 0 })
    expect(await oid()).not.toBe(before)
    expect(await names()).toEqual(wanted("b", 12))
    const { rows } = await reader.query(
      "select indexdef from pg_indexes where schemaname = 'public' and tablename = 'people'",
    )
    expect(rows).toEqual([{ indexdef: "CREATE INDEX by_name ON public.people USING btree (name)" }])
    expect((await load(swap))?.outcome).toBe("up-to-date")
    bench.source.publish(people(0, 3))
    expect((await load(swap))?.applied).toMatchObject({ inserted: 0, deleted: 12 })
    expect(await names()).toEqual([])
    expect(bench.log.events("table.not_swapped")).toEqual([])
  })

  test("what would be lost is told before a row moves", async () => {
    await load(swap)
    await reader.query("create view public.names as select name from public.people")
    bench.source.publish(people(12, 3, "b"))
    bench.source.forgetRequests()
    const outcome = await load(swap)
    expect(outcome?.problem?.code).toBe("table-unsuitable")
    expect(outcome?.problem?.message).toBe("public.people cannot be swapped: view public.names reads it.")
    expect(bench.source.chunksAsked()).toEqual([])
    expect(await names()).toEqual(wanted("a", 10))
    expect((await load({ publish: "rows" }))?.outcome).toBe("published")
    expect(await names()).toEqual(wanted("b", 12))
  })

  test.each([
    ["a snapshot older than the new rows", async () => undefined],
    ["the table", async () => void (await names())],
  ])(
    "readers who hold %s keep seeing the rows before, and the load says what it did instead",
    async (_, hold) => {
      await load(swap)
      const before = await oid()
      bench.source.publish(people(12, 3, "b"))
      await takeSnapshot()
      await hold()
      expect((await load({ ...swap, swap_wait: 200 }))?.applied).toMatchObject({ inserted: 12, deleted: 10 })
      expect(await names()).toEqual(wanted("a", 10))
      await reader.query("commit")
      expect(await names()).toEqual(wanted("b", 12))
      expect(await oid()).toBe(before)
      expect(bench.log.events("table.not_swapped")).toHaveLength(1)
    },
  )
})

describe("a first load", () => {
  const mirror = { mode: "mirror", key: ["id"] } as const

  test("with a key writes its rows once too: staging becomes the table", async () => {
    await load({
      ...mirror,
      deletes: { mode: "soft", limit: { rows: 10, share: "20%" }, after_rejects: "refuse" },
    })
    const { rows } = await reader.query(
      `select attname from pg_attribute where attrelid = 'public.people'::regclass and attnum > 0 and attisdropped`,
    )
    // The rows' numbers stood there.
    expect(rows).toHaveLength(1)
    expect((await reader.query("select * from public.people where id = 1")).rows).toEqual([
      { id: 1, name: "a 1", born: null, _deleted_at: null },
    ])
    await expect(reader.query("insert into public.people (id) values (1)")).rejects.toThrow("people_pkey")
  })

  test.each([
    ["mirror", { ...mirror, dedupe: "key" }],
    ["replace", { dedupe: "exact" }],
  ] as const)(
    "in which rows gave way does not show those to a reader who comes in between, by %s",
    async (_, settings) => {
      const columns = [column("id", "integer"), column("name")]
      const rows = [
        ["1", "a 1"],
        ["2", "a 2"],
        ["2", "a 2"],
      ]
      bench.source.publish({ name: "people", columns, rows, rowsPerChunk: 1 })
      // All chunks are there and the publish waits for the lock of another session: who takes a snapshot now sees
      // every chunk, but not what the publish will do to them.
      const other = new pg.Client({ connectionString: bench.databaseUrl })
      await other.connect()
      await other.query(withLedger("begin; lock table flatbed.publications in share mode"))
      const loading = load({ ...settings, swap_wait: 2000 })
      await waitFor(publisherWaits, { what: "a publish that waits" })
      await takeSnapshot()
      await other.query("commit")
      await other.end()
      expect((await loading)?.applied).toMatchObject({ inserted: 2, repeated: 1 })
      expect((await reader.query("select count(*)::integer as n from public.people")).rows).toEqual([
        { n: 0 },
      ])
      await reader.query("commit")
      expect(await names()).toEqual(wanted("a", 2))
    },
  )
})

async function publisherWaits(): Promise<boolean> {
  const waiting = await bench.query(
    `select from pg_catalog.pg_locks as l join pg_catalog.pg_stat_activity as a on a.pid = l.pid
      where not l.granted and a.datname = current_database() and a.application_name like 'flatbed-loader%'`,
  )
  return waiting.length > 0
}
