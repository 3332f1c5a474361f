// If this file fails, an empty or half a file takes the place of a whole one, though the settings forbid it.
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { type Bench, openBench, people, pipelineOf } from "../loader.test-kit.ts"
import { expectedRowsPattern, findEmptyRange, parseExpectedRows } from "./expected-rows.ts"

test.each<[string, readonly number[], readonly number[]]>([
  [">0", [1, 7], [0]],
  ["> 0", [1], [0]],
  [">=1000", [1000, 1001], [999]],
  ["<10", [0, 9], [10]],
  ["<=10", [10], [11]],
  ["=3333", [3333], [3332, 3334]],
  ["3333", [3333], [3332]],
  ["1000..2000", [1000, 2000], [999, 2001]],
  ["0..0", [0], [1]],
])("expect_rows %s takes %j and not %j", (written, taken, refused) => {
  expect(written).toMatch(new RegExp(expectedRowsPattern))
  const { min, max } = parseExpectedRows(written)
  const takes = (rows: number) => rows >= min && rows <= max
  expect(taken.map(takes)).toEqual(taken.map(() => true))
  expect(refused.map(takes)).toEqual(refused.map(() => false))
  expect(findEmptyRange(written)).toBeUndefined()
})

test.each(["", "some", "-1", ">-1", "1..", "1...2", "1-2", ">=", "1.5"])(
  "expect_rows %j is refused",
  (written) => {
    expect(written).not.toMatch(new RegExp(expectedRowsPattern))
  },
)

test.each(["<0", "2..1"])("expect_rows %s, which no version has, is refused", (written) => {
  expect(findEmptyRange(written)).toBe(`is ${written}, which no number of rows is`)
})

describe("a version", () => {
  let bench: Bench

  beforeAll(async () => {
    bench = await openBench(people(10, 3))
  })
  afterAll(async () => {
    await bench.close()
  })

  async function load(expect_rows: string, change: Parameters<typeof pipelineOf>[0] = {}) {
    bench.source.forgetRequests()
    const [outcome] = await bench
      .createLoader({ pipelines: { people: pipelineOf({ expect_rows, ...change }) } })
      .load()
    return outcome
  }
  const names = async () => await bench.query("select name from public.people order by id limit 1")

  test("with fewer rows than expected is refused before a row moves, and what was there stays", async () => {
    expect(await load("10")).toMatchObject({ outcome: "published", rows: 10 })
    bench.source.publish(people(0, 3))
    const empty = await load(">0")
    expect(empty?.problem).toMatchObject({
      code: "rows-unexpected",
      exitCode: 5,
      message: "The version has 0 rows, and expect_rows says >0.",
      facts: { table: "public.people", rows: 0, expected: ">0" },
    })
    expect(empty?.problem?.hint).toContain("Nothing was loaded into public.people, and nothing deleted.")
    bench.source.publish(people(7, 3, "b"))
    expect((await load("8..10"))?.problem?.message).toBe(
      "The version has 7 rows, and expect_rows says 8..10.",
    )
    expect(bench.source.chunksAsked()).toEqual([])
    expect(await names()).toEqual([{ name: "a 1" }])
    expect(await load("<=7")).toMatchObject({ outcome: "published" })
    expect((await load(">7"))?.problem).toMatchObject({
      code: "rows-unexpected",
      message: expect.stringMatching(
        /^public\.people shows version [0-9a-f]{12}, which has 7 rows, and expect_rows says >7\.$/,
      ),
    })
  })

  test("is held against it again without the rows that were set aside", async () => {
    bench.source.publish(people(9, 3, "c"))
    const checks = [{ sql: "id > 2", severity: "reject" as const }]
    const refused = await load(">=8", { max_rejects: 2, checks })
    expect(refused?.problem).toMatchObject({
      code: "rows-unexpected",
      message: "The version has 7 rows without the 2 records that are set aside, and expect_rows says >=8.",
    })
    expect(await names()).toEqual([{ name: "b 1" }])
    expect(await load(">=7", { max_rejects: 2, checks })).toMatchObject({ outcome: "published", rows: 7 })
    expect(await load(">=7", { max_rejects: "23%", checks })).toMatchObject({ outcome: "up-to-date" })
    expect((await load(">=7", { max_rejects: "22%", checks }))?.problem).toMatchObject({
      code: "rejects-over-limit",
      message: expect.stringMatching(
        / without 2 of 9 records, which were set aside; max_rejects allows 1\.$/,
      ),
    })
  })

  test("that is appended is held against it with the rows that the table has of it", async () => {
    await bench.query("drop table public.people")
    bench.source.publish(people(6, 3))
    expect(await load("6", { mode: "append" })).toMatchObject({ outcome: "published", rows: 6 })
    bench.source.publish(people(9, 3))
    expect((await load("6", { mode: "append" }))?.problem?.code).toBe("rows-unexpected")
    expect(await load("9", { mode: "append" })).toMatchObject({ outcome: "published", rows: 3, knownRows: 6 })
  })
})
