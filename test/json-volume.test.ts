// If this fails, memory grows with a JSON file: an array or a record that is large enough ends the source or the loader.
import { open } from "node:fs/promises"
import { waitFor } from "@flatbed/testing"
import { expect, onTestFinished, test } from "vitest"
import { fetchDataset } from "./fetch-dataset.ts"
import { createInstallation, type Installation } from "./installation.ts"
import { watchPeakMemory } from "./peak-memory.ts"

const mebibyte = 2 ** 20
/** Of the larger array; 2000 shows what the plan promises, and takes a quarter of an hour. */
const megabytes = Number(process.env.FLATBED_TEST_MEGABYTES ?? 30)
const patienceMs = Math.max(120_000, megabytes * 1_000)

async function install(file: string): Promise<Installation> {
  const installation = await createInstallation({
    source: `datasets: { rows: { files: ${file} } }`,
    loader: "pipelines: { rows: { dataset: rows, table: public.rows } }",
  })
  onTestFinished(installation.close)
  return installation
}

/** Loads the file that is in place, and answers what both took at most, MiB. */
async function load(installation: Installation): Promise<{ source: number; loader: number }> {
  const source = await installation.startSource()
  const ofSource = watchPeakMemory(source.pid)
  onTestFinished(ofSource.close)
  const loader = installation.loader(["load"])
  const ofLoader = watchPeakMemory(loader.pid)
  onTestFinished(ofLoader.close)
  expect((await loader.end(patienceMs)).code, loader.stderr().slice(-2000)).toBe(0)
  return { source: ofSource.peak(), loader: ofLoader.peak() }
}

/** One array on one line, of so many megabytes; how many records are in it. */
async function writeArray(installation: Installation, megabytes: number): Promise<number> {
  const file = await open(await installation.write("rows.json", '{"next":null,"rows":['), "a")
  let [bytes, rows] = [0, 0]
  while (bytes < megabytes * 1e6) {
    let records = ""
    for (let i = 0; i < 10_000; i += 1) {
      rows += 1
      records += `${rows === 1 ? "" : ","}{"id":${rows},"at":{"day":"2024-02-${10 + (rows % 19)}","amount":${rows % 977}.${rows % 10}},"tags":["a",{"n":${rows}}],"text":"row ${rows}, of some text that has \\"quotes\\""}`
    }
    bytes += (await file.write(records)).bytesWritten
  }
  await file.write("]}")
  await file.close()
  return rows
}

test(
  `an array of ${megabytes} MB on one line takes no more memory than a third of it`,
  async () => {
    const peaks: { source: number; loader: number }[] = []
    for (const size of [megabytes / 3, megabytes]) {
      const installation = await createInstallation({
        source: "datasets: { rows: { files: rows.json, records: /rows } }",
        loader: "pipelines: { rows: { dataset: rows, table: public.rows } }",
      })
      onTestFinished(installation.close)
      const rows = await writeArray(installation, size)
      peaks.push(await load(installation))
      const found = await installation.query(
        "select count(*)::integer as rows, sum(id)::text as ids, sum((tags->1->>'n')::bigint)::text as tags from public.rows",
      )
      const sum = String((BigInt(rows) * BigInt(rows + 1)) / 2n)
      expect(found).toEqual([{ rows, ids: sum, tags: sum }])
    }
    process.stdout.write(
      `peaks in MiB, arrays of ${megabytes / 3} MB and ${megabytes} MB: ${JSON.stringify(peaks)}\n`,
    )
    const [small, large] = peaks as [{ source: number; loader: number }, { source: number; loader: number }]
    expect(large.source - small.source).toBeLessThan(40)
    expect(large.loader - small.loader).toBeLessThan(40)
    expect(large.source).toBeLessThan(128)
    expect(large.loader).toBeLessThan(192)
  },
  3 * patienceMs,
)

test("strings of eight megabytes, full of escapes, arrive whole, a few of them in memory at a time", async () => {
  const installation = await install("rows.ndjson")
  const file = await open(await installation.write("rows.ndjson", ""), "a")
  for (let id = 1; id <= 8; id += 1)
    await file.write(`{"id":${id},"text":"${'\\",\\n€\\\\\\t.'.repeat(mebibyte)}"}\n`)
  await file.close()
  const { source, loader } = await load(installation)
  process.stdout.write(`peaks in MiB, long strings: source ${source}, loader ${loader}\n`)
  expect(
    await installation.query(
      "select count(*)::integer as rows, bool_and(text = repeat($1, $2)) as whole from public.rows",
      ['",\n€\\\t.', mebibyte],
    ),
  ).toEqual([{ rows: 8, whole: true }])
  expect(source).toBeLessThan(512)
  expect(loader).toBeLessThan(512)
}, 240_000)

/** So many keys, each another one. */
const keys = (count: number) =>
  Array.from({ length: count }, (_, i) => `"${i.toString(36)}":${i % 10}`).join(",")

test.each([
  ["brackets", "[".repeat(7 * mebibyte) + "]".repeat(7 * mebibyte), "too-deep"],
  ["objects", `${'{"a":'.repeat(2 * mebibyte)}1${"}".repeat(2 * mebibyte)}`, "too-deep"],
  ["keys", `{${keys(1_400_000)}}`, "too-many-keys"],
])(
  "a record of 14 MB that is nothing but %s is one reject, in little memory",
  async (what, value, code) => {
    // An object below a key is taken apart, one in an array is not.
    const records = [`{"id":2,"v":${value}}`, `{"id":2,"v":[${value}]}`]
    const cases = records.flatMap((record) => [
      { name: "rows.json", content: `[{"id":1},\n${record},\n{"id":3}]` },
      { name: "rows.ndjson", content: `{"id":1}\n${record}\n{"id":3}\n` },
    ])
    for (const { name, content } of cases) {
      const installation = await install(name)
      await installation.write(name, content)
      const source = await installation.startSource()
      const memory = watchPeakMemory(source.pid)
      onTestFinished(memory.close)
      const dataset = await fetchDataset(installation.sourceUrl, "rows")
      if ("refused" in dataset) throw new Error(`${name}: ${dataset.problem.detail}`)
      const codes = dataset.records.map((record) => (Array.isArray(record) ? "row" : record.code))
      expect(codes, name).toEqual(["row", code, "row"])
      process.stdout.write(`peak in MiB, nothing but ${what}, ${name}: ${memory.peak()}\n`)
      expect(memory.peak()).toBeLessThan(512)
    }
  },
  240_000,
)

test.each([
  [
    "a string that is never closed",
    "rows.json",
    '[{"id":1},\n{"id":2,"text":"',
    "all of this is one string ",
  ],
  ["a record that is never closed", "rows.json", '[{"id":1},\n{"id":2,"list":[', "[1,2],"],
  ["brackets that are never closed", "rows.json", '[{"id":1},\n{"id":2,"list":[', "["],
  ["brackets that are never closed, in a line", "rows.ndjson", '{"id":1}\n{"id":2,"list":[', "["],
  ["objects that are never closed", "rows.json", '[{"id":1},\n{"id":2,"a":', '{"a":'],
  ["a line that never ends", "rows.ndjson", '{"id":1}\n{"id":2,"text":"', "all of this is one string "],
  ["whitespace that never ends", "rows.json", '[{"id":1},\n{"id":2}', "\t  \t"],
])(
  "%s in a gibibyte is refused at the record limit, which is named, in little memory",
  async (what, name, begins, more) => {
    const installation = await install(name)
    const file = await open(await installation.write(name, begins), "a")
    for (let i = 0; i < 20; i += 1) await file.write(more.repeat(Math.ceil(mebibyte / more.length)))
    // The rest is a hole: nobody is to read that far.
    await file.truncate(1024 * mebibyte)
    await file.close()
    const source = await installation.startSource()
    const memory = watchPeakMemory(source.pid)
    onTestFinished(memory.close)
    const problem = await waitFor(
      async () => {
        const answer = await fetch(`${installation.sourceUrl}/v1/datasets/rows`)
        const { problem } = (await answer.json()) as { problem?: { detail: string; hint: string } }
        return problem
      },
      { limitMs: 60_000, what: "the refusal" },
    )
    expect(problem.detail).toMatch(/ on line 2 of \S+ is longer than 16777216 bytes\.$/)
    expect(problem.hint.toLowerCase()).toContain("raise record_limit")
    process.stdout.write(`peak in MiB, ${what}: ${memory.peak()}\n`)
    expect(memory.peak()).toBeLessThan(320)
  },
  240_000,
)
