// If this file fails, a bad record disappears, stops a whole file, or slips past the limit its owner set.
import type { Reject } from "@flatbed/contract"
import { type ScriptedDataset, startStatementLog, waitFor } from "@flatbed/testing"
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest"
import { type Bench, column, openBench, people, pipelineOf } from "../loader.test-kit.ts"
import type { RunOutcome } from "../summary.ts"
import type { RejectLimit } from "./reject-limit.ts"

let bench: Bench

beforeEach(async () => {
  bench = await openBench(people(10, 3))
})

afterEach(async () => {
  await bench.close()
})

const load = async (max_rejects: RejectLimit = 0, connections = 3): Promise<RunOutcome> => {
  const [outcome] = await bench
    .createLoader({ connections, pipelines: { people: pipelineOf({ max_rejects }) } })
    .load()
  return outcome as RunOutcome
}
const ids = async () => (await bench.query("select id from public.people order by id")).map(({ id }) => id)
const recorded = async (run?: number) =>
  await bench.query(
    `select row::integer, chunk::integer, file, line::integer, byte::integer, code, column_name, value, reason, raw, found_by
       from flatbed.rejects where run_id = coalesce($1, (select max(run_id) from flatbed.runs)) order by row`,
    [run ?? null],
  )
const stagingTables = async () =>
  await bench.query("select relname from pg_class where relname ~ '^(staging|repair)_' and relkind = 'r'")

const why = (
  column: string | null,
  value: string | null,
): Omit<Reject, "row" | "file" | "line" | "byte" | "raw"> => ({
  code: column === null ? "missing-cell" : "type-error",
  column,
  value,
  reason: `found ${value ?? "2 cells"}, expected otherwise`,
})
const withSetAside = (content: ScriptedDataset, ...rows: number[]): ScriptedDataset => ({
  ...content,
  setAside: new Map(
    rows.map((row) => [row, why(row % 2 === 0 ? "born" : null, row % 2 === 0 ? "soon" : null)]),
  ),
})
/** The record as it stands in the scripted file, which has no header and quotes every cell. */
const recordOf = (content: ScriptedDataset, row: number) =>
  content.rows[row - 1]?.map((cell) => (cell === null ? "" : `"${cell}"`)).join(",")

test("a first load over the limit says that there is no table yet", async () => {
  bench.source.publish(withSetAside(people(30, 3, "b"), 8))
  const { problem } = await load()
  expect(problem?.message).toMatch(/^1 of 30 records was set aside; /)
  expect(problem?.hint).toMatch(/^There is no table yet\. List them: flatbed-loader rejects list --run \d+\n/)
})

describe("records that the source set aside", () => {
  test("stop the load by default before a row moves, and are listed all the same", async () => {
    await load()
    const content = withSetAside(people(30, 3, "b"), 8, 20)
    bench.source.publish(content)
    bench.source.forgetRequests()
    const outcome = await load()
    expect(outcome).toMatchObject({
      outcome: "failed",
      problem: {
        code: "rejects-over-limit",
        exitCode: 5,
        facts: { rejects: 2, allowed: 0, row: 8, file: "people.csv", line: 8, column: "born", value: "soon" },
      },
    })
    expect(outcome.problem?.message).toBe(
      "2 of 30 records were set aside; max_rejects allows 0. " +
        'The first: people.csv line 8, column born: found soon, expected otherwise Found: "soon".',
    )
    const [{ run } = { run: 0 }] = await bench.query("select max(run_id)::integer as run from flatbed.runs")
    expect(outcome.problem?.hint).toContain(`flatbed-loader rejects list --run ${run}`)
    expect(outcome.problem?.hint).toContain("The table is as it was.")
    expect(bench.source.chunksAsked()).toEqual([3, 7])
    expect(await recorded()).toMatchObject([{ row: 8 }, { row: 20 }])
    expect(await stagingTables()).toEqual([])
    expect(await ids()).toHaveLength(10)
    expect(await bench.query("select state, rejects::integer from flatbed.runs order by run_id")).toEqual([
      { state: "published", rejects: 0 },
      { state: "failed", rejects: 2 },
    ])
  })

  test("are not asked for again while the same version is refused, and the run stays one", async () => {
    bench.source.publish(withSetAside(people(30, 3), 8))
    await load()
    bench.source.forgetRequests()
    expect((await load()).problem?.code).toBe("rejects-over-limit")
    expect(bench.source.chunksAsked()).toEqual([])
    expect(await bench.query("select attempts, state from flatbed.runs")).toEqual([
      { attempts: 2, state: "failed" },
    ])
    expect(await load(1)).toMatchObject({ outcome: "published", rows: 29, rejects: 1 })
    expect(await bench.query("select run_id::integer as run from flatbed.rejects")).toEqual([{ run: 2 }])
  })

  test("under the limit are in the ledger with place and bytes, and the others are published", async () => {
    const content = withSetAside(people(10, 3), 1, 6, 10)
    bench.source.publish(content)
    expect(await load(3)).toMatchObject({ outcome: "published", rows: 7, rejects: 3, problem: undefined })
    expect(await ids()).toEqual([2, 3, 4, 5, 7, 8, 9])
    const rows = await recorded()
    expect(rows.map(({ row, chunk, code, column_name }) => [row, chunk, code, column_name])).toEqual([
      [1, 1, "missing-cell", null],
      [6, 2, "type-error", "born"],
      [10, 4, "type-error", "born"],
    ])
    expect(rows.map(({ raw }) => raw.toString())).toEqual([1, 6, 10].map((row) => recordOf(content, row)))
    expect(rows.every(({ found_by }) => found_by === "source")).toBe(true)
    expect(await bench.query("select rows::integer, rejects::integer from flatbed.publications")).toEqual([
      { rows: 7, rejects: 3 },
    ])
    expect(await load(3)).toMatchObject({ outcome: "up-to-date", rows: 7, rejects: 3 })
  })

  test("are held against a share of the records, rounded down", async () => {
    bench.source.publish(withSetAside(people(199, 50), 7, 150))
    expect((await load("1%")).problem?.message).toContain(
      "2 of 199 records were set aside; max_rejects allows 1 (1% of 199, rounded down)",
    )
    expect((await load("1.01%")).outcome).toBe("published")
  })

  test("may be all there are: the table is empty", async () => {
    bench.source.publish(withSetAside(people(4, 3), 1, 2, 3, 4))
    expect(await load("100%")).toMatchObject({ outcome: "published", rows: 0, rejects: 4 })
    expect(await ids()).toEqual([])
  })

  test("of a version far over the limit are listed up to some 1,000", async () => {
    const content = people(3_000, 300)
    bench.source.publish(withSetAside(content, ...content.rows.map((_, i) => i + 1)))
    expect((await load(10)).problem?.facts).toMatchObject({ rejects: 3_000, allowed: 10, row: 1 })
    expect(bench.source.chunksAsked()).toEqual([1, 2, 3, 4])
    expect(await recorded()).toHaveLength(1_200)
  })

  test("that are fewer than the manifest says, or lie elsewhere, are damage", async () => {
    bench.source.publish(withSetAside(people(10, 3), 2))
    const change = (edit: (line: string) => string) => (body: Buffer) => Buffer.from(edit(body.toString()))
    for (const edit of [
      (text: string) => text.replace(/^\{"reject":.*$/m, '["2","a",null]'),
      (text: string) => text.replace('"byte":', '"byte":9'),
      (text: string) => text.replace('"row":2', '"row":3'),
      (text: string) => text.replace('"file":"people.csv"', '"file":"other.csv"'),
    ]) {
      const fault = { kind: "replace-body" as const, change: change(edit) }
      bench.source.fault(/\/chunks\/1$/, fault)
      expect(await load(1)).toMatchObject({ outcome: "published" })
      expect(bench.log.events("chunk.retried").at(-1)).toMatchObject({ code: "chunk-damaged", chunk: 1 })
      await bench.query("drop table public.people")
    }
  })
})

describe("rows that Postgres refuses", () => {
  const narrow = "id smallint, name character varying(6), born date, price numeric(5,2)"
  const goods = (change: Record<number, (string | null)[]> = {}): ScriptedDataset => ({
    name: "people",
    columns: [column("id", "integer"), column("name"), column("born", "date"), column("price", "numeric")],
    rows: Array.from({ length: 20 }, (_, i) => change[i + 1] ?? [String(i + 1), "a", "2001-02-03", "1.50"]),
    rowsPerChunk: 6,
  })

  test("of a table that is narrower than the file are set aside one by one, never rounded or cut", async () => {
    await bench.query(`create table public.people (${narrow})`)
    const content = goods({
      2: ["40000", "a", null, "1"],
      5: ["5", "seven  ", null, "1"],
      9: ["9", "ab    ", null, "1.005"],
      13: ["13", "exact6", "2001-02-03", "999.99"],
      14: ["14", "a", null, "1000"],
    })
    bench.source.publish(content)
    bench.source.describe("people", { evidence: null })
    expect((await load(0)).problem?.code).toBe("columns-differ")
    expect(await load(4)).toMatchObject({ outcome: "published", rows: 16, rejects: 4 })
    const rows = await recorded()
    expect(rows.map(({ row, code, column_name, value }) => [row, code, column_name, value])).toEqual([
      [2, "type-error", "id", "40000"],
      [5, "type-error", "name", "seven  "],
      [9, "type-error", "price", "1.005"],
      [14, "type-error", "price", "1000"],
    ])
    expect(rows.map(({ reason }) => reason)).toEqual([
      expect.stringMatching(/out of range.*smallint/),
      expect.stringMatching(/7 characters.*character varying\(6\)/),
      expect.stringMatching(/3 digits after the point.*numeric\(5,2\)/),
      expect.stringMatching(/overflow.*numeric\(5,2\)/),
    ])
    expect(rows.map(({ raw }) => raw.toString())).toEqual([2, 5, 9, 14].map((row) => recordOf(content, row)))
    expect(rows.map(({ line }) => line)).toEqual([2, 5, 9, 14])
    expect(rows.every(({ found_by }) => found_by === "loader")).toBe(true)
    expect(await bench.query("select name, price::text from public.people where id = 13")).toEqual([
      { name: "exact6", price: "999.99" },
    ])
    expect(
      await bench.query("select sum(rows - rejects - refused)::integer as n from flatbed.chunks"),
    ).toEqual([{ n: 16 }])
  })

  test("cost two round trips to Postgres and a COPY for each chunk that holds some, whatever they break", async () => {
    const inverse = "constraint inverse check (100 / price > 0)"
    await bench.query(
      `create table public.people (id smallint check (id <> 2), name text, born date, price numeric, ${inverse})`,
    )
    const log = await startStatementLog(bench.databaseUrl)
    onTestFinished(log.close)
    const settings = {
      pipelines: { people: pipelineOf({ max_rejects: "100%" }) },
      database: { url: log.rewrite(bench.databaseUrl) },
    }
    const badOf = (chunk: number): Record<number, (string | null)[]> => ({
      [6 * chunk + 1]: ["2", "a", null, "1"],
      // Of this one the check's own expression fails.
      [6 * chunk + 2]: ["3", "a", null, "0"],
      ...(chunk < 3
        ? { [6 * chunk + 4]: ["4", "b", "2001-13-01", "1"], [6 * chunk + 6]: ["70000", "c", null, "1"] }
        : {}),
    })
    const costs: { trips: number; copies: number }[] = []
    // The first load makes the ledger.
    for (const damaged of [4, 1, 2, 3, 4]) {
      const bad = Object.assign({}, ...Array.from({ length: damaged }, (_, chunk) => badOf(chunk)))
      bench.source.publish(goods(bad))
      bench.source.describe("people", { evidence: null })
      const before = { trips: log.roundTrips(), statements: log.statements().length }
      const [outcome] = await bench.createLoader({ ...settings, connections: 1 }).load()
      const rejects = Object.keys(bad).length
      expect(outcome).toMatchObject({ outcome: "published", rows: 20 - rejects, rejects })
      const copies = log
        .statements()
        .slice(before.statements)
        .filter((text) => / from stdin\b/.test(text)).length
      costs.push({ trips: log.roundTrips() - before.trips, copies })
    }
    const [, first = { trips: 0, copies: 0 }, ...others] = costs
    expect(first.copies).toBe(5)
    expect(others.map(({ trips, copies }) => [trips - first.trips, copies - first.copies])).toEqual([
      [2, 1],
      [4, 2],
      [6, 3],
    ])
  })

  test("are found again when the transaction that found them is lost, and counted once", async () => {
    const content = people(10, 3)
    const rows = content.rows.map((row, i) => (i === 5 ? ["6", "b", "2001-13-01"] : row))
    bench.source.publish({ ...content, rows })
    // While the source is asked where the row stands, the session that found it ends.
    bench.source.fault(/\?rows=6$/, { kind: "delay", ms: 300 })
    const loading = load(1, 1)
    await waitFor(() => bench.source.requests().some(({ path }) => path.endsWith("?rows=6")))
    await bench.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and state = 'idle in transaction'`,
    )
    expect(await loading).toMatchObject({ outcome: "published", rows: 9, rejects: 1 })
    expect(await bench.query("select rejects::integer from flatbed.runs")).toEqual([{ rejects: 1 }])
    expect(await recorded()).toMatchObject([{ row: 6, found_by: "loader" }])
  })

  test("by a check or a NOT NULL are found in staging, before the table is touched", async () => {
    await load()
    await bench.query("alter table public.people add constraint adult check (id <> 25)")
    await bench.query("alter table public.people alter column name set not null")
    const rows = people(30, 10, "b").rows.map((row, i) => (i === 11 ? ["12", null, null] : row))
    bench.source.publish({ ...people(30, 10, "b"), rows })
    expect((await load(0)).problem?.code).toBe("columns-differ")
    expect(await load(1)).toMatchObject({ outcome: "failed", problem: { code: "rejects-over-limit" } })
    expect(await ids()).toHaveLength(10)
    expect(await load(2)).toMatchObject({ outcome: "published", rows: 28, rejects: 2 })
    expect(await recorded()).toMatchObject([
      { row: 12, code: "constraint-error", column_name: "name", value: null },
      { row: 25, code: "constraint-error", column_name: "id", value: "25" },
    ])
    expect((await recorded())[1]?.reason).toContain('"adult"')
  })

  test("fail the load by default, naming row, file, line, column, value and reason", async () => {
    await load()
    await bench.query("alter table public.people add constraint adult check (id <> 25)")
    bench.source.publish(people(30, 10, "b"))
    const { problem } = await load()
    expect(problem).toMatchObject({
      code: "rejects-over-limit",
      exitCode: 5,
      facts: { rejects: 1, row: 25, file: "people.csv", line: 25, column: "id", value: "25" },
    })
    expect(problem?.message).toMatch(/people\.csv line 25, column id: .*"adult".*Found: "25"/)
    expect(await ids()).toHaveLength(10)
    expect(await stagingTables()).toEqual([])
    await waitFor(async () => (await bench.sessions()) === 0)
    expect(await recorded()).toMatchObject([{ row: 25 }])
  })

  test("are looked at afresh once the table no longer refuses them, and their rejects do not pile up", async () => {
    await load()
    await bench.query("alter table public.people add constraint adult check (id <> 25)")
    bench.source.publish(people(30, 10, "b"))
    await load()
    await load()
    expect(await bench.query("select from flatbed.rejects")).toHaveLength(1)
    await bench.query("alter table public.people drop constraint adult")
    expect(await load()).toMatchObject({ outcome: "published", rows: 30, rejects: 0 })
  })

  test("count together with the source's, and the limit holds in the last chunk", async () => {
    const content = people(30, 10, "b")
    const rows = content.rows.map((row, i) => (i === 29 ? ["30", "b", "2001-13-01"] : row))
    await load()
    bench.source.publish(withSetAside({ ...content, rows }, 3))
    for (const connections of [1, 3]) {
      const { problem } = await load(1, connections)
      expect(problem?.facts).toMatchObject({ rejects: 2, allowed: 1, row: 3 })
      expect(await ids()).toHaveLength(10)
    }
    expect(await recorded()).toMatchObject([
      { row: 3, found_by: "source" },
      { row: 30, found_by: "loader" },
    ])
    expect(await load(2)).toMatchObject({ outcome: "published", rows: 28, rejects: 2 })
  })

  test("keep their count when the run is interrupted and resumed", async () => {
    const content = people(40, 10)
    const rows = content.rows.map((row, i) => (i === 5 ? ["6", "b", "2001-13-01"] : row))
    bench.source.publish({ ...content, rows })
    bench.source.fault(/\/chunks\/4$/, ...Array(4).fill({ kind: "reset" }))
    expect((await load(1, 1)).problem?.code).toBe("source-unreachable")
    bench.source.forgetRequests()
    expect(await load(1, 1)).toMatchObject({ outcome: "published", rows: 39, rejects: 1, fetched: 1 })
    expect(bench.source.chunksAsked()).toEqual([4])
  })

  test("are placed by a source that errs meanwhile, too; whose answer is for another row is not believed", async () => {
    const content = people(10, 3)
    const rows = content.rows.map((row, i) => (i === 5 ? ["6", "b", "2001-13-01"] : row))
    const { origins } = bench.source.publish({ ...content, rows })
    const lies = [{ rows: [{ ...origins[5], byte_from: 0 }] }, { rows: [] }]
    const lie = (one: object) =>
      ({ kind: "replace-body", change: () => Buffer.from(JSON.stringify(one)) }) as const
    bench.source.fault(/\?rows=6$/, { kind: "reset" }, ...lies.map(lie))
    expect(await load(1)).toMatchObject({ outcome: "published", rows: 9, rejects: 1 })
    expect(bench.source.requests().filter(({ path }) => path.endsWith("?rows=6"))).toHaveLength(4)
  })
})

test("a load whose rejects are not all listed does not commit", async () => {
  bench.source.publish(withSetAside(people(10, 3), 2))
  bench.source.fault(/\/chunks\/4$/, ...Array(4).fill({ kind: "reset" }))
  await load(1, 1)
  await bench.query("delete from flatbed.rejects")
  expect(await load(1, 1)).toMatchObject({
    outcome: "failed",
    problem: { code: "receipt-unbalanced", exitCode: 7, message: expect.stringContaining("0 rejects") },
  })
  expect(await load(1, 1)).toMatchObject({ outcome: "published", rejects: 1 })
})

describe("the log alone", () => {
  test("tells of the first 20 rejects of a run and counts the others", async () => {
    const content = people(200, 50)
    bench.source.publish(withSetAside(content, ...Array.from({ length: 33 }, (_, i) => i * 6 + 1)))
    const outcome = await load("20%", 1)
    const told = bench.log.events("row.rejected")
    expect(told).toHaveLength(20)
    expect(told[0]).toMatchObject({
      pipeline: "people",
      run: outcome.run,
      ...{ row: 1, file: "people.csv", line: 1, byte: 0, code: "missing-cell", column: null },
      msg: "people.csv line 1: found 2 cells, expected otherwise",
    })
    expect(told.every((line) => !("raw" in line))).toBe(true)
    expect(bench.log.events("rows.rejected")).toMatchObject([
      {
        run: outcome.run,
        shown: 20,
        more: 13,
        msg: `13 more rejects: flatbed-loader rejects list --run ${outcome.run}`,
      },
    ])
  })

  test("says what was loaded, from which version, how long it took, what was rejected, what comes next", async () => {
    bench.source.publish(withSetAside(people(10, 3), 2))
    const now = () => new Date("2026-01-02T13:07:00Z")
    const schedule = "*/15 * * * *"
    const run = async (change: Parameters<typeof pipelineOf>[0]) => {
      const pipelines = { people: pipelineOf({ max_rejects: 1, ...change }) }
      await bench.createLoader({ pipelines }, { now }).load()
      const fields = bench.log.lines.at(-1) as Record<string, unknown>
      return { event: fields.event, msg: fields.msg, fields }
    }
    const first = await run({ schedule, follow: true })
    expect(first.event).toBe("run.finished")
    expect(first.msg).toMatch(
      /^people: 9 rows, \d+ B in \d+\.\d\d s \([\d,]+ rows?\/s\) into public\.people, version [0-9a-f]{12}; 1 record was set aside \(flatbed-loader rejects list --run 1\); next at 2026-01-02T13:15:00\.000Z, or when the source announces a version$/,
    )
    expect(first.fields).toMatchObject({ rows: 9, rejects: 1, run: 1, next: "2026-01-02T13:15:00.000Z" })
    expect(first.fields.seconds).toBeGreaterThan(0)
    const second = await run({})
    expect(second.msg).toMatch(
      /^people: up to date, public\.people has version [0-9a-f]{12} of 9 rows; 1 record was set aside; next only by load$/,
    )
    bench.source.publish(withSetAside(people(10, 3, "b"), 2, 3))
    const third = await run({ follow: true })
    expect(third).toMatchObject({
      event: "run.failed",
      msg: expect.stringMatching(/rejects-over-limit: 2 of 10 .*; next when the source announces a version$/),
      fields: { code: "rejects-over-limit", rejects: 2, hint: expect.stringContaining("rejects list --run") },
    })
  })
})
