// If this file fails, publish: swap loses what hangs on a table, lets others see or do more than before, or shows readers
// a table that is not there.
import { createTestDatabase, type TestDatabase, testLedger, waitFor, withLedger } from "@flatbed/testing"
import pg from "pg"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { asSession, type Session } from "./database.ts"
import { swapTable } from "./swap.ts"
import { findSwapObstacles } from "./swap-obstacles.ts"

const staging = { schema: testLedger, name: "staging_1" }
const target = { schema: "public", name: "People of 2024" }
const table = 'public."People of 2024"'
const columns = ["id", "Name", "born"]
/** Roles belong to the whole server, so each test has names of its own. */
let [owner, reader]: [string, string] = ["", ""]

let database: TestDatabase
let pool: pg.Pool
let session: Session

beforeEach(async () => {
  database = await createTestDatabase()
  pool = new pg.Pool({ connectionString: database.url, max: 3 })
  // The database is dropped while the last sessions may still be ending.
  pool.on("connect", (client) => client.on("error", () => undefined))
  session = asSession(await pool.connect(), testLedger)
  ;[owner, reader] = ["owner", "reader"].map((name) => `${name}_${database.name}`) as [string, string]
  await session.query(
    `create role ${owner}; create role ${reader}; grant create on schema public to ${owner}`,
  )
})

afterEach(async () => {
  await session.query("rollback; reset role")
  await session.query(`drop table if exists ${table} cascade`)
  await session.query(`drop owned by ${owner}, ${reader} cascade; drop role ${owner}; drop role ${reader}`)
  session.release()
  await pool.end()
  await database.drop()
})

async function makeStaging(change = "") {
  await session.query(
    withLedger(`create table flatbed.staging_1 (id integer not null, "Name" text, born date${change}) with (autovacuum_enabled = false);
     insert into flatbed.staging_1 values (1, 'Ada', '1815-12-10'), (2, null, null), (3, 'Ōe', '1935-01-31')`),
  )
}

const makeTable = (more = "") =>
  session.query(
    `create table ${table} (id integer not null, "Name" text, born date${more});
     insert into ${table} (id, "Name") values (7, 'old'), (8, 'older')`,
  )

async function swap(waitMs = 0) {
  await session.query("begin; set local search_path to ''")
  const gone = await swapTable(session, staging, target, waitMs)
  await session.query("commit")
  return gone
}

const rows = async (from: pg.PoolClient = session) =>
  (await from.query({ text: `select id, "Name" from ${table} order by id`, rowMode: "array" })).rows
const fileOf = async (name: string) =>
  (await session.query("select pg_relation_filenode($1::regclass) as file", [name])).rows[0].file
const newRows = [
  [1, "Ada"],
  [2, null],
  [3, "Ōe"],
]

/** All that the catalogs say of the table, in the words of Postgres; nothing of it depends on which table it is. */
async function describeTable(): Promise<unknown> {
  const oid = `'${table}'::regclass`
  const questions = {
    table: `select relowner::regrole::text, array(select unnest(reloptions) order by 1), relrowsecurity, relforcerowsecurity, relreplident::text,
                   obj_description(oid, 'pg_class') from pg_class where oid = ${oid}`,
    rights: `select a.grantor::regrole::text, a.grantee::regrole::text, a.privilege_type, a.is_grantable
               from pg_class, aclexplode(relacl) a where oid = ${oid} order by 1, 2, 3`,
    columns: `select attname, format_type(atttypid, atttypmod), attnotnull, attcollation::regcollation::text,
                     attacl::text, col_description(attrelid, attnum), pg_get_expr(adbin, adrelid)
                from pg_attribute left join pg_attrdef on adrelid = attrelid and adnum = attnum
               where attrelid = ${oid} and attnum > 0 order by attnum`,
    indexes: `select pg_get_indexdef(indexrelid), indisprimary, indisclustered, indisreplident, indimmediate, indisvalid,
                     obj_description(indexrelid, 'pg_class') from pg_index where indrelid = ${oid} order by 1`,
    constraints: `select conname, contype::text, pg_get_constraintdef(oid), condeferrable, condeferred,
                         obj_description(oid, 'pg_constraint') from pg_constraint where conrelid = ${oid} order by 1`,
    policies: `select polname, polcmd::text, polpermissive, array(select r::regrole::text from unnest(polroles) r),
                      pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid),
                      obj_description(oid, 'pg_policy') from pg_policy where polrelid = ${oid} order by 1`,
  }
  const answers: Record<string, unknown> = {}
  await session.query("set search_path to ''")
  for (const [name, question] of Object.entries(questions))
    answers[name] = (await session.query(question)).rows
  return answers
}

test("everything that belongs to the table is the new one's, under the same names", async () => {
  await session.query(
    `create table public.places (id integer primary key); insert into public.places values (1), (2), (3);
     create sequence public.numbers`,
  )
  await makeTable(", constraint born_late check (born > '1000-01-01')")
  await session.query(
    `alter table ${table} alter column "Name" type text collate "C", alter column id set default nextval('public.numbers'),
       add constraint "People of 2024_pkey" primary key (id) deferrable initially deferred,
       add constraint names unique nulls not distinct ("Name", id), set (fillfactor = 70, autovacuum_enabled = false),
       replica identity full;
     delete from ${table};
     alter table ${table} add constraint "to places" foreign key (id) references public.places (id) on delete cascade;
     create index runs_pkey on ${table} (lower("Name") collate "POSIX" desc nulls last) include (born) where born is not null;
     create unique index "by Name" on ${table} ("Name") with (fillfactor = 50);
     alter table ${table} cluster on "by Name";
     alter table ${table} enable row level security;
     create policy "own rows" on ${table} as restrictive for update to ${reader}, ${owner}
       using ("Name" = current_user) with check (exists (select from public.places p where p.id = "People of 2024".id));
     create policy everybody on ${table} for select using (true);
     comment on table ${table} is 'people, and "quotes", and it''s';
     comment on column ${table}."Name" is 'their name';
     comment on index public."by Name" is 'fast';
     comment on constraint born_late on ${table} is 'nobody is that old';
     comment on policy everybody on ${table} is 'all of them';
     grant select on ${table} to public;
     grant select, update on ${table} to ${reader} with grant option;
     grant update ("Name") on ${table} to ${owner};
     alter table ${table} owner to ${owner};
     revoke truncate on ${table} from ${owner}`,
  )
  const before = await describeTable()
  // Staging got a right where it was made that the table does not have.
  await session.query(`alter default privileges grant delete on tables to ${reader}`)
  await makeStaging(", constraint born_late check (born > '1000-01-01')")

  const file = await fileOf(withLedger("flatbed.staging_1"))
  expect(await findSwapObstacles(session, target, { loaded: columns, added: [] })).toEqual([])
  expect(await swap()).toBe(0)

  expect(await describeTable()).toEqual(before)
  // Rows that were written again would be younger than some readers' snapshots.
  expect(await fileOf(table)).toBe(file)
  expect(await rows()).toEqual(newRows)
})

test("a table without anything beside its rows stays so, and is vacuumed and analyzed", async () => {
  await makeTable()
  const before = await describeTable()
  await makeStaging()
  expect(await swap()).toBe(2)
  expect(await describeTable()).toEqual(before)
  expect(await rows()).toEqual(newRows)
  expect(
    (await session.query(`select reltuples from pg_class where oid = '${table}'::regclass`)).rows,
  ).toEqual([{ reltuples: 3 }])
})

test("who prepared a statement, or wrote a function, goes on with the new rows", async () => {
  await makeTable()
  await session.query(
    `create function public.count_people() returns bigint language plpgsql as 'begin return (select count(*) from ${table}); end'`,
  )
  const other = await pool.connect()
  const prepared = {
    name: "p",
    text: `select count(*)::integer as n, public.count_people()::integer as m from ${table}`,
  }
  for (let i = 0; i < 6; i++) expect((await other.query(prepared)).rows).toEqual([{ n: 2, m: 2 }])
  await makeStaging()
  await swap()
  expect((await other.query(prepared)).rows).toEqual([{ n: 3, m: 3 }])
  other.release()
})

test("readers who stay in the table keep it as it is, and are not kept waiting longer than a moment", async () => {
  await makeTable()
  await makeStaging()
  const [inside, later] = [await pool.connect(), await pool.connect()]
  await inside.query("begin")
  const before = await rows(inside)
  await session.query("begin; set local search_path to ''")
  expect(await swapTable(session, staging, target, 300)).toBeUndefined()
  // The publish goes on in the same transaction, and does not lock readers out.
  expect(await rows(later)).toEqual(before)
  await session.query(
    withLedger(`delete from ${table}; insert into ${table} select * from flatbed.staging_1; commit`),
  )
  await inside.query("commit")
  expect(await rows(inside)).toEqual(newRows)
  inside.release()
  later.release()
})

test("readers who go in time are waited for", async () => {
  await makeTable()
  await makeStaging()
  const inside = await pool.connect()
  await inside.query("begin")
  const before = await rows(inside)
  const swapped = swap(20_000)
  const waiting = "select from pg_locks where not granted and mode = 'AccessExclusiveLock'"
  await waitFor(async () => (await inside.query(waiting)).rowCount, { what: "a swap that waits" })
  expect(await rows(inside)).toEqual(before)
  await inside.query("commit")
  expect(await swapped).toBe(2)
  expect(await rows(inside)).toEqual(newRows)
  inside.release()
})

describe("what would be lost is told beforehand", () => {
  test.each([
    ["a view", `create view public.names as select "Name" from ${table}`, "view public.names reads it"],
    [
      "a materialized view",
      `create materialized view public.names as select "Name" from ${table}`,
      "view public.names reads it",
    ],
    [
      "a foreign key",
      `alter table ${table} add primary key (id); create table public.kids (p integer constraint parent references ${table})`,
      "foreign key parent of public.kids points at it",
    ],
    [
      "a trigger",
      `create function public.f() returns trigger language plpgsql as 'begin return new; end';
       create trigger tell before insert on ${table} for each row execute function public.f()`,
      "trigger tell fires for its rows",
    ],
    ["a rule", `create rule quiet as on delete to ${table} do nothing`, "rule quiet is on it"],
    [
      "a publication",
      `create publication outward for table ${table}`,
      "publication outward replicates its rows",
    ],
    [
      "all tables' publication",
      "create publication outward for all tables",
      "publication outward replicates its rows",
    ],
    [
      "statistics",
      `create statistics public.st on id, born from ${table}`,
      "it has the extended statistics st",
    ],
    ["a sequence", `create sequence public.s owned by ${table}.id`, `sequence public.s depends on it`],
    [
      "a function of its rows",
      `create function public.g(p ${table}) returns text language sql as 'select null::text'`,
      `function public.g(public."People of 2024") depends on it`,
    ],
    ["a child", `create table public.child () inherits (${table})`, "it has tables that inherit from it"],
    [
      "an exclusion constraint",
      `alter table ${table} add constraint apart exclude using hash (id with =)`,
      "constraint apart cannot be built beforehand",
    ],
    [
      "a reference to itself",
      `alter table ${table} add primary key (id), add constraint parent foreign key (id) references ${table}`,
      "constraint parent cannot be built beforehand",
    ],
    [
      "a check that was never made",
      `alter table ${table} add constraint late check (id > 7) not valid`,
      "constraint late cannot be built beforehand",
    ],
    [
      "settings of a column",
      `alter table ${table} alter column "Name" set statistics 500`,
      `column "Name" has storage, compression or statistics of its own`,
    ],
    [
      "another order",
      `alter table ${table} drop column id; alter table ${table} add column id integer`,
      "its columns are not those of the dataset in their order (id, Name, born)",
    ],
    [
      "a column of its own",
      `alter table ${table} add column n integer generated always as identity`,
      "column n is an identity or generated",
    ],
    ["no log", `alter table ${table} set unlogged`, "it is not logged"],
  ])("%s", async (_, make, reason) => {
    await makeTable()
    await session.query(make)
    await session.query("set search_path to ''")
    expect(await findSwapObstacles(session, target, { loaded: columns, added: [] })).toContain(reason)
  })

  test("a partitioned table, and the parts of one", async () => {
    await session.query(
      `create table ${table} (id integer, "Name" text, born date) partition by list (id);
       create table public.part partition of ${table} default; set search_path to ''`,
    )
    expect(await findSwapObstacles(session, target, { loaded: columns, added: [] })).toContain(
      "it is partitioned",
    )
    const part = { schema: "public", name: "part" }
    expect(await findSwapObstacles(session, part, { loaded: columns, added: [] })).toContain(
      "it is a part of another table",
    )
  })

  test("rights that the loader's role does not have", async () => {
    await makeTable()
    await session.query(`set role ${reader}`)
    const obstacles = await findSwapObstacles(session, target, { loaded: columns, added: [] })
    await session.query("reset role")
    expect(obstacles).toEqual([
      expect.stringMatching(/^its owner is .*, and this role is not a member of it$/),
      `role ${reader} may not create tables in schema public`,
    ])
  })

  test("a table that is not there, or has nothing but rows, has no obstacles", async () => {
    expect(await findSwapObstacles(session, target, { loaded: columns, added: [] })).toEqual([])
    await makeTable()
    expect(await findSwapObstacles(session, target, { loaded: columns, added: [] })).toEqual([])
  })
})

test("a member of the owner's role swaps, and the table stays the owner's", async () => {
  await makeTable()
  await session.query(
    withLedger(
      `alter table ${table} owner to ${owner}; grant ${owner} to ${reader};
     grant create on schema public to ${reader}; grant usage, create on schema flatbed to ${reader};
     grant select on ${table} to ${reader}`,
    ),
  )
  const before = await describeTable()
  await session.query(`set role ${reader}`)
  await makeStaging()
  expect(await findSwapObstacles(session, target, { loaded: columns, added: [] })).toEqual([])
  expect(await swap()).toBe(2)
  await session.query("reset role")
  expect(await describeTable()).toEqual(before)
  expect(await rows()).toEqual(newRows)
})
