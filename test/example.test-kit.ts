/** One example of data/ with both services: the source in this process, the loader as the program that a user starts. */
import { join, resolve } from "node:path"
import { createTestDatabase, startProcess, temporaryFolder, waitFor, withLedger } from "@flatbed/testing"
import pg from "pg"
import { startSourceFrom } from "./front-doors.ts"
import { bins } from "./installation.ts"

const root = resolve(import.meta.dirname, "..")
/** A load of an example takes seconds; a machine that does much else takes more. */
const patienceMs = 120_000

export type Ended = { readonly code: number | null; readonly stdout: string; readonly stderr: string }

/** A row of a report as its JSON has it. */
export type ReportRow = Readonly<Record<string, string | number | boolean | null>>

export type Example = {
  readonly sourceUrl: string
  readonly databaseUrl: string
  /** What the programs have in their environment, so that the settings files work here as they stand. */
  readonly env: Readonly<Record<string, string>>
  /** Runs `flatbed-loader` with the example's settings to its end. */
  loader(...args: string[]): Promise<Ended>
  /** The rows of a report. Fails with what the loader says when there are none to be had. */
  report(name: string, params?: Readonly<Record<string, string>>): Promise<ReportRow[]>
  /** In the text the ledger's schema is written `flatbed`, whatever it is called in this run of the tests. */
  query<T extends pg.QueryResultRow>(sql: string, values?: unknown[]): Promise<T[]>
  close(): Promise<void>
}

/**
 * Starts the source of `data/<folder>`, and makes an empty database for its loader. `root` is another folder with
 * files of the same shape: everything else comes from the example's settings files. `folder` is "" for the settings
 * of all examples together.
 */
export async function openExample(input: {
  readonly folder: string
  /** Absolute; the example's own unless told. */
  readonly root?: string
}): Promise<Example> {
  const settings = (service: string) => join("data", input.folder, `${service}.yaml`)
  const cache = await temporaryFolder()
  const database = await createTestDatabase()
  const source = await startSourceFrom(join(root, settings("source")), {
    FLATBED_SOURCE__LISTEN__PORT: "0",
    FLATBED_SOURCE__ADMIN__PORT: "0",
    FLATBED_SOURCE__CACHE: cache.path,
    FLATBED_SOURCE__SETTLE: "0ms",
    ...(input.root === undefined ? {} : { FLATBED_SOURCE__ROOT: input.root }),
  })
  await waitFor(() => areReady(source.url), { limitMs: patienceMs, what: "every dataset" })
  const pool = new pg.Pool({ connectionString: database.url, max: 1 })
  pool.on("error", () => undefined)
  const env = {
    DATABASE_URL: database.url,
    FLATBED_LOADER__SOURCE__URL: source.url,
    FLATBED_LOADER__ADMIN__PORT: "0",
    FLATBED_SOURCE__CACHE: cache.path,
  }

  async function loader(...args: string[]): Promise<Ended> {
    const program = startProcess({
      script: bins.loader,
      args: [...args, "--config", settings("loader")],
      cwd: root,
      env,
    })
    const { code } = await program.end(patienceMs)
    return { code, stdout: program.stdout(), stderr: program.stderr() }
  }

  return {
    sourceUrl: source.url,
    databaseUrl: database.url,
    env,
    loader,
    async report(name, params = {}) {
      const given = Object.entries(params).flatMap(([key, value]) => ["--param", `${key}=${value}`])
      const { code, stdout, stderr } = await loader("report", name, ...given, "--json")
      if (code !== 0) throw new Error(`report ${name} ended with ${code}\n${stdout}\n${stderr}`)
      return (JSON.parse(stdout) as { rows: ReportRow[] }).rows
    },
    async query(sql, values) {
      return (await pool.query(withLedger(sql), values)).rows
    },
    async close() {
      await pool.end()
      await source.close()
      await database.drop()
      await cache.remove()
    },
  }
}

async function areReady(url: string): Promise<boolean> {
  const { datasets } = (await (await fetch(`${url}/v1/datasets`)).json()) as { datasets: { state: string }[] }
  return datasets.every(({ state }) => state !== "indexing")
}
