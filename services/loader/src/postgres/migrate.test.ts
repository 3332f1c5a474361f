// If this file fails, a loader cannot start beside another one, or works with a ledger that it does not understand.
import { createTestDatabase, type TestDatabase, testLedger, withLedger } from "@flatbed/testing"
import pg from "pg"
import { afterEach, beforeEach, expect, test } from "vitest"
import { migrateLedger } from "./migrate.ts"

let database: TestDatabase
let client: pg.Client

beforeEach(async () => {
  database = await createTestDatabase({ template: false })
  client = new pg.Client({ connectionString: database.url })
  await client.connect()
})

afterEach(async () => {
  await client.end()
  await database.drop()
})

test("migrators that begin at once make the ledger once", async () => {
  await Promise.all(Array.from({ length: 5 }, () => migrateLedger(database.url, { schema: testLedger })))
  const { rows } = await client.query(withLedger("select name from flatbed.migrations order by id"))
  expect(rows.map(({ name }) => name)).toEqual([
    "0001_create_ledger",
    "0002_create_rejects",
    "0003_create_attempts",
    "0004_add_dataset_tag",
    "0005_add_filtered",
    "0006_add_dialect",
    "0007_add_changes",
    "0008_add_files",
    "0009_add_checks",
    "0010_add_column_changes",
    "0011_add_receipt",
    "0012_add_rehearsals",
    "0013_add_freshness",
    "0014_add_models",
  ])
})

test("a ledger that is there is left as it is", async () => {
  await migrateLedger(database.url, { schema: testLedger })
  await client.query(
    withLedger("insert into flatbed.ticks (pipeline, tick, claimed_by) values ('p', now(), 'me')"),
  )
  await migrateLedger(database.url, { schema: testLedger })
  expect((await client.query(withLedger("select pipeline from flatbed.ticks"))).rowCount).toBe(1)
})

test("a ledger whose times are in another order is brought to the newest version nevertheless", async () => {
  await migrateLedger(database.url, { schema: testLedger })
  // As after `alter database … set timezone` between two versions of the loader; the last one is not there yet.
  await client.query(
    withLedger(
      `drop table flatbed.model_rejects, flatbed.model_runs;
       delete from flatbed.migrations where name = '0014_add_models';
       update flatbed.migrations set run_on = run_on - id * interval '1 hour'`,
    ),
  )
  await migrateLedger(database.url, { schema: testLedger })
  const { rows } = await client.query(
    withLedger("select name from flatbed.migrations order by id desc limit 1"),
  )
  expect(rows).toEqual([{ name: "0014_add_models" }])
})

test("a ledger of a newer loader is refused by name", async () => {
  await migrateLedger(database.url, { schema: testLedger })
  await client.query(
    withLedger("insert into flatbed.migrations (name, run_on) values ('9000_from_the_future', now())"),
  )
  await expect(migrateLedger(database.url, { schema: testLedger })).rejects.toMatchObject({
    code: "database-failed",
    exitCode: 4,
    message: expect.stringContaining("9000_from_the_future"),
  })
})

test("every table of the ledger says what it is for", async () => {
  await migrateLedger(database.url, { schema: testLedger })
  const { rows } = await client.query(
    withLedger(`select relname from pg_class where relnamespace = 'flatbed'::regnamespace and relkind = 'r'
        and obj_description(oid, 'pg_class') is null and relname <> 'migrations'`),
  )
  expect(rows).toEqual([])
})

test("a role that may not create a schema is told which right is missing", async () => {
  const role = `flatbed_poor_${process.pid}`
  await client.query(`create role ${role} login password 'poor'`)
  const url = new URL(database.url)
  url.username = role
  url.password = "poor"
  await expect(migrateLedger(url.href, { schema: testLedger })).rejects.toMatchObject({
    code: "database-refused",
    exitCode: 4,
  })
  await client.query(`drop role ${role}`)
})
