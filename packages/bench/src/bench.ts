/** The story of `npm run bench`: a server, the measurements one after another, a report. */
import { mkdir, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { openPostgres, removePostgres } from "@flatbed/local"
import { copyNames, findCopy } from "./copy-turn.ts"
import { findDataFile } from "./data-files.ts"
import { type Rows, rowSets } from "./data-sets.ts"
import { describeMachine } from "./machine.ts"
import type { Options } from "./options.ts"
import { renderCosts, renderReport, renderThroughput, type Section } from "./report.ts"
import { openServer } from "./server.ts"
import { type Bench, measureThroughput, type Throughput } from "./throughput.ts"

export type BenchInput = {
  readonly options: Options
  /** For data files, the database and the settings of runs. */
  readonly folder: string
  /** As it was typed, for the report. */
  readonly command: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly signal: AbortSignal
  readonly note: (text: string) => void
}

/** Measures what the options ask for and answers the report, which RESULTS.md in the folder holds too. */
export async function runBench(input: BenchInput): Promise<string> {
  const { options, folder, note } = input
  await mkdir(folder, { recursive: true })
  const database = await openDatabase(input)
  try {
    const server = await openServer(database.url)
    try {
      const copy = findCopy(input.env)
      note(`Postgres ${server.version}, ${copyNames[copy]}`)
      const bench = { ...input, server, copy, folder: join(folder, "run") }
      const sections = await measure(bench, { ...options, dataFolder: join(folder, "data") })
      const machine = describeMachine({ postgres: server.version, command: input.command })
      const report = renderReport(machine, sections)
      await writeFile(join(folder, "RESULTS.md"), report)
      return report
    } finally {
      await server.close()
    }
  } finally {
    await database.close()
    if (!options.keep) await rm(join(folder, "run"), { recursive: true, force: true })
  }
}

async function openDatabase({ options, folder, note }: BenchInput) {
  if (options.database !== undefined) return { url: options.database, close: async () => undefined }
  const home = join(folder, "postgres")
  const postgres = await openPostgres({ folder: home, durable: true, note })
  return {
    url: postgres.url("postgres"),
    close: () => (options.keep ? postgres.stop() : removePostgres(home)),
  }
}

async function measure(bench: Bench, options: Options & { readonly dataFolder: string }): Promise<Section[]> {
  const { only, pairs, rows, dataFolder } = options
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
  return [
    { title: "Throughput", text: renderThroughput(results, bench.copy) },
    { title: "What it costs", text: renderCosts(results, bench.copy) },
  ]
}
