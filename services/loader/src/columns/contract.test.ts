// If this file fails, a table whose columns change loses rows, shows a reader what never was, or stays half changed.
import { createTestRole, testLedger, waitFor, withLedger } from "@flatbed/testing"
import pg from "pg"
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest"
import { type Bench, column, openBench, people, pipelineOf } from "../loader.test-kit.ts"
import { asSession } from "../postgres/database.ts"
import { findNews, listColumnEvents, recordColumnChanges } from "./column-ledger.ts"
import { formatColumnEvents } from "./column-list.ts"
import type { ColumnContract } from "./contract-settings.ts"

let bench: Bench
let reader: pg.Client

beforeAll(async () => {
  bench = await openBench(people(1, 1))
  reader = new pg.Client({ connectionString: bench.databaseUrl })
  await reader.connect()
})

beforeEach(async () => {
  await reader.query(
    withLedger("rollback; drop table if exists public.people cascade; delete from flatbed.column_changes"),
  )
  bench.log.lines.length = 0
})

afterAll(async () => {
  await reader.end()
  await bench.close()
})

type Change = Parameters<typeof pipelineOf>[0]
const everything: ColumnContract = { added: "evolve", dropped: "evolve", type: "evolve", required: ["id"] }

const load = async (change: Change = {}) => {
  const pipeline = pipelineOf({ contract: everything, swap_wait: 2000, ...change })
  const [outcome] = await bench.createLoader({ pipelines: { people: pipeline } }).load()
  return outcome
}

/** Numbers, names and birthdays, as people(3, 2) has them. */
const first = () => bench.source.publish(people(3, 2))
/** Two rows of before and a new one; numbers beyond an integer, no name, and a column in front. */
const second = () =>
  bench.source.publish({
    ...{ name: "people", rowsPerChunk: 2 },
    columns: [column("mail"), column("id", "bigint", false), column("born", "date")],
    rows: [
      ["b", "2", "2001-02-03"],
      ["c", "3", null],
      ["d", "3000000000", "2001-02-04"],
    ],
  })
const rows = async (from: Pick<pg.Client, "query"> = reader) =>
  (await from.query({ text: "select * from public.people order by id", rowMode: "array" })).rows
const columns = async () =>
  (
    await reader.query(
      `select format('%s %s%s', attname, format_type(atttypid, atttypmod), case when attnotnull then ' not null' else '' end) as line
         from pg_attribute where attrelid = 'public.people'::regclass and attnum > 0 and not attisdropped order by attnum`,
    )
  ).rows.map(({ line }) => line)
const leftovers = async () =>
  (
    await reader.query(
      withLedger(
        "select relname from pg_class where relnamespace = 'flatbed'::regnamespace and relname ~ '^(staging|widened)_'",
      ),
    )
  ).rows

const born = (day: string) => new Date(`${day}T00:00:00.000Z`)
const newRows = [
  ["2", null, born("2001-02-03"), "b"],
  ["3", null, null, "c"],
  ["3000000000", null, born("2001-02-04"), "d"],
]
const all = { mode: "hard", limit: { rows: 9, share: "100%" }, after_rejects: "refuse" } as const

test.each<[string, NonNullable<Change>, unknown[][]]>([
  ["replace", {}, newRows],
  ["replace by swap", { publish: "swap" }, newRows],
  [
    "replace by difference",
    { key: ["id"] },
    [["2", "a 2", born("2001-02-03"), "b"], ["3", "a 3", null, "c"], newRows[2] ?? []],
  ],
  [
    "mirror",
    { mode: "mirror", key: ["id"], deletes: all },
    [["2", "a 2", born("2001-02-03"), "b"], ["3", "a 3", null, "c"], newRows[2] ?? []],
  ],
  [
    "upsert",
    { mode: "upsert", key: ["id"] },
    [
      ["1", "a 1", null, null],
      ["2", "a 2", born("2001-02-03"), "b"],
      ["3", "a 3", null, "c"],
      newRows[2] ?? [],
    ],
  ],
  [
    "append",
    { mode: "append" },
    [
      ["1", "a 1", null, null],
      ["2", "a 2", born("2001-02-03"), null],
      ["2", null, born("2001-02-03"), "b"],
      ["3", "a 3", born("2001-02-03"), null],
      ["3", null, null, "c"],
      newRows[2] ?? [],
    ],
  ],
])(
  "%s: wider, added and dropped columns come with the rows, and what belongs to the table stays",
  async (mode, change, wanted) => {
    first()
    expect((await load(change))?.problem).toBeUndefined()
    await reader.query(
      `create index by_born on public.people (born); grant select on public.people to public;
     comment on column public.people.name is 'as they say it'; alter table public.people alter column name set not null`,
    )
    // Under another path it is a new file to `append`.
    second()
    if (mode === "append") await reader.query(withLedger("update flatbed.files set file = 'people-1.csv'"))
    expect((await load(change))?.problem).toBeUndefined()
    const sorted = (list: unknown[][]) => list.map((row) => JSON.stringify(row)).toSorted()
    expect(sorted(await rows())).toEqual(sorted(wanted))
    expect(await columns()).toEqual([
      `id bigint${"key" in change ? " not null" : ""}`,
      "name text",
      "born date",
      "mail text",
    ])
    const kept = await reader.query(
      `select col_description('public.people'::regclass, 2) as comment, has_table_privilege('public', 'public.people', 'select') as granted,
            array(select indexname::text from pg_indexes where tablename = 'people' order by 1) as indexes`,
    )
    expect(kept.rows).toEqual([
      {
        ...{ comment: "as they say it", granted: true },
        indexes: ["by_born", ...("key" in change ? ["people_pkey"] : [])],
      },
    ])
    expect(await leftovers()).toEqual([])
    expect((await load(change))?.outcome).toBe("up-to-date")
  },
)

test("append knows the files of a table that got wider: nothing comes twice", async () => {
  const [early] = [people(3, 2)]
  bench.source.publish(early)
  await load({ mode: "append" })
  await reader.query("alter table public.people alter column id type smallint")
  // The file as it was, and its columns with more to come: what is known is not fetched.
  const grown = {
    ...people(4, 2),
    columns: [column("id", "integer"), column("name"), column("born", "date")],
  }
  bench.source.publish({ ...grown, evidence: { id: { max_integer_digits: 7 } } })
  const outcome = await load({ mode: "append" })
  expect(outcome?.problem).toBeUndefined()
  expect(outcome?.applied?.inserted).toBe(1)
  bench.source.publish({ ...people(5, 2), evidence: { id: { max_integer_digits: 7 } } })
  expect((await load({ mode: "append" }))?.applied?.inserted).toBe(1)
  // Or verify would not miss what was appended before the table got wider.
  const oids = await reader.query(
    withLedger("select target_oid from flatbed.publications order by publication_id desc limit 3"),
  )
  expect(new Set(oids.rows.map((row) => row.target_oid)).size).toBe(1)
  expect((await rows()).map(([id]) => id)).toEqual([1, 2, 3, 4, 5])
})

test("a reader who takes a snapshot while a column gets wider sees the rows of before, not an empty table", async () => {
  first()
  await load({ mode: "upsert", key: ["id"] })
  second()
  const other = new pg.Client({ connectionString: bench.databaseUrl })
  await other.connect()
  await other.query(withLedger("begin; lock table flatbed.publications in share mode"))
  const loading = load({ mode: "upsert", key: ["id"] })
  await waitFor(publisherWaits, { what: "a publish that waits" })
  await reader.query("begin isolation level repeatable read; select 1")
  await other.query("commit")
  await other.end()
  expect((await loading)?.problem).toBeUndefined()
  expect((await rows()).map(([id, name]) => [id, name])).toEqual([
    ["1", "a 1"],
    ["2", "a 2"],
    ["3", "a 3"],
  ])
  await reader.query("commit")
  expect(await rows()).toHaveLength(4)
})

test("readers with an older snapshot keep a column from getting wider; the next load goes on", async () => {
  first()
  await load({ key: ["id"] })
  second()
  await reader.query("begin isolation level repeatable read; select 1")
  expect((await load({ key: ["id"], swap_wait: 0 }))?.problem).toMatchObject({
    code: "database-failed",
    message: expect.stringContaining("Readers held public.people, or a snapshot older"),
  })
  expect((await rows()).map(([id]) => id)).toEqual([1, 2, 3])
  await reader.query("commit")
  expect(await leftovers()).toEqual([{ relname: expect.stringMatching(/^staging_/) }])
  expect(await columns()).toEqual(["id integer not null", "name text", "born date"])
  expect(await load({ key: ["id"] })).toMatchObject({ outcome: "published", fetched: 0 })
  expect(await leftovers()).toEqual([])
})

test("a rehearsal widens nothing and leaves nothing, and its receipt is that of the load", async () => {
  first()
  await load({ mode: "upsert", key: ["id"] })
  second()
  const pipelines = {
    people: pipelineOf({ mode: "upsert", key: ["id"], contract: everything, swap_wait: 2000 }),
  }
  const [rehearsed] = await bench.createLoader({ pipelines }).load([], undefined, { rehearse: true })
  expect(rehearsed?.problem).toBeUndefined()
  expect(await columns()).toEqual(["id integer not null", "name text", "born date"])
  expect(await leftovers()).toEqual([])
  expect((await load({ mode: "upsert", key: ["id"] }))?.applied).toEqual(rehearsed?.applied)
})

test.each([
  ["in its place", { added: "evolve", dropped: "evolve", type: "freeze", required: [] }, false],
  ["by a wider copy", everything, true],
] as const)("a load that fails leaves the table's columns as they were: %s", async (_, contract, isWide) => {
  first()
  await load()
  await reader.query("delete from public.people where id = 3; alter table public.people add unique (born)")
  const before = await columns()
  const twice = [column("id", isWide ? "bigint" : "integer"), column("mail"), column("born", "date")]
  bench.source.publish({
    ...{ name: "people", rowsPerChunk: 2, columns: twice },
    rows: ["7", "8"].map((id) => [id, "m", "2024-02-29"]),
  })
  expect((await load({ contract }))?.problem?.code).toBe("data-refused")
  expect(await columns()).toEqual(before)
  expect((await rows()).map(([id]) => id)).toEqual([1, 2])
  expect(
    await reader.query(withLedger("select from flatbed.column_changes where kind <> 'made'")),
  ).toMatchObject({
    rowCount: 0,
  })
})

test("a view keeps what it reads from getting wider, told before a row moves; other columns come", async () => {
  first()
  await load()
  await reader.query("create view public.numbers as select id from public.people")
  second()
  bench.source.forgetRequests()
  expect((await load())?.problem).toMatchObject({
    code: "table-unsuitable",
    message: '"id" of public.people cannot be widened, as the contract says: view public.numbers reads it.',
    hint: expect.stringContaining(
      'alter table "public"."people" add column "mail" text, alter column "id" type bigint;',
    ),
  })
  expect(bench.source.chunksAsked()).toEqual([])
  expect(await columns()).toEqual(["id integer", "name text", "born date"])

  await reader.query("alter table public.people alter column name type varchar(3)")
  await reader.query("create view public.names as select name from public.people")
  const longer = { ...people(3, 2, "longer"), evidence: { name: { max_bytes: 8 } } }
  bench.source.publish(longer)
  expect((await load())?.problem?.message).toContain("view public.names reads it")
  await reader.query("drop view public.names")
  expect((await load())?.problem).toBeUndefined()
  expect((await reader.query("select count(*)::integer as n from public.numbers")).rows).toEqual([{ n: 3 }])
  expect(await columns()).toEqual(["id integer", "name character varying", "born date"])
})

test("a partitioned table gets columns, also in its parts; what would write its rows anew is refused", async () => {
  await reader.query(
    `create table public.people (id integer, name text not null, born date) partition by range (id);
     create table public.people_small partition of public.people for values from (0) to (10)`,
  )
  bench.source.publish({
    ...{ name: "people", rowsPerChunk: 2, rows: [["1", null, "x"]] },
    columns: [column("id", "integer"), column("born", "date"), column("mail")],
  })
  expect((await load())?.problem).toBeUndefined()
  expect((await reader.query("select id, name, mail from public.people_small")).rows).toEqual([
    { id: 1, name: null, mail: "x" },
  ])
  second()
  expect((await load())?.problem).toMatchObject({
    code: "table-unsuitable",
    message: expect.stringContaining("it is partitioned"),
  })
  expect((await load({ table: "people_small" }))?.problem).toMatchObject({
    code: "table-unsuitable",
    message: "public.people_small is a part of another table, which decides its columns.",
  })
})

test("a role that is not the owner is told so before a row moves, with the statement that helps", async () => {
  const role = await createTestRole({ url: bench.databaseUrl } as Parameters<typeof createTestRole>[0])
  try {
    await reader.query(
      withLedger(`create table public.people (id integer, name text, born date);
       grant usage on schema public to ${role.name}; grant insert, delete on public.people to ${role.name};
       grant usage, create on schema flatbed to ${role.name}; grant all on all tables in schema flatbed to ${role.name};
       grant all on all sequences in schema flatbed to ${role.name}`),
    )
    second()
    bench.source.forgetRequests()
    const settings = {
      database: { url: role.url },
      pipelines: { people: pipelineOf({ contract: everything }) },
    }
    const [outcome] = await bench.createLoader(settings).load()
    expect(outcome?.problem).toMatchObject({
      code: "database-refused",
      message: `The role ${role.name} cannot change the columns of public.people, as the contract says: only its owner can.`,
    })
    expect(bench.source.chunksAsked()).toEqual([])
    const [, statement = ""] = /superuser: {2}(.*;) {2}or/.exec(outcome?.problem?.hint ?? "") ?? []
    await reader.query(statement)
    const [helped] = await bench.createLoader(settings).load()
    expect(helped?.problem).toBeUndefined()
    expect(await rows()).toHaveLength(3)
  } finally {
    await reader.query(`drop owned by ${role.name}`)
    await role.drop()
  }
})

test("the ledger has the history of the columns, and says once what goes on", async () => {
  first()
  await load()
  second()
  const contract = { ...everything, added: "ignore" } as const
  await load({ contract })
  bench.source.publish({
    ...{ name: "people", rowsPerChunk: 2, rows: [["b", "2", null]] },
    columns: [column("mail"), column("id", "bigint"), column("born", "date")],
  })
  await load({ contract })
  await load({ contract: everything })
  const session = asSession(reader as unknown as pg.PoolClient, testLedger)
  const events = await listColumnEvents(session, { pipeline: "people", limit: 100 })
  expect(
    events.map(({ column, kind, before, file, after, policy }) => [
      column,
      kind,
      before,
      file,
      after,
      policy,
    ]),
  ).toEqual([
    ["mail", "added", null, "text", "text", "added: evolve"],
    ["name", "dropped", "text", null, "text", "dropped: evolve"],
    ["id", "type", "integer", "bigint", "bigint", "type: evolve"],
    ["mail", "added", null, "text", null, "added: ignore"],
    ["born", "made", null, "date", "date", null],
    ["name", "made", null, "text", "text", null],
    ["id", "made", null, "integer", "integer", null],
  ])
  expect(bench.log.events("columns.changed").map(({ columns }) => columns)).toEqual([
    "mail, id, name",
    "mail",
  ])
  expect(await listColumnEvents(session, { pipeline: "others", limit: 100 })).toEqual([])
  await recordColumnChanges(session, { runId: 1, pipeline: "people", target: "public.people" }, [])
  expect(await findNews(session, "public.people", [])).toEqual([])
})

test("columns of a table that was dropped are told apart from those of the one made after it", async () => {
  first()
  await load()
  await bench.query("drop table public.people")
  await load()
  const session = asSession(reader as unknown as pg.PoolClient, testLedger)
  const events = await listColumnEvents(session, { pipeline: "people", limit: 5 })
  expect(events.map(({ column, earlier_table: earlier }) => [column, earlier])).toEqual([
    ...[
      ["born", false],
      ["name", false],
      ["id", false],
    ],
    ...[
      ["born", true],
      ["name", true],
    ],
  ])
  const lines = formatColumnEvents(events).split("\n")
  expect(lines[3]).toMatch(/ is made as integer +2/)
  expect(lines[4]).toMatch(/ is made as date, in an earlier table +2/)
})

async function publisherWaits(): Promise<boolean> {
  const waiting = await bench.query(
    `select from pg_catalog.pg_locks as l join pg_catalog.pg_stat_activity as a on a.pid = l.pid
      where not l.granted and a.datname = current_database() and a.application_name like 'flatbed-loader%'`,
  )
  return waiting.length > 0
}
