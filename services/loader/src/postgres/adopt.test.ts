// If this file fails, a first load gives a table with the wrong rights, or readers see a part of it.
import { createTestDatabase, type TestDatabase, testLedger, waitFor, withLedger } from "@flatbed/testing"
import pg from "pg"
import { afterEach, beforeEach, expect, test } from "vitest"
import { adoptStaging, seesWholeRun } from "./adopt.ts"
import { asSession, type Session } from "./database.ts"

let database: TestDatabase
let pool: pg.Pool
let session: Session

beforeEach(async () => {
  database = await createTestDatabase()
  pool = new pg.Pool({ connectionString: database.url, max: 3 })
  session = asSession(await pool.connect(), testLedger)
})

afterEach(async () => {
  session.release()
  await pool.end()
  await database.drop()
})

const staging = { schema: testLedger, name: "staging_1" }
const columns = [{ name: "id", type: "integer" }]

async function makeStaging() {
  await session.query(
    withLedger("create table flatbed.staging_1 (id integer) with (autovacuum_enabled = false)"),
  )
  await session.query(withLedger("insert into flatbed.staging_1 values (1), (2)"))
}

test("staging is the table afterwards, vacuumed again, in a schema that is made where it is missing", async () => {
  await makeStaging()
  const { rows: before } = await session.query(withLedger("select 'flatbed.staging_1'::regclass::oid as oid"))
  await adoptStaging(session, staging, { schema: "Sales Q1", name: "People" }, columns)
  const { rows: after } = await session.query(
    `select oid, reloptions from pg_catalog.pg_class where oid = '"Sales Q1"."People"'::regclass`,
  )
  expect(after).toEqual([{ oid: before[0].oid, reloptions: null }])
  expect((await session.query('select id from "Sales Q1"."People" order by id')).rows).toEqual([
    { id: 1 },
    { id: 2 },
  ])
})

test("a name that the other schema has already stands in nobody's way", async () => {
  await makeStaging()
  await session.query("create table public.staging_1 (other text)")
  await adoptStaging(session, staging, { schema: "public", name: "runs" }, columns)
  expect((await session.query("select count(*)::int as n from public.runs")).rows).toEqual([{ n: 2 }])
})

test("others get the rights that default privileges give to a table made there", async () => {
  const role = `reader_${Date.now()}`
  await session.query(`create role ${role}`)
  try {
    await session.query(`alter default privileges in schema public grant select, insert on tables to ${role}`)
    await session.query("alter default privileges in schema public grant select on tables to public")
    await makeStaging()
    await adoptStaging(session, staging, { schema: "public", name: "people" }, columns)
    const { rows } = await session.query(
      `select has_table_privilege($1, 'public.people', 'select') as reads,
              has_table_privilege($1, 'public.people', 'insert') as inserts,
              has_table_privilege($1, 'public.people', 'delete') as deletes`,
      [role],
    )
    expect(rows).toEqual([{ reads: true, inserts: true, deletes: false }])
  } finally {
    await session.query(`drop owned by ${role}`)
    await session.query(`drop role ${role}`)
  }
})

test("a reader whose snapshot is older than a chunk is noticed until its snapshot is gone", async () => {
  const { rows } = await session.query(
    withLedger(`insert into flatbed.runs (pipeline, dataset, version, settings_sha256, target, staging_columns, chunks, rows, bytes, epoch)
     values ('p', 'd', 'v', 's', 't', '[]', 1, 1, 1, 1) returning run_id`),
  )
  const run = Number(rows[0].run_id)
  const reader = await pool.connect()
  await reader.query("begin isolation level repeatable read")
  await reader.query(withLedger("select 1 from flatbed.runs"))
  await session.query(
    withLedger(
      "insert into flatbed.chunks (run_id, chunk, first_row, rows, rejects, raw_sha256) values ($1, 1, 1, 1, 0, '')",
    ),
    [run],
  )
  expect(await seesWholeRun(session, run)).toBe(false)

  await reader.query("commit")
  // A transaction of another database that has lasted since before the chunk makes every snapshot look old.
  const looksWhole = async () => {
    await reader.query("begin isolation level repeatable read")
    await reader.query(withLedger("select 1 from flatbed.runs"))
    const whole = await seesWholeRun(session, run)
    await reader.query("commit")
    return whole
  }
  await waitFor(looksWhole, { what: "a snapshot that is younger than the chunk" })
  reader.release()
})

test("with a key it is the primary key, under the name and order of columns of an ordinary table", async () => {
  await session.query(
    withLedger(`create table flatbed.staging_1 (_flatbed_row bigint not null, id integer not null, name text);
     insert into flatbed.staging_1 values (1, 1, 'a'), (2, 2, null);
     create table public.ordinary (id integer, name text, _deleted_at timestamptz, primary key (id))`),
  )
  const described = [...columns, { name: "name", type: "text" }, { name: "_deleted_at", type: "timestamptz" }]
  const fileOf = async (name: string) =>
    (await session.query("select pg_relation_filenode($1::regclass) as file", [name])).rows[0].file
  const file = await fileOf(withLedger("flatbed.staging_1"))
  await adoptStaging(session, staging, { schema: "public", name: "people" }, described, ["id"])
  // Rows that were written again would be younger than some readers' snapshots.
  expect(await fileOf("public.people")).toBe(file)
  const about = async (table: string) => ({
    columns: (
      await session.query(
        `select attname, format_type(atttypid, atttypmod), attnotnull from pg_attribute
          where attrelid = $1::regclass and attnum > 0 and not attisdropped order by attnum`,
        [table],
      )
    ).rows,
    constraints: (
      await session.query(
        `select replace(conname, 'people', 'ordinary') as name, pg_get_constraintdef(oid) from pg_constraint
          where conrelid = $1::regclass order by 1`,
        [table],
      )
    ).rows,
  })
  expect(await about("public.people")).toEqual(await about("public.ordinary"))
  expect((await session.query("select * from public.people order by id")).rows).toEqual([
    { id: 1, name: "a", _deleted_at: null },
    { id: 2, name: null, _deleted_at: null },
  ])
})

test("a reader of another role is noticed too, by a loader that is no superuser", async () => {
  const [loader, other] = ["loader", "other"].map((name) => `${name}_${database.name}`)
  await session.query(
    withLedger(`create role ${loader}; create role ${other};
     grant usage on schema flatbed to ${loader}; grant select on flatbed.chunks to ${loader}`),
  )
  const reader = await pool.connect()
  try {
    const { rows } = await session.query(
      withLedger(`insert into flatbed.runs (pipeline, dataset, version, settings_sha256, target, staging_columns, chunks, rows, bytes, epoch)
       values ('p', 'd', 'v', 's', 't', '[]', 1, 1, 1, 1) returning run_id`),
    )
    const run = Number(rows[0].run_id)
    await reader.query(`set session authorization ${other}`)
    await reader.query("begin isolation level repeatable read; select 1")
    await session.query(
      withLedger(
        "insert into flatbed.chunks (run_id, chunk, first_row, rows, rejects, raw_sha256) values ($1, 1, 1, 1, 0, '')",
      ),
      [run],
    )
    await session.query(`set session authorization ${loader}`)
    expect(await seesWholeRun(session, run)).toBe(false)
  } finally {
    await session.query("reset session authorization")
    await reader.query("rollback; reset session authorization")
    reader.release()
    await session.query(`drop owned by ${loader}, ${other}; drop role ${loader}, ${other}`)
  }
})
