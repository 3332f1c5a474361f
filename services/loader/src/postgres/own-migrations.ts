/** The user's own migrations: numbered files of SQL, each run once, in the order of their numbers. */
import { readdir, readFile } from "node:fs/promises"
import { join } from "node:path"
import { Problem } from "@flatbed/contract"
import pg from "pg"
import { lineOfPosition } from "../sql/statement.ts"
import { describeUnread, showPath } from "../sql-file.ts"
import { findMeaning, isAnswer, toDatabaseProblem } from "./errors.ts"
import { quoteName } from "./identifier.ts"
import {
  checkMigrationFiles,
  inspectMigrationFiles,
  type MigrationFile,
  planMigrations,
  type RunMigration,
  type WrittenMigration,
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

/** What is wrong with the folder and its files, each in a sentence; asks no database. */
export async function findMigrationProblems(folder: string): Promise<string[]> {
  try {
    const { files, unread } = await readFolder(folder)
    return [...unread, ...inspectMigrationFiles(files).wrong].map(({ message }) => message)
  } catch (error) {
    if (error instanceof Problem) return [error.message]
    throw error
  }
}

async function readMigrationFiles(folder: string): Promise<readonly MigrationFile[]> {
  const { files, unread } = await readFolder(folder)
  const [first] = unread
  if (first !== undefined) throw first
  return checkMigrationFiles(files)
}

async function readFolder(
  folder: string,
): Promise<{ readonly files: readonly WrittenMigration[]; readonly unread: readonly Problem[] }> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    const why = error.code === "ENOTDIR" ? "is none" : describeUnread(error)
    throw new Problem("settings-invalid", `migrations: the folder ${showPath(folder)} ${why}.`, {
      hint: "Make it, or take the setting out.",
    })
  })
  const files: WrittenMigration[] = []
  const unread: Problem[] = []
  // One after the other, so that what is wrong is told in one order.
  for (const file of names.toSorted()) {
    if (!/\.sql$/i.test(file) || file.startsWith(".")) continue
    // As the runner reads it, a mark at its beginning too.
    const sql = await readFile(join(folder, file), "utf8").catch((error: NodeJS.ErrnoException) => {
      unread.push(
        new Problem("migration-failed", `The migration ${file} ${describeUnread(error)}.`, {
          hint: "No migration was run. Each is a file of SQL that the loader may read.",
          facts: { file },
        }),
      )
    })
    if (sql !== undefined) files.push({ file, sql })
  }
  return { files, unread }
}

async function findRunMigrations(
  client: Pick<pg.ClientBase, "query">,
  schema: string,
): Promise<RunMigration[]> {
  const table = `${quoteName(schema)}.${bookkeeping}`
  const there = await client.query("select pg_catalog.to_regclass($1) is not null as there", [table])
  if (!there.rows[0].there) return []
  const { rows } = await client.query<{ name: string; run_on: string }>(
    `select name, run_on::pg_catalog.text from ${table} order by id`,
  )
  return rows.map(({ name, run_on: ranAt }) => ({ name, ranAt }))
}

/**
 * One call of the runner each, so that what one sets in the session is not there for the next. Which is next is told by
 * numbers and names, never by when the others ran.
 */
async function runPending(
  client: pg.Client,
  own: OwnMigrations,
  files: readonly MigrationFile[],
): Promise<string[]> {
  // Loaded only when there is something to run, as for the ledger's own.
  const { runner } = await import("node-pg-migrate")
  const silent = () => undefined
  const ran: string[] = []
  // Another loader's may run for as long as a statement may; a lock on a table is waited for no longer than usual.
  await client.query(
    `set statement_timeout = ${own.statementTimeoutMs}; select pg_catalog.pg_advisory_lock(${lockNumber})`,
  )
  await prepareBookkeeping(client, own.schema)
  for (;;) {
    // A role is none of "all".
    await client.query(
      `reset session authorization; reset role; reset all; set search_path to ''; set lock_timeout = ${own.lockTimeoutMs}; set statement_timeout = ${own.statementTimeoutMs}`,
    )
    // Asked each time: another loader may have run some before this one had the lock.
    const [next] = planMigrations(files, await findRunMigrations(client, own.schema))
    if (next === undefined) return ran
    try {
      await runner({
        dbClient: client,
        dir: own.folder,
        // All that is no SQL stays unread: the runner would import a program.
        ignorePattern: String.raw`(?:\..*|(?!.*\.sql$).*)`,
        direction: "up",
        file: next.name,
        // The runner would order those that ran by the clock, which a file may set to another zone.
        checkOrder: false,
        migrationsTable: bookkeeping,
        migrationsSchema: own.schema,
        // One lock is held for all of them, until the connection ends.
        noLock: true,
        singleTransaction: false,
        logger: { debug: silent, info: silent, warn: silent, error: silent },
      })
      ran.push(next.name)
    } catch (error) {
      throw describeFailure(error, next, ran)
    }
  }
}

/** The table as the runner would make it, but for the time, which would be one without its zone. */
async function prepareBookkeeping(client: pg.Client, schema: string): Promise<void> {
  const table = `${quoteName(schema)}.${bookkeeping}`
  const there = await client.query("select pg_catalog.to_regclass($1) is not null as there", [table])
  if (there.rows[0].there) return
  await client.query(
    `create table ${table} (id pg_catalog.int4 generated by default as identity primary key,
                            name pg_catalog.varchar(255) not null, run_on pg_catalog.timestamptz not null);
     comment on table ${table} is ${pg.escapeLiteral(purpose)}`,
  )
}

function describeFailure(error: unknown, file: MigrationFile, ran: readonly string[]): unknown {
  const meaning = findMeaning(error)
  // The runner's own words, for what it cannot do at all.
  if (meaning === undefined && error instanceof Error && !(error instanceof Problem))
    return new Problem("migration-failed", `${error.message.split("\n")[0]}.`, { cause: error })
  if (!isAnswer(error) || meaning?.retry === true) return error
  const line = lineOfPosition(file.sql, error.position)
  const detail = error.detail === undefined ? "" : ` (${error.detail})`
  const before =
    ran.length === 0 ? "" : ` ${ran.join(", ")} ran before it and ${ran.length === 1 ? "stays" : "stay"}.`
  return new Problem(
    "migration-failed",
    `${file.file}${line === undefined ? "" : `, line ${line}`}: Postgres said: ${error.message}${detail}.`,
    {
      hint: `Nothing of ${file.file} was kept.${before}${whatToDo(error)}`,
      facts: { file: file.file, sqlstate: error.code ?? null, ...(line === undefined ? {} : { line }) },
      cause: error,
    },
  )
}

function whatToDo({ code, message, hint }: pg.DatabaseError): string {
  // active_sql_transaction
  if (code === "25001") {
    const instead = /concurrently/i.test(message)
      ? "name it under `indexes:` of the pipeline or model, or make the index by hand"
      : "do it by hand"
    return ` A migration is one transaction, in which that cannot run: take it out, and ${instead}.`
  }
  // invalid_schema_name without a name: nothing was written before the point.
  const isUnnamed = (code === "3F000" && !/"/.test(message)) || (code === "42P01" && /"[^".]+"/.test(message))
  if (isUnnamed) return " Names are looked up in no schema: write each with its own, as in public.orders."
  return hint === undefined ? "" : ` ${hint}`
}
