/** The conformance suite that every load mode runs. What is special about a mode stands in its own test. */
import { createTestDatabase, type TestDatabase } from "@flatbed/testing"
import pg from "pg"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { rowColumn } from "../own-columns.ts"
import type { Session } from "../postgres/database.ts"
import type { Application, LoadMode, ModeRules } from "./load-mode.ts"

type Row = readonly [id: number, name: string | null]

const noRules: ModeRules = {
  key: [],
  orderBy: undefined,
  dedupe: "none",
  deletes: { soft: false, maxRows: 10, maxShare: "100%", afterRejects: false, allowedFor: undefined },
}

export type LoadModeCase = {
  readonly name: string
  readonly apply: LoadMode
  /** None unless told. */
  readonly rules?: Partial<ModeRules>
  /** The rows that the table must hold when `staged` was loaded into a table that held `before`. */
  readonly expected: (before: readonly Row[], staged: readonly Row[]) => readonly Row[]
}

const staging = { schema: "flatbed", name: "staging_1" }
const target = { schema: "public", name: "people" }

/** Runs the suite for one mode, against a real Postgres. */
export function describeLoadMode({ name, apply, expected, rules: change }: LoadModeCase): void {
  const rules = { ...noRules, ...change }
  describe(`load mode ${name}`, () => {
    let database: TestDatabase
    let session: pg.PoolClient
    let pool: pg.Pool

    beforeEach(async () => {
      database = await createTestDatabase()
      pool = new pg.Pool({ connectionString: database.url, max: 2 })
      session = await pool.connect()
      await session.query(
        `create table flatbed.staging_1 (${rowColumn} bigint generated always as identity, id integer, name text)`,
      )
    })

    afterEach(async () => {
      session.release()
      await pool.end()
      await database.drop()
    })

    const insert = async (table: string, rows: readonly Row[]) => {
      for (const row of rows) await session.query(`insert into ${table} (id, name) values ($1, $2)`, [...row])
    }
    const rowsOf = async (reader: Pick<Session, "query"> = session) =>
      (await reader.query({ text: "select id, name from public.people order by id, name", rowMode: "array" }))
        .rows
    const application = (exists: boolean, columns = ["id", "name"]): Application => ({
      staging,
      target,
      columns,
      types: columns.map((column) => (column === "id" ? "integer" : "text")),
      staged: 3,
      exists,
      mayAdopt: false,
      name: "public.people",
      version: "a".repeat(64),
      rejects: 0,
      rules,
    })
    const before: Row[] = [
      [1, "old"],
      [2, null],
    ]
    const staged: Row[] = [
      [2, "new"],
      [3, ""],
      [4, null],
    ]

    test("makes the table when there is none", async () => {
      await insert("flatbed.staging_1", staged)
      expect(await apply(session, application(false))).toMatchObject({ inserted: 3, deleted: 0 })
      expect(await rowsOf()).toEqual(expected([], staged))
    })

    test("brings staged rows into a table that has some", async () => {
      await session.query("create table public.people (id integer, name text)")
      await insert("public.people", before)
      await insert("flatbed.staging_1", staged)
      const { inserted, updated, unchanged } = await apply(session, application(true))
      expect(inserted + updated + unchanged).toBe(3)
      expect(await rowsOf()).toEqual(expected(before, staged))
    })

    test("takes an empty version", async () => {
      await session.query("create table public.people (id integer, name text)")
      await insert("public.people", before)
      expect(await apply(session, application(true))).toMatchObject({ inserted: 0 })
      expect(await rowsOf()).toEqual(expected(before, []))
    })

    test("goes by names: the table's columns may stand in another order, and some be the database's own", async () => {
      await session.query(
        "create table public.people (at timestamptz default now(), name text, n integer generated always as identity, id integer)",
      )
      await insert("flatbed.staging_1", staged)
      await apply(session, application(true))
      expect(await rowsOf()).toEqual(expected([], staged))
    })

    test("leaves everything as it was when the transaction is rolled back", async () => {
      await session.query("create table public.people (id integer, name text)")
      await insert("public.people", before)
      await insert("flatbed.staging_1", staged)
      await session.query("begin")
      await apply(session, application(true))
      await session.query("rollback")
      expect(await rowsOf()).toEqual(before)
    })

    test("is seen by a reader whose snapshot is older neither half nor whole", async () => {
      await session.query("create table public.people (id integer, name text)")
      await insert("public.people", before)
      await insert("flatbed.staging_1", staged)
      const reader = await pool.connect()
      await reader.query("begin isolation level repeatable read")
      expect(await rowsOf(reader)).toEqual(before)
      await session.query("begin")
      await apply(session, application(true))
      await session.query("commit")
      expect(await rowsOf(reader)).toEqual(before)
      await reader.query("commit")
      expect(await rowsOf(reader)).toEqual(expected(before, staged))
      reader.release()
    })
  })
}
