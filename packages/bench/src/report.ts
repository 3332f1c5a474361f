/** Pure: measurements as Markdown. */
import type { Changed, ChangedPair } from "./changed.ts"
import { type CopyName, copyNames } from "./copy-turn.ts"
import type { DataFile } from "./data-files.ts"
import type { FlatbedTurn } from "./flatbed-turn.ts"
import type { LinkResult } from "./link.ts"
import type { Machine } from "./machine.ts"
import type { Models } from "./models.ts"
import type { Served } from "./services.ts"
import { medianOf, spreadOf } from "./statistics.ts"
import type { Pair, Throughput } from "./throughput.ts"
import type { Volume } from "./volume.ts"

/** One line of the table of what Flatbed must reach. */
export type Figure = {
  readonly what: string
  readonly bar: string
  readonly aim: string
  readonly measured: string
  /** Undefined where there is no bar. */
  readonly met: boolean | undefined
}

export type Section = { readonly title: string; readonly text: string }

/** The whole report: where it was measured, then its sections. */
export function renderReport(machine: Machine, sections: readonly Section[]): string {
  const gigabytes = (machine.memoryBytes / 2 ** 30).toFixed(0)
  const where = `${machine.date}, ${machine.cpu}, ${machine.cores} cores, ${gigabytes} GiB, ${machine.system}, Node ${machine.node}, Postgres ${machine.postgres}: \`${machine.command}\``
  return `${[where, ...sections.map(({ title, text }) => `### ${title}\n\n${text}`)].join("\n\n")}\n`
}

/** A Markdown table; pipes inside cells are escaped. */
export function renderTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`
  return [line(head), `|${head.map(() => "---").join("|")}|`, ...rows.map(line)].join("\n")
}

export function renderFigures(figures: readonly Figure[]): string {
  const verdict = ({ met }: Figure) => (met === undefined ? "" : met ? "yes" : "**no**")
  return renderTable(
    ["What", "Bar", "Aim", "Measured", "Met"],
    figures.map((figure) => [figure.what, figure.bar, figure.aim, figure.measured, verdict(figure)]),
  )
}

const clocks = [
  ["published version", (pair: Pair) => pair.published],
  ["unseen file", (pair: Pair) => pair.unseen],
] as const satisfies [string, (pair: Pair) => FlatbedTurn][]

/** Two rows for each file, by the two clocks; the ratio is `\copy`'s time to Flatbed's, above 1 where Flatbed is faster. */
export function renderThroughput(results: readonly Throughput[], copy: CopyName): string {
  const rows = results.flatMap((result) =>
    clocks.map(([clock, turnOf]) => {
      const turns = result.pairs.map(turnOf)
      const ratios = ratiosOf(result, turnOf)
      const { rows, bytes } = result.file
      return [
        `${result.name}: ${result.what}`,
        `${count(rows)} rows, ${(bytes / 1e6).toFixed(0)} MB`,
        readerCell(result),
        clock,
        spread(turns.map(({ commitSeconds }) => commitSeconds)),
        medianOf(turns.map(({ processSeconds }) => processSeconds)).toFixed(2),
        spread(result.pairs.map((pair) => pair.copy.seconds)),
        ratios.map((ratio) => ratio.toFixed(2)).join(" "),
        `**${medianOf(ratios).toFixed(2)}**`,
      ]
    }),
  )
  return renderTable(
    [
      "Rows",
      "File",
      readerHead,
      "Clock from",
      "Flatbed to COMMIT, s: min median max",
      "to its end",
      `${code(copy)}, s: min median max`,
      "Ratio, pair by pair",
      "Median",
    ],
    rows,
  )
}

/** What the processes cost; medians of CPU seconds, the largest peaks. */
export function renderCosts(results: readonly Throughput[], copy: CopyName): string {
  const rows = results.flatMap((result) => {
    const { pairs } = result
    const flatbed = clocks.map(([clock, turnOf]) => {
      const cpu = (name: keyof FlatbedTurn["cpu"]) => seconds(pairs.map((pair) => turnOf(pair).cpu[name]))
      const peak = (name: keyof FlatbedTurn["peak"]) =>
        mebibytes(pairs.map((pair) => turnOf(pair).peak[name]))
      return [
        result.name,
        `Flatbed, ${clock}`,
        ...[cpu("source"), cpu("loader"), cpu("postgres")],
        ...[peak("source"), peak("loader"), peak("postgres")],
      ]
    })
    const client = seconds(pairs.map((pair) => pair.copy.cpu.client))
    const server = seconds(pairs.map((pair) => pair.copy.cpu.postgres))
    const clientPeak = mebibytes(pairs.map((pair) => pair.copy.peak.client))
    const serverPeak = mebibytes(pairs.map((pair) => pair.copy.peak.postgres))
    return [...flatbed, [result.name, code(copy), "—", client, server, "—", clientPeak, serverPeak]]
  })
  const cpu = ["source", "loader or client", "Postgres"].map((name) => `${name}, CPU s`)
  const peaks = ["source", "loader or client", "largest backend"].map((name) => `${name}, peak MiB`)
  return renderTable(["Rows", "Load", ...cpu, ...peaks], rows)
}

/** A row for each load mode; medians but for the ratios. */
export function renderChanged(results: readonly Changed[]): string {
  const rows = results.map(({ mode, rows, expected, pairs }) => {
    const ratios = (["publish", "load"] as const).map((of) => pairs.map((pair) => changedRatio(pair, of)))
    const median = (of: (pair: (typeof pairs)[number]) => number) => medianOf(pairs.map(of)).toFixed(2)
    const written = pairs.map(({ written }) => Object.values(written).map(count).join(" + "))
    return [
      `\`${mode}\`: ${count(expected)} of ${count(rows)} rows`,
      median((pair) => pair.copySeconds),
      median((pair) => pair.joinSeconds),
      median((pair) => pair.loadSeconds),
      median((pair) => pair.publishSeconds),
      ...ratios.flatMap((each) => [
        each.map((ratio) => ratio.toFixed(2)).join(" "),
        `**${medianOf(each).toFixed(2)}**`,
      ]),
      [...new Set(written)].join("; "),
      seconds(pairs.map(({ cpu }) => cpu.reference)),
      seconds(pairs.map(({ cpu }) => cpu.flatbed)),
    ]
  })
  const head = ["Changed", "COPY, s", "join, s", "load, s", "publish, s"]
  const rest = [
    ...["Publish ÷ (COPY + join), pair by pair", "Median", "Load ÷ (COPY + join), pair by pair", "Median"],
    "Written: new + changed + deleted",
    "Postgres for COPY and join, CPU s",
    "Postgres for the load, CPU s",
  ]
  return renderTable([...head, ...rest], rows)
}

/** A row for each number of days that a new file is about, and one for all models made anew. */
export function renderModels({ streams, days, rows, turns, fullSeconds }: Models): string {
  const counts = [...new Set(turns.map((turn) => turn.days))]
  const full = medianOf(fullSeconds)
  const shareOf = (seconds: number) => `${((100 * seconds) / full).toFixed(1)} %`
  const lines = counts.map((wanted) => {
    const own = turns.filter((turn) => turn.days === wanted)
    const seconds = own.map(({ modelSeconds }) => modelSeconds)
    return [
      `a new file of ${count(rows)} rows about ${wanted} of ${days} days`,
      spread(seconds),
      shareOf(medianOf(seconds)),
      `${((100 * wanted) / days).toFixed(1)} %`,
      spread(own.map(({ loadSeconds }) => loadSeconds)),
    ]
  })
  return renderTable(
    [
      `Three models over ${count(streams)} streams, after`,
      "models, s: min median max",
      "of making all anew",
      "of the days",
      "the whole load, s: min median max",
    ],
    [...lines, ["nothing: all made anew", spread(fullSeconds), shareOf(full), "100.0 %", "—"]],
  )
}

/** One load of each file. */
export function renderVolumes(volumes: readonly Volume[]): string {
  const rows = volumes.map(({ file, turn: { commitSeconds, cpu, peak }, ...served }) => [
    `${(file.bytes / 1e9).toFixed(1)} GB, ${count(file.rows)} rows`,
    readerCell(served),
    `${commitSeconds.toFixed(0)} s`,
    `${(file.bytes / 1e6 / commitSeconds).toFixed(1)} MB/s`,
    ...[cpu.source, cpu.loader, cpu.postgres].map((one) => seconds([one])),
    ...[peak.source, peak.loader].map((one) => mebibytes([one])),
  ])
  const cpu = ["source", "loader", "Postgres"].map((name) => `${name}, CPU s`)
  const peaks = ["source", "loader"].map((name) => `${name}, peak MiB`)
  return renderTable(["File", readerHead, "to COMMIT", "of the file", ...cpu, ...peaks], rows)
}

/** A row for each compression; medians. */
export function renderLink(results: readonly LinkResult[], file: DataFile): string {
  const rows = results.map(({ compression, turns, ...served }) => {
    const wire = medianOf(turns.map(({ wireBytes }) => wireBytes))
    return [
      `\`${compression}\``,
      readerCell(served),
      spread(turns.map(({ commitSeconds }) => commitSeconds)),
      `${(100 * medianOf(turns.map(({ used }) => used))).toFixed(1)} %`,
      (wire / 1e6).toFixed(1),
      (wire / file.bytes).toFixed(2),
      seconds(turns.map(({ sourceCpu }) => sourceCpu)),
      seconds(turns.map(({ loaderCpu }) => loaderCpu)),
    ]
  })
  const of = `${count(file.rows)} rows, ${(file.bytes / 1e6).toFixed(0)} MB of CSV`
  const head = [
    `Compression of ${of}`,
    readerHead,
    "to COMMIT, s: min median max",
    "Link used",
    "MB on the wire",
    "÷ CSV bytes",
    "source, CPU s",
    "loader, CPU s",
  ]
  return renderTable(head, rows)
}

/** `\copy`'s time to Flatbed's to COMMIT, pair by pair. */
export function ratiosOf({ pairs }: Throughput, turnOf: (pair: Pair) => FlatbedTurn): number[] {
  return pairs.map((pair) => pair.copy.seconds / turnOf(pair).commitSeconds)
}

/** The time of a publish, or of the whole load, to that of the two parts of its reference. */
export function changedRatio(
  { publishSeconds, loadSeconds, copySeconds, joinSeconds }: ChangedPair,
  of: "publish" | "load",
): number {
  return { publish: publishSeconds, load: loadSeconds }[of] / (copySeconds + joinSeconds)
}

/** `1,234,567` */
export function count(value: number): string {
  return value.toLocaleString("en")
}

function spread(values: readonly number[]): string {
  const { min, median, max } = spreadOf(values)
  return [min, median, max].map((value) => value.toFixed(2)).join(" ")
}

const readerHead = "Reader: rows it served"
const readerCell = ({ reader, servedRows }: Served) => `\`${reader}\`: ${count(servedRows)}`

const notMeasured = "not measured"

function seconds(values: readonly (number | undefined)[]): string {
  const known = values.filter((value) => value !== undefined)
  return known.length === 0 ? notMeasured : medianOf(known).toFixed(2)
}

function mebibytes(values: readonly (number | undefined)[]): string {
  const known = values.filter((value) => value !== undefined)
  return known.length === 0 ? notMeasured : (Math.max(...known) / 2 ** 20).toFixed(0)
}

const code = (copy: CopyName) => `\`${copyNames[copy]}\``
