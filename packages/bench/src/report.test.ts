// If this fails, README shows figures under the wrong heading, or calls a missed bar met.
import { describe, expect, test } from "vitest"
import {
  changedFigure,
  indexingFigure,
  memoryFigures,
  modelFigures,
  throughputFigures,
  unchangedFigure,
  verifyFigure,
} from "./figures.ts"
import type { FlatbedTurn } from "./flatbed-turn.ts"
import { measureTraffic } from "./link.ts"
import {
  ratiosOf,
  renderCosts,
  renderFigures,
  renderLink,
  renderModels,
  renderReport,
  renderTable,
  renderThroughput,
  renderVolumes,
} from "./report.ts"
import type { Throughput } from "./throughput.ts"

/** A file whose copies and loads took these seconds. */
function taken(name: string, copies: number[], published: number[], unseen = published): Throughput {
  const turn = (seconds = 0) => ({
    commitSeconds: seconds,
    processSeconds: seconds + 1,
    cpu: { source: 0.5, loader: 1.5, postgres: 2.5 },
    peak: { source: 100 * 2 ** 20, loader: 150 * 2 ** 20, postgres: undefined },
  })
  const cost = { client: 0.1, postgres: 2 }
  return {
    name,
    what: "a | b",
    file: { path: "", rows: 1_234_567, bytes: 5e6 },
    reader: "bytes",
    servedRows: 1_234_567,
    pairs: copies.map((seconds, i) => ({
      copy: { seconds, cpu: cost, peak: { client: undefined, postgres: undefined } },
      published: turn(published[i]),
      unseen: turn(unseen[i]),
    })),
  }
}

describe("ratios", () => {
  test("are taken pair by pair, above 1 where Flatbed is faster", () => {
    expect(ratiosOf(taken("telecom", [4, 3], [2, 6]), (pair) => pair.published)).toEqual([2, 0.5])
  })

  test("the median of the pairs decides on a bar", () => {
    const figures = (copies: number[], postgres: string) =>
      throughputFigures([taken("telecom", copies, [1, 1, 1], [9, 9, 9])], postgres)
    expect(figures([0.9, 1.0, 5], "18.4").map(({ met }) => met)).toEqual([true, false])
    expect(figures([0.9, 0.95, 5], "18.4")[0]?.met).toBe(false)
    expect(figures([0.9, 0.95, 5], "15.14")[0]?.met).toBe(true)
  })

  test("of two files on one line both must reach it", () => {
    const [figure] = throughputFigures([taken("unicode", [1], [1]), taken("wide", [0.5], [1])], "18")
    expect(figure).toMatchObject({ met: false, measured: "unicode 1.00; wide 0.50" })
  })
})

test("a file has a row for either clock, with both sides' times and the reader's rows", () => {
  const lines = renderThroughput([taken("telecom", [4, 2, 3], [2, 2, 2], [4, 4, 4])], "psql").split("\n")
  expect(lines).toHaveLength(4)
  expect(lines[2]).toBe(
    "| telecom: a \\| b | 1,234,567 rows, 5 MB | `bytes`: 1,234,567 | published version | 2.00 2.00 2.00 | 3.00 | 2.00 3.00 4.00 | 2.00 1.00 1.50 | **1.50** |",
  )
  expect(lines[3]).toContain("| unseen file | 4.00 4.00 4.00 | 5.00 |")
})

test("a row of a large file, or of a compression, names the reader and the rows it served", () => {
  const { file, reader, servedRows, pairs } = taken("telecom", [4], [2])
  const turn = pairs[0]?.published as FlatbedTurn
  const spread = { min: 1, median: 1, max: 1 }
  const chunks = { chunks: 1, asked: 1, firstToLastMs: spread, wholeMs: spread }
  expect(
    renderVolumes([{ file: { ...file, bytes: 2e9 }, reader, servedRows, turn, chunks }]).split("\n"),
  ).toEqual([
    "| File | Reader: rows it served | to COMMIT | of the file | source, CPU s | loader, CPU s | Postgres, CPU s | source, peak MiB | loader, peak MiB |",
    "|---|---|---|---|---|---|---|---|---|",
    "| 2.0 GB, 1,234,567 rows | `bytes`: 1,234,567 | 2 s | 1000.0 MB/s | 0.50 | 1.50 | 2.50 | 100 | 150 |",
  ])
  const load = { commitSeconds: 3, wireBytes: 2.5e6, used: 0.9, sourceCpu: 1, loaderCpu: undefined }
  expect(renderLink([{ compression: "gzip", reader, servedRows, turns: [load] }], file).split("\n")).toEqual([
    "| Compression of 1,234,567 rows, 5 MB of CSV | Reader: rows it served | to COMMIT, s: min median max | Link used | MB on the wire | ÷ CSV bytes | source, CPU s | loader, CPU s |",
    "|---|---|---|---|---|---|---|---|",
    "| `gzip` | `bytes`: 1,234,567 | 3.00 3.00 3.00 | 90.0 % | 2.5 | 0.50 | 1.00 | not measured |",
  ])
})

test("what could not be measured says so", () => {
  const text = renderCosts([taken("telecom", [1], [1])], "raw")
  expect(text).toContain(
    "| telecom | `raw COPY stream` | — | 0.10 | 2.00 | — | not measured | not measured |",
  )
  expect(text).toContain("| 0.50 | 1.50 | 2.50 | 100 | 150 | not measured |")
})

test("a missed bar is a bold no, and no verdict stands where there is no bar", () => {
  const figure = { what: "x", bar: "1", aim: "2", measured: "0.5" }
  const text = renderFigures([
    { ...figure, met: false },
    { ...figure, met: true },
    { ...figure, met: undefined },
  ])
  expect(text.split("\n").slice(2)).toEqual([
    "| x | 1 | 2 | 0.5 | **no** |",
    "| x | 1 | 2 | 0.5 | yes |",
    "| x | 1 | 2 | 0.5 |  |",
  ])
})

test("an unchanged file is one conditional request, and nothing else will do", () => {
  const of = (requests: string[], loadMs = 250) => unchangedFigure({ requests, loadMs, startMs: 200 }).met
  expect(of(["/v1/datasets/:dataset 304"])).toBe(true)
  expect(of(["/v1/datasets/:dataset 200"])).toBe(false)
  expect(of(["/v1/datasets/:dataset 304", "/v1/datasets/:dataset 304"])).toBe(false)
  expect(of(["/v1/datasets/:dataset 304"], 301)).toBe(false)
})

test("verify is held against the load of the same rows", () => {
  const of = (...verifySeconds: number[]) =>
    verifyFigure({
      rows: 1000,
      pairs: verifySeconds.map((seconds) => ({ loadSeconds: 2, verifySeconds: seconds })),
    })
  expect(of(4, 3, 9).met).toBe(true)
  expect(of(4, 4.1, 9)).toMatchObject({ met: false, measured: "2.05; 4.1 s beside 2.0 s" })
})

test("a load of changed rows is held against a COPY and a join, and must write no other rows", () => {
  const of = (publishSeconds: number, updated: number, deleted = 0) =>
    changedFigure({
      mode: "mirror",
      rows: 1_000_000,
      expected: 10_000,
      plan: "",
      pairs: [
        {
          ...{ copySeconds: 3, joinSeconds: 3, publishSeconds, loadSeconds: 12 },
          cpu: { reference: 4, flatbed: 5 },
          written: { inserted: 0, updated, deleted },
        },
      ],
    })
  expect(of(9, 10_000)).toMatchObject({
    bar: "10,000; 1.5",
    measured: "those alone; 1.50 (the whole load 2.00)",
    met: true,
  })
  expect(of(9.1, 10_000).met).toBe(false)
  expect(of(6, 10_001)).toMatchObject({ measured: "others too; 1.00 (the whole load 2.00)", met: false })
  expect(of(6, 10_000, 1).met).toBe(false)
})

test("models are held against the share of the days that a file is about", () => {
  const turns = [1, 10].flatMap((days) =>
    [1, 2, 3].map((seconds) => ({ days, modelSeconds: days * seconds, loadSeconds: days * seconds + 1 })),
  )
  const measured = { streams: 1_000_000, days: 30, rows: 10_000, turns, fullSeconds: [20, 30, 40] }
  expect(modelFigures(measured).map(({ bar, measured, met }) => [bar, measured, met])).toEqual([
    ["0.07", "0.067; 2.00 s beside 30.00 s", true],
    ["0.67", "0.667; 20.00 s beside 30.00 s", true],
  ])
  const [slower] = modelFigures({ ...measured, fullSeconds: [29] })
  expect(slower?.met).toBe(false)
  expect(renderModels(measured).split("\n").slice(2)).toEqual([
    "| a new file of 10,000 rows about 1 of 30 days | 1.00 2.00 3.00 | 6.7 % | 3.3 % | 2.00 3.00 4.00 |",
    "| a new file of 10,000 rows about 10 of 30 days | 10.00 20.00 30.00 | 66.7 % | 33.3 % | 11.00 21.00 31.00 |",
    "| nothing: all made anew | 20.00 30.00 40.00 | 100.0 % | 100.0 % | — |",
  ])
})

test("memory is held against its bar and its growth told per gigabyte", () => {
  const mebibyte = 2 ** 20
  const small = { bytes: 1e9, source: 90 * mebibyte, loader: 100 * mebibyte }
  const big = { bytes: 11e9, source: 100 * mebibyte, loader: 200 * mebibyte }
  expect(memoryFigures(small, big).map(({ measured, met }) => [measured, met])).toEqual([
    ["100 MiB", true],
    ["1.0 MiB per GB", undefined],
    ["200 MiB", false],
    ["10.0 MiB per GB", undefined],
  ])
  const unknown = { source: undefined, loader: undefined }
  expect(memoryFigures({ bytes: 1e9, ...unknown }, { bytes: 2e9, ...unknown })[0]).toMatchObject({
    measured: "not measured",
  })
})

test("indexing is told in MB of the file a second", () => {
  const figure = indexingFigure({ megabytesPerSecond: { min: 100, median: 149, max: 200 }, cpuSeconds: [] })
  expect(figure).toMatchObject({ measured: "149 MB/s", met: false })
})

test("the use of a line is measured between its first and last hundredth of bytes", () => {
  // 100 Mbit/s are 12,500 bytes a millisecond: half of that from 1 s to 2 s, and long silences around it.
  const samples = Array.from({ length: 400 }, (_, i) => ({
    ms: i * 10,
    bytes: 777 + Math.max(0, Math.min(i - 100, 100)) * 62_500,
  }))
  const { wireBytes, used } = measureTraffic(samples)
  expect(wireBytes).toBe(6_250_000)
  expect(used).toBeCloseTo(0.5, 5)
  expect(measureTraffic([{ ms: 0, bytes: 5 }])).toEqual({ wireBytes: 0, used: 0 })
})

test("the report begins with date, machine and command", () => {
  const machine = {
    date: "2026-11-21",
    cpu: "A Processor",
    cores: 2,
    memoryBytes: 24 * 2 ** 30,
    system: "linux x64",
    node: "20.20.2",
    postgres: "18.4",
    command: "npm run bench",
  }
  expect(renderReport(machine, [{ title: "One", text: renderTable(["a"], [["1"]]) }])).toBe(
    "2026-11-21, A Processor, 2 cores, 24 GiB, linux x64, Node 20.20.2, Postgres 18.4: `npm run bench`\n\n### One\n\n| a |\n|---|\n| 1 |\n",
  )
})
