/** The story of `npm run bench`: a server, the measurements one after another, a report. */
import { mkdir, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { openPostgres, removePostgres } from "@flatbed/local"
import { copyNames, findCopy } from "./copy-turn.ts"
import { describeMachine } from "./machine.ts"
import { modes } from "./modes.ts"
import type { Options } from "./options.ts"
import { renderReport } from "./report.ts"
import { openServer } from "./server.ts"

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

/** Measures what the options ask for and answers the report, which a file in the folder holds too. */
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
      const dataFolder = join(folder, "data")
      await mkdir(dataFolder, { recursive: true })
      const sections = await modes[options.mode](bench, { ...options, dataFolder })
      const machine = describeMachine({ postgres: server.version, command: input.command })
      const report = renderReport(machine, sections)
      await writeFile(join(folder, resultsFile(options)), report)
      return report
    } finally {
      await server.close()
    }
  } finally {
    await database.close()
    if (!options.keep) await rm(join(folder, "run"), { recursive: true, force: true })
  }
}

/** A file for each mode, so that one run does not wipe out what another measured. */
export function resultsFile({ mode, form }: Pick<Options, "mode" | "form">): string {
  if (mode === "standard") return "RESULTS.md"
  return form === "csv" ? `RESULTS-${mode}.md` : `RESULTS-${mode}-${form}.md`
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
