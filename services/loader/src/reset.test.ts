// If this file fails, a reset touches a table, forgets too little or too much, or gets in the way of a run.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest"
import { type Bench, openBench, people, pipelineOf } from "./loader.test-kit.ts"
import type { Loader } from "./loader.ts"
import { uniqueOwner } from "./owner.ts"
import { describeReset, findKnown, resetPipeline } from "./reset.ts"
import type { Pipeline } from "./settings/pipeline-settings.ts"

let bench: Bench

beforeAll(async () => {
  bench = await openBench(people(9, 3))
})

afterAll(() => bench.close())

beforeEach(async () => {
  await bench.query(
    `drop table if exists public.people, public.others; truncate flatbed.attempts; truncate flatbed.runs cascade;
     truncate flatbed.files`,
  )
})

/** What `reset` does, as its command does it. */
const reset = (loader: Loader) =>
  loader.look((parts) => resetPipeline(pipelineNamed(parts.pipelines), { ...parts, owner: uniqueOwner() }))
const know = (loader: Loader) =>
  loader.look(({ database, pipelines }) =>
    database.transaction((session) => findKnown(session, pipelineNamed(pipelines)), { doing: "looking" }),
  )
const pipelineNamed = (pipelines: readonly Pipeline[]) => {
  const found = pipelines.find(({ name }) => name === "people")
  if (found === undefined) throw new Error("there is no pipeline people")
  return found
}

const count = async (table: string) =>
  (await bench.query<{ n: number }>(`select count(*)::integer as n from ${table}`))[0]?.n
const staging = () =>
  bench.query("select from pg_tables where schemaname = 'flatbed' and tablename like 'staging%'")

const key = ["id"]
test.each([
  ["replace", pipelineOf({}), 9, "in the place of the rows"],
  ["append", pipelineOf({ mode: "append" }), 18, "twice"],
  ["upsert", pipelineOf({ mode: "upsert", key }), 9, "by key"],
  ["mirror", pipelineOf({ mode: "mirror", key }), 9, "deletes.limit"],
] as const)(
  "after a reset %s loads the same version again, as was said",
  async (_mode, pipeline, rows, words) => {
    const others = pipelineOf({ table: "others" })
    const loader = bench.createLoader({ pipelines: { people: pipeline, others } })
    await loader.load()
    const before = await bench.query("select ctid, * from public.people order by id")
    const known = await know(loader)
    expect(known).toMatchObject({
      table: "public.people",
      has_table: true,
      version: expect.any(String),
      open_runs: [],
    })
    // Every mode notes them, so that a mode can be changed to append.
    expect(known.files).toBe(1)

    expect(await reset(loader)).toEqual(known)
    expect(await bench.query("select ctid, * from public.people order by id")).toEqual(before)
    expect(describeReset(known, pipeline.mode, "forgot")).toContain(words)
    expect(await loader.status()).toMatchObject([
      { state: "never", version: null, proven_at: null },
      { state: "published", rows: 9 },
    ])
    expect((await loader.load()).map(({ outcome }) => outcome)).toEqual(["published", "up-to-date"])
    expect(await count("public.people")).toBe(rows)
    expect((await loader.load()).map(({ outcome }) => outcome)).toEqual(["up-to-date", "up-to-date"])
  },
)

test("a run that was interrupted is not resumed, and its staging is gone; what was published stays as history", async () => {
  const loader = bench.createLoader({ connections: 1, retries: { attempts: 1, cap: 1 } })
  bench.source.fault(/\/chunks\/3$/, { kind: "reset" })
  await loader.load()
  expect(await staging()).toHaveLength(1)
  const forgotten = await reset(loader)
  expect(forgotten).toMatchObject({ version: null, has_table: false })
  expect(forgotten.open_runs).toHaveLength(1)
  expect(await staging()).toHaveLength(0)
  expect(describeReset(forgotten, "replace", "forgot")).toContain("makes the table")
  bench.source.forgetRequests()
  expect(await loader.load()).toMatchObject([{ outcome: "published", fetched: 3 }])
  expect(bench.source.chunksAsked()).toEqual([1, 2, 3])
  await reset(loader)
  expect(await bench.query("select state from flatbed.runs order by run_id")).toEqual([
    { state: "abandoned" },
    { state: "published" },
  ])
})

test("while a run has the pipeline it is refused, and nothing is forgotten", async () => {
  const loader = bench.createLoader()
  await loader.load()
  const known = await know(loader)
  await bench.query(
    `update flatbed.leases set owner = 'another run', expires_at = now() + interval '1 minute',
            backend_pid = pg_backend_pid(), backend_start = null`,
  )
  await expect(reset(loader)).rejects.toMatchObject({ code: "lease-held", exitCode: 8 })
  expect(await know(loader)).toEqual(known)
  await bench.query("update flatbed.leases set owner = null")
})
