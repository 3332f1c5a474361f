// If this file fails, the one line that people read and grep for does not say what was loaded.
import { Problem } from "@flatbed/contract"
import { expect, test } from "vitest"
import { pipelineOf } from "./loader.test-kit.ts"
import { createProgress } from "./progress.ts"
import { listPipelines } from "./settings/pipeline-settings.ts"
import { count, outcomeToJson, outcomeWithoutRows, showBytes, summarize } from "./summary.ts"

const [pipeline] = listPipelines({
  pipelines: { telecom: pipelineOf({ dataset: "telecom", table: "telecom" }) },
})
if (pipeline === undefined) throw new Error("no pipeline")
const plain = (args: string) => `flatbed-loader ${args}`
const version = "0123456789abcdef".repeat(4)
const published = {
  ...outcomeWithoutRows(pipeline, "published", undefined, 2),
  run: 7,
  version,
  rows: 3333,
  bytes: 311_319,
  fetched: 4,
}

test("a published run names rows, bytes, seconds, rows per second and version", () => {
  expect(summarize(published, plain)).toBe(
    "telecom: 3,333 rows, 311.3 kB in 2.00 s (1,667 rows/s) into public.telecom, version 0123456789ab",
  )
  expect(outcomeToJson(published)).toMatchObject({
    outcome: "published",
    rows_per_second: 1667,
    run: 7,
    version,
    problem: null,
  })
})

test("one row a second is one row", () => {
  expect(summarize({ ...published, rows: 2 }, plain)).toContain("2 rows, 311.3 kB in 2.00 s (1 row/s) into")
})

test("a needless run says up to date, and whose rows it counts: the table may have more, or fewer", () => {
  const run = { ...published, outcome: "up-to-date", newest: "b".repeat(64) } as const
  expect(summarize(run, plain)).toMatch(
    /^telecom: up to date, public\.telecom has version [0-9a-f]{12} of [\d,]+ rows, not the newest, b{12}/,
  )
})

test("a failed run names the code, and in JSON the whole problem", () => {
  const failed = outcomeWithoutRows(
    pipeline,
    "failed",
    new Problem("chunk-damaged", "cut off", { hint: "look" }),
    1,
  )
  expect(summarize(failed, plain)).toBe("telecom: failed with chunk-damaged: cut off")
  expect(outcomeToJson(failed)).toMatchObject({
    version: null,
    problem: { code: "chunk-damaged", detail: "cut off", hint: "look" },
  })
})

test.each([
  [0, "0 B"],
  [999, "999 B"],
  [1000, "1.0 kB"],
  [93_000_000, "93.0 MB"],
  [2.5e15, "2500.0 TB"],
])("%i bytes are %s", (bytes, text) => {
  expect(showBytes(bytes)).toBe(text)
})

test("progress is a bar on a terminal, and a plain line every ten seconds elsewhere", () => {
  const written: string[] = []
  let now = 0
  const progress = { rows: 500, ofRows: 1000, chunks: 1, of: 2 }
  const write = (text: string) => written.push(text)
  const plain = createProgress({ write, isTTY: false }, () => now)
  plain.show("telecom", progress)
  expect(written).toEqual([])
  now = 10_000
  plain.show("telecom", progress)
  plain.show("telecom", progress)
  plain.close()
  expect(written).toEqual(["telecom: 500 of 1,000 rows, chunk 1 of 2\n"])

  const bar = createProgress({ write, isTTY: true }, () => now)
  bar.show("telecom", progress)
  expect(written.at(-1)).toContain(`[${"#".repeat(12)}${" ".repeat(12)}]`)
  bar.close()
})

test("whole numbers are written with a comma between thousands", () => {
  const written = [0, 7, 999, 1000, 12_345, 999_999, 1_000_000, 2_147_483_648, 1234.5].map(count)
  expect(written).toEqual([
    "0",
    "7",
    "999",
    "1,000",
    "12,345",
    "999,999",
    "1,000,000",
    "2,147,483,648",
    "1,235",
  ])
})
