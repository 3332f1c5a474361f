/** The three runs of the bench, from data files to the sections of a report. */
import { type Changed, measureChanged } from "./changed.ts"
import { timeChunks } from "./chunk-times.ts"
import { measureClients } from "./clients.ts"
import { type DataFile, findDataFile, findRepeatedFile, requireSpace } from "./data-files.ts"
import { numberedRows, type Rows, rowSets } from "./data-sets.ts"
import {
  changedFigure,
  chunkFigure,
  clientsFigure,
  indexingFigure,
  linkFigures,
  memoryFigures,
  modelFigures,
  throughputFigures,
  unchangedFigure,
  verifyFigure,
} from "./figures.ts"
import { measureIndexing } from "./indexing.ts"
import { measureLink, megabits, roundTripMs } from "./link.ts"
import { measureModels } from "./models.ts"
import type { Measurement, Options } from "./options.ts"
import {
  type Figure,
  renderChanged,
  renderCosts,
  renderFigures,
  renderLink,
  renderModels,
  renderThroughput,
  renderVolumes,
  type Section,
} from "./report.ts"
import { clear } from "./server.ts"
import { type Services, table, withServices } from "./services.ts"
import { type Bench, measureThroughput, type Throughput } from "./throughput.ts"
import { measureUnchanged } from "./unchanged.ts"
import { measureVerify } from "./verify.ts"
import { measureVolume, type Volume } from "./volume.ts"

export type Mode = (bench: Bench, options: Options & { readonly dataFolder: string }) => Promise<Section[]>

export const modes: Readonly<Record<Options["mode"], Mode>> = {
  async standard(bench, { only, pairs, rows, dataFolder }) {
    const making = { folder: dataFolder, note: bench.note, signal: bench.signal }
    const fileOf = (set: Rows, share = set.share) =>
      findDataFile(set, Math.max(1, Math.round(rows * share)), making)
    const results: Throughput[] = []
    for (const set of Object.values<Rows>(rowSets)) {
      if (!only.some((name) => name === set.name)) continue
      const { name, what } = set
      results.push(await measureThroughput({ name, what, file: await fileOf(set), pairs }, bench))
    }
    if (only.includes("general")) {
      const file = await fileOf(rowSets.telecom, 0.1)
      const general = { name: "general", what: "telecom by the general reader", reader: "csv-parse" }
      results.push(await measureThroughput({ ...general, file, pairs }, bench))
    }
    if (only.includes("ndjson")) {
      const [file, copied] = [
        await findDataFile(rowSets.telecom, rows, making, "ndjson"),
        await fileOf(rowSets.telecom),
      ]
      const ndjson = { name: "ndjson", what: "telecom as NDJSON, beside \\copy of the same cells as CSV" }
      results.push(await measureThroughput({ ...ndjson, form: "ndjson", file, copied, pairs }, bench))
    }
    const changed: Changed[] = []
    if (only.includes("changed")) {
      const count = Math.max(changedEvery, Math.round(rows / 3))
      const files = {
        before: await findDataFile(numberedRows(), count, making),
        after: await findDataFile(numberedRows(changedEvery), count, making),
      }
      for (const mode of ["upsert", "mirror"] as const)
        changed.push(await measureChanged({ mode, ...files, pairs }, bench))
    }
    const verified: Figure[] = []
    if (only.includes("verify")) {
      const file = await findDataFile(rowSets.telecom, Math.max(1, Math.round(rows / 3)), making)
      const figure = await withBenchServices("verify", bench, async (services) =>
        verifyFigure(await measureVerify(services, file, pairs, bench.server)),
      )
      bench.note(`${figure.what}: ${figure.measured}`)
      verified.push(figure)
    }
    const models = only.includes("models")
      ? await measureModels({ streams: Math.max(1, Math.round(rows / 3)), rounds: pairs, dataFolder }, bench)
      : undefined
    const others = only.some((name) => otherMeasurements.has(name))
      ? await measureOthers(only, await fileOf(rowSets.telecom), pairs, bench)
      : []
    return [
      ...throughputSections(results, bench),
      ...changedSections(changed),
      ...(models === undefined
        ? []
        : [{ title: "Incremental models", text: `${renderModels(models)}\n\n${modelsLegend}` }]),
      figureSection([
        ...throughputFigures(results, bench.server.version),
        ...others,
        ...changed.map(changedFigure),
        ...verified,
        ...(models === undefined ? [] : modelFigures(models)),
      ]),
    ]
  },

  async big(bench, { gigabytes, form, dataFolder }) {
    const making = { folder: dataFolder, note: bench.note, signal: bench.signal }
    const bytes = gigabytes * 1e9
    // Two files, and one table with its write-ahead log and the space of the table before.
    await requireSpace(dataFolder, 4 * bytes, `--big ${gigabytes}`)
    const baseRows = Math.max(1, Math.min(100_000, Math.floor(bytes / smallestOfBase)))
    const copied = await findDataFile(rowSets.telecom, baseRows, making)
    const base = {
      ...(await findDataFile(rowSets.telecom, baseRows, making, form)),
      rowSet: rowSets.telecom,
    }
    const measure = async (size: number) => {
      const file = await findRepeatedFile(base, size, making, form)
      return await measureVolume({ base, file, form, copied }, bench)
    }
    const [small, big] = [await measure(bytes / 10), await measure(bytes)]
    const memory = ({ file, turn }: Volume) => ({ bytes: file.bytes, ...turn.peak })
    return [
      { title: "Volume", text: `${renderVolumes([small, big])}\n\n${volumeLegend}` },
      figureSection([
        ...memoryFigures(memory(small), memory(big)),
        chunkFigure(big.chunks, `a version of ${(big.file.bytes / 1e9).toFixed(1)} GB`),
      ]),
    ]
  },

  async link(bench, { rows, pairs, dataFolder }) {
    const making = { folder: dataFolder, note: bench.note, signal: bench.signal }
    const file = await findDataFile(rowSets.telecom, rows, making)
    const results = await measureLink(file, pairs, bench)
    await clear(bench.server, table)
    return [
      {
        title: `A line of ${megabits} Mbit/s and ${roundTripMs} ms`,
        text: `${renderLink(results, file)}\n\n${linkLegend}`,
      },
      figureSection(linkFigures(results, file.bytes)),
    ]
  },
}

/** So many bytes of the big file for each row that it repeats: the smaller file, a tenth of it, has each once at least. */
const smallestOfBase = 2000

/** Of so many rows one is changed. */
const changedEvery = 100

const throughputLegend = `Both sides load the same file into a new, logged table of the same typed columns, on the same server with default
durability, in turn: a warm-up, then the pairs, the order changing from pair to pair, a CHECKPOINT before each load.
After each load by Flatbed its rows are compared with those of the warm-up's copy. The ratio is the copy's time, from
the start of psql to its end, divided by Flatbed's to COMMIT: above 1 Flatbed is faster. *Published version*: from the
start of \`flatbed-loader load\` to the COMMIT that shows the version. *Unseen file*: the source runs and never saw the
file; from the moment the file is renamed into its folder, when the loader is started too, to the same COMMIT. The
source's \`settle\` is 0 for this; every other setting is its default. *To its end* is the loader's process with its
ANALYZE, which the copy does not do.`

const costLegend = `CPU seconds: medians, user and system, from /proc; Postgres with all its processes. Peaks: the largest VmHWM; the
source's is since its start, and a backend's counts the shared buffers that it touched.`

const volumeLegend = `From the moment the file appears below a source that never saw it to the COMMIT. The rows are compared with those that
\`\\copy\` makes of the part that the file repeats.`

const modelsLegend = `The models of data/music (per day and genre, per day, per hour) over thirty days, as \`flatbed-loader load\` runs them
behind a new file of streams; all of them together, each from the beginning of its transaction to its end, by the
loader's log. *All made anew*: their tables were dropped before \`flatbed-loader models run\`. After each round the tables
made step by step are compared with those made anew. *The whole load* is the command from the start of its process to
its end.`

const changedLegend = `Two files that differ in one row of ${changedEvery} are loaded in turn into one table, which Flatbed made. *COPY* is the same file
into a new table of the same columns, *join* one serial hash join of both tables that compares all columns
(max_parallel_workers_per_gather = 0, nothing else set). *Load* is from the start of \`flatbed-loader load\` to its
COMMIT, *publish* what of it comes behind the last chunk: the transaction that counts, joins and writes. The whole load
also brings the rows through both services into staging. After each load the table is compared with the copy. *Written*
is how n_tup_ins, n_tup_upd and n_tup_del of the table grew.`

const linkLegend = `The source stands in a network namespace of its own behind a cable with a token bucket (tc-tbf) in each direction, a
proxy of our own adds the round trip; the version is published beforehand. Bytes on the wire are those that came from
the source, frames and headers included; the link's use is measured while the middle 98 % of them came. TCP itself sees
a short line, so its slow start over a long one is not in here.`

const otherMeasurements: ReadonlySet<Measurement> = new Set(["indexing", "chunks", "clients", "unchanged"])

/** What is not a race with `\copy`. */
async function measureOthers(
  only: readonly Measurement[],
  file: DataFile,
  rounds: number,
  bench: Bench,
): Promise<Figure[]> {
  const { note, signal } = bench
  const figures: Figure[] = []
  const add = (figure: Figure) => {
    note(`${figure.what}: ${figure.measured}`)
    figures.push(figure)
  }
  await withBenchServices("others", bench, async (services) => {
    if (only.includes("indexing")) add(indexingFigure(await measureIndexing(services, file, rounds)))
    if (only.includes("chunks")) {
      const times = await timeChunks(await services.startPublished(file.path), signal)
      add(chunkFigure(times, `a version of ${(file.bytes / 1e6).toFixed(0)} MB`))
    }
    if (only.includes("clients"))
      add(clientsFigure(await measureClients(await services.startPublished(file.path), signal)))
    if (only.includes("unchanged")) {
      const source = await services.startPublished(file.path)
      add(unchangedFigure(await measureUnchanged(services, source, rounds)))
      await clear(bench.server, table)
    }
  })
  return figures
}

function withBenchServices<T>(
  name: string,
  bench: Bench,
  use: (services: Services) => Promise<T>,
): Promise<T> {
  const { env, server, signal } = bench
  return withServices({ folder: `${bench.folder}/${name}`, databaseUrl: server.url, env, signal }, use)
}

function throughputSections(results: readonly Throughput[], { copy }: Bench): Section[] {
  if (results.length === 0) return []
  return [
    { title: "Throughput", text: `${renderThroughput(results, copy)}\n\n${throughputLegend}` },
    { title: "What it costs", text: `${renderCosts(results, copy)}\n\n${costLegend}` },
  ]
}

function changedSections(results: readonly Changed[]): Section[] {
  if (results.length === 0) return []
  const plan = results[0]?.plan ?? ""
  return [
    {
      title: "One row in a hundred changed",
      text: `${renderChanged(results)}\n\n${changedLegend}\n\n\`\`\`\n${plan}\n\`\`\``,
    },
  ]
}

function figureSection(figures: readonly Figure[]): Section {
  return { title: "What must be reached", text: renderFigures(figures) }
}
