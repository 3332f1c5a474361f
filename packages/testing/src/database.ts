/** A real Postgres database for one test file. */
import { randomBytes } from "node:crypto"
import { Client } from "pg"

/** What the ledger's schema is called in this run of the tests: `flatbed`, or as FLATBED_TEST_LEDGER says. */
export const testLedger = process.env.FLATBED_TEST_LEDGER ?? "flatbed"

/** What a loader's environment has, so that it keeps its ledger where this run of the tests looks for it. */
export const ledgerVariable: Readonly<Record<string, string>> =
  process.env.FLATBED_TEST_LEDGER === undefined ? {} : { FLATBED_LOADER__DATABASE__SCHEMA: testLedger }

/** A test's statement, in which the ledger's schema is written `flatbed`, for the name that it has in this run. */
export function withLedger(sql: string): string {
  const quoted = `"${testLedger}"`
  return sql
    .replaceAll(/\bflatbed(?=\.[a-z_])/g, quoted)
    .replaceAll(/\b(schema (?:\w+, )?)flatbed\b/g, `$1${quoted}`)
    .replaceAll("'flatbed'::regnamespace", `'${quoted}'::regnamespace`)
    .replaceAll("'flatbed'", `'${testLedger}'`)
}

export type TestDatabase = {
  readonly name: string
  /** Connection URL with the password; the search path is empty, so an unqualified table name fails. */
  readonly url: string
  /** Ends every connection to it and deletes it. */
  drop(): Promise<void>
}

/**
 * Makes a database: a clone of the template with the ledger in it, or an empty one with `template: false`.
 * The server is the one that Vitest's global set-up started, and with it every database that a killed test left.
 */
export async function createTestDatabase(options: { template?: boolean } = {}): Promise<TestDatabase> {
  const server = process.env.FLATBED_TEST_DATABASE_URL
  const ledger = process.env.FLATBED_TEST_TEMPLATE
  if (server === undefined || ledger === undefined) {
    throw new Error(
      "FLATBED_TEST_DATABASE_URL is not set: run the test through Vitest from the repository's root.",
    )
  }
  const template = options.template === false ? "template0" : ledger
  const name = `test_${Date.now()}_${process.pid}_${randomBytes(3).toString("hex")}`
  const url = new URL(server)
  url.pathname = `/${name}`
  // Copying the files beats logging every page: the template is small.
  await execute(server, `create database ${name} template ${template} strategy file_copy`)
  await execute(server, `alter database ${name} set search_path to ''`)
  const drop = async () => {
    await execute(server, waitForEnd(name))
    await execute(server, `drop database if exists ${name} with (force)`)
  }
  return { name, url: url.href, drop }
}

/**
 * A closed connection's session is there a moment longer. Ended by force in that moment, it tells so on a connection
 * that nobody listens to any more, and the test run would fail for it.
 */
const waitForEnd = (database: string) => `do $$ begin
  for i in 1..50 loop
    exit when not exists (select from pg_catalog.pg_stat_activity where datname = '${database}');
    perform pg_catalog.pg_sleep(0.01), pg_catalog.pg_stat_clear_snapshot();
  end loop;
end $$`

async function execute(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}

export type TestRole = {
  readonly name: string
  /** The database's connection URL as this role. */
  readonly url: string
  /** Deletes it; the databases in which it has rights must be gone. */
  drop(): Promise<void>
}

/** Makes a role that may log in and nothing else, so that it has the rights a test gives it. */
export async function createTestRole(database: TestDatabase): Promise<TestRole> {
  const name = `role_${process.pid}_${randomBytes(4).toString("hex")}`
  const password = randomBytes(16).toString("hex")
  await execute(database.url, `create role ${name} login password '${password}'`)
  const url = new URL(database.url)
  url.username = name
  url.password = password
  const server = new URL(database.url)
  server.pathname = "/postgres"
  return { name, url: url.href, drop: () => execute(server.href, `drop role if exists ${name}`) }
}
