// If this fails, memory grows with the data: a file that is large enough ends the source or the loader.
import { open } from "node:fs/promises"
import { waitFor } from "@flatbed/testing"
import { expect, onTestFinished, test } from "vitest"
import { createInstallation, type Installation } from "./installation.ts"
import { watchPeakMemory } from "./peak-memory.ts"

const mebibyte = 2 ** 20

async function install(dataset = ""): Promise<Installation> {
  const installation = await createInstallation({
    source: `datasets: { rows: { files: rows.csv${dataset} } }`,
    loader: "pipelines: { rows: { dataset: rows, table: public.rows } }",
  })
  onTestFinished(installation.close)
  return installation
}

/** Starts the source with the file in place, loads it, and answers what both took at most, MiB. */
async function load(installation: Installation): Promise<{ source: number; loader: number }> {
  const source = await installation.startSource()
  const ofSource = watchPeakMemory(source.pid)
  onTestFinished(ofSource.close)
  const loader = installation.loader(["load"])
  const ofLoader = watchPeakMemory(loader.pid)
  onTestFinished(ofLoader.close)
  expect((await loader.end(120_000)).code, loader.stderr()).toBe(0)
  return { source: ofSource.peak(), loader: ofLoader.peak() }
}

async function writeRows(installation: Installation, megabytes: number): Promise<number> {
  const file = await open(await installation.write("rows.csv", "id,amount,day,text\n"), "a")
  let [bytes, rows] = [0, 0]
  while (bytes < megabytes * 1e6) {
    let lines = ""
    for (let i = 0; i < 10_000; i += 1) {
      rows += 1
      lines += `${rows},${rows % 977}.${rows % 10},2024-02-${10 + (rows % 19)},"row ${rows}, of some text that has ""quotes"""\n`
    }
    bytes += (await file.write(lines)).bytesWritten
  }
  await file.close()
  return rows
}

test("three times the rows take no more memory, on either side", async () => {
  const peaks: { source: number; loader: number }[] = []
  for (const megabytes of [20, 60]) {
    const installation = await install()
    const rows = await writeRows(installation, megabytes)
    peaks.push(await load(installation))
    expect(await installation.query("select count(*)::integer as rows from public.rows")).toEqual([{ rows }])
  }
  process.stdout.write(`peaks in MiB, 20 MB and 60 MB: ${JSON.stringify(peaks)}\n`)
  const [small, large] = peaks as [{ source: number; loader: number }, { source: number; loader: number }]
  expect(large.source - small.source).toBeLessThan(40)
  expect(large.loader - small.loader).toBeLessThan(40)
  expect(large.source).toBeLessThan(192)
  expect(large.loader).toBeLessThan(256)
}, 240_000)

test("cells of eight megabytes arrive whole, a few of them in memory at a time", async () => {
  const installation = await install()
  const file = await open(await installation.write("rows.csv", "id,text\n"), "a")
  for (let id = 1; id <= 12; id += 1) await file.write(`${id},"${'"",\n€\\\t.'.repeat(mebibyte)}"\n`)
  await file.close()
  const { source, loader } = await load(installation)
  process.stdout.write(`peaks in MiB, wide cells: source ${source}, loader ${loader}\n`)
  const text = '",\n€\\\t.'.repeat(mebibyte)
  expect(
    await installation.query(
      "select count(*)::integer as rows, bool_and(text = repeat($1, $2)) as whole, min(length(text)) as length from public.rows",
      ['",\n€\\\t.', mebibyte],
    ),
  ).toEqual([{ rows: 12, whole: true, length: text.length }])
  expect(source).toBeLessThan(512)
  expect(loader).toBeLessThan(512)
}, 240_000)

const oneField = { bytes: 1024 * mebibyte, readers: ["bytes", "csv-parse"] }

/** Writes a file whose second record is one field that goes on to its end, a gibibyte later. */
async function writeOneField(installation: Installation, begins: string, line: string): Promise<void> {
  const path = await installation.write("rows.csv", `id,text\n1,x\n2,${begins}`)
  const file = await open(path, "a")
  for (let i = 0; i < 20; i += 1) await file.write(line.repeat(Math.ceil(mebibyte / line.length)))
  await file.truncate(oneField.bytes)
  await file.close()
}

test.each([
  ["a quote that is never closed", '"y\n', "all of this is one cell\n"],
  ["a field without quotes and lines", "y", "all of this is one cell "],
])(
  "%s in a gibibyte is refused at the record limit, which is named, in little memory",
  async (what, begins, line) => {
    for (const reader of oneField.readers) {
      const installation = await install(`, dialect: { reader: ${reader} }`)
      await writeOneField(installation, begins, line)
      const source = await installation.startSource()
      const memory = watchPeakMemory(source.pid)
      onTestFinished(memory.close)
      const problem = await waitFor(
        async () => {
          const answer = await fetch(`${installation.sourceUrl}/v1/datasets/rows`)
          const { problem } = (await answer.json()) as { problem?: { detail?: string; hint?: string } }
          return problem
        },
        { limitMs: 60_000, what: "the refusal" },
      )
      expect(problem.detail).toMatch(
        /^The record that begins on line 3 of \S+ is longer than 16777216 bytes\.$/,
      )
      expect(problem.hint).toContain("raise record_limit")
      process.stdout.write(`peak in MiB, ${what}, ${reader}: ${memory.peak()}\n`)
      expect(memory.peak()).toBeLessThan(192)
    }
  },
  240_000,
)

test.each(["bytes", "csv-parse"])(
  "one missing quote before twenty megabytes without any costs one record: %s",
  async (reader) => {
    const installation = await install(`, dialect: { reader: ${reader} }`)
    const path = await installation.write("rows.csv", 'id,text\n1,x\n2,"y\n')
    const file = await open(path, "a")
    const line = "3,all of this is a cell of its own and ends where its line does\n"
    const lines = Math.ceil((20 * mebibyte) / line.length)
    await file.write(line.repeat(lines))
    await file.close()
    const source = await installation.startSource()
    const memory = watchPeakMemory(source.pid)
    onTestFinished(memory.close)
    const dataset = await waitFor(
      async () => {
        const answer = await fetch(`${installation.sourceUrl}/v1/datasets/rows`)
        const found = (await answer.json()) as { version: string | null; rows: number }
        return found.version === null ? undefined : found
      },
      { limitMs: 120_000, what: "the version" },
    )
    expect(dataset.rows).toBe(lines + 2)
    const preview = await fetch(`${installation.sourceUrl}/v1/datasets/rows/preview?rows=3`)
    expect(preview.headers.get("flatbed-rejects")).toBe("1")
    expect(await preview.json()).toHaveLength(2)
    expect(memory.peak()).toBeLessThan(384)
  },
  240_000,
)
