/** What this source offers: its datasets by name, looked at now and then. */
import { join } from "node:path"
import { findNearest } from "@flatbed/config"
import { Problem } from "@flatbed/contract"
import type { Logger } from "pino"
import { createDataset, type SourceDataset } from "./dataset.ts"
import { csvParseReader } from "./formats/csv-parse.ts"
import { createIndexFolder } from "./index-folder.ts"
import type { SourceMetrics } from "./metrics.ts"
import { type DatasetSettings, type SourceSettings, signOf } from "./settings.ts"
import { createTurns } from "./turns.ts"
import type { Shape } from "./version-name.ts"

const defaultChunkBytes = 1024 * 1024
// Reading is work for one processor; a second turn lets a small file past a big one.
const passesAtOnce = 2

export type Catalog = {
  /** In the order of the settings. */
  readonly datasets: readonly SourceDataset[]
  /** Raises dataset-not-found with the nearest name. */
  get(name: string): SourceDataset
  /** The first look at every file, and one every scan_interval from then on. */
  open(): Promise<void>
  /** Ends what is under way and closes every file. */
  close(): Promise<void>
}

/** Opens nothing before `open`. */
export function createCatalog(
  settings: SourceSettings,
  parts: { log: Logger; metrics: SourceMetrics },
): Catalog {
  const turns = createTurns(passesAtOnce)
  const datasets = Object.entries(settings.datasets).map(([name, dataset]) =>
    createDataset({
      name,
      root: settings.root,
      file: dataset.files,
      shape: shapeOf(dataset),
      reader: csvParseReader,
      settleMs: settings.settle,
      keepVersionsMs: settings.keep_versions,
      maxRecordBytes: settings.record_limit,
      indexes: createIndexFolder(join(settings.cache, name)),
      turns,
      ...parts,
    }),
  )
  const byName = new Map(datasets.map((dataset) => [dataset.name, dataset]))
  let scanning: NodeJS.Timeout | undefined

  async function look(): Promise<void> {
    await Promise.all(datasets.map((dataset) => dataset.look()))
  }

  return {
    datasets,
    get(name) {
      const found = byName.get(name)
      if (found !== undefined) return found
      const nearest = findNearest(name, byName.keys())
      throw new Problem("dataset-not-found", `There is no dataset ${JSON.stringify(name)}.`, {
        hint:
          nearest === undefined
            ? `There are: ${[...byName.keys()].join(", ") || "none"}.`
            : `Did you mean ${nearest}?`,
        facts: { dataset: name },
      })
    },
    async open() {
      await look()
      scanning = setInterval(() => void look(), settings.scan_interval).unref()
    },
    async close() {
      clearInterval(scanning)
      await Promise.all(datasets.map((dataset) => dataset.close()))
    },
  }
}

/** The settings that shape a dataset's rows. */
export function shapeOf({ columns, chunk, dialect }: DatasetSettings): Shape {
  return {
    columns,
    chunk: chunk.rows === undefined ? { bytes: chunk.bytes ?? defaultChunkBytes } : { rows: chunk.rows },
    dialect: { delimiter: signOf(dialect.delimiter), quote: signOf(dialect.quote) },
  }
}
