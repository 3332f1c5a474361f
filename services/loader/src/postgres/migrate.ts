/** Brings the ledger's schema to this program's version. */
import { readdir } from "node:fs/promises"
import { Problem } from "@flatbed/contract"
import pg from "pg"
import { migrationsFolder } from "../own-files.ts"
import { toDatabaseProblem } from "./errors.ts"
import { quoteName, showName } from "./identifier.ts"

const waitMs = 60_000

/**
 * Migrates the ledger, which lives in this schema of the database at `url`. Programs that do so at once wait for each other, a minute at
 * most. A ledger that holds migrations this program does not know is refused: a newer loader made it.
 */
export async function migrateLedger(
  url: string,
  { schema, connectTimeoutMs = 10_000 }: { readonly schema: string; readonly connectTimeoutMs?: number },
): Promise<void> {
  const client = new pg.Client({
    connectionString: url,
    application_name: "flatbed-loader/migrations",
    connectionTimeoutMillis: connectTimeoutMs,
    query_timeout: 2 * waitMs,
  })
  client.on("error", () => undefined)
  try {
    await client.connect()
    // What a role or a database sets there must not decide what a name means.
    await client.query("set search_path to ''")
    if (await isCurrent(client, schema)) return
    await migrate(client, schema)
  } catch (error) {
    throw toDatabaseProblem(error, "preparing the ledger")
  } finally {
    await client.end().catch(() => undefined)
  }
}

/** Whether a ledger is there, and of this program's version. Writes nothing. Raises as migrateLedger does. */
export async function inspectLedger(client: Asked, schema: string): Promise<"missing" | "older" | "current"> {
  if (await isCurrent(client, schema)) return "current"
  const { rows } = await client.query<{ there: boolean }>(
    "select pg_catalog.to_regclass($1) is not null as there",
    [`${quoteName(schema)}.migrations`],
  )
  if (rows[0]?.there) return "older"
  await findSchema(client, schema)
  return "missing"
}

type Asked = Pick<pg.ClientBase, "query">

async function isCurrent(client: Asked, schema: string): Promise<boolean> {
  const known = (await readdir(migrationsFolder))
    .filter((file) => file.endsWith(".sql"))
    .map((file) => file.slice(0, -4))
  const migrations = `${quoteName(schema)}.migrations`
  const table = await client.query("select pg_catalog.to_regclass($1) is not null as there", [migrations])
  if (!table.rows[0].there) return false
  const { rows } = await client.query<{ name: string }>(`select name from ${migrations} order by id`)
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

/** Whether the ledger's schema is there. Raises database-refused when it is not, and the role may not make it. */
async function findSchema(client: Asked, schema: string): Promise<boolean> {
  const { rows } = await client.query<{ role: string; there: boolean; mayMake: boolean }>(
    `select pg_catalog.quote_ident(current_user) as role, pg_catalog.to_regnamespace($1) is not null as there,
            case when pg_catalog.to_regnamespace($1) is null
                 then pg_catalog.has_database_privilege(pg_catalog.current_database(), 'create')
                 else pg_catalog.has_schema_privilege(pg_catalog.to_regnamespace($1), 'create') end as "mayMake"`,
    [quoteName(schema)],
  )
  const { role, there, mayMake } = rows[0] ?? { role: "", there: false, mayMake: true }
  if (mayMake) return there
  const name = showName(schema)
  const lacks = there
    ? `may not make tables in the schema ${name}`
    : `may not make the schema ${name}, which is not there`
  const give = there
    ? `alter schema ${name} owner to ${role};`
    : `create schema ${name} authorization ${role};`
  throw new Problem("database-refused", `The role ${role} ${lacks}: the ledger and staging live in it.`, {
    hint: `As a superuser:  ${give}  services/loader/deploy/role.sql has all that the loader needs.`,
    facts: { role, schema },
  })
}

async function migrate(client: pg.Client, schema: string): Promise<void> {
  const isThere = await findSchema(client, schema)
  // The lock that orders migrators is an advisory one, and lock_timeout bounds the wait for those as well.
  await client.query(`set lock_timeout = ${waitMs}; set statement_timeout = ${2 * waitMs}`)
  // Loaded only when there is something to migrate: most starts need not read the runner at all.
  const { runner } = await import("node-pg-migrate")
  const silent = () => undefined
  await runner({
    dbClient: client,
    dir: migrationsFolder,
    direction: "up",
    migrationsTable: "migrations",
    schema,
    // `create schema if not exists` needs the right to make schemas also where there is nothing to make.
    createSchema: !isThere,
    advisoryLockMode: "wait",
    // It would be that of a clock, to which a database may give another zone between two versions of this program.
    checkOrder: false,
    singleTransaction: true,
    logger: { debug: silent, info: silent, warn: silent, error: silent },
  })
}
