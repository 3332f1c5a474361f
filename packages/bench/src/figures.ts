/** Pure: what Flatbed must reach, each line beside what was measured. The bars are those of issue 4 where nothing else is said. */
import type { Changed } from "./changed.ts"
import type { ChunkTimes } from "./chunk-times.ts"
import type { ClientsResult } from "./clients.ts"
import type { Indexing } from "./indexing.ts"
import { type LinkResult, megabits, roundTripMs } from "./link.ts"
import type { Models } from "./models.ts"
import { changedRatio, count, type Figure, ratiosOf } from "./report.ts"
import { medianOf } from "./statistics.ts"
import type { Throughput } from "./throughput.ts"
import type { Unchanged } from "./unchanged.ts"
import type { Verify } from "./verify.ts"

const mebibyte = 2 ** 20

/** The lines about speed beside `\copy`, for those files that were measured; medians of the pairs' ratios. */
export function throughputFigures(results: readonly Throughput[], postgres: string): Figure[] {
  // The bars were set for Postgres 18 and, lower, for Debian's 15.
  const [bar, aim] = Number.parseInt(postgres, 10) > 15 ? [1, 1.2] : [0.9, 1.05]
  return [
    ratioFigure("plain typed rows, published version", ["telecom"], "published", { results, bar, aim }),
    ratioFigure("from an unseen file, all types", ["telecom", "types"], "unseen", {
      results,
      bar: 0.75,
      aim: 0.9,
    }),
    ratioFigure("quoted and newline-laden rows", ["quoted"], "published", { results, bar: 0.8, aim: 1 }),
    ratioFigure("wide Unicode text; 200 columns", ["unicode", "wide"], "published", {
      results,
      bar: 0.8,
      aim: 1,
    }),
    // The bars of issue 6.
    ratioFigure("NDJSON, published version", ["ndjson"], "published", { results, bar: 0.5, aim: 0.8 }),
    ratioFigure("NDJSON, unseen file", ["ndjson"], "unseen", { results, bar: 0.5, aim: 0.8 }),
  ].flat()
}

function ratioFigure(
  what: string,
  names: readonly string[],
  clock: "published" | "unseen",
  { results, bar, aim }: { results: readonly Throughput[]; bar: number; aim: number },
): Figure[] {
  const measured = results
    .filter(({ name }) => names.includes(name))
    .map((result) => ({ name: result.name, ratio: medianOf(ratiosOf(result, (pair) => pair[clock])) }))
  if (measured.length === 0) return []
  return [
    {
      what: `\`\\copy\`'s time ÷ Flatbed's: ${what}`,
      bar: String(bar),
      aim: String(aim),
      measured: measured.map(({ name, ratio }) => `${name} ${ratio.toFixed(2)}`).join("; "),
      met: measured.every(({ ratio }) => ratio >= bar),
    },
  ]
}

export function indexingFigure({ megabytesPerSecond }: Indexing): Figure {
  return {
    what: "indexing with evidence over all rows (the reader has no pass with digests only)",
    bar: "150 MB/s",
    aim: "300 MB/s",
    measured: `${megabytesPerSecond.median.toFixed(0)} MB/s`,
    met: megabytesPerSecond.median >= 150,
  }
}

export function chunkFigure({ firstToLastMs, wholeMs, chunks }: ChunkTimes, ofWhat: string): Figure {
  const ms = ({ median, max }: ChunkTimes["wholeMs"]) =>
    `median ${median.toFixed(1)} ms, max ${max.toFixed(1)} ms`
  return {
    what: `any of ${count(chunks)} chunks of ${ofWhat} as NDJSON, first byte to last`,
    bar: "20 ms",
    aim: "10 ms",
    measured: `${ms(firstToLastMs)}; from the request on ${ms(wholeMs)}`,
    met: firstToLastMs.median <= 20,
  }
}

export function clientsFigure(result: ClientsResult): Figure {
  const { clients, slow, bodies, bytes, putOff, seconds, peak } = result
  return {
    what: `${clients} parallel clients, ${slow} of them slow, half JSON, half NDJSON: the source's peak RSS`,
    bar: "256 MiB",
    aim: "192 MiB",
    measured: `${showPeak(peak)}; ${bodies} bodies whole (${(bytes / 1e6).toFixed(0)} MB) in ${seconds.toFixed(0)} s, put off ${count(putOff)} times`,
    met: peak === undefined ? undefined : peak <= 256 * mebibyte,
  }
}

export function unchangedFigure({ requests, loadMs, startMs }: Unchanged): Figure {
  const beyond = loadMs - startMs
  return {
    what: "unchanged file, second `load`: requests made, and time beyond the start of the process",
    bar: "one, conditional; 100 ms",
    aim: "",
    measured: `${requests.join(", ")}; ${beyond.toFixed(0)} ms beyond ${startMs.toFixed(0)} ms`,
    met: requests.length === 1 && requests[0]?.endsWith(" 304") === true && beyond <= 100,
  }
}

/** The bar of issue 7. */
export function changedFigure({ mode, rows, expected, pairs }: Changed): Figure {
  const ratioOf = (of: "publish" | "load") => medianOf(pairs.map((pair) => changedRatio(pair, of)))
  const ratio = ratioOf("publish")
  const written = pairs.map(({ written }) => written)
  const isExact = written.every(
    ({ inserted, updated, deleted }) => inserted === 0 && updated === expected && deleted === 0,
  )
  return {
    what: `${count(expected)} of ${count(rows)} rows changed, \`${mode}\`: rows written; publish ÷ (COPY + serial hash join)`,
    bar: `${count(expected)}; 1.5`,
    aim: "",
    measured: `${isExact ? "those alone" : "others too"}; ${ratio.toFixed(2)} (the whole load ${ratioOf("load").toFixed(2)})`,
    met: isExact && ratio <= 1.5,
  }
}

/** The bar of issue 8. */
export function verifyFigure({ rows, pairs }: Verify): Figure {
  const ratio = medianOf(pairs.map(({ verifySeconds, loadSeconds }) => verifySeconds / loadSeconds))
  const [load, verify] = [
    medianOf(pairs.map(({ loadSeconds }) => loadSeconds)),
    medianOf(pairs.map(({ verifySeconds }) => verifySeconds)),
  ]
  return {
    what: `\`verify\` of ${count(rows)} rows ÷ the time of their load`,
    bar: "2",
    aim: "",
    measured: `${ratio.toFixed(2)}; ${verify.toFixed(1)} s beside ${load.toFixed(1)} s`,
    met: ratio <= 2,
  }
}

/** The bar is twice the share of the days: what a model costs whatever it finds is in the time, too. */
export function modelFigures({ streams, days, turns, fullSeconds }: Models): Figure[] {
  const full = medianOf(fullSeconds)
  return [...new Set(turns.map((turn) => turn.days))].map((touched) => {
    const seconds = medianOf(
      turns.filter((turn) => turn.days === touched).map(({ modelSeconds }) => modelSeconds),
    )
    const share = touched / days
    const bar = 2 * share
    return {
      what: `models over ${count(streams)} streams, after a file about ${touched} of ${days} days ÷ all made anew`,
      bar: bar.toFixed(2),
      aim: share.toFixed(3),
      measured: `${(seconds / full).toFixed(3)}; ${seconds.toFixed(2)} s beside ${full.toFixed(2)} s`,
      met: seconds / full <= bar,
    }
  })
}

export type Memory = {
  readonly bytes: number
  readonly source: number | undefined
  readonly loader: number | undefined
}

/** The peaks with the larger file, and how they grew from the smaller one. */
export function memoryFigures(small: Memory, big: Memory): Figure[] {
  const gigabytes = (big.bytes - small.bytes) / 1e9
  return (["source", "loader"] as const).flatMap((service) => {
    const [from, to] = [small[service], big[service]]
    const limit = { source: 128, loader: 192 }[service]
    const slope =
      from === undefined || to === undefined || gigabytes === 0
        ? undefined
        : (to - from) / mebibyte / gigabytes
    return [
      {
        what: `peak RSS with ${(big.bytes / 1e9).toFixed(1)} GB: ${service}`,
        bar: `${limit} MiB`,
        aim: "",
        measured: showPeak(to),
        met: to === undefined ? undefined : to <= limit * mebibyte,
      },
      {
        what: `its growth from ${(small.bytes / 1e9).toFixed(1)} GB on: ${service}`,
        bar: "",
        aim: "below 1 MiB per GB",
        measured: slope === undefined ? "not measured" : `${slope.toFixed(1)} MiB per GB`,
        met: undefined,
      },
    ]
  })
}

/** What compression comes to on such a line: gzip, which every Node has, and zstd, the standard where both sides have it. */
export function linkFigures(results: readonly LinkResult[], csvBytes: number): Figure[] {
  return results
    .filter(({ compression }) => compression !== "none")
    .flatMap(({ compression, turns }) => {
      const used = medianOf(turns.map((turn) => turn.used))
      const share = medianOf(turns.map((turn) => turn.wireBytes)) / csvBytes
      const line = `${megabits} Mbit/s, ${roundTripMs} ms, ${compression}`
      return [
        {
          what: `${line}: link used`,
          bar: "90 %",
          aim: "95 %",
          measured: `${(100 * used).toFixed(1)} %`,
          met: used >= 0.9,
        },
        {
          what: `${line}: bytes on the wire ÷ CSV bytes`,
          bar: "0.5",
          aim: "0.35",
          measured: share.toFixed(2),
          met: share <= 0.5,
        },
      ]
    })
}

function showPeak(bytes: number | undefined): string {
  return bytes === undefined ? "not measured" : `${(bytes / mebibyte).toFixed(0)} MiB`
}
