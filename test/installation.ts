/** One source and one loader as a user sets them up: files, two YAML files, two programs, a database. */
import { join, resolve } from "node:path"
import {
  createTestDatabase,
  findFreePort,
  startProcess,
  type TestProcess,
  temporaryFolder,
  withLedger,
} from "@flatbed/testing"
import pg from "pg"

const root = resolve(import.meta.dirname, "..")
export const bins = {
  source: join(root, "services/source/bin/flatbed-source.mjs"),
  loader: join(root, "services/loader/bin/flatbed-loader.mjs"),
}

export type Installation = {
  readonly folder: string
  readonly sourceUrl: string
  readonly databaseUrl: string
  /** Writes a file below the folder that the source serves. */
  write(name: string, content: string | Uint8Array): Promise<string>
  /** Starts the built source; answers when it listens. */
  startSource(): Promise<TestProcess>
  /** Starts `flatbed-loader` with these arguments; `databaseUrl` may lead through a proxy, `env` override settings. */
  loader(
    args: readonly string[],
    options?: { databaseUrl?: string; env?: Readonly<Record<string, string>> },
  ): TestProcess
  /** Runs `flatbed-loader load` to its end and answers its exit code. */
  load(...pipelines: string[]): Promise<number | null>
  /** In the text the ledger's schema is written `flatbed`, whatever it is called in this run of the tests. */
  query<T extends pg.QueryResultRow>(sql: string, values?: unknown[]): Promise<T[]>
  /** Ends everything that was started, in reverse order. */
  close(): Promise<void>
}

/**
 * `source` and `loader` are the YAML below the lines that every installation has: `root`, `listen`, `admin`,
 * `source.url`, `database.url`.
 */
export async function createInstallation(yaml: {
  source: string
  loader: string
  /** 0ms unless told. */
  settle?: string
}): Promise<Installation> {
  const folder = await temporaryFolder()
  const database = await createTestDatabase()
  const port = await findFreePort()
  const started: TestProcess[] = []
  const pool = new pg.Pool({ connectionString: database.url, max: 2 })
  pool.on("error", () => undefined)
  await folder.write(
    "source.yaml",
    `root: ./files
listen: { port: ${port} }
admin: { port: 0 }
settle: ${yaml.settle ?? "0ms"}
${yaml.source}`,
  )
  await folder.write(
    "loader.yaml",
    `source: { url: "http://127.0.0.1:${port}" }
database: { url: "\${DATABASE_URL}" }
admin: { port: 0 }
${yaml.loader}`,
  )

  const loader: Installation["loader"] = (args, options = {}) => {
    const program = startProcess({
      script: bins.loader,
      args: [...args, "--config", join(folder.path, "loader.yaml")],
      cwd: folder.path,
      env: { DATABASE_URL: options.databaseUrl ?? database.url, ...options.env },
    })
    started.push(program)
    return program
  }

  return {
    folder: folder.path,
    sourceUrl: `http://127.0.0.1:${port}`,
    databaseUrl: database.url,
    write: (name, content) => folder.write(join("files", name), content),
    async startSource() {
      const program = startProcess({
        script: bins.source,
        args: ["serve", "--config", join(folder.path, "source.yaml")],
        cwd: folder.path,
      })
      started.push(program)
      await program.waitForEvent("source.started")
      return program
    },
    loader,
    async load(...pipelines) {
      const program = loader(["load", ...pipelines])
      const { code } = await program.end(60_000)
      return code
    },
    async query(sql, values) {
      const { rows } = await pool.query(withLedger(sql), values)
      return rows
    },
    async close() {
      for (const program of started.reverse()) {
        program.kill("SIGCONT")
        program.kill("SIGKILL")
        await program.end()
      }
      await pool.end()
      await database.drop()
      await folder.remove()
    },
  }
}
