// If this file fails, a load of an unchanged file fetches what it has, or takes a changed one for unchanged.
import { afterEach, beforeEach, expect, test } from "vitest"
import { type Bench, openBench, people, pipelineOf } from "./loader.test-kit.ts"
import type { RunOutcome } from "./summary.ts"

let bench: Bench

beforeEach(async () => {
  bench = await openBench(people(10, 3))
  await load()
})

afterEach(async () => {
  await bench.close()
})

async function load(loader = bench.createLoader()): Promise<RunOutcome> {
  bench.source.forgetRequests()
  const [outcome] = await loader.load()
  if (outcome === undefined) throw new Error("nothing was loaded")
  return outcome
}

const tagsSent = () => bench.source.requests().map(({ headers }) => headers["if-none-match"])
const tagNow = async () => (await fetch(`${bench.source.url}/v1/datasets/people`)).headers.get("etag")
const rows = async () => (await bench.query("select from public.people")).length

test("an unchanged file costs one request, with the tag that the source gave", async () => {
  expect(await load()).toMatchObject({ outcome: "up-to-date", rows: 10, problem: undefined })
  expect(bench.source.requests().map(({ path }) => path)).toEqual(["/v1/datasets/people"])
  const [sent] = tagsSent()
  expect(sent).toBe(await tagNow())
})

test("an answer 304 alone makes a load up to date, and the attempt's version is the published one", async () => {
  bench.source.fault(/people$/, {
    kind: "answer",
    answer: { status: 304, headers: {}, body: Buffer.alloc(0) },
  })
  expect(await load()).toMatchObject({ outcome: "up-to-date", rows: 10, rejects: 0 })
  expect(await bench.query("select outcome, version from flatbed.attempts")).toEqual(
    await bench.query("select 'up-to-date' as outcome, version from flatbed.publications"),
  )
})

test("a changed file is loaded although the tag was sent, and asked for by its own tag from then on", async () => {
  const before = await tagNow()
  bench.source.publish(people(12, 3, "b"))
  expect(await load()).toMatchObject({ outcome: "published", rows: 12 })
  expect(tagsSent()[0]).toBe(before)
  await load()
  expect(tagsSent()).toEqual([await tagNow()])
})

test("content that is being looked at is waited for, and the same as before is up to date", async () => {
  const response = await fetch(`${bench.source.url}/v1/datasets/people`)
  const indexing = { ...((await response.json()) as object), state: "indexing", version: null }
  const headers = { "content-type": "application/json" }
  const answer = { status: 200, headers, body: Buffer.from(JSON.stringify(indexing)) }
  bench.source.fault(/people$/, { kind: "answer", answer })
  expect(await load()).toMatchObject({ outcome: "up-to-date" })
  const tag = await tagNow()
  expect(tagsSent().slice(0, 2)).toEqual([tag, tag])
})

test("a table that was dropped is loaded again, without a tag", async () => {
  await bench.query("drop table public.people")
  expect(await load()).toMatchObject({ outcome: "published", rows: 10 })
  expect(tagsSent().every((tag) => tag === undefined)).toBe(true)
  expect(await rows()).toBe(10)
})

test("a table that was dropped and made anew is loaded again, without a tag", async () => {
  await bench.query("alter table public.people rename to former")
  await bench.query("create table public.people (like public.former)")
  expect(await load()).toMatchObject({ outcome: "published", rows: 10 })
  expect(tagsSent().every((tag) => tag === undefined)).toBe(true)
})

test("other settings of the pipeline load again, without a tag", async () => {
  bench.source.publish({ ...people(10, 3), name: "folk" })
  const loader = bench.createLoader({ pipelines: { people: pipelineOf({ dataset: "folk" }) } })
  expect(await load(loader)).toMatchObject({ outcome: "published", rows: 10 })
  expect(tagsSent().every((tag) => tag === undefined)).toBe(true)
})

test("another pipeline into the same table loads again, without a tag", async () => {
  const pipelines = { others: pipelineOf() }
  expect(await load(bench.createLoader({ pipelines }))).toMatchObject({ outcome: "published", rows: 10 })
  expect(tagsSent().every((tag) => tag === undefined)).toBe(true)
})

test("a ledger that is gone loads again, without a tag", async () => {
  await bench.query("drop schema flatbed cascade")
  expect(await load()).toMatchObject({ outcome: "published", rows: 10 })
  expect(tagsSent().every((tag) => tag === undefined)).toBe(true)
})

test("a publication without a tag, or with an old one, learns the tag from the next load", async () => {
  for (const known of [null, '"an older one"']) {
    await bench.query("update flatbed.publications set dataset_tag = $1", [known])
    expect(await load()).toMatchObject({ outcome: "up-to-date" })
    expect(tagsSent()).toEqual([known ?? undefined])
    await load()
    expect(tagsSent()).toEqual([await tagNow()])
  }
})
