// If this file fails, a rehearsal changes something, or says something else than the load after it does.
import pg from "pg"
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest"
import { type Bench, column, openBench, people, pipelineOf } from "./loader.test-kit.ts"
import { describeRehearsal } from "./rehearsal.ts"
import type { RunOutcome } from "./summary.ts"

type Change = Parameters<typeof pipelineOf>[0]

let bench: Bench
beforeAll(async () => {
  bench = await openBench()
})
afterEach(async () => {
  await bench.query("drop table if exists public.people, public.parents")
})
afterAll(() => bench.close())

/** A loader of one pipeline, and how its loads and rehearsals end. */
function pipeline(change: Change = {}) {
  const loader = bench.createLoader({ connections: 1, pipelines: { people: pipelineOf(change) } })
  const run = async (rehearse: boolean): Promise<RunOutcome> => {
    const [outcome] = await loader.load([], undefined, { rehearse })
    return outcome as RunOutcome
  }
  return { loader, load: () => run(false), rehearse: () => run(true) }
}

/** Whatever a load would change: rows with their places, the table itself, what the ledger says of it. */
async function look() {
  return {
    rows: await bench.query("select ctid::text, xmin::text, * from public.people order by id"),
    table: await bench.query("select oid, relfilenode from pg_class where oid = 'public.people'::regclass"),
    indexes: await bench.query("select indexname from pg_indexes where tablename = 'people' order by 1"),
    publications: await bench.query("select run_id, dataset_tag from flatbed.publications order by 1"),
    files: await bench.query("select file_id, is_current from flatbed.files order by 1"),
    attempts: await bench.query("select * from flatbed.attempts"),
  }
}

const stagingTables = async () =>
  await bench.query("select from pg_tables where schemaname = 'flatbed' and tablename ~ 'staging'")
const stateOf = async (run: number | undefined) =>
  (await bench.query("select state, rehearsal from flatbed.runs where run_id = $1", [run]))[0]

describe("of a table that is there", () => {
  const writers = "share row exclusive"
  test.each<[string, Change, string]>([
    ["replace", { mode: "replace", indexes: [{ columns: ["name"], unique: false }] }, writers],
    ["replace with a key", { mode: "replace", key: ["id"] }, writers],
    ["replace with publish: swap", { mode: "replace", publish: "swap", swap_wait: 2000 }, "access exclusive"],
    ["append", { mode: "append" }, "row exclusive"],
    ["upsert", { mode: "upsert", key: ["id"] }, writers],
    ["mirror", { mode: "mirror", key: ["id"] }, writers],
  ])(
    "%s: all is as before, for readers meanwhile too, and the load then does what was told",
    async (_, change, lock) => {
      const { load, rehearse } = pipeline(change)
      bench.source.publish(people(4, 2))
      expect((await load()).outcome).toBe("published")
      bench.source.publish(people(6, 2))
      const before = await look()
      let over = false
      const rehearsing = rehearse().finally(() => {
        over = true
      })
      const seen = new Set<number>()
      while (!over) {
        const [{ n } = { n: -1 }] = await bench.query<{ n: number }>(
          "select count(*)::integer as n from public.people",
        )
        seen.add(n)
      }
      const rehearsed = await rehearsing
      expect(rehearsed).toMatchObject({
        outcome: "rehearsed",
        rehearsal: { locks: [{ table: "public.people", lock }] },
      })
      expect([...seen]).toEqual([4])
      expect(await look()).toEqual(before)
      expect(await stagingTables()).toEqual([])
      expect(await stateOf(rehearsed.run)).toEqual({ state: "rehearsed", rehearsal: true })

      const loaded = await load()
      expect(loaded).toMatchObject({ outcome: "published", rehearsal: undefined })
      expect(loaded.receipt).toEqual(rehearsed.receipt)
      expect(loaded.fetched).toBe(rehearsed.fetched)
      expect((await bench.query("select count(*)::integer as n from public.people"))[0]).toEqual({ n: 6 })
      expect((await rehearse()).outcome).toBe("up-to-date")
    },
  )
})

test("of wider and more columns leaves the table's own, and no copy of it", async () => {
  const contract = { added: "evolve", dropped: "freeze", type: "evolve", required: [] } as const
  const { load, rehearse } = pipeline({ contract, swap_wait: 2000 })
  bench.source.publish(people(4, 2, "narrow"))
  await load()
  const columns = [column("id", "bigint"), column("name"), column("born", "date"), column("more")]
  const rows = people(3, 2, "wide").rows.map((row) => [...row, "x"])
  bench.source.publish({ name: "people", columns, rows, rowsPerChunk: 2 })
  const types = async () =>
    await bench.query(
      "select attname as name, format_type(atttypid, atttypmod) as type from pg_attribute where attrelid = 'public.people'::regclass and attnum > 0 order by attnum",
    )
  const before = [await look(), await types()]
  const rehearsed = await rehearse()
  expect(rehearsed.problem).toBeUndefined()
  expect(rehearsed.outcome).toBe("rehearsed")
  expect([await look(), await types()]).toEqual(before)
  expect(
    await bench.query("select from pg_tables where schemaname = 'flatbed' and tablename ~ 'staging|widened'"),
  ).toEqual([])
  expect((await load()).receipt).toEqual(rehearsed.receipt)
  expect((await types()).map(({ type }) => type)).toEqual(["bigint", "text", "date", "text"])
})

test("of a first load makes no table, and takes no lock that anybody could wait for", async () => {
  const { load, rehearse } = pipeline({ mode: "upsert", key: ["id"] })
  bench.source.publish(people(5, 2, "first"))
  const rehearsed = await rehearse()
  expect(rehearsed).toMatchObject({ outcome: "rehearsed", rows: 5, rehearsal: { locks: [] } })
  expect(await bench.query("select to_regclass('public.people') as made")).toEqual([{ made: null }])
  expect(await stagingTables()).toEqual([])
  expect((await load()).receipt).toEqual(rehearsed.receipt)
})

describe("ends as the load would", () => {
  const why = { code: "missing-cell", column: null, value: null, reason: "2 cells, expected 3" } as const

  test("with records set aside, which can be looked at", async () => {
    bench.source.publish({ ...people(5, 2, "rejects"), setAside: new Map([[3, why]]) })
    const { run, outcome, rejects } = await pipeline({ max_rejects: 1 }).rehearse()
    expect({ outcome, rejects }).toEqual({ outcome: "rehearsed", rejects: 1 })
    expect(await bench.query("select row::integer from flatbed.rejects where run_id = $1", [run])).toEqual([
      { row: 3 },
    ])
  })

  test("with more of them than allowed", async () => {
    bench.source.publish({ ...people(5, 2, "more"), setAside: new Map([[3, why]]) })
    expect((await pipeline().rehearse()).problem).toMatchObject({ code: "rejects-over-limit", exitCode: 5 })
    expect(await stagingTables()).toEqual([])
  })

  test("with what is looked at only by the commit", async () => {
    await bench.query(`create table public.parents (id integer primary key);
      create table public.people (id integer, name text, born date,
        foreign key (id) references public.parents deferrable initially deferred)`)
    bench.source.publish(people(3, 2, "orphans"))
    const { load, rehearse } = pipeline()
    const { problem } = await rehearse()
    expect(problem?.code).toBe("data-refused")
    expect((await load()).problem?.code).toBe("data-refused")
    await bench.query("insert into public.parents values (1), (2), (3)")
    expect(await rehearse()).toMatchObject({
      outcome: "rehearsed",
      rehearsal: { locks: [{ table: "public.parents" }, { table: "public.people" }] },
    })
  })

  test("with a receipt that does not balance; nothing is left, and no attempt is noted", async () => {
    await bench.query(`create table public.people (id integer, name text, born date);
      create function public.skip() returns trigger language plpgsql as 'begin return null; end';
      create trigger skip before insert on public.people for each row when (new.id = 2) execute function public.skip()`)
    bench.source.publish(people(3, 2, "skipped"))
    const { loader, rehearse } = pipeline()
    const before = [await loader.status(), await stagingTables()]
    expect((await rehearse()).problem).toMatchObject({ code: "receipt-unbalanced", exitCode: 7 })
    expect([await loader.status(), await stagingTables()]).toEqual(before)
    await bench.query("drop table public.people; drop function public.skip")
  })
})

const resets = Array.from({ length: 4 }, () => ({ kind: "reset" }) as const)

test("a load that was interrupted goes on behind a rehearsal where it stopped", async () => {
  bench.source.publish(people(6, 2, "interrupted"))
  const { load, rehearse } = pipeline()
  bench.source.fault(/\/chunks\/3$/, ...resets)
  expect((await load()).outcome).toBe("failed")
  expect(await rehearse()).toMatchObject({ outcome: "rehearsed", fetched: 3 })
  const receipt = { records: 6, rows: 6, inserted: 6 }
  expect(await load()).toMatchObject({ outcome: "published", fetched: 1, receipt })
})

test("what a rehearsal left that was killed is no part of a load", async () => {
  bench.source.publish(people(6, 2, "killed"))
  const { load, rehearse } = pipeline()
  const { run } = await rehearse()
  // As it stands when the loader is killed before the end.
  await bench.query("update flatbed.runs set state = 'loading', finished_at = null where run_id = $1", [run])
  await bench.query(`create table flatbed.staging_${run} (id integer, name text, born date)`)
  expect(await load()).toMatchObject({ outcome: "published", fetched: 3, rows: 6 })
  expect(await stateOf(run)).toEqual({ state: "abandoned", rehearsal: true })
  expect(await stagingTables()).toEqual([])
})

test("while another session holds the table, it waits and gives up as the load would", async () => {
  bench.source.publish(people(3, 3, "held"))
  const { load, rehearse } = pipeline()
  await load()
  bench.source.publish(people(4, 3, "held more"))
  const other = new pg.Client({ connectionString: bench.databaseUrl })
  await other.connect()
  await other.query("begin; lock table public.people in row exclusive mode")
  const loader = bench.createLoader({
    connections: 1,
    deadlines: {
      connect: 4000,
      idle: 1000,
      request: 2000,
      indexing: 1000,
      lock: 100,
      statement: 60_000,
      stop: 5000,
    },
    retries: { attempts: 1, cap: 1 },
  })
  const [outcome] = await loader.load([], undefined, { rehearse: true })
  expect(outcome?.outcome).toBe("failed")
  await other.query("rollback")
  await other.end()
  expect((await rehearse()).outcome).toBe("rehearsed")
})

test("its times and locks are told in words", () => {
  const seconds = { asking: 0.1, staging: 2, publishing: 0.456 }
  expect(describeRehearsal({ locks: [], seconds })).toEqual([
    "time: 0.10 s asking the source, 2.00 s staging, 0.46 s publishing",
    "locks while publishing: none, on no table that was there before",
  ])
  const locks = [
    { table: "public.a", lock: "share row exclusive" },
    { table: "public.b", lock: "row share" },
  ]
  expect(describeRehearsal({ locks, seconds }).slice(1)).toEqual([
    "lock while publishing: public.a: share row exclusive (writers wait, readers do not)",
    "lock while publishing: public.b: row share (nobody waits)",
  ])
})
