// If this file fails, rows that break a check come into the table, others stay out of it, or nobody is told.
// Long because each kind of check and each load mode is held against rows written out by hand, in one table.
import { createTestRole, type ScriptedDataset, waitFor } from "@flatbed/testing"
import pg from "pg"
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest"
import { type Bench, column, createTestLog, makeSettings, openBench, pipelineOf } from "../loader.test-kit.ts"
import { createLoader } from "../loader.ts"
import { findRun, formatRun } from "../run-list.ts"
import type { RunOutcome } from "../summary.ts"
import { type BrokenRow, takeOut } from "./check-ledger.ts"
import { type CheckSettings, listChecks } from "./check-settings.ts"

type Severity = "fail" | "reject" | "warn"
type Written = Omit<CheckSettings[number], "severity"> & { readonly severity?: Severity }

const columns = [
  column("id", "integer"),
  column("zip"),
  column("plan"),
  column("minutes", "integer"),
  column("day", "date"),
  column("note"),
]
const made = "id integer, zip text, plan text, minutes integer, day date, note text"
const rows: ScriptedDataset["rows"] = [
  ["1", "02134", "basic", "10", "2024-01-01", "a"],
  ["2", "90210", "plus", "1440", "2024-01-02", null],
  ["3", "1234", "basic", "1441", "2024-02-29", "abc"],
  ["4", null, null, null, null, ""],
  ["5", "02134", "Plus", "-1", "2025-01-01", "\u00fcber"],
  ["2", "99999", "plus", "0", "2023-12-31", "abcde"],
  ["7", "x0213", "basic", "5", "2024-06-01", "ab"],
  ["5", "11111", "basic", "5", "2024-12-31", "ab"],
]
const content = (change: Partial<ScriptedDataset> = {}): ScriptedDataset => ({
  ...{ name: "people", columns, rows, rowsPerChunk: 3 },
  ...change,
})

let bench: Bench

beforeAll(async () => {
  bench = await openBench(content())
  await bench.query("create table public.plans (name text, id integer)")
  await bench.query("create table public.keyed (id integer primary key)")
  await bench.query("insert into public.plans values ('basic', 1), ('plus', 2)")
})

beforeEach(async () => {
  bench.source.publish(content())
  bench.source.forgetRequests()
  bench.log.lines.length = 0
  // As it was before: a row that no version has.
  await bench.query(`drop table if exists public.people; create table public.people (${made})`)
  await bench.query("insert into public.people (id) values (1000)")
})

afterAll(async () => {
  await bench.close()
})

type Change = Parameters<typeof pipelineOf>[0]

function written(checks: readonly Written[]): CheckSettings {
  return checks.map((check) => ({ severity: "fail", ...check }))
}

async function load(checks: readonly Written[], change: Change = {}): Promise<RunOutcome> {
  const pipelines = { people: pipelineOf({ checks: written(checks), ...change }) }
  const [outcome] = await bench.createLoader({ pipelines }).load()
  if (outcome === undefined) throw new Error("nothing was loaded")
  return outcome
}

const zips = async () =>
  (await bench.query("select coalesce(zip, '-') as zip from public.people order by 1")).map(({ zip }) => zip)
const zipsWithout = (...gone: number[]) =>
  rows.flatMap(([, zip], i) => (gone.includes(i + 1) ? [] : [zip ?? "-"])).sort()
const latest = "(select max(run_id) from flatbed.runs)"
const rejected = async () =>
  await bench.query(
    `select row::integer, code, column_name, value, reason, file, line::integer, found_by from flatbed.rejects
      where run_id = ${latest} order by row`,
  )
const recorded = async () =>
  await bench.query(
    `select name, severity, failed::integer from flatbed.checks where run_id = ${latest} order by place`,
  )
const leftInStaging = async () => {
  const text = "select coalesce(sum(rows - rejects - refused), 0)::integer as n from flatbed.chunks"
  return (await bench.query(`${text} where run_id = ${latest}`))[0]?.n
}
/** Tables that only a run under way, or one that may go on, leaves. */
const passing = async () =>
  (await bench.query("select relname as name from pg_class where relname ~ '^probe_'")).map(
    ({ name }) => name,
  )

type Case = {
  readonly check: Written
  readonly name: string
  /** Rows that break it, each with the cell that is shown. */
  readonly broken: readonly (readonly [row: number, value: string | null])[]
  /** How it is put. */
  readonly expected: string
}

const cases: readonly Case[] = [
  {
    ...{ check: { column: "note", not_null: true }, name: "note_not_null" },
    ...{ broken: [[2, null]], expected: "the cell is NULL; expected a value" },
  },
  {
    ...{ check: { column: "id", unique: true }, name: "id_unique" },
    broken: [
      [6, "2"],
      [8, "5"],
    ],
    expected: "the value stands in row 2 already; expected each value once",
  },
  {
    ...{ check: { columns: ["plan", "minutes"], unique: true }, name: "plan_minutes_unique" },
    ...{ broken: [[8, null]], expected: "the value stands in row 7 already; expected each value once" },
  },
  {
    ...{ check: { column: "zip", pattern: "^[0-9]{5}$" }, name: "zip_pattern" },
    broken: [
      [3, "1234"],
      [7, "x0213"],
    ],
    expected: 'the cell is "1234"; expected text that matches ^[0-9]{5}$',
  },
  {
    ...{ check: { column: "plan", one_of: ["basic", "plus"], name: "plans" }, name: "plans" },
    ...{ broken: [[5, "Plus"]], expected: 'the cell is "Plus"; expected one of basic, plus' },
  },
  {
    ...{ check: { column: "minutes", range: { min: "0", max: "1440" } }, name: "minutes_range" },
    broken: [
      [3, "1441"],
      [5, "-1"],
    ],
    expected: 'the cell is "1441"; expected a value from 0 to 1440',
  },
  {
    ...{ check: { column: "day", range: { min: "2024-01-01" } }, name: "day_range" },
    broken: [[6, "2023-12-31"]],
    expected: 'the cell is "2023-12-31"; expected a value of at least 2024-01-01',
  },
  {
    ...{ check: { column: "note", length: { min: 1, max: 4 } }, name: "note_length" },
    broken: [
      [4, ""],
      [6, "abcde"],
    ],
    expected: 'the cell is ""; expected 1 to 4 characters',
  },
  {
    ...{ check: { column: "plan", references: "plans.name" }, name: "plan_references" },
    ...{ broken: [[5, "Plus"]], expected: 'the cell is "Plus"; expected a value of public.plans.name' },
  },
  {
    ...{ check: { sql: "minutes <> 5 -- nobody" }, name: "sql_1" },
    broken: [
      [7, null],
      [8, null],
    ],
    expected: "the condition is false; expected minutes <> 5 -- nobody",
  },
]

describe("a check of severity reject", () => {
  test.each(cases)(
    "sets rows aside like any other reject: $name",
    async ({ check, name, broken, expected }) => {
      const failed = broken.length
      const outcome = await load([{ ...check, severity: "reject" }], { max_rejects: failed })
      expect(outcome).toMatchObject({ outcome: "published", rows: 8 - failed, rejects: failed })
      expect(outcome.checks).toEqual([{ name, severity: "reject", failed }])
      expect(await zips()).toEqual(zipsWithout(...broken.map(([row]) => row)))
      const listed = await rejected()
      expect(listed).toMatchObject(
        broken.map(([row, value]) => ({
          ...{ row, line: row, file: "people.csv", value, column_name: check.column ?? null },
          ...{ code: "check-error", found_by: "loader" },
        })),
      )
      expect(listed[0]?.reason).toBe(`Check ${name}: ${expected}.`)
      expect(await leftInStaging()).toBe(8 - failed)
      expect(bench.log.events("row.rejected")).toHaveLength(failed)
    },
  )
})

const named = cases.map(({ name }) => name.replace("sql_1", `sql_${cases.length}`))
const all = (severity: Severity) => cases.map(({ check }) => ({ ...check, severity }))
const asRecorded = (severity: Severity) =>
  cases.map(({ broken }, i) => ({ name: named[i], severity, failed: broken.length }))

test("checks of severity fail: nothing is loaded, and all that do not hold are named with their first rows", async () => {
  const outcome = await load(all("fail"), { max_rejects: 10 })
  expect(outcome).toMatchObject({ outcome: "failed", problem: { code: "check-failed", exitCode: 5 } })
  const { message = "", facts, hint } = outcome.problem ?? {}
  expect(facts).toMatchObject({ checks: named.join(", "), failed: 1, row: 2, file: "people.csv", line: 2 })
  expect(hint).toContain("Nothing was loaded into public.people, and nothing deleted")
  const [head, ...lines] = message.split("\n  ")
  expect(head).toBe("10 checks failed.")
  for (const [i, { broken, expected }] of cases.entries()) {
    const [[row, value] = [0, null]] = broken
    expect(lines[i]).toContain(
      `${named[i]}: ${broken.length} of 8 rows break${broken.length === 1 ? "s" : ""} it, `,
    )
    expect(lines[i]).toContain(expected.slice(expected.indexOf("expected")))
    const shown = value === null ? "" : ` ${JSON.stringify(value)}`
    expect(lines[i]).toContain(`: row ${row} (people.csv line ${row})${shown}`)
  }
  expect(await bench.query("select id from public.people")).toEqual([{ id: 1000 }])
  expect(await recorded()).toEqual(asRecorded("fail"))
  expect(await rejected()).toEqual([])
  // With staging still there, it is asked again without fetching a chunk.
  bench.source.forgetRequests()
  await bench.query("insert into public.plans (name) values ('Plus')")
  const again = await load(all("fail"), { max_rejects: 10 })
  await bench.query("delete from public.plans where name = 'Plus'")
  expect(again.problem?.message).toMatch(/^9 checks failed/)
  expect(bench.source.chunksAsked()).toEqual([])
})

test("checks of severity warn: all rows are loaded, and what does not hold is told", async () => {
  const outcome = await load(all("warn"))
  expect(outcome).toMatchObject({ outcome: "published", rows: 8, rejects: 0, problem: undefined })
  expect(outcome.checks).toEqual(asRecorded("warn"))
  expect(await recorded()).toEqual(asRecorded("warn"))
  expect(await zips()).toEqual(zipsWithout())
  expect(bench.log.events("check.failed")).toMatchObject(
    cases.map(({ broken }, i) => ({
      ...{ level: 40, check: named[i], failed: broken.length },
      rows: broken.map(([row]) => row),
    })),
  )
  expect(bench.log.events("run.finished").at(-1)?.msg).toContain(
    "; checks: 0 passed, 10 warned (note_not_null: 1 row, id_unique: 2 rows, ",
  )
  const run = await bench.createLoader().askLedger((session) => findRun(session, outcome.run ?? 0))
  if (run === undefined) throw new Error("no run")
  expect(formatRun(run, (args) => args)).toMatch(/^checks +0 passed, 10 warned \(note_not_null: 1 row, /m)
})

test("checks that hold are counted, and let the version through", async () => {
  const outcome = await load([
    { column: "id", not_null: true },
    { sql: "minutes < 10000", severity: "reject" },
    { columns: ["id", "zip"], unique: true, severity: "warn" },
  ])
  expect(outcome.outcome).toBe("published")
  expect(outcome.checks.map(({ failed }) => failed)).toEqual([0, 0, 0])
  expect(bench.log.events("run.finished").at(-1)?.msg).toContain("; checks: 3 passed;")
})

test("a row is set aside once, for the first check that it breaks; the others are asked of the rows that are left", async () => {
  const outcome = await load(
    [
      { column: "minutes", range: { min: "0" } },
      { column: "zip", pattern: "^[0-9]{5}$", severity: "reject" },
      { column: "plan", references: "plans.name", severity: "reject" },
      { column: "minutes", unique: true, severity: "reject" },
      { column: "minutes", range: { max: "1440" }, severity: "reject", name: "most" },
    ],
    { max_rejects: 4 },
  )
  // Row 5 goes for its plan, so nobody is below 0; row 3 goes for its zip, though it has too many minutes too; rows 7
  // and 8 have 5 minutes, and row 7 goes for its zip: row 8 stays.
  expect(outcome).toMatchObject({ outcome: "published", rejects: 3 })
  expect(await rejected()).toMatchObject([
    { row: 3, reason: expect.stringMatching(/^Check zip_pattern:/) },
    { row: 5, reason: expect.stringMatching(/^Check plan_references:/) },
    { row: 7, reason: expect.stringMatching(/^Check zip_pattern:/) },
  ])
  expect(outcome.checks.map(({ failed }) => failed)).toEqual([0, 2, 1, 0, 0])
})

test("more than 10,000 rows are set aside too", async () => {
  const many = Array.from({ length: 10_600 }, (_, i) => [String(i), null, null, String(i % 20), null, null])
  bench.source.publish(content({ rows: many, rowsPerChunk: 5_000 }))
  const outcome = await load([{ sql: "minutes = 0", severity: "reject" }], { max_rejects: "100%" })
  expect(outcome.problem).toBeUndefined()
  expect(outcome).toMatchObject({ outcome: "published", rows: 530, rejects: 10_070 })
  expect(outcome.checks).toEqual([{ name: "sql_1", severity: "reject", failed: 10_070 }])
})

const key = ["id"]
const modes: readonly (readonly [string, Change])[] = [
  ["replace", {}],
  ["replace with swap", { publish: "swap", swap_wait: 1000 }],
  ["replace with key", { key }],
  ["replace with lineage", { lineage: true }],
  ["append", { mode: "append" }],
  ["upsert", { mode: "upsert", key }],
  ["mirror", { mode: "mirror", key, deletes: { ...pipelineOf().deletes, after_rejects: "allow" } }],
]
const idsOnce = (many = rows) => many.map((row, i) => [String(i + 1), ...row.slice(1)])

describe.each(modes)("%s", (_, change) => {
  const zip: Written = { column: "zip", pattern: "^[0-9]{5}$", severity: "reject" }

  test("sets rows aside on the first load and on the next", async () => {
    await bench.query("drop table public.people")
    for (const tag of ["a", "b"]) {
      const changed = idsOnce().map((row) => [...row.slice(0, 5), tag])
      bench.source.publish(content({ rows: changed, name: "people" }))
      // What is appended is a file of its own each time.
      if (tag === "b" && change?.mode === "append") break
      const outcome = await load([zip], { ...change, max_rejects: 2 })
      expect(outcome.problem).toBeUndefined()
      expect(outcome).toMatchObject({ outcome: "published", rows: 6, rejects: 2 })
      const found = await bench.query("select id, note from public.people order by id")
      expect(found).toEqual([1, 2, 4, 5, 6, 8].map((id) => ({ id, note: tag })))
    }
    const own = change?.lineage ? ["_flatbed_file", "_flatbed_row", "_flatbed_version", "_loaded_at"] : []
    const names = await bench.query(
      "select column_name as name from information_schema.columns where table_name = 'people' order by ordinal_position",
    )
    expect(names.map(({ name }) => name)).toEqual([...columns.map(({ name }) => name), ...own])
    expect(bench.log.events("table.not_swapped")).toEqual([])
  })

  // Row 4 may be set aside, the very last row may not.
  test.each([
    ["by a row that Postgres refuses", [], "check (id not in (4, 8))"],
    [
      "by a row that breaks a check",
      [{ sql: "id not in (4, 8)", severity: "reject" as const }],
      "check (true)",
    ],
  ])(
    "leaves the table as it was when the last chunk crosses max_rejects %s",
    async (_, checks, constraint) => {
      const own = change?.lineage
        ? ", _flatbed_file text, _flatbed_row bigint, _flatbed_version text, _loaded_at timestamptz"
        : ""
      await bench.query(
        `drop table public.people; create table public.people (${made}${own}, constraint few ${constraint})`,
      )
      await bench.query("insert into public.people (id, zip) values (1, 'before'), (1000, 'before')")
      bench.source.publish(content({ rows: idsOnce() }))
      const outcome = await load(checks, { ...change, max_rejects: 1 })
      expect(outcome).toMatchObject({
        outcome: "failed",
        problem: { code: "rejects-over-limit", exitCode: 5 },
      })
      expect(await bench.query("select id, zip from public.people order by id")).toEqual([
        { id: 1, zip: "before" },
        { id: 1000, zip: "before" },
      ])
      expect(await bench.query("select relname from pg_class where relname ~ '^staging_'")).toEqual([])
    },
  )
})

test("unique is asked of the rows that dedupe and order_by leave", async () => {
  const twice = [
    ["1", "a", "x", "1", null, null],
    ["1", "a", "x", "1", null, null],
    ["2", "a", "y", "1", null, null],
    ["2", "b", "y", "2", null, null],
  ]
  bench.source.publish(content({ rows: twice }))
  const zip: Written = { column: "zip", unique: true }
  expect((await load([zip])).problem?.facts).toMatchObject({ failed: 2 })
  expect((await load([zip], { dedupe: "exact" })).problem?.facts).toMatchObject({ failed: 1, row: 3 })
  const newest = { mode: "upsert", key, order_by: "minutes" } as const
  await bench.query("delete from public.people")
  expect(await load([zip], newest)).toMatchObject({ outcome: "published", applied: { repeated: 2 } })
  expect(await zips()).toEqual(["a", "b"])
})

/** As after a COMMIT whose answer was lost: the same rows, once more. */
async function takeOutAgain(checks: readonly Written[]): Promise<void> {
  const [check] = listChecks(written(checks))
  if (check === undefined) throw new Error("no check")
  const listed = await rejected()
  const rows = listed.map(
    (reject) => ({ check, reject: { ...reject, raw: "", byte: 0 } }) as unknown as BrokenRow,
  )
  const [{ run } = { run: 0 }] = await bench.query("select max(run_id)::integer as run from flatbed.runs")
  await bench.createLoader().askLedger((session) => takeOut(session, run, rows, () => 1))
}

async function withClient<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: bench.databaseUrl })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

test("a reader whose snapshot is older than the rows' leaving never sees them in the table", async () => {
  await bench.query("drop table public.people")
  // The check waits at this gate, when all rows are in staging.
  await bench.query(
    `create function public.passes(plan text) returns boolean language plpgsql as
       'begin perform pg_catalog.pg_advisory_xact_lock_shared(1); return plan <> ''Plus''; end'`,
  )
  const seen = await withClient(async (keeper) => {
    await keeper.query("select pg_advisory_lock(1)")
    const loading = load([{ sql: "public.passes(plan)", severity: "reject" }], { max_rejects: 1 })
    await waitFor(async () => {
      const waiting = `select from pg_locks where not granted and locktype = 'advisory'
                         and database = (select oid from pg_database where datname = current_database())`
      return (await bench.query(waiting)).length > 0
    })
    return await withClient(async (reader) => {
      await reader.query("begin isolation level repeatable read; select count(*) from public.keyed")
      await keeper.query("select pg_advisory_unlock(1)")
      expect(await loading).toMatchObject({ outcome: "published", rows: 7, rejects: 1 })
      return (await reader.query("select plan from public.people")).rows
    })
  })
  expect(seen).toEqual([])
  expect(await zips()).toEqual(zipsWithout(5))
})

test("a run that goes on behind its checks counts what they set aside once", async () => {
  await bench.query(
    "create function public.stop() returns trigger language plpgsql as 'begin raise exception using errcode = ''0A000''; end'",
  )
  await bench.query(
    "create trigger stop before insert on public.people for each row execute function public.stop()",
  )
  const checks: Written[] = [
    { column: "zip", pattern: "^[0-9]{5}$", severity: "reject" },
    { column: "minutes", range: { min: "0" }, severity: "warn" },
  ]
  expect((await load(checks, { max_rejects: 2 })).problem?.code).toBe("database-failed")
  await takeOutAgain(checks)
  await bench.query("drop function public.stop() cascade")
  bench.source.forgetRequests()
  const outcome = await load(checks, { max_rejects: 2 })
  expect(bench.source.chunksAsked()).toEqual([])
  expect(outcome).toMatchObject({ outcome: "published", rows: 6, rejects: 2 })
  expect(outcome.checks.map(({ failed }) => failed)).toEqual([2, 1])
  expect(await rejected()).toHaveLength(2)
})

test("a rehearsal tells how the checks come out, and leaves nothing behind", async () => {
  const checks: Written[] = [{ column: "zip", pattern: "^[0-9]{5}$", severity: "reject" }]
  const pipelines = { people: pipelineOf({ checks: written(checks), max_rejects: 2 }) }
  const [rehearsed] = await bench.createLoader({ pipelines }).load([], undefined, { rehearse: true })
  expect(rehearsed).toMatchObject({ outcome: "rehearsed", rows: 6, rejects: 2 })
  expect(rehearsed?.checks).toEqual([{ name: "zip_pattern", severity: "reject", failed: 2 }])
  expect(await bench.query("select id from public.people")).toEqual([{ id: 1000 }])
  expect(await bench.query("select relname from pg_class where relname ~ '^staging_'")).toEqual([])
  expect(await load(checks, { max_rejects: 2 })).toMatchObject({ outcome: "published", rows: 6, rejects: 2 })
})

test("a check that is new or another one is asked of the version that the table shows", async () => {
  expect(await load([])).toMatchObject({ outcome: "published" })
  expect(await load([])).toMatchObject({ outcome: "up-to-date" })
  expect((await load([{ column: "id", unique: true }])).problem?.code).toBe("check-failed")
  expect(await zips()).toEqual(zipsWithout())
  expect(await load([{ column: "id", not_null: true }])).toMatchObject({ outcome: "published" })
  expect(await load([{ column: "id", not_null: true }])).toMatchObject({ outcome: "up-to-date" })
})

describe("before a row moves", () => {
  const refused = async (checks: Written[], change: Change = {}) => {
    const { problem, outcome } = await load(checks, change)
    expect(outcome).toBe("failed")
    expect(bench.source.chunksAsked()).toEqual([])
    expect(await passing()).toEqual([])
    return problem
  }

  test("all checks that Postgres does not understand for their columns are named at once", async () => {
    const problem = await refused([
      { column: "minutes", range: { min: "few" } },
      { column: "zip", pattern: "([0-9]" },
      { column: "plan", references: "public.offers.name" },
      { column: "plan", references: "plans.nmae" },
      { column: "plan", references: "plans.id" },
      { column: "day", one_of: ["soon"] },
      { sql: "id" },
      { column: "zip", length: { max: 5 } },
      { column: "zip", range: { min: "1" } },
      { column: "zpi", not_null: true },
      { sql: "minuts > 1" },
      { column: "plan", references: "public.planz.name" },
    ])
    expect(problem?.code).toBe("settings-invalid")
    const lines = problem?.message.split("\n  ") ?? []
    expect(lines).toHaveLength(11)
    for (const [i, words] of [
      /checks\.1 expects a value of at least few, and "minutes" is integer: /,
      /checks\.2 .*parenthes/,
      /checks\.3, the check plan_references, .*there is no table public\.offers\.$/,
      /checks\.4, .*public\.plans has no column "nmae"\. Did you mean "name"\? Its columns are .*"name"/,
      /checks\.5 .*"plan" is text: .*integer/,
      /checks\.6 .*"day" is date: .*soon/,
      /checks\.7 .*boolean/,
      /checks\.9 is a range, and "zip" is text, where 9 is more than 10/,
      /checks\.10 names "zpi", which is not a column of the dataset\. Did you mean "zip"\?$/,
      /checks\.11\.sql: .*minuts.* Did you mean "minutes"\?$/,
      /checks\.12, .*there is no table public\.planz\. Did you mean public\.plans\?$/,
    ].entries())
      expect(lines[i]).toMatch(words)
    for (const word of ["regular expression", "table.column", 'The columns are "id", "zip", '])
      expect(problem?.hint).toContain(word)
  })

  test("a pattern that is none is helped with words about patterns, and with no others", async () => {
    const problem = await refused([{ column: "zip", pattern: "^[A-Z" }])
    expect(problem?.hint).toMatch(
      /^Nothing was loaded\. A pattern is a regular expression of Postgres[^.]*\S*[^.]*\.$/,
    )
  })

  test.each([
    ["a second statement", "id > 0); drop table public.people; --"],
    ["the end of the condition", "id > 0) or (true"],
    ["another column", "id > 0), add column x integer default (1"],
    ["another condition", "id > 0), add check (true"],
    ["a foreign key", "id > 0), add foreign key (id) references public.keyed (id"],
    ["another table", "id in (select id from public.plans)"],
    ["an aggregate", "count(*) > 0"],
    ["half an expression", "id >"],
  ])("a condition with %s is refused", async (_, sql) => {
    expect(await refused([{ sql }])).toMatchObject({ code: "settings-invalid", exitCode: 2 })
    expect(await bench.query("select id from public.people")).toEqual([{ id: 1000 }])
  })

  test("unknown columns are told at once, with the nearest ones and all that there are", async () => {
    const names = 'The columns are "id", "zip", "plan", "minutes", "day", "note".'
    expect(await refused([{ column: "zipp", not_null: true }])).toMatchObject({
      code: "column-unknown",
      message: 'pipelines.people.checks.1 names "zipp", which is not a column of the dataset.',
      hint: `Did you mean "zip"? ${names}`,
    })
    const two = await refused([{ sql: "minuts > 1" }, { column: "street", not_null: true }])
    expect(two).toMatchObject({ code: "column-unknown", hint: names })
    expect(two?.message.split("\n  ")).toEqual([
      expect.stringMatching(/^pipelines\.people\.checks\.1\.sql: .* Did you mean "minutes"\?$/),
      'pipelines.people.checks.2 names "street", which is not a column of the dataset.',
    ])
  })

  test("a column that the contract leaves out is not there for a condition", async () => {
    await bench.query("alter table public.people drop column note")
    const contract = { ...pipelineOf().contract, added: "ignore" as const }
    expect(await refused([{ sql: "note is not null" }], { contract })).toMatchObject({
      code: "column-unknown",
      message: expect.stringContaining("note"),
    })
    // Rows that differ in what is not loaded are the same.
    const same = [
      ["1", "a", null, null, null, "x"],
      ["1", "a", null, null, null, "y"],
    ]
    bench.source.publish(content({ rows: same }))
    const outcome = await load([{ column: "id", unique: true }], { contract, dedupe: "exact" })
    expect(outcome).toMatchObject({ outcome: "published", applied: { inserted: 1, repeated: 1 } })
  })

  test("a table that the role may not read is named", async () => {
    const role = await createTestRole({ name: "", url: bench.databaseUrl, drop: async () => undefined })
    await bench.query(
      `grant all on schema flatbed, public to ${role.name};
       grant all on all tables in schema flatbed to ${role.name};
       grant all on all sequences in schema flatbed to ${role.name}; grant all on public.people to ${role.name}`,
    )
    const settings = makeSettings(
      { source: bench.source.url, database: role.url },
      {
        pipelines: {
          people: pipelineOf({ checks: written([{ column: "plan", references: "plans.name" }]) }),
        },
      },
    )
    const loader = createLoader(settings, { log: createTestLog().log, version: "0.0.0-test" })
    const [outcome] = await loader.load()
    await bench.query(`drop owned by ${role.name}`)
    await role.drop()
    expect(outcome?.problem).toMatchObject({
      code: "database-refused",
      hint: expect.stringContaining("grant select on"),
    })
  })
})

test("a key that stands twice is told with file and line of its rows", async () => {
  const { problem } = await load([], { mode: "upsert", key: ["id"] })
  expect(problem).toMatchObject({
    code: "key-repeated",
    message:
      "2 keys stand more than once in the version: 2 in rows 2, 6; 5 in rows 5, 8. " +
      "Of the first, row 2 is people.csv line 2, row 6 is people.csv line 6.",
    facts: { rows: "2, 6", file: "people.csv", line: 2 },
  })
})

test("a condition that cannot be computed for a row says which one it is; one that writes may not", async () => {
  const checks: Written[] = [
    { column: "id", not_null: true },
    { sql: "10 / minutes < 100", name: "speed", severity: "warn" },
  ]
  expect((await load(checks)).problem).toMatchObject({
    code: "check-failed",
    message:
      "Check speed cannot be asked of every row: division by zero, first for row 6 (people.csv line 6).",
    facts: { row: 6, file: "people.csv", line: 6 },
  })
  await bench.query(
    `create function public.meddle(integer) returns boolean language plpgsql as
       'begin insert into public.plans values (''more''); return true; end'`,
  )
  const { problem } = await load([{ sql: "public.meddle(id)", name: "meddle" }])
  expect(problem).toMatchObject({ code: "check-failed", message: expect.stringContaining("read-only") })
  expect(await bench.query("select name from public.plans where name = 'more'")).toEqual([])
  expect(await bench.query("select id from public.people")).toEqual([{ id: 1000 }])
})
