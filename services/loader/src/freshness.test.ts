// If this file fails, a table that went stale looks fresh to whoever watches it, or a fresh one overdue.
import { waitFor } from "@flatbed/testing"
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest"
import { showAge } from "./freshness.ts"
import { type Bench, openBench, people, pipelineOf } from "./loader.test-kit.ts"
import { formatStatus, needsLook } from "./status.ts"

let bench: Bench

beforeAll(async () => {
  bench = await openBench(people(5, 2))
})

afterAll(() => bench.close())

beforeEach(async () => {
  await bench.query(
    "drop table if exists public.people; truncate flatbed.attempts; truncate flatbed.runs cascade; truncate flatbed.files",
  )
})

const hour = 3_600_000
const pipelines = {
  people: pipelineOf({ fresh_within: hour }),
  unwatched: pipelineOf({ table: "unwatched" }),
}
const statusOf = async () => {
  const [people, unwatched] = await bench.createLoader({ pipelines }).status()
  if (people === undefined || unwatched === undefined) throw new Error("a pipeline without a status")
  return { people, unwatched }
}
/** Moves what the ledger knows into the past: nobody waits an hour. */
const pass = (time: string) =>
  bench.query(
    `update flatbed.attempts set proven_at = proven_at - interval '${time}', ended_at = ended_at - interval '${time}';
     update flatbed.publications set published_at = published_at - interval '${time}'`,
  )

test("a table is overdue when it was never loaded, or fresh_within passed since it was known to be up to date", async () => {
  const before = await statusOf()
  expect(before.people).toMatchObject({ state: "never", overdue: true, proven_at: null, fresh_within: "1h" })
  expect(before.unwatched).toMatchObject({ overdue: false, fresh_within: null })
  expect([needsLook(before.people), needsLook(before.unwatched)]).toEqual([true, false])
  expect(formatStatus([before.people])).toContain(
    "people is overdue: its table was never known to be up to date, and fresh_within is 1h",
  )

  const loader = bench.createLoader({ pipelines })
  await loader.load()
  expect((await statusOf()).people).toMatchObject({ overdue: false, state: "published" })
  await pass("59 minutes")
  expect((await statusOf()).people).toMatchObject({
    overdue: false,
    age_seconds: expect.toSatisfy((n) => n >= 3540),
  })
  await pass("2 minutes")
  const { people: late, unwatched } = await statusOf()
  expect([late.overdue, unwatched.overdue]).toEqual([true, false])
  expect(formatStatus([late])).toMatch(/published, overdue/)
  expect(formatStatus([late])).toContain("last known to be up to date 1 h 1 min ago, at ")

  // That nothing was new proves it as well, and counts from then on.
  await loader.load()
  const { people: proven } = await statusOf()
  expect(proven).toMatchObject({ overdue: false, last_attempt: { outcome: "up-to-date" } })
  expect(Date.parse(proven.proven_at ?? "")).toBeGreaterThan(Date.parse(proven.published_at ?? "") + hour)
})

test("a failure leaves the moment as it was, and another table has none", async () => {
  const loader = bench.createLoader({ pipelines: { people: pipelines.people } })
  await loader.load()
  await loader.load()
  const { proven_at: provenAt } = (await statusOf()).people
  bench.source.describe("people", {
    state: "failed",
    problem: { code: "record-malformed", detail: "line 7" },
  })
  await loader.load()
  bench.source.describe("people", { state: "ready" })
  expect((await statusOf()).people).toMatchObject({ state: "failed", overdue: false, proven_at: provenAt })
  const moved = bench.createLoader({
    pipelines: { people: pipelineOf({ table: "others", fresh_within: hour }) },
  })
  expect(await moved.status()).toMatchObject([{ state: "never", overdue: true, proven_at: null }])
})

test("settings that shape the table and were changed since are told, with what the next load does", async () => {
  await bench.createLoader({ pipelines: { people: pipelineOf() } }).load()
  const changed = bench.createLoader({ pipelines: { people: pipelineOf({ mode: "upsert", key: ["id"] }) } })
  const [status] = await changed.status()
  expect(status).toMatchObject({ state: "published", settings_changed: true })
  expect(formatStatus(status === undefined ? [] : [status])).toContain("the next load loads it again")
  const same = bench.createLoader({ pipelines: { people: pipelineOf({ fresh_within: hour, follow: true }) } })
  expect(await same.status()).toMatchObject([{ settings_changed: false }])
})

test("a table that was dropped is not told as published and nothing else, nor one that took its name", async () => {
  await bench.createLoader({ pipelines: { people: pipelineOf() } }).load()
  const statusNow = async () => {
    const [status] = await bench.createLoader({ pipelines: { people: pipelineOf() } }).status()
    if (status === undefined) throw new Error("a pipeline without a status")
    return { status, text: formatStatus([status]), isBad: needsLook(status) }
  }
  expect(await statusNow()).toMatchObject({ status: { table_is: "there" }, isBad: false })
  await bench.query("drop table public.people")
  expect(await statusNow()).toMatchObject({
    status: { state: "published", table_is: "gone" },
    text: expect.stringMatching(
      /published, table gone .*\n\nThe table public\.people into which people loaded version [0-9a-f]{12} is not there any more: the next load makes it again$/s,
    ),
    isBad: true,
  })
  await bench.query("create table public.people (id integer)")
  expect(await statusNow()).toMatchObject({
    status: { table_is: "replaced" },
    text: expect.stringContaining("another one is there: the next load fills that"),
    isBad: false,
  })
  await bench.query("drop table public.people")
  await bench.createLoader({ pipelines: { people: pipelineOf() } }).load()
  expect(await statusNow()).toMatchObject({ status: { table_is: "there" }, isBad: false })
})

test("the metrics know it from the ledger: of runs before the start, and of those of other loaders", async () => {
  await bench.createLoader({ pipelines: { people: pipelines.people } }).load()
  await pass("3 hours")
  const loader = bench.createLoader({ pipelines })
  const url = await loader.start()
  const read = async () => await (await fetch(`${url}/metrics`)).text()
  const first = await read()
  expect(first).toContain('flatbed_loader_overdue{pipeline="people"} 1')
  expect(first).not.toContain('flatbed_loader_overdue{pipeline="unwatched"}')
  const last = Number(/last_success_timestamp_seconds\{pipeline="people"\} ([\d.]+)/.exec(first)?.[1])
  expect(Math.abs(Date.now() / 1000 - 3 * 3600 - last)).toBeLessThan(60)
  await bench.createLoader({ pipelines: { people: pipelines.people } }).load()
  await waitFor(async () => (await read()).includes('flatbed_loader_overdue{pipeline="people"} 0'))
  await loader.stop()
})

test.each([
  [0, "0 s"],
  [59, "59 s"],
  [60, "1 min 0 s"],
  [3599, "59 min 59 s"],
  [3600, "1 h 0 min"],
  [11_520, "3 h 12 min"],
  [86_400, "1 d 0 h"],
  [200_000, "2 d 7 h"],
])("%d seconds are shown as %s", (seconds, shown) => {
  expect(showAge(seconds)).toBe(shown)
})
