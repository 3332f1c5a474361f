/** One `npm start` per clone at a time: the turn is a lock in the Postgres that they would share. */
import { Client } from "pg"

export type Turn = {
  /** Resolves when the connection that holds the turn is lost: Postgres has gone. */
  readonly lost: Promise<void>
  close(): Promise<void>
}

// Any number would do; every `npm start` has to name the same one.
const lockNumber = 4_000_4101

/**
 * Takes the turn, or answers undefined when somebody has it. A session's advisory lock ends with its process,
 * however that ends. It guards the terminal's convenience only; what loaders may commit is decided in the ledger.
 */
export async function findTurn(url: string): Promise<Turn | undefined> {
  const client = new Client({ connectionString: url, application_name: "flatbed npm start" })
  const lost = new Promise<void>((resolve) => {
    client.on("error", () => resolve())
    client.on("end", () => resolve())
  })
  await client.connect()
  const { rows } = await client.query<{ taken: boolean }>("select pg_try_advisory_lock($1) as taken", [
    lockNumber,
  ])
  if (rows[0]?.taken === true) return { lost, close: () => client.end() }
  await client.end()
  return undefined
}

/** Those of the tables and views that are there, `schema.table` each or `table` in schema public. */
export async function findTables(url: string, tables: readonly string[]): Promise<string[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    const { rows } = await client.query<{ table: string }>(
      `select wanted.name as table from unnest($1::text[]) with ordinality as wanted (name, place)
        where exists (select from pg_class
                        join pg_namespace on pg_namespace.oid = relnamespace
                       where relkind in ('r', 'p', 'v')
                         and wanted.name in (nspname || '.' || relname, case when nspname = 'public' then relname end))
        order by place`,
      [tables],
    )
    return rows.map(({ table }) => table)
  } finally {
    await client.end()
  }
}

/** Makes a database of this name unless it is there. */
export async function openDatabase(url: string, name: string): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    const { rowCount } = await client.query("select from pg_database where datname = $1", [name])
    if (rowCount === 0) await client.query(`create database ${client.escapeIdentifier(name)}`)
  } finally {
    await client.end()
  }
}
