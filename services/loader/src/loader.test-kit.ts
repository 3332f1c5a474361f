/** What the loader's tests share: a database, a scripted source, a log that can be asked. */
import type { Column } from "@flatbed/contract"
import {
  createTestDatabase,
  type LogLine,
  type ScriptedDataset,
  type ScriptedSource,
  startScriptedSource,
  testLedger,
  withLedger,
} from "@flatbed/testing"
import pg from "pg"
import { type Logger, pino } from "pino"
import { createLoader, type Loader, type LoaderParts } from "./loader.ts"
import type { LoaderSettings } from "./settings/settings.ts"

/** A pipeline's settings as the file would give them; `people` into `people` unless told. */
export function pipelineOf(
  change: Partial<LoaderSettings["pipelines"][string]> = {},
): LoaderSettings["pipelines"][string] {
  return {
    dataset: "people",
    table: "people",
    mode: "replace",
    dedupe: "none",
    lineage: false,
    indexes: [],
    checks: [],
    contract: { added: "freeze", dropped: "freeze", type: "freeze", required: [] },
    deletes: { mode: "hard", limit: { rows: 10_000, share: "20%" }, after_rejects: "refuse" },
    publish: "rows",
    follow: false,
    max_rejects: 0,
    swap_wait: 0,
    ...change,
  }
}

/** Whole top-level settings; the ledger is where this run of the tests has it, unless told. */
export type ChangedSettings = Partial<Omit<LoaderSettings, "database">> & {
  readonly database?: { readonly url: string; readonly schema?: string }
}

/** Settings with short waits; `change` replaces whole top-level settings. */
export function makeSettings(
  urls: { source: string; database: string },
  { database, ...change }: ChangedSettings = {},
): LoaderSettings {
  return {
    source: { url: urls.source, allow_plain_http: false, max_body: 2 ** 26 },
    database: { url: urls.database, schema: testLedger, ...database },
    admin: { host: "127.0.0.1", port: 0 },
    connections: 3,
    read_ahead: 2,
    // Tests speak of chunks one by one unless they are about groups.
    group: 0,
    timezone: "UTC",
    deadlines: {
      connect: 4000,
      idle: 1000,
      request: 2000,
      indexing: 1000,
      lock: 5000,
      statement: 60_000,
      stop: 5000,
    },
    retries: { attempts: 4, cap: 20 },
    lease: { expires: 30_000, takeover: 5000 },
    log: { level: "info" },
    pipelines: { people: pipelineOf() },
    models: {},
    reports: {},
    ...change,
  }
}

/** A log whose lines can be asked for. */
export function createTestLog(): { log: Logger; lines: LogLine[]; events: (event: string) => LogLine[] } {
  const lines: LogLine[] = []
  const log = pino(
    { level: "debug", base: null },
    { write: (line: string) => void lines.push(JSON.parse(line)) },
  )
  return { log, lines, events: (event) => lines.filter((line) => line.event === event) }
}

/** A text column, or one of another type. */
export const column = (name: string, type: Column["type"] = "text", nullable = true): Column => ({
  name,
  type,
  nullable,
})

/** `rows` people in chunks of `rowsPerChunk`; `tag` makes another version of them. */
export function people(rows: number, rowsPerChunk: number, tag = "a"): ScriptedDataset {
  return {
    name: "people",
    columns: [column("id", "integer"), column("name"), column("born", "date")],
    rows: Array.from({ length: rows }, (_, i) => [
      String(i + 1),
      `${tag} ${i + 1}`,
      i % 3 === 0 ? null : "2001-02-03",
    ]),
    rowsPerChunk,
  }
}

export type Bench = {
  readonly source: ScriptedSource
  readonly databaseUrl: string
  readonly log: ReturnType<typeof createTestLog>
  createLoader(change?: ChangedSettings, parts?: Partial<LoaderParts>): Loader
  /** In the text the ledger's schema is written `flatbed`, whatever it is called in this run of the tests. */
  query<Row extends pg.QueryResultRow = pg.QueryResultRow>(text: string, values?: unknown[]): Promise<Row[]>
  /** Sessions of loaders that are open now. */
  sessions(): Promise<number>
  close(): Promise<void>
}

/** A database and a source of its own for one test. */
export async function openBench(...contents: ScriptedDataset[]): Promise<Bench> {
  const database = await createTestDatabase()
  const source = await startScriptedSource(...contents)
  const pool = new pg.Pool({ connectionString: database.url, max: 3 })
  pool.on("error", () => undefined)
  const log = createTestLog()
  return {
    source,
    databaseUrl: database.url,
    log,
    createLoader: (change, parts) =>
      createLoader(makeSettings({ source: source.url, database: database.url }, change), {
        log: log.log,
        version: "0.0.0-test",
        showCommand: (args) => `flatbed-loader ${args}`,
        ...parts,
      }),
    query: async (text, values) => (await pool.query(withLedger(text), values)).rows,
    sessions: async () => {
      const text = `select count(*)::integer as open from pg_catalog.pg_stat_activity
                     where datname = current_database() and application_name like 'flatbed-loader%'`
      return (await pool.query(text)).rows[0].open
    },
    close: async () => {
      await pool.end()
      await database.drop()
      await source.close()
    },
  }
}
