// If this file fails, `load --version` loads another version than the one that was named.
import { problemAnswer, type ScriptedVersion } from "@flatbed/testing"
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest"
import { type Bench, column, openBench, people, pipelineOf } from "../loader.test-kit.ts"
import type { RunOutcome } from "../summary.ts"
import { pickVersion } from "./choose-version.ts"

type Change = Parameters<typeof pipelineOf>[0]

let bench: Bench
let first: ScriptedVersion
let second: ScriptedVersion
let other: ScriptedVersion

beforeAll(async () => {
  const others = { name: "others", columns: [column("id", "integer")], rows: [["1"]], rowsPerChunk: 1 }
  bench = await openBench()
  other = bench.source.publish(others)
})
afterEach(async () => {
  await bench.query("drop table if exists public.people, public.others")
})
afterAll(() => bench.close())

/** Loads a version of two people, then one of three in which the second has another name. */
async function loadBoth(change: Change = {}) {
  const loader = bench.createLoader({
    connections: 1,
    pipelines: { people: pipelineOf(change), others: pipelineOf({ dataset: "others", table: "others" }) },
  })
  const load = async (version?: string): Promise<RunOutcome> =>
    (await loader.load(["people"], undefined, { version }))[0] as RunOutcome
  const rows = [
    ["1", "Ada", "2001-01-01"],
    ["2", "Bo", "2001-01-01"],
  ]
  const base = people(0, 2)
  first = bench.source.publish({ ...base, rows })
  expect((await load()).outcome).toBe("published")
  const later = [
    ["1", "Ada", "2001-01-01"],
    ["2", "Beau", "2002-01-01"],
    ["3", "Cy", "2001-01-01"],
  ]
  second = bench.source.publish({ ...base, rows: later })
  expect((await load()).outcome).toBe("published")
  return { loader, load }
}

const names = async () =>
  (await bench.query("select name from public.people order by id")).map(({ name }) => name)
const newer = ["Ada", "Beau", "Cy"]

describe("an older version that is still served", () => {
  test.each<[string, Change, string[]]>([
    ["replace: the rows are those of then", {}, ["Ada", "Bo"]],
    [
      "upsert: what has changed since is as it was, what is new since stays",
      { mode: "upsert", key: ["id"] },
      ["Ada", "Bo", "Cy"],
    ],
    ["upsert with order_by: the newer row stays", { mode: "upsert", key: ["id"], order_by: "born" }, newer],
    [
      "mirror: within its limit, rows that came since go",
      {
        mode: "mirror",
        key: ["id"],
        deletes: { mode: "hard", limit: { rows: 1, share: "50%" }, after_rejects: "refuse" },
      },
      ["Ada", "Bo"],
    ],
  ])("by %s; the next load brings the newest", async (_name, change, then) => {
    const { load } = await loadBoth(change)
    const back = await load(first.version.slice(0, 8))
    expect(back).toMatchObject({ outcome: "published", version: first.version, newest: second.version })
    expect(await names()).toEqual(then)
    expect(await load(first.version)).toMatchObject({ outcome: "up-to-date", version: first.version })
    expect(await load()).toMatchObject({ outcome: "published", version: second.version, newest: undefined })
    expect(await names()).toEqual(newer)
    expect((await load()).outcome).toBe("up-to-date")
  })

  test("in the table proves nothing of the newest, and one that nobody has fails nothing", async () => {
    const { loader, load } = await loadBoth()
    const statusOf = async () => (await loader.status())[0]
    const { proven_at } = (await statusOf()) ?? {}
    expect((await load(first.version)).outcome).toBe("published")
    expect((await load(first.version)).outcome).toBe("up-to-date")
    expect(await statusOf()).toMatchObject({ state: "published", version: first.version, proven_at })
    expect((await load("0".repeat(12))).problem?.code).toBe("version-not-found")
    expect(await statusOf()).toMatchObject({ state: "published", proven_at })
    expect((await load()).version).toBe(second.version)
    expect((await statusOf())?.proven_at).not.toBe(proven_at)
  })

  test("a mirror that would delete more than its limit is refused", async () => {
    const { load } = await loadBoth({ mode: "mirror", key: ["id"] })
    expect((await load(first.version)).problem?.code).toBe("deletes-refused")
    expect(await names()).toEqual(newer)
  })

  test("by append: nothing is taken back, and nothing is there twice", async () => {
    const loader = bench.createLoader({ pipelines: { people: pipelineOf({ mode: "append" }) } })
    const append = async (version?: string) => (await loader.load([], undefined, { version }))[0]
    const before = bench.source.publish(people(2, 2))
    expect(await append()).toMatchObject({ outcome: "published", rows: 2 })
    const grown = bench.source.publish(people(4, 2))
    expect(await append()).toMatchObject({ outcome: "published", rows: 2, knownRows: 2 })
    const kept = ["a 1", "a 2", "a 3", "a 4"]
    expect(await append(before.version)).toMatchObject({
      outcome: "published",
      rows: 0,
      version: before.version,
    })
    expect(await names()).toEqual(kept)
    expect(await append()).toMatchObject({ outcome: "published", rows: 0, version: grown.version })
    expect(await names()).toEqual(kept)
    // One whose rows were never appended is a file that was changed.
    const never = bench.source.publish(people(1, 2, "b"))
    bench.source.publish(people(4, 2))
    expect((await append(never.version))?.problem?.code).toBe("file-changed")
  })

  test("also while the newest content cannot be a version: that is when one is wanted", async () => {
    const { load } = await loadBoth()
    const problem = { code: "file-encoding", detail: "The header is no text." }
    bench.source.describe("people", { state: "failed", problem })
    expect((await load()).problem?.code).toBe("file-encoding")
    expect(await load(first.version)).toMatchObject({ outcome: "published", version: first.version })
    expect(await names()).toEqual(["Ada", "Bo"])
    expect((await load("0".repeat(12))).problem?.code).toBe("file-encoding")
    bench.source.describe("people", { state: "ready" })
  })

  test("rehearsed, it changes nothing", async () => {
    const { loader } = await loadBoth()
    const [outcome] = await loader.load(["people"], undefined, { version: first.version, rehearse: true })
    expect(outcome).toMatchObject({ outcome: "rehearsed", version: first.version, rows: 2 })
    expect(await names()).toEqual(newer)
  })

  test("the newest one by its name is as a plain load", async () => {
    const { load } = await loadBoth()
    expect(await load(second.version)).toMatchObject({ outcome: "up-to-date", newest: undefined })
  })
})

describe("a version that cannot be had", () => {
  test("is told with those that can be", async () => {
    const { load } = await loadBoth()
    const { problem } = await load("0".repeat(8))
    expect(problem).toMatchObject({ code: "version-not-found", exitCode: 3 })
    expect(problem?.hint).toContain(`${second.version.slice(0, 12)} (newest), ${first.version.slice(0, 12)}`)
    expect(await names()).toEqual(newer)
  })

  test("is one of another dataset, too", async () => {
    const { load } = await loadBoth()
    expect((await load(other.version)).problem?.code).toBe("version-not-found")
  })

  test("goes away while it is loaded: the load fails, and takes no other one instead", async () => {
    const { load } = await loadBoth()
    bench.source.fault(/\/chunks\/1$/, {
      kind: "answer",
      answer: problemAnswer("version-gone", "It is gone."),
    })
    expect((await load(first.version)).problem?.code).toBe("version-gone")
    expect(await names()).toEqual(newer)
  })

  test("cannot be one of several datasets", async () => {
    const { loader } = await loadBoth()
    await expect(loader.load([], undefined, { version: first.version })).rejects.toMatchObject({
      code: "usage-invalid",
      message: expect.stringContaining("people (people), others (others)"),
    })
  })
})

test("the beginning of a name must be that of one version", () => {
  const versions = ["aaaaaaaa1", "aaaaaaaa2", "bbbbbbbb1"].map((start, i) => ({
    version: start.padEnd(64, "0"),
    current: i === 0,
    ...{ rows: 1, rejects: 0, bytes: 1, links: {} },
  }))
  const served = { dataset: "people", versions }
  expect(pickVersion(served, "bbbbbbbb")).toBe(versions[2]?.version)
  expect(pickVersion(served, "aaaaaaaa2")).toBe(versions[1]?.version)
  expect(() => pickVersion(served, "aaaaaaaa")).toThrow(
    expect.objectContaining({
      code: "usage-invalid",
      hint: expect.stringContaining(versions[1]?.version ?? ""),
    }),
  )
  expect(() => pickVersion({ dataset: "people", versions: [] }, "aaaaaaaa")).toThrow(
    expect.objectContaining({ code: "version-not-found", hint: expect.stringContaining("It serves none.") }),
  )
})
