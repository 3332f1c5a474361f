/** The conformance suite that every load mode runs. What is special about a mode stands in its own test. */
import {
  createTestDatabase,
  createTestRole,
  type TestDatabase,
  type TestRole,
  testLedger,
  withLedger,
} from "@flatbed/testing"
import pg from "pg"
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest"
import { rowColumn } from "../columns/own-columns.ts"
import { asSession, type Session } from "../postgres/database.ts"
import type { Application, LoadMode, ModeRules } from "./load-mode.ts"

type Row = readonly [id: number, name: string | null]

const noRules: ModeRules = {
  key: [],
  orderBy: undefined,
  dedupe: "none",
  lineage: false,
  numbered: false,
  swap: false,
  deletes: { soft: false, maxRows: 10, maxShare: "100%", afterRejects: false, allowedFor: undefined },
}

export type LoadModeCase = {
  readonly name: string
  readonly apply: LoadMode
  /** None unless told. */
  readonly rules?: Partial<ModeRules>
  /** Whether staging takes the table's place: then it has the table's columns only, and the table is the loader's own. */
  readonly swaps?: boolean
  /** The rows that the table must hold when `staged` was loaded into a table that held `before`. */
  readonly expected: (before: readonly Row[], staged: readonly Row[]) => readonly Row[]
}

/** What the rows are loaded into, and as whom. */
type Ground = {
  readonly name: string
  /** How it is partitioned, and the bounds of its partitions. */
  readonly by?: string
  readonly partitions?: readonly string[]
  /** Whether the loader is a role that neither owns the table nor may do more than needs be. */
  readonly asRole?: boolean
}

const grounds: readonly Ground[] = [
  { name: "a table" },
  { name: "another role's table", asRole: true },
  {
    name: "a table partitioned by range",
    by: "range (id)",
    partitions: ["for values from (minvalue) to (3)", "for values from (3) to (maxvalue)"],
  },
  {
    name: "a table partitioned by hash",
    by: "hash (id)",
    partitions: ["for values with (modulus 2, remainder 0)", "for values with (modulus 2, remainder 1)"],
  },
  // A row whose name changes moves to the other partition.
  {
    name: "a table partitioned by list",
    by: "list (name)",
    partitions: ["for values in ('new', '')", "default"],
  },
]

const staging = { schema: testLedger, name: "staging_1" }
const target = { schema: "public", name: "people" }

/** Runs the suite for one mode, against a real Postgres. */
export function describeLoadMode(mode: LoadModeCase): void {
  // What else a swap is refused on stands in swap.test.ts.
  const served = mode.swaps ? grounds.filter(({ by, asRole }) => by === undefined && !asRole) : grounds
  describe.each(served)(`load mode ${mode.name} into $name`, (ground) => describeOn(ground, mode))
}

function describeOn(ground: Ground, { apply, expected, rules: change, swaps = false }: LoadModeCase): void {
  const rules = { ...noRules, ...change }
  let database: TestDatabase
  let role: TestRole | undefined
  /** Of the superuser. */
  let pool: pg.Pool
  let admin: Session
  let session: Session
  const pools: pg.Pool[] = []

  beforeAll(async () => {
    database = await createTestDatabase()
    pool = openPool(database.url)
    admin = asSession(await pool.connect(), testLedger)
    if (ground.asRole) {
      role = await createTestRole(database)
      await admin.query(withLedger(`grant usage, create on schema public, flatbed to ${role.name}`))
    }
    session = role === undefined ? admin : asSession(await openPool(role.url).connect(), testLedger)
  })

  beforeEach(async () => {
    await admin.query(withLedger("drop table if exists public.people, flatbed.staging_1"))
    const number = swaps ? "" : `${rowColumn} bigint generated always as identity, `
    await session.query(withLedger(`create table flatbed.staging_1 (${number}id integer, name text)`))
  })

  afterAll(async () => {
    if (session !== admin) session.release()
    admin.release()
    for (const one of pools) await one.end()
    await database.drop()
    await role?.drop()
  })

  function openPool(url: string): pg.Pool {
    const opened = new pg.Pool({ connectionString: url, max: 2 })
    // The database is dropped while the last sessions may still be ending.
    opened.on("connect", (client) => client.on("error", () => undefined))
    pools.push(opened)
    return opened
  }

  /** Makes the table, as somebody else who gives the loader the rights on rows and no others. */
  const makeTable = async (columns: string) => {
    const { by, partitions = [] } = ground
    await admin.query(
      `create table public.people (${columns})${by === undefined ? "" : ` partition by ${by}`}`,
    )
    for (const [i, bounds] of partitions.entries()) {
      await admin.query(`create table public.people_${i + 1} partition of public.people ${bounds}`)
    }
    if (role !== undefined)
      await admin.query(`grant select, insert, update, delete on public.people to ${role.name}`)
  }
  const insert = async (table: string, rows: readonly Row[]) => {
    const writer = table === "public.people" ? admin : session
    const text = withLedger(`insert into ${table} (id, name) values ($1, $2)`)
    for (const row of rows) await writer.query(text, [...row])
  }
  const rowsOf = async (reader: Pick<Session, "query"> = session) =>
    (await reader.query({ text: "select id, name from public.people order by id, name", rowMode: "array" }))
      .rows
  const application = (exists: boolean, staged = 3, columns = ["id", "name"]): Application => ({
    staging,
    target,
    columns,
    types: columns.map((column) => (column === "id" ? "integer" : "text")),
    staged,
    exists,
    mayAdopt: swaps,
    swapWaitMs: 0,
    onNotSwapped: () => undefined,
    name: "public.people",
    version: "a".repeat(64),
    rejects: 0,
    rules,
  })
  const publish = async (exists: boolean, rows = 3) => {
    await session.query("begin")
    const applied = await apply(session, application(exists, rows))
    await session.query("commit")
    return applied
  }
  const before: Row[] = [
    [1, "old"],
    [2, null],
  ]
  const staged: Row[] = [
    [2, "new"],
    [3, ""],
    [4, null],
  ]

  // A table that the loader makes is an ordinary one.
  test.skipIf(ground.by !== undefined)("makes the table when there is none", async () => {
    await insert("flatbed.staging_1", staged)
    expect(await publish(false)).toMatchObject({ inserted: 3, deleted: 0 })
    expect(await rowsOf()).toEqual(expected([], staged))
  })

  test("brings staged rows into a table that has some", async () => {
    await makeTable("id integer, name text")
    await insert("public.people", before)
    await insert("flatbed.staging_1", staged)
    const { inserted, updated, unchanged } = await publish(true)
    expect(inserted + updated + unchanged).toBe(3)
    expect(await rowsOf()).toEqual(expected(before, staged))
  })

  test("takes an empty version", async () => {
    await makeTable("id integer, name text")
    await insert("public.people", before)
    expect(await publish(true, 0)).toMatchObject({ inserted: 0 })
    expect(await rowsOf()).toEqual(expected(before, []))
  })

  test.skipIf(swaps)(
    "goes by names: the table's columns may stand in another order, and some be the database's own",
    async () => {
      await makeTable(
        "at timestamptz default now(), name text, n integer generated always as identity, id integer",
      )
      await insert("flatbed.staging_1", staged)
      await publish(true)
      expect(await rowsOf()).toEqual(expected([], staged))
    },
  )

  test("leaves everything as it was when the transaction is rolled back", async () => {
    await makeTable("id integer, name text")
    await insert("public.people", before)
    await insert("flatbed.staging_1", staged)
    await session.query("begin")
    await apply(session, application(true))
    await session.query("rollback")
    expect(await rowsOf()).toEqual(before)
  })

  test("is seen by a reader whose snapshot is older neither half nor whole", async () => {
    await makeTable("id integer, name text")
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
}
