// If this file fails, a user's table does not hold what the file holds, or holds it twice, or half.
import { randomBytes } from "node:crypto"
import { startChaosProxy, testLedger, waitFor } from "@flatbed/testing"
import pg from "pg"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { type Bench, column, openBench, people, pipelineOf } from "./loader.test-kit.ts"
import type { RunOutcome } from "./summary.ts"

let bench: Bench

beforeEach(async () => {
  bench = await openBench(people(10, 3))
})

afterEach(async () => {
  await bench.close()
})

const one = (outcomes: RunOutcome[]): RunOutcome => {
  expect(outcomes).toHaveLength(1)
  return outcomes[0] as RunOutcome
}
const names = async () =>
  (await bench.query<{ name: string }>("select name from public.people order by id")).map((r) => r.name)
const expectedNames = (tag: string, rows: number) => Array.from({ length: rows }, (_, i) => `${tag} ${i + 1}`)
const stagingTables = async () =>
  await bench.query("select relname from pg_class where relname like 'staging_%' and relkind = 'r'")

describe("a first load", () => {
  test("makes the table from the dataset's columns and fills it", async () => {
    const outcome = one(await bench.createLoader().load())
    expect(outcome).toMatchObject({ outcome: "published", rows: 10, fetched: 4, problem: undefined })
    const columns = await bench.query(
      `select attname, format_type(atttypid, atttypmod) as type, attnotnull from pg_attribute
        where attrelid = 'public.people'::regclass and attnum > 0 order by attnum`,
    )
    expect(columns).toEqual([
      { attname: "id", type: "integer", attnotnull: false },
      { attname: "name", type: "text", attnotnull: false },
      { attname: "born", type: "date", attnotnull: false },
    ])
    const rows = await bench.query("select id, name, born::text from public.people order by id")
    expect(rows).toEqual(people(10, 3).rows.map(([id, name, born]) => ({ id: Number(id), name, born })))
  })

  test("leaves receipts, a publication, no staging and no session", async () => {
    await bench.createLoader().load()
    expect(
      await bench.query("select chunk::integer, rows::integer from flatbed.chunks order by chunk"),
    ).toEqual([
      { chunk: 1, rows: 3 },
      { chunk: 2, rows: 3 },
      { chunk: 3, rows: 3 },
      { chunk: 4, rows: 1 },
    ])
    expect(await bench.query("select pipeline, target, rows::integer from flatbed.publications")).toEqual([
      { pipeline: "people", target: "public.people", rows: 10 },
    ])
    expect(await stagingTables()).toEqual([])
    await waitFor(async () => (await bench.sessions()) === 0)
    expect(await bench.query("select owner from flatbed.leases")).toEqual([{ owner: null }])
  })

  test("tells its story in the log, in order, with a summary at the end", async () => {
    await bench.createLoader({ connections: 1 }).load()
    const events = bench.log.lines.map((line) => line.event)
    expect(events).toEqual(["run.started", ...Array(4).fill("chunk.loaded"), "run.published", "run.finished"])
    expect(bench.log.lines.at(-1)?.msg).toMatch(
      /^people: 10 rows, .* in .* s \(.* rows?\/s\) into public\.people, version [0-9a-f]{12}; next only by load$/,
    )
    expect(bench.log.events("chunk.loaded")[3]).toMatchObject({
      chunk: 4,
      of: 4,
      rows: 1,
      attempt: 1,
      pipeline: "people",
    })
  })

  test("makes an empty table from a version without rows", async () => {
    bench.source.publish(people(0, 3))
    expect(one(await bench.createLoader().load())).toMatchObject({ outcome: "published", rows: 0 })
    expect(await names()).toEqual([])
  })

  test("makes the schema when that is missing too", async () => {
    const pipelines = { people: pipelineOf({ table: "Sales Q1.people" }) }
    await bench.createLoader({ pipelines }).load()
    expect(await bench.query('select count(*)::integer as rows from "Sales Q1".people')).toEqual([
      { rows: 10 },
    ])
  })

  test("keeps every text byte for byte, NULL and empty apart", async () => {
    const cells = [
      "",
      null,
      "\\N",
      "\\.",
      "\\",
      "a\tb",
      "a\nb",
      "a\rb",
      "\b\f\v",
      '"',
      "\u{1f600}",
      "e\u0301",
      "  ",
      "NULL",
      "\u0001",
    ]
    const columns = [column("id", "integer"), column("v"), column('we"ird; col')]
    const rows = cells.map((cell, i) => [String(i), cell, cell === null ? null : `${cell}${cell}`])
    bench.source.publish({ name: "people", columns, rows, rowsPerChunk: 4 })
    await bench.createLoader().load()
    const stored = await bench.query('select v, "we""ird; col" as w from public.people order by id')
    expect(stored).toEqual(rows.map(([, v, w]) => ({ v, w })))
  })

  test("asks as a loader asks: NDJSON, no coding, the token only if there is one", async () => {
    await bench
      .createLoader({
        source: { url: bench.source.url, allow_plain_http: false, max_body: 2 ** 20, token: "s3cret" },
      })
      .load()
    const chunk = bench.source.requests().find(({ path }) => path.includes("/chunks/"))
    expect(chunk?.headers).toMatchObject({
      accept: "application/x-ndjson",
      "accept-encoding": "identity",
      authorization: "Bearer s3cret",
    })
    bench.source.forgetRequests()
    await bench.createLoader().load()
    expect(bench.source.requests().every(({ headers }) => headers.authorization === undefined)).toBe(true)
    expect(JSON.stringify(bench.log.lines)).not.toContain("s3cret")
  })
})

describe("a further load", () => {
  test("of the same version says up to date and fetches no chunk", async () => {
    const loader = bench.createLoader()
    await loader.load()
    bench.source.forgetRequests()
    const outcome = one(await loader.load())
    expect(outcome).toMatchObject({ outcome: "up-to-date", rows: 10, fetched: 0 })
    expect(bench.source.requests().map(({ path }) => path)).toEqual(["/v1/datasets/people"])
    expect(bench.log.lines.at(-1)).toMatchObject({ event: "run.finished", outcome: "up-to-date" })
  })

  test("of a new version replaces the rows and keeps the table, its views and grants", async () => {
    const loader = bench.createLoader()
    await loader.load()
    await bench.query("create view public.named as select name from public.people")
    const [before] = await bench.query("select 'public.people'::regclass::oid as oid")
    bench.source.publish(people(4, 3, "b"))
    expect(one(await loader.load())).toMatchObject({ outcome: "published", rows: 4 })
    expect(await names()).toEqual(expectedNames("b", 4))
    expect(await bench.query("select count(*)::integer as rows from public.named")).toEqual([{ rows: 4 }])
    expect(await bench.query("select 'public.people'::regclass::oid as oid")).toEqual([before])
  })

  test("happens again when the table was dropped, or made anew under the same name", async () => {
    const loader = bench.createLoader()
    await loader.load()
    await bench.query("drop table public.people")
    expect(one(await loader.load()).outcome).toBe("published")
    await bench.query(
      "drop table public.people; create table public.people (id integer, name text, born date)",
    )
    expect(one(await loader.load()).outcome).toBe("published")
    expect(await names()).toEqual(expectedNames("a", 10))
  })

  test("happens again when another pipeline published into the table meanwhile", async () => {
    await bench.createLoader().load()
    const pipelines = { other: pipelineOf() }
    expect(one(await bench.createLoader({ pipelines }).load()).outcome).toBe("published")
    expect(one(await bench.createLoader().load()).outcome).toBe("published")
  })

  test("shows readers the old rows or the new ones, never a mixture or none", async () => {
    const loader = bench.createLoader()
    await loader.load()
    const seen = new Set<string>()
    let done = false
    const poll = async (isolation: string) => {
      const client = new pg.Client({ connectionString: bench.databaseUrl })
      await client.connect()
      for (let polls = 0; !done || polls < 20; polls++) {
        await client.query(`begin isolation level ${isolation}`)
        const text =
          "select split_part(name, ' ', 1) as tag, count(*) as rows from public.people group by 1 order by 1"
        const { rows } = await client.query(text)
        seen.add(rows.map(({ tag, rows: n }) => `${tag}${n}`).join("+"))
        await client.query("commit")
      }
      await client.end()
    }
    const readers = [poll("read committed"), poll("repeatable read")]
    const expected = new Set(["a10"])
    for (const tag of ["b", "c", "d", "e"]) {
      bench.source.publish(people(500, 100, tag))
      expected.add(`${tag}500`)
      await loader.load()
    }
    done = true
    await Promise.all(readers)
    expect([...seen].filter((one) => !expected.has(one))).toEqual([])
    expect(seen.size).toBeGreaterThan(1)
  })

  test("a first load shows a reader with an older snapshot no part of it, and everybody else all of it", async () => {
    // Four chunks; the reader's snapshot is taken when some of them are committed and others are not.
    bench.source.fault(/\/chunks\/3$/, ...Array(4).fill({ kind: "flip-body", bit: 77 }))
    const loader = bench.createLoader({ connections: 1, read_ahead: 0 })
    expect(one(await loader.load()).outcome).toBe("failed")
    const reader = new pg.Client({ connectionString: bench.databaseUrl })
    await reader.connect()
    await reader.query("begin isolation level repeatable read")
    await reader.query("select 1")

    expect(one(await loader.load()).outcome).toBe("published")
    expect((await reader.query("select count(*)::integer as n from public.people")).rows).toEqual([{ n: 0 }])
    await reader.query("commit")
    expect((await reader.query("select count(*)::integer as n from public.people")).rows).toEqual([{ n: 10 }])
    await reader.end()
  })

  test("a first load that nobody watches writes its rows once: staging becomes the table", async () => {
    const loader = bench.createLoader()
    await loader.load()
    const [table] = await bench.query(
      "select relname, reloptions, relnamespace::regnamespace::text as schema from pg_class where oid = 'public.people'::regclass",
    )
    expect(table).toEqual({ relname: "people", reloptions: null, schema: "public" })
    // Each row is in the table file once, as COPY wrote it: the publish made none of them.
    const [made] = await bench.query(
      `select count(*)::integer as rows, count(*) filter (where age(t.xmin) <= age(p.xmin))::integer as by_publish
         from public.people as t, flatbed.publications as p`,
    )
    expect(made).toEqual({ rows: 10, by_publish: 0 })
    expect(await stagingTables()).toEqual([])
  })
})

describe("an interrupted run", () => {
  test("is resumed under its own id and fetches only the chunks that are missing", async () => {
    const broken = Array(4).fill({ kind: "flip-body", bit: 77 })
    bench.source.fault(/\/chunks\/3$/, ...broken)
    const loader = bench.createLoader({ connections: 1, read_ahead: 0 })
    const failed = one(await loader.load())
    expect(failed).toMatchObject({ outcome: "failed", problem: { code: "chunk-damaged", exitCode: 3 } })
    expect(await stagingTables()).toHaveLength(1)
    expect(await bench.query("select to_regclass('public.people') as t")).toEqual([{ t: null }])
    bench.source.forgetRequests()

    const outcome = one(await loader.load())
    expect(outcome).toMatchObject({ outcome: "published", rows: 10, fetched: 2 })
    expect(bench.source.chunksAsked()).toEqual([3, 4])
    expect(bench.log.events("run.resumed")).toMatchObject([{ missing: 2, chunks: 4 }])
    expect(await bench.query("select run_id::integer as id, attempts, state from flatbed.runs")).toEqual([
      { id: outcome.run, attempts: 2, state: "published" },
    ])
    expect(await names()).toEqual(expectedNames("a", 10))
  })

  test("is abandoned with its staging when the version has changed meanwhile", async () => {
    bench.source.fault(/\/chunks\/3$/, ...Array(4).fill({ kind: "reset" }))
    const loader = bench.createLoader()
    await loader.load()
    bench.source.publish(people(5, 2, "b"))
    expect(one(await loader.load())).toMatchObject({ outcome: "published", rows: 5, fetched: 3 })
    expect(await bench.query("select state from flatbed.runs order by run_id")).toEqual([
      { state: "abandoned" },
      { state: "published" },
    ])
    expect(await stagingTables()).toEqual([])
  })

  test("starts afresh when its staging was dropped", async () => {
    bench.source.fault(/\/chunks\/4$/, ...Array(4).fill({ kind: "reset" }))
    const loader = bench.createLoader({ connections: 1 })
    await loader.load()
    const [staging] = await stagingTables()
    await bench.query(`drop table flatbed.${staging?.relname}`)
    expect(one(await loader.load())).toMatchObject({ outcome: "published", fetched: 4 })
    expect(await names()).toEqual(expectedNames("a", 10))
  })

  test("does not publish when staging lost rows, and the run after it starts afresh", async () => {
    bench.source.fault(/\/chunks\/4$/, ...Array(4).fill({ kind: "reset" }))
    const loader = bench.createLoader({ connections: 1 })
    await loader.load()
    const [staging] = await stagingTables()
    await bench.query(`delete from flatbed.${staging?.relname} where id = 1`)
    expect(one(await loader.load())).toMatchObject({
      outcome: "failed",
      problem: { code: "receipt-unbalanced", exitCode: 7 },
    })
    expect(one(await loader.load())).toMatchObject({ outcome: "published", fetched: 4 })
  })

  test("stopped by a signal gives its lease back and is resumed", async () => {
    bench.source.fault(/\/chunks\/4$/, { kind: "hang" })
    const stop = new AbortController()
    const loader = bench.createLoader({ connections: 1, read_ahead: 0 })
    const loading = loader.load([], stop.signal)
    await waitFor(() => bench.source.chunksAsked().includes(4))
    stop.abort()
    expect(one(await loading).outcome).toBe("stopped")
    expect(bench.log.lines.at(-1)?.event).toBe("run.stopped")
    bench.source.forgetRequests()
    expect(one(await loader.load()).outcome).toBe("published")
    expect(bench.source.chunksAsked()).toEqual([4])
  })
})

describe("a source that changes or errs", () => {
  test("whose version goes away during the transfer is loaded in its new version, never mixed", async () => {
    bench.source.fault(/\/chunks\/1$/, { kind: "delay", ms: 100 })
    const loading = bench.createLoader({ connections: 1, read_ahead: 0 }).load()
    await waitFor(() => bench.source.chunksAsked().includes(1))
    const [first] = bench.source
      .requests()
      .flatMap(({ path }) => /versions\/([0-9a-f]{64})/.exec(path)?.[1] ?? [])
    bench.source.publish(people(7, 3, "b"))
    bench.source.forget(first ?? "")
    expect(one(await loading)).toMatchObject({ outcome: "published", rows: 7 })
    expect(bench.log.events("run.restarted")).toMatchObject([{ code: "version-gone" }])
    expect(await names()).toEqual(expectedNames("b", 7))
  })

  test("whose version goes away again and again is given up after three fresh starts", async () => {
    const answer = {
      status: 410,
      headers: { "content-type": "application/problem+json" },
      body: Buffer.from(JSON.stringify({ code: "version-gone", detail: "gone" })),
    }
    bench.source.fault(/\/chunks\/1$/, ...Array(9).fill({ kind: "answer", answer }))
    const outcome = one(await bench.createLoader({ connections: 1, read_ahead: 0 }).load())
    expect(outcome.problem).toMatchObject({ code: "version-unstable", exitCode: 5 })
    expect(bench.source.chunksAsked()).toHaveLength(4)
  })

  test("that is still indexing is waited for as long as its progress rises", async () => {
    let bytes = 0
    bench.source.describe("people", { state: "indexing", version: null, progress: { bytes, of: 100 } })
    const sleep = async () => {
      bytes += 10
      const ready = bytes > 90
      if (ready)
        bench.source.describe("people", {
          state: "ready",
          version: bench.source.publish(people(10, 3)).version,
        })
      else bench.source.describe("people", { progress: { bytes, of: 100 } })
    }
    const outcome = one(await bench.createLoader({}, { patience: { sleep, random: () => 0 } }).load())
    expect(outcome.outcome).toBe("published")
  })

  test("that makes no progress ends the wait after deadlines.indexing", async () => {
    bench.source.describe("people", { state: "indexing", version: null, progress: { bytes: 5, of: 100 } })
    const patience = { sleep: async () => undefined, random: () => 0 }
    const outcome = one(await bench.createLoader({}, { patience }).load())
    expect(outcome.problem).toMatchObject({ code: "indexing", exitCode: 3 })
    expect(outcome.problem?.message).toContain("5 of 100 bytes")
  })

  test("that could not read its file passes on why", async () => {
    const problem = { code: "record-malformed", detail: "line 7 has 3 cells", hint: "mend it" }
    bench.source.describe("people", { state: "failed", problem })
    const outcome = one(await bench.createLoader().load())
    expect(outcome.problem).toMatchObject({
      code: "record-malformed",
      message: "line 7 has 3 cells",
      hint: "mend it",
      exitCode: 5,
    })
  })

  test("that is down ends the load with source-unreachable, after bounded tries", async () => {
    const source = { url: "http://127.0.0.1:1", allow_plain_http: false, max_body: 2 ** 20 }
    const outcome = one(await bench.createLoader({ source }).load())
    expect(outcome.problem).toMatchObject({ code: "source-unreachable", exitCode: 3 })
    expect(bench.log.events("request.retried")).toHaveLength(3)
  })
})

describe("the database", () => {
  test("sent a COMMIT whose answer is lost has the chunk once: the receipt settles it", async () => {
    // With one connection: claim, barrier, look, open; then one commit per chunk; then the publish.
    for (const [kind, occurrence] of [
      ["drop-reply", 6],
      ["cut", 6],
      ["drop-reply", 9],
      ["cut", 9],
    ] as const) {
      const tag = randomBytes(2).toString("hex")
      bench.source.publish(people(10, 3, tag))
      const { hostname: host, port } = new URL(bench.databaseUrl)
      const proxy = await startChaosProxy({ host, port: Number(port) })
      const armed = proxy.arm({ clientSends: "commit", occurrence }, { kind })
      const database = { url: proxy.rewrite(bench.databaseUrl), schema: testLedger }
      const outcome = one(await bench.createLoader({ database, connections: 1 }).load())
      await proxy.close()
      expect(armed.struck()).toBe(true)
      expect(outcome).toMatchObject({ outcome: "published", rows: 10 })
      expect(await names()).toEqual(expectedNames(tag, 10))
      expect(
        await bench.query("select count(*)::integer as n from flatbed.chunks where run_id = $1", [
          outcome.run,
        ]),
      ).toEqual([{ n: 4 }])
    }
    await waitFor(async () => (await bench.sessions()) === 0)
  })

  test("that loses every connection half way is met again, and nothing is loaded twice", async () => {
    const { hostname: host, port } = new URL(bench.databaseUrl)
    const proxy = await startChaosProxy({ host, port: Number(port) })
    bench.source.publish(people(400, 10))
    const database = { url: proxy.rewrite(bench.databaseUrl), schema: testLedger }
    const loading = bench.createLoader({ database }).load()
    for (const count of [3, 12, 25]) {
      await waitFor(() => bench.log.events("chunk.loaded").length >= count)
      proxy.cutAll()
    }
    expect(one(await loading)).toMatchObject({ outcome: "published", rows: 400 })
    await proxy.close()
    expect(await names()).toEqual(expectedNames("a", 400))
    await waitFor(async () => (await bench.sessions()) === 0)
  })

  test("that ends a session in the middle of a COPY has that chunk loaded again", async () => {
    bench.source.publish(people(3000, 1000))
    await bench.query(`create function flatbed.slow() returns trigger language plpgsql as
      $$ begin if new.chunk = 2 and not exists (select from pg_catalog.pg_advisory_lock(4711)) then return new; end if;
         return new; end $$`)
    await bench.query(
      "create trigger slow before insert on flatbed.chunks for each row execute function flatbed.slow()",
    )
    const holder = new pg.Client({ connectionString: bench.databaseUrl })
    await holder.connect()
    await holder.query("select pg_advisory_lock(4711)")
    const loading = bench.createLoader().load()
    await waitFor(async () => {
      const killed = await bench.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'flatbed-loader/people' and wait_event = 'advisory'",
      )
      return killed.length > 0
    })
    await holder.end()
    expect(one(await loading)).toMatchObject({ outcome: "published", rows: 3000 })
    expect(await names()).toEqual(expectedNames("a", 3000))
  })

  test("that answers a deadlock has the whole publish done again", async () => {
    const loader = bench.createLoader()
    await loader.load()
    bench.source.publish(people(6, 3, "b"))
    // The first publish meets a deadlock, made by Postgres' own error; the second one passes.
    await bench.query(`create table public.tries (n integer)`)
    await bench.query(`create sequence public.deadlocks`)
    await bench.query(`create function public.deadlock() returns trigger language plpgsql as
      $$ begin if nextval('public.deadlocks') = 1 then raise exception 'deadlock detected' using errcode = '40P01'; end if; return null; end $$`)
    await bench.query(
      "create trigger deadlock after insert on public.people execute function public.deadlock()",
    )
    expect(one(await loader.load())).toMatchObject({ outcome: "published", rows: 6 })
    expect(await bench.query("select last_value::integer as n from public.deadlocks")).toEqual([{ n: 2 }])
    expect(await names()).toEqual(expectedNames("b", 6))
  })

  test("that refuses a row when it reaches the table says which, and the table stays as it was", async () => {
    const loader = bench.createLoader()
    await loader.load()
    await bench.query("create unique index names on public.people ((id % 25))")
    bench.source.publish(people(30, 10, "b"))
    const outcome = one(await loader.load())
    expect(outcome.problem).toMatchObject({ code: "data-refused", exitCode: 5 })
    expect(outcome.problem?.message).toMatch(/people.*names/)
    expect(await names()).toEqual(expectedNames("a", 10))
    await waitFor(async () => (await bench.sessions()) === 0)
  })

  test("with another password is database-refused, exit 4; away, database-unreachable, exit 4", async () => {
    const wrong = new URL(bench.databaseUrl)
    wrong.password = "wr0ng-pass"
    const refused = bench.createLoader({ database: { url: wrong.href, schema: testLedger } }).load()
    await expect(refused).rejects.toMatchObject({ code: "database-refused", exitCode: 4 })
    wrong.host = "127.0.0.1:1"
    const away = bench.createLoader({ database: { url: wrong.href, schema: testLedger } }).load()
    await expect(away).rejects.toMatchObject({ code: "database-unreachable", exitCode: 4 })
    expect(JSON.stringify(bench.log.lines)).not.toContain("wr0ng-pass")
  })

  test("whose table is locked for longer than deadlines.lock fails the run and lets readers through", async () => {
    const deadlines = {
      connect: 4000,
      idle: 1000,
      request: 2000,
      indexing: 1000,
      lock: 200,
      statement: 60_000,
      stop: 5000,
    }
    const loader = bench.createLoader({ deadlines, retries: { attempts: 2, cap: 1 } })
    await loader.load()
    bench.source.publish(people(6, 3, "b"))
    const holder = new pg.Client({ connectionString: bench.databaseUrl })
    await holder.connect()
    await holder.query("begin; lock table public.people in row exclusive mode")
    expect(one(await loader.load()).problem).toMatchObject({ code: "database-failed", exitCode: 4 })
    expect(await names()).toEqual(expectedNames("a", 10))
    await holder.query("rollback")
    await holder.end()
    expect(one(await loader.load())).toMatchObject({ outcome: "published", fetched: 0 })
  })
})

describe("several pipelines", () => {
  const pipelines = {
    lost: pipelineOf({ table: "lost" }),
    people: pipelineOf(),
  }

  test("go on after one that failed", async () => {
    await bench.query("create table public.lost (other text)")
    const outcomes = await bench.createLoader({ pipelines }).load()
    expect(outcomes.map(({ pipeline, outcome }) => `${pipeline} ${outcome}`)).toEqual([
      "lost failed",
      "people published",
    ])
    expect(outcomes[0]?.problem?.code).toBe("columns-differ")
    expect(bench.log.events("columns.changed")).toMatchObject([
      { pipeline: "lost", columns: "id, name, born, other" },
    ])
    expect(bench.source.chunksAsked().filter((chunk) => chunk === 1)).toHaveLength(1)
  })

  test("are loaded by name, and an unknown name is refused with the nearest", async () => {
    const loader = bench.createLoader({ pipelines })
    expect((await loader.load(["people"])).map(({ pipeline }) => pipeline)).toEqual(["people"])
    await expect(loader.load(["peeple"])).rejects.toMatchObject({
      code: "usage-invalid",
      hint: expect.stringContaining("people"),
    })
  })
})

test("status tells what is published, how the last run ended and when the next is due", async () => {
  const pipelines = {
    people: pipelineOf({ schedule: "0 12 * * *" }),
  }
  const loader = bench.createLoader(
    { pipelines, connections: 1 },
    { now: () => new Date("2026-01-02T13:00:00Z") },
  )
  expect(await loader.status()).toMatchObject([
    { pipeline: "people", state: "never", next_tick: "2026-01-03T12:00:00.000Z" },
  ])
  bench.source.fault(/\/chunks\/4$/, ...Array(4).fill({ kind: "reset" }))
  await loader.load()
  expect(await loader.status()).toMatchObject([
    {
      state: "failed",
      version: null,
      last_run: { loaded_chunks: 3, chunks: 4, problem: "source-unreachable" },
    },
  ])
  const [outcome] = await loader.load()
  expect(await loader.status()).toMatchObject([{ state: "published", rows: 10, version: outcome?.version }])
})

describe("status after a failure that came before the run", () => {
  const outcomeOf = async (loader: ReturnType<Bench["createLoader"]>) => one(await loader.load())

  test("names it until a load publishes, or finds nothing new", async () => {
    const loader = bench.createLoader()
    await loader.load()
    await bench.query("alter table public.people add column extra text")
    bench.source.publish(people(12, 3, "b"))
    const failed = await outcomeOf(loader)
    const [status] = await loader.status()
    expect(status).toMatchObject({
      state: "failed",
      rows: 10,
      problem: { code: "columns-differ", detail: failed.problem?.message },
      last_attempt: { outcome: "failed" },
      last_run: { state: "published" },
    })
    expect(status?.last_attempt?.version).not.toBe(status?.version)
    await bench.query("alter table public.people drop column extra")
    await loader.load()
    expect(await loader.status()).toMatchObject([{ state: "published", rows: 12, problem: null }])
    bench.source.describe("people", {
      state: "failed",
      problem: { code: "record-malformed", detail: "line 7 has 3 cells" },
    })
    await loader.load()
    expect(await loader.status()).toMatchObject([{ state: "failed", problem: { code: "record-malformed" } }])
    bench.source.describe("people", { state: "ready" })
    await loader.load()
    expect(await loader.status()).toMatchObject([{ state: "published", problem: null }])
  })

  test("is there when nothing was ever published", async () => {
    const loader = bench.createLoader({
      source: { url: "http://127.0.0.1:1", allow_plain_http: false, max_body: 2 ** 26 },
    })
    await loader.load()
    expect(await loader.status()).toMatchObject([
      { state: "failed", version: null, problem: { code: "source-unreachable" }, last_run: null },
    ])
  })

  test("a pipeline that was pointed at another table has never run there", async () => {
    await bench.createLoader().load()
    const pipelines = { people: pipelineOf({ table: "others" }) }
    expect(await bench.createLoader({ pipelines }).status()).toMatchObject([
      { table: "public.others", state: "never", rows: null, published_at: null, last_run: null },
    ])
  })
})
