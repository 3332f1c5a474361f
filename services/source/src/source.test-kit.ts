/** For tests: a source over a temporary folder, asked through its front door. */
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { type Dataset, type Manifest, paths } from "@flatbed/contract"
import { type TemporaryFolder, temporaryFolder, waitFor } from "@flatbed/testing"
import { pino } from "pino"
import { buildApp } from "./app.ts"
import { readSourceSettings, type SourceSettings } from "./settings.ts"

export type LogLine = { readonly event: string; readonly [field: string]: unknown }

export type TestFolder = {
  readonly folder: TemporaryFolder
  readonly logged: LogLine[]
  /** Settings as a person writes them, over those that make a test quick. */
  settings(written?: Readonly<Record<string, unknown>>): Promise<SourceSettings>
  open(written?: Readonly<Record<string, unknown>>): Promise<TestSource>
  log: ReturnType<typeof createTestLog>["log"]
  /** Closes the sources and removes the folder. */
  close(): Promise<void>
}

/** A folder with one file `t.csv`, the dataset `t` over it, and any number of sources, one after the other. */
export async function openTestFolder(csv: string | Buffer): Promise<TestFolder> {
  const folder = await temporaryFolder()
  await folder.write("t.csv", csv)
  const { log, logged } = createTestLog()
  const sources: TestSource[] = []

  async function settings(written: Readonly<Record<string, unknown>> = {}): Promise<SourceSettings> {
    const file = join(folder.path, "source.yaml")
    const quick = {
      listen: { port: 0 },
      admin: { port: 0 },
      settle: "0ms",
      datasets: { t: { files: "t.csv", chunk: { rows: 2 } } },
    }
    // JSON is YAML.
    await writeFile(file, JSON.stringify({ ...quick, ...written }))
    return (await readSourceSettings({ file, env: {} })).settings
  }

  return {
    folder,
    logged,
    log,
    settings,
    async open(written) {
      const source = await openTestSource(await settings(written), log)
      sources.push(source)
      return source
    },
    async close() {
      for (const source of sources.reverse()) await source.close()
      await folder.remove()
    },
  }
}

export type TestSource = Awaited<ReturnType<typeof openTestSource>>

async function openTestSource(settings: SourceSettings, log: ReturnType<typeof createTestLog>["log"]) {
  const parts = buildApp(settings, { log })
  await parts.app.ready()

  const get = (url: string, headers: Readonly<Record<string, string>> = {}) =>
    parts.app.inject({ method: "GET", url, headers })

  /** The dataset once nothing is being made any more. */
  async function settled(name = "t"): Promise<Dataset> {
    return waitFor(
      async () => {
        const dataset = (await get(paths.dataset(name))).json<Dataset>()
        return dataset.state !== "indexing" && dataset
      },
      { what: `dataset ${name} to be read` },
    )
  }

  async function manifest(name = "t"): Promise<Manifest> {
    const { version } = await settled(name)
    const answer = await get(paths.version(name, version ?? "none"))
    if (answer.statusCode !== 200) throw new Error(`no manifest: ${answer.body}`)
    return answer.json()
  }

  return { ...parts, settings, get, settled, manifest, close: () => parts.app.close() }
}

/** A log that is kept in memory. */
export function createTestLog() {
  const logged: LogLine[] = []
  const log = pino({ level: "debug" }, { write: (line: string) => void logged.push(JSON.parse(line)) })
  return { log, logged }
}
