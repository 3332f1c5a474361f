/** The user's own migrations: numbered files of SQL, each run once, in the order of their numbers. */
import { readdir, readFile } from "node:fs/promises"
import { join, relative } from "node:path"
import { Problem } from "@flatbed/contract"
import pg from "pg"
import { lineOfPosition } from "../sql/statement.ts"
import { findMeaning, isAnswer, toDatabaseProblem } from "./errors.ts"
import { quoteName } from "./identifier.ts"
import {
  checkMigrationFiles,
  type MigrationFile,
  planMigrations,
  type RunMigration,
} from "./plan-migrations.ts"

/** Which of the user's migrations ran; beside the ledger's tables, and none of them. */
const bookkeeping = "own_migrations"
// Any number that nobody else in the database takes: "own migr" in ASCII.
const lockNumber = "8032009545992202098"
const purpose = "Which of the user's migrations (the setting migrations) ran, and when."

export type OwnMigrations = {
  /** Absolute. */
  readonly folder: string
  readonly url: string
  /** The ledger's, which is there. */
  readonly schema: string
  readonly connectTimeoutMs: number
  readonly lockTimeoutMs: number
  readonly statementTimeoutMs: number
}

/**
 * Runs those that have not run, each in a transaction of its own; answers their names. Programs that do so at once wait
 * for each other.
 *
 * @throws Problem `settings-invalid` when the folder cannot be read; `migration-failed` for files that cannot be run, or
 * are not those that ran before, and for what Postgres refuses: of that migration nothing stays.
 */
export async function runOwnMigrations(own: OwnMigrations): Promise<string[]> {
  const files = await readMigrationFiles(own.folder)
  const client = new pg.Client({
    connectionString: own.url,
    application_name: "flatbed-loader/migrations",
    connectionTimeoutMillis: own.connectTimeoutMs,
    query_timeout: own.statementTimeoutMs + own.lockTimeoutMs,
  })
  client.on("error", () => undefined)
  try {
    await client.connect()
    if (planMigrations(files, await findRunMigrations(client, own.schema)).length === 0) return []
    return await runPending(client, own, files)
  } catch (error) {
    throw toDatabaseProblem(error, "running the migrations")
  } finally {
    await client.end().catch(() => undefined)
  }
}

/** Their names that have not run yet. Writes nothing; raises as runOwnMigrations. */
export async function listPendingMigrations(
  session: Pick<pg.ClientBase, "query">,
  { folder, schema }: Pick<OwnMigrations, "folder" | "schema">,
): Promise<string[]> {
  const files = await readMigrationFiles(folder)
  return planMigrations(files, await findRunMigrations(session, schema)).map(({ name }) => name)
}

async function readMigrationFiles(folder: string): Promise<MigrationFile[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    const why = error.code === "ENOENT" ? "is not there" : `cannot be read: ${error.message}`
    throw new Problem(
      "settings-invalid",
      `migrations: the folder ${relative(process.cwd(), folder) || "."} ${why}.`,
      {
        hint: "Make it, or take the setting out.",
      },
    )
  })
  const files = await Promise.all(
    names
      .filter((name) => name.endsWith(".sql") && !name.startsWith("."))
      .map(async (name) => ({ file: name, sql: await readFile(join(folder, name), "utf8") })),
  )
  return checkMigrationFiles(files)
}

async function findRunMigrations(
  client: Pick<pg.ClientBase, "query">,
  schema: string,
): Promise<RunMigration[]> {
  const table = `${quoteName(schema)}.${bookkeeping}`
  const there = await client.query("select pg_catalog.to_regclass($1) is not null as there", [table])
  if (!there.rows[0].there) return []
  const { rows } = await client.query<{ name: string; run_on: string }>(
    `select name, run_on::pg_catalog.text from ${table} order by run_on, id`,
  )
  return rows.map(({ name, run_on: ranAt }) => ({ name, ranAt }))
}

/** One call of the runner each, so that what one sets in the session is not there for the next. */
async function runPending(
  client: pg.Client,
  own: OwnMigrations,
  files: readonly MigrationFile[],
): Promise<string[]> {
  // Loaded only when there is something to run, as for the ledger's own.
  const { runner } = await import("node-pg-migrate")
  const silent = () => undefined
  const ran: string[] = []
  let running: string | undefined
  const onInfo = (message: string) => {
    running = /^### MIGRATION (.*) \(UP\)/.exec(message)?.[1] ?? running
  }
  // Another loader's may run for as long as a statement may; a lock on a table is waited for no longer than usual.
  await client.query(
    `set statement_timeout = ${own.statementTimeoutMs}; select pg_catalog.pg_advisory_lock(${lockNumber})`,
  )
  for (;;) {
    await client.query(
      `reset all; set search_path to ''; set lock_timeout = ${own.lockTimeoutMs}; set statement_timeout = ${own.statementTimeoutMs}`,
    )
    try {
      const [one] = await runner({
        dbClient: client,
        dir: own.folder,
        // All that is no SQL stays unread: the runner would import a program.
        ignorePattern: String.raw`(?:\..*|(?!.*\.sql$).*)`,
        direction: "up",
        count: 1,
        migrationsTable: bookkeeping,
        migrationsSchema: own.schema,
        // One lock is held for all of them, until the connection ends.
        noLock: true,
        singleTransaction: false,
        logger: { debug: silent, info: onInfo, warn: silent, error: silent },
      })
      if (one === undefined) return ran
      ran.push(one.name)
      await client.query(
        `comment on table ${quoteName(own.schema)}.${bookkeeping} is ${pg.escapeLiteral(purpose)}`,
      )
    } catch (error) {
      throw describeFailure(
        error,
        files.find(({ name }) => name === running),
        ran,
      )
    }
  }
}

function describeFailure(error: unknown, file: MigrationFile | undefined, ran: readonly string[]): unknown {
  const meaning = findMeaning(error)
  // The runner's own words, for what it cannot do at all.
  if (meaning === undefined && error instanceof Error && !(error instanceof Problem))
    return new Problem("migration-failed", `${error.message.split("\n")[0]}.`, { cause: error })
  if (file === undefined || !isAnswer(error) || meaning?.retry === true) return error
  const line = lineOfPosition(file.sql, error.position)
  const detail = error.detail === undefined ? "" : ` (${error.detail})`
  const before =
    ran.length === 0 ? "" : ` ${ran.join(", ")} ran before it and ${ran.length === 1 ? "stays" : "stay"}.`
  return new Problem(
    "migration-failed",
    `${file.file}${line === undefined ? "" : `, line ${line}`}: Postgres said: ${error.message}${detail}.`,
    {
      hint: `Nothing of ${file.file} was kept.${before}${schemaHint(error)}`,
      facts: { file: file.file, sqlstate: error.code ?? null, ...(line === undefined ? {} : { line }) },
      cause: error,
    },
  )
}

// invalid_schema_name without a name: nothing was written before the point.
function schemaHint({ code, message, hint }: pg.DatabaseError): string {
  const isUnnamed = (code === "3F000" && !/"/.test(message)) || (code === "42P01" && /"[^".]+"/.test(message))
  if (isUnnamed) return " Names are looked up in no schema: write each with its own, as in public.orders."
  return hint === undefined ? "" : ` ${hint}`
}
