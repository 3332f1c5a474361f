// If this file fails, `append` loses rows or doubles them when a load is interrupted, overtaken, or meets bad records.
import { problemAnswer, type ScriptedDataset, waitFor } from "@flatbed/testing"
import { afterEach, beforeEach, expect, test } from "vitest"
import { type Bench, makeSettings, openBench, people, pipelineOf } from "./loader.test-kit.ts"

let bench: Bench

beforeEach(async () => {
  bench = await openBench(people(10, 4))
})

afterEach(() => bench.close())

type Change = Parameters<typeof pipelineOf>[0]

async function load(change: Change = {}) {
  const loader = bench.createLoader({ pipelines: { people: pipelineOf({ mode: "append", ...change }) } })
  const [outcome] = await loader.load()
  if (outcome === undefined) throw new Error("no outcome")
  return outcome
}

const ids = async () =>
  (await bench.query<{ id: number }>("select id from public.people order by id")).map(({ id }) => id)
const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1)
const files = () =>
  bench.query(
    "select file, rows::integer, rejects::integer, is_current as now from flatbed.files order by file_id",
  )

const why = { code: "missing-cell", column: null, value: null, reason: "2 cells, expected 3" } as const
const setAside = (content: ScriptedDataset, ...rows: number[]): ScriptedDataset => ({
  ...content,
  setAside: new Map(rows.map((row) => [row, why])),
})

test("of a file that has grown the new rows come, from the middle of a chunk, and both are told", async () => {
  expect(await load()).toMatchObject({ rows: 10, knownRows: 0, files: { new: 1, grown: 0, known: 0 } })
  bench.source.publish(people(15, 4))
  bench.source.forgetRequests()
  expect(await load()).toMatchObject({
    outcome: "published",
    rows: 5,
    knownRows: 10,
    files: { new: 0, grown: 1, known: 0 },
    applied: { inserted: 5, unchanged: 0, deleted: 0 },
    receipt: { records: 5, rows: 5, inserted: 5, known_rows: 10 },
  })
  // Rows 9 and 10 are in chunk 3, which holds 11 and 12 as well.
  expect(bench.source.chunksAsked()).toEqual([3, 4])
  expect(await ids()).toEqual(upTo(15))
  expect(await load()).toMatchObject({ outcome: "up-to-date", rows: 15 })
  expect(await files()).toEqual([
    { file: "people.csv", rows: 10, rejects: 0, now: false },
    { file: "people.csv", rows: 15, rejects: 0, now: true },
  ])
  const [status] = await bench
    .createLoader({ pipelines: { people: pipelineOf({ mode: "append" }) } })
    .status()
  expect(status).toMatchObject({ state: "published", rows: 15 })
})

test("a load that broke off goes on with the missing chunks", async () => {
  await load()
  bench.source.publish(people(24, 4))
  const broken = { kind: "answer", answer: problemAnswer("internal", "A bug of the source's.") } as const
  bench.source.fault(/chunks\/5$/, broken, broken, broken, broken)
  expect((await load()).outcome).toBe("failed")
  expect(await ids()).toEqual(upTo(10))
  const [{ n } = { n: 0 }] = await bench.query<{ n: number }>(
    "select count(*)::integer as n from flatbed.chunks where run_id = 2",
  )
  bench.source.forgetRequests()
  expect(await load()).toMatchObject({ outcome: "published", rows: 14, run: 2, fetched: 4 - n })
  expect(bench.source.chunksAsked()).not.toContain(1)
  expect(await ids()).toEqual(upTo(24))
})

test("records that were set aside before are not set aside again", async () => {
  bench.source.publish(setAside(people(10, 4), 2, 9))
  expect(await load({ max_rejects: 2 })).toMatchObject({ rows: 8, rejects: 2 })
  bench.source.publish(setAside(people(15, 4), 2, 9, 12, 14))
  expect(await load({ max_rejects: 1 })).toMatchObject({
    problem: { code: "rejects-over-limit", facts: { rejects: 2, allowed: 1, row: 12 } },
  })
  expect(await load({ max_rejects: 2 })).toMatchObject({ rows: 3, rejects: 2, knownRows: 8 })
  expect(await ids()).toEqual([1, 3, 4, 5, 6, 7, 8, 10, 11, 13, 15])
  expect(
    await bench.query("select run_id::integer as run, row::integer from flatbed.rejects order by 1, 2"),
  ).toEqual([
    { run: 1, row: 2 },
    { run: 1, row: 9 },
    { run: 3, row: 12 },
    { run: 3, row: 14 },
  ])
  expect(await files()).toMatchObject([
    { rows: 8, rejects: 2 },
    { rows: 11, rejects: 4 },
  ])
})

test("rows that Postgres refuses are placed by the version's numbers, also behind an old end", async () => {
  await bench.query("create table public.people (id integer check (id <> 12), name text, born date)")
  await load()
  bench.source.publish(people(15, 4))
  expect(await load({ max_rejects: 1 })).toMatchObject({ rows: 4, rejects: 1 })
  expect(
    await bench.query("select row::integer, line::integer, chunk::integer from flatbed.rejects"),
  ).toEqual([{ row: 12, line: 12, chunk: 3 }])
  expect(await files()).toMatchObject([{ rows: 10 }, { rows: 14, rejects: 1 }])
})

test("a table that has rows keeps them, and one that was made anew gets all again", async () => {
  await bench.query("create table public.people (id integer, name text, born date)")
  await bench.query("insert into public.people values (1000, 'mine', null)")
  await load()
  expect(await ids()).toEqual([...upTo(10), 1000])
  await bench.query("drop table public.people")
  expect(await load()).toMatchObject({ rows: 10, files: { new: 1 } })
  expect(await ids()).toEqual(upTo(10))
  expect(await files()).toHaveLength(1)
})

test("rows that are the same are dropped among the new ones only, where the settings say so", async () => {
  const twice = people(3, 10)
  bench.source.publish({ ...twice, rows: [...twice.rows, ...twice.rows] })
  expect(await load({ dedupe: "exact" })).toMatchObject({ applied: { inserted: 3, repeated: 3 }, rows: 6 })
  bench.source.publish({ ...twice, rows: [...twice.rows, ...twice.rows, ...twice.rows] })
  expect(await load({ dedupe: "exact" })).toMatchObject({ applied: { inserted: 3, repeated: 0 }, rows: 3 })
  expect(await ids()).toEqual([1, 1, 2, 2, 3, 3])
})

test("what another mode brought into the table is known when the mode becomes append", async () => {
  await load({ mode: "replace" })
  expect(await load()).toMatchObject({ rows: 0, knownRows: 10, files: { new: 0, known: 1 } })
  bench.source.publish(people(12, 4))
  expect(await load()).toMatchObject({ rows: 2, files: { grown: 1 } })
  expect(await load({ mode: "replace" })).toMatchObject({ rows: 12 })
  expect(await files()).toEqual([{ file: "people.csv", rows: 12, rejects: 0, now: true }])
  expect(await ids()).toEqual(upTo(12))
})

test("a load is refused when another pipeline published into the table meanwhile", async () => {
  await load()
  bench.source.publish(people(15, 4))
  bench.source.forgetRequests()
  bench.source.fault(/chunks\/4$/, { kind: "delay", ms: 2500 })
  const deadlines = { ...makeSettings({ source: "", database: "" }).deadlines, idle: 20_000, request: 20_000 }
  const run = async (name: string) => {
    const loader = bench.createLoader({ deadlines, pipelines: { [name]: pipelineOf({ mode: "append" }) } })
    return (await loader.load())[0]
  }
  const late = run("people")
  await waitFor(() => bench.source.chunksAsked().includes(4))
  const quick = await run("others")
  const slow = await late
  expect(quick).toMatchObject({ outcome: "published", rows: 5 })
  expect(slow).toMatchObject({ outcome: "failed", problem: { code: "lease-lost" } })
  expect(await ids()).toEqual(upTo(15))
  expect((await load()).outcome).toBe("published")
  expect(await ids()).toEqual(upTo(15))
})

test("a table that is dropped during a load is not made anew without its rows", async () => {
  await load()
  bench.source.publish(people(15, 4))
  const interrupted = { kind: "answer", answer: problemAnswer("internal", "A bug of the source's.") } as const
  bench.source.fault(/chunks\/4$/, interrupted, interrupted, interrupted, interrupted)
  await load()
  // The run that is resumed must not take what it has for what a new table needs.
  await bench.query("drop table public.people")
  expect(await load()).toMatchObject({ outcome: "published", rows: 15, files: { new: 1, grown: 0 } })
  expect(await ids()).toEqual(upTo(15))
})

test("what the source tells of another file's beginning is not believed", async () => {
  await load()
  bench.source.publish(people(15, 4))
  const wrong = { dataset: "people", version: "0".repeat(64), file: "people.csv", beginnings: [] }
  const answer = {
    kind: "answer",
    answer: {
      status: 200,
      headers: { "content-type": "application/json" },
      body: Buffer.from(JSON.stringify(wrong)),
    },
  } as const
  bench.source.fault(/beginnings/, answer, answer, answer, answer)
  expect((await load()).problem).toMatchObject({ code: "chunk-damaged", exitCode: 3 })
  expect(await load()).toMatchObject({ outcome: "published", rows: 5 })
})

test("a file that was rewritten stops the load before a chunk is asked for, and is told by status", async () => {
  await load()
  bench.source.publish(people(15, 4, "b"))
  bench.source.forgetRequests()
  expect((await load()).problem).toMatchObject({ code: "file-changed", exitCode: 5, facts: { run: 1 } })
  expect(bench.source.chunksAsked()).toEqual([])
  expect(await ids()).toEqual(upTo(10))
  const [status] = await bench
    .createLoader({ pipelines: { people: pipelineOf({ mode: "append" }) } })
    .status()
  expect(status).toMatchObject({ state: "failed", problem: { code: "file-changed" } })
})

test("the source may be silent while it proves a long beginning, as long as a request may last", async () => {
  await load()
  bench.source.publish(people(15, 4))
  bench.source.forgetRequests()
  bench.source.fault(/beginnings/, { kind: "delay", ms: 1300 })
  expect(await load()).toMatchObject({ outcome: "published", rows: 5 })
  expect(bench.source.requests().filter(({ path }) => path.includes("/beginnings"))).toHaveLength(1)
})
