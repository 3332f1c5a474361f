/** Brings the ledger's schema to this program's version. */
import { readdir } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { Problem } from "@flatbed/contract"
import pg from "pg"
import { toDatabaseProblem } from "./errors.ts"

const folder = fileURLToPath(new URL("../../migrations", import.meta.url))
const schema = "flatbed"
const waitMs = 60_000

/**
 * Migrates the ledger in the database at `url`. Programs that do so at once wait for each other, a minute at
 * most. A ledger that holds migrations this program does not know is refused: a newer loader made it.
 */
export async function migrateLedger(url: string, connectTimeoutMs = 10_000): Promise<void> {
  const client = new pg.Client({
    connectionString: url,
    application_name: "flatbed-loader/migrations",
    connectionTimeoutMillis: connectTimeoutMs,
    query_timeout: 2 * waitMs,
  })
  client.on("error", () => undefined)
  try {
    await client.connect()
    if (await isCurrent(client)) return
    await migrate(client)
  } catch (error) {
    throw toDatabaseProblem(error, "preparing the ledger")
  } finally {
    await client.end().catch(() => undefined)
  }
}

async function isCurrent(client: pg.Client): Promise<boolean> {
  const known = (await readdir(folder))
    .filter((file) => file.endsWith(".sql"))
    .map((file) => file.slice(0, -4))
  const table = await client.query("select pg_catalog.to_regclass('flatbed.migrations') is not null as there")
  if (!table.rows[0].there) return false
  const { rows } = await client.query<{ name: string }>("select name from flatbed.migrations order by id")
  const unknown = rows.map(({ name }) => name).filter((name) => !known.includes(name))
  if (unknown.length > 0) {
    throw new Problem(
      "database-failed",
      `The ledger holds migrations this loader does not know: ${unknown.join(", ")}.`,
      {
        hint: "A newer flatbed-loader made them. Run that one, or restore the database to before.",
      },
    )
  }
  return rows.length === known.length
}

async function migrate(client: pg.Client): Promise<void> {
  // The lock that orders migrators is an advisory one, and lock_timeout bounds the wait for those as well.
  await client.query(`set lock_timeout = ${waitMs}; set statement_timeout = ${2 * waitMs}`)
  // Loaded only when there is something to migrate: most starts need not read the runner at all.
  const { runner } = await import("node-pg-migrate")
  const silent = () => undefined
  await runner({
    dbClient: client,
    dir: folder,
    direction: "up",
    migrationsTable: "migrations",
    schema,
    createSchema: true,
    advisoryLockMode: "wait",
    singleTransaction: true,
    logger: { debug: silent, info: silent, warn: silent, error: silent },
  })
}
