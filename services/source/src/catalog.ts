/** What this source offers: its datasets by name, looked at now and then. */
import { join, resolve } from "node:path"
import { findNearest } from "@flatbed/config"
import { Problem } from "@flatbed/contract"
import type { Logger } from "pino"
import type { Announcements } from "./announcements.ts"
import { createDataset, type SourceDataset } from "./dataset.ts"
import { isPath } from "./file-patterns.ts"
import { createFileWatch } from "./file-watch.ts"
import { createIndexFolder, removeOtherTexts } from "./index-folder.ts"
import type { SourceMetrics } from "./metrics.ts"
import { readingOf, rootOf } from "./reading.ts"
import type { SourceSettings } from "./settings.ts"
import { createTurns } from "./turns.ts"

// Reading is work for one processor; a second turn lets a small file past a big one.
const passesAtOnce = 2
// An editor that saves touches a file several times within this long.
const gatherMs = 100

/** The datasets that somebody may know of. */
export type Offer = {
  /** In the order of the settings. */
  readonly datasets: readonly SourceDataset[]
  /** Raises dataset-not-found with the nearest name; the same for what is not there and what is not offered. */
  get(name: string): SourceDataset
}

export type Catalog = {
  /** In the order of the settings. */
  readonly datasets: readonly SourceDataset[]
  /** Those whose names pass. */
  offer(mayRead: (dataset: string) => boolean): Offer
  /** The first look at every file; from then on one when it changes, and one every scan_interval. */
  open(): Promise<void>
  /** Looks at every file now. */
  look(): Promise<void>
  /** Ends what is under way and closes every file. */
  close(): Promise<void>
}

/** Opens nothing before `open`. */
export function createCatalog(
  settings: SourceSettings,
  { announcements, ...parts }: { log: Logger; metrics: SourceMetrics; announcements: Announcements },
): Catalog {
  const turns = createTurns(passesAtOnce)
  const datasets = Object.entries(settings.datasets).map(([name, dataset]) =>
    createDataset({
      name,
      reading: readingOf(settings, dataset),
      isFormatNamed: dataset.format !== undefined,
      keepVersionsMs: settings.keep_versions,
      indexes: createIndexFolder(join(settings.cache, name)),
      turns,
      announce: announcements.announce,
      onFolders: () => void watchFolders(),
      ...parts,
    }),
  )
  const byPath = new Map<string, SourceDataset[]>()
  for (const [i, dataset] of Object.values(settings.datasets).entries()) {
    for (const file of [dataset.files].flat().filter(isPath)) {
      const path = resolve(rootOf(settings, dataset), file)
      byPath.set(path, [...(byPath.get(path) ?? []), ...datasets.slice(i, i + 1)])
    }
  }
  const watch = createFileWatch({
    files: [...byPath.keys()],
    folders: () => datasets.flatMap((dataset) => dataset.folders()),
    onChange: (path) => {
      const inFolder = datasets.filter((dataset) => dataset.folders().includes(path))
      for (const dataset of new Set([...(byPath.get(path) ?? []), ...inFolder])) void dataset.look("heard")
    },
    gatherMs,
    log: parts.log,
  })
  let scanning: NodeJS.Timeout | undefined

  // Watched first: what changes after the look is heard of.
  async function look(): Promise<void> {
    await watch.renew()
    await Promise.all(datasets.map((dataset) => dataset.look("heard")))
  }

  // What came into a folder before it was watched is heard of by looking once more.
  async function watchFolders(): Promise<void> {
    const begun = new Set(await watch.renew())
    for (const dataset of datasets)
      if (dataset.folders().some((folder) => begun.has(folder))) void dataset.look("heard")
  }

  return {
    datasets,
    offer: (mayRead) => createOffer(datasets.filter(({ name }) => mayRead(name))),
    look,
    async open() {
      await removeOtherTexts(
        settings.cache,
        datasets.map(({ name }) => name),
      ).catch((error) => {
        parts.log.warn({ event: "cache.failed", err: error }, "texts of other datasets are not removed")
      })
      await look()
      scanning = setInterval(() => void look(), settings.scan_interval).unref()
    },
    async close() {
      clearInterval(scanning)
      watch.close()
      await Promise.all(datasets.map((dataset) => dataset.close()))
    },
  }
}

function createOffer(datasets: readonly SourceDataset[]): Offer {
  return {
    datasets,
    get(name) {
      const found = datasets.find((dataset) => dataset.name === name)
      if (found !== undefined) return found
      const names = datasets.map((dataset) => dataset.name)
      const nearest = findNearest(name, names)
      throw new Problem("dataset-not-found", `There is no dataset ${JSON.stringify(name)}.`, {
        hint:
          nearest === undefined ? `There are: ${names.join(", ") || "none"}.` : `Did you mean ${nearest}?`,
        facts: { dataset: name },
      })
    },
  }
}
