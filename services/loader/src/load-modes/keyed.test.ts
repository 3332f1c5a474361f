// If this file fails, a table is not what its versions say: a change is lost, a row doubled, deleted or kept.

import { Problem } from "@flatbed/contract"
import { createRandom, createTestDatabase, type TestDatabase, testLedger, withLedger } from "@flatbed/testing"
import pg from "pg"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { deletedAt, rowColumn } from "../columns/own-columns.ts"
import { asSession, type Session } from "../postgres/database.ts"
import { changeVersion, compareOf, historyColumns, keyedModes } from "./histories.test-kit.ts"
import { keepFirst } from "./keyed.ts"
import { type Application, type Applied, loadModes, type ModeRules } from "./load-mode.ts"
import { applyVersion, type ModelMode, type ModelRow, type ModelTableRow } from "./mode-model.test-kit.ts"

const histories = Number(process.env.FLATBED_TEST_HISTORIES ?? 50)
const seed = Number(process.env.FLATBED_TEST_SEED ?? Date.now() % 1_000_000_000)

const columns = historyColumns.map(({ name }) => name)
const types = historyColumns.map(({ type }) => type)
const staging = { schema: testLedger, name: "staging_1" }
const target = { schema: "public", name: "people" }

let database: TestDatabase
let session: Session
let pool: pg.Pool

beforeAll(async () => {
  database = await createTestDatabase()
  pool = new pg.Pool({ connectionString: database.url, max: 1 })
  session = asSession(await pool.connect(), testLedger)
})

afterAll(async () => {
  session.release()
  await pool.end()
  await database.drop()
})

const noLimit = {
  maxRows: Number.MAX_SAFE_INTEGER,
  maxShare: "100%",
  afterRejects: false,
  allowedFor: undefined,
}

const rulesOf = ({ key, orderBy, dedupe, soft }: ModelMode): ModeRules => ({
  key,
  orderBy,
  dedupe,
  swap: false,
  lineage: false,
  numbered: false,
  deletes: { ...noLimit, soft },
})

/** No table, or for this mode an empty one in which a row moves to another partition when its name changes. */
async function begin(partitionedFor?: ModelMode): Promise<void> {
  await session.query(withLedger("drop table if exists public.people, flatbed.staging_1 cascade"))
  if (partitionedFor === undefined) return
  const list = columns.map((name, i) => `${name} ${types[i]}`)
  const marks = partitionedFor.soft ? [`${deletedAt} timestamptz`] : []
  await session.query(
    `create table public.people (${[...list, ...marks].join(", ")}) partition by list (name);
     create table public.people_some partition of public.people for values in ('x', '', null);
     create table public.people_rest partition of public.people default`,
  )
}

/** One publish, as publish.ts makes it. */
async function load(
  version: readonly ModelRow[],
  mode: ModelMode,
  change: Partial<Application> = {},
): Promise<Applied> {
  const list = columns.map((name, i) => `${name} ${types[i]}`).join(", ")
  await session.query(
    withLedger(`create table if not exists flatbed.staging_1 (${rowColumn} bigint, ${list})`),
  )
  await session.query(withLedger("truncate flatbed.staging_1"))
  for (const [i, row] of version.entries()) {
    const values = columns.map((_, c) => `$${c + 2}`).join(", ")
    await session.query(withLedger(`insert into flatbed.staging_1 values ($1, ${values})`), [
      i + 1,
      ...columns.map((name) => row[name]),
    ])
  }
  const { rows } = await session.query("select to_regclass('public.people') is not null as there")
  await session.query("begin")
  try {
    const alike = mode.dedupe === "exact" ? await keepFirst(session, staging, columns, rowColumn) : 0
    const applied = await loadModes[mode.mode](session, {
      ...{
        staging,
        target,
        columns,
        types,
        staged: version.length - alike,
        exists: rows[0].there,
        // Half of the tables are staging itself.
        mayAdopt: version.length % 2 === 0 && alike === 0,
        swapWaitMs: 0,
        onNotSwapped: () => undefined,
      },
      ...{ name: "public.people", version: "a".repeat(64), rejects: 0, rules: rulesOf(mode) },
      ...change,
    })
    await session.query("commit")
    return { ...applied, repeated: applied.repeated + alike }
  } catch (error) {
    await session.query("rollback")
    throw error
  }
}

async function readTable(soft: boolean): Promise<ModelTableRow[]> {
  const { rows } = await session.query(
    `select ${columns.map((name) => `${name}::text`).join(", ")}${soft ? `, ${deletedAt} is not null as gone` : ""} from public.people`,
  )
  return rows.map(({ gone, ...row }) => ({ row, isDeleted: gone === true }))
}

const sorted = (table: readonly ModelTableRow[]) =>
  table.map((one) => JSON.stringify([one.row.id, one.row.part, one])).sort()

const modes: readonly [string, ModelMode][] = [
  ...keyedModes,
  ["append", { mode: "append", key: [], dedupe: "none", soft: false }],
  ["append, each row of a version once", { mode: "append", key: [], dedupe: "exact", soft: false }],
]

describe(`random histories (seed ${seed})`, () => {
  test.each(modes)(
    "%s: the table is what its versions say",
    async (_, mode) => {
      const random = createRandom(seed)
      const counts: Record<string, number> = { refused: 0 }
      for (let history = 0; history < histories; history += 1) {
        await begin(history % 5 === 4 ? mode : undefined)
        let table: readonly ModelTableRow[] = []
        let version: ModelRow[] = []
        for (let step = 0; step < 5; step += 1) {
          version = changeVersion(version, random)
          const wanted = applyVersion(table, version, mode, compareOf(mode))
          const place = `seed ${seed}, history ${history}, version ${step + 1}`
          if (wanted === "key-repeated") {
            counts.refused = (counts.refused ?? 0) + 1
            await expect(load(version, mode), place).rejects.toMatchObject({ code: "key-repeated" })
          } else {
            expect(await load(version, mode), place).toEqual(wanted.applied)
            for (const [name, n] of Object.entries(wanted.applied)) counts[name] = (counts[name] ?? 0) + n
            table = wanted.table
          }
          if (table.length > 0 || wanted !== "key-repeated") {
            expect(sorted(await readTable(mode.soft)), place).toEqual(sorted(table))
          }
        }
      }
      process.stdout.write(`${mode.mode} ${JSON.stringify(counts)}\n`)
    },
    Math.max(120_000, histories * 2_000),
  )
})

const row = (id: string, name: string | null = "x"): ModelRow => ({
  id,
  part: "a",
  name,
  amount: "1",
  seen: null,
})
const upsert: ModelMode = { mode: "upsert", key: ["id"], dedupe: "none", soft: false }
const mirror: ModelMode = { mode: "mirror", key: ["id"], dedupe: "none", soft: false }

async function problemOf(work: Promise<unknown>): Promise<Problem> {
  const thrown = await work.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (!(thrown instanceof Problem)) throw new Error("no Problem was raised", { cause: thrown })
  return thrown
}

test("a key twice in a version is refused, and the rows are named", async () => {
  await begin()
  await load([row("1")], upsert)
  const { message } = await problemOf(
    load([row("1", "y"), row("2"), row("3"), row("2"), row("2", "z")], upsert),
  )
  expect(message).toBe("1 key stands more than once in the version: 2 in rows 2, 4, 5.")
  expect(sorted(await readTable(false))).toEqual(sorted([{ row: row("1"), isDeleted: false }]))
})

test("a key twice in the table is refused, and a unique index spares the look", async () => {
  await begin()
  await load([row("1")], upsert)
  await session.query(
    "alter table public.people drop constraint people_pkey; insert into public.people table public.people",
  )
  const { message, hint } = await problemOf(load([row("1")], upsert))
  expect(message).toBe("1 key stands more than once in public.people already: 1 in 2 rows.")
  expect(hint).toContain("create unique index")
})

test("rows that stay are not written: no trigger fires for them, and children by cascade stay", async () => {
  for (const mode of [upsert, mirror, { ...mirror, mode: "replace" as const }]) {
    await begin()
    await load([row("1"), row("2"), row("3")], mode)
    await session.query(
      `create table public.children (person integer references public.people (id) on delete cascade);
       insert into public.children values (1), (2)`,
    )
    const before = await session.query(
      "select id, xmin::text, ctid::text from public.people where id in (1, 3) order by id",
    )
    await load([row("1"), row("2", "changed"), row("3")], mode)
    const after = await session.query(
      "select id, xmin::text, ctid::text from public.people where id in (1, 3) order by id",
    )
    expect(after.rows).toEqual(before.rows)
    expect((await session.query("select person from public.children order by 1")).rows).toEqual([
      { person: 1 },
      { person: 2 },
    ])
    await session.query("drop table public.children")
  }
})

test("a trigger that keeps rows back is found, and nothing is published", async () => {
  await begin()
  await load([row("1"), row("2")], upsert)
  await session.query(
    `create or replace function public.keep_back() returns trigger language plpgsql as 'begin return null; end';
     create trigger keep_back before update on public.people for each row execute function public.keep_back()`,
  )
  const { code, message } = await problemOf(load([row("1", "y"), row("2")], upsert))
  expect(code).toBe("receipt-unbalanced")
  expect(message).toContain("0 rows were updated, expected 1")
})

describe("mirror deletes no more than it may", () => {
  const people = (n: number) => Array.from({ length: n }, (_, i) => row(String(i)))
  const within = (change: Partial<ModeRules["deletes"]>) => ({
    rules: { ...rulesOf(mirror), deletes: { ...noLimit, soft: false, ...change } },
  })

  test.each([
    ["a share", { maxShare: "20%" }, 8, 7],
    ["a number", { maxRows: 2 }, 8, 7],
  ])("by %s", async (_, limit, allowed, refused) => {
    await begin()
    await load(people(10), mirror)
    const { code, message } = await problemOf(load(people(refused), mirror, within(limit)))
    expect(code).toBe("deletes-refused")
    expect(message).toContain(`${10 - refused} rows of 10 rows in public.people are not in the version`)
    expect(await readTable(false)).toHaveLength(10)
    expect(await load(people(allowed), mirror, within(limit))).toMatchObject({ deleted: 10 - allowed })
  })

  test("after rejects only when that is allowed, and always when nothing would be deleted", async () => {
    await begin()
    await load(people(10), mirror)
    const { code } = await problemOf(load(people(9), mirror, { rejects: 1 }))
    expect(code).toBe("deletes-refused")
    expect(await load(people(10), mirror, { rejects: 1 })).toMatchObject({ deleted: 0 })
    expect(await load(people(9), mirror, { rejects: 1, ...within({ afterRejects: true }) })).toMatchObject({
      deleted: 1,
    })
  })

  test("unless the version was named", async () => {
    await begin()
    await load(people(10), mirror)
    const limit = { maxRows: 0 }
    await problemOf(load([], mirror, within({ ...limit, allowedFor: "b".repeat(12) })))
    expect(await load([], mirror, within({ ...limit, allowedFor: "a".repeat(12) }))).toMatchObject({
      deleted: 10,
    })
  })
})
