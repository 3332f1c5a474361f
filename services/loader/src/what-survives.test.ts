// If this file fails, a load takes away what somebody else made on the table: a view, a right, an index, a child row.
import { randomBytes } from "node:crypto"
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest"
import { type Bench, openBench, people, pipelineOf } from "./loader.test-kit.ts"
import type { RunOutcome } from "./summary.ts"

let bench: Bench
const role = `owner_${process.pid}_${randomBytes(4).toString("hex")}`

beforeAll(async () => {
  bench = await openBench(people(6, 2, "a"))
})

beforeEach(() => bench.source.publish(people(6, 2, "a")))

afterEach(async () => {
  await bench.query(
    `drop publication if exists everything;
     drop table if exists public.people, public.children, public.countries, public.seen cascade;
     drop function if exists public.see;
     drop role if exists ${role}`,
  )
})

afterAll(() => bench.close())

async function load(change: Parameters<typeof pipelineOf>[0]): Promise<RunOutcome | undefined> {
  const [outcome] = await bench.createLoader({ pipelines: { people: pipelineOf(change) } }).load()
  return outcome
}

/** What people hang on a table, one of each kind. */
const makeTable = `
  create role ${role};
  create table public.countries (code text primary key);
  insert into public.countries values ('GB');
  create table public.people (
    id integer, name text check (name <> ''), born date, note text default 'none',
    number integer generated always as identity, initial text generated always as (left(name, 1)) stored,
    country text default 'GB' references public.countries
  ) with (fillfactor = 70);
  create index people_by_name on public.people (lower(name)) where id > 0;
  create unique index people_by_id on public.people (id) include (name);
  create view public.grown as select id, name from public.people where born is not null;
  create materialized view public.counted as select count(*) as people from public.people;
  create view public.few with (security_barrier) as select * from public.grown where id < 3;
  create table public.seen (word text);
  grant insert on public.seen to ${role};
  create function public.see() returns trigger language plpgsql as $$
    begin insert into public.seen values (tg_op); return null; end $$;
  create trigger see after insert or update or delete on public.people for each statement execute function public.see();
  create rule told as on delete to public.people where old.id < 0 do also insert into public.seen values ('rule');
  create policy own on public.people for select to ${role} using (name = current_user);
  create statistics public.together on id, name from public.people;
  create publication everything for table public.people;
  create unique index people_by_number on public.people (number);
  comment on table public.people is 'Who is there';
  comment on column public.people.name is 'As on the door';
  grant select on public.people to public;
  grant update (name) on public.people to ${role} with grant option;
  alter table public.people alter column name set statistics 500, alter column name set storage external,
    replica identity using index people_by_number, cluster on people_by_id;
  alter table public.people enable row level security, owner to ${role};
  insert into public.people (id, name) values (7, 'gone')
`

/** All that the catalogs say of the table and of what hangs on it, but for what counts rows. */
async function describeTable(): Promise<unknown> {
  const of = "'public.people'::regclass"
  const lists = {
    table: `select oid, relowner, relacl::text, reloptions, relrowsecurity, relreplident, relhastriggers, relpersistence
              from pg_class where oid = ${of}`,
    columns: `select attname, format_type(atttypid, atttypmod) as type, attnotnull, attstattarget, attstorage, attidentity,
                     attgenerated, attacl::text from pg_attribute where attrelid = ${of} and attnum > 0`,
    defaults: `select adnum, pg_get_expr(adbin, adrelid) from pg_attrdef where adrelid = ${of}`,
    indexes: `select indexrelid, pg_get_indexdef(indexrelid), indisreplident, indisclustered, indisvalid from pg_index where indrelid = ${of}`,
    constraints: `select oid, conname, pg_get_constraintdef(oid) from pg_constraint where conrelid = ${of}`,
    triggers: `select oid, tgenabled, pg_get_triggerdef(oid) from pg_trigger where tgrelid = ${of} and not tgisinternal`,
    policies: `select oid, polname, polcmd, polroles::text, pg_get_expr(polqual, polrelid) from pg_policy where polrelid = ${of}`,
    rules: `select oid, pg_get_ruledef(oid) from pg_rewrite where ev_class = ${of}`,
    comments: `select objsubid, description from pg_description where objoid = ${of}`,
    statistics: `select oid, pg_get_statisticsobjdef(oid) from pg_statistic_ext where stxrelid = ${of}`,
    publications: `select oid, prpubid from pg_publication_rel where prrelid = ${of}`,
    dependents: `select c.oid, c.relname, c.relkind, pg_get_viewdef(c.oid) from pg_class c
                  where c.relnamespace = 'public'::regnamespace and c.relkind in ('v', 'm')`,
  }
  const found = await Promise.all(
    Object.entries(lists).map(async ([name, text]) => [name, await bench.query(`${text} order by 1, 2`)]),
  )
  return Object.fromEntries(found)
}

test.each([
  ["replace", {}],
  ["replace by difference", { key: ["id"] }],
  ["upsert", { mode: "upsert" as const, key: ["id"] }],
  [
    "mirror",
    {
      mode: "mirror" as const,
      key: ["id"],
      deletes: { mode: "hard" as const, limit: { rows: 9, share: "100%" }, after_rejects: "refuse" as const },
    },
  ],
])(
  "%s leaves views, grants, comments, indexes, owner, policies, triggers, statistics and identities alone",
  async (_, change) => {
    await bench.query(makeTable)
    const before = await describeTable()
    expect(Object.values(before as object).map((list) => list.length > 0)).not.toContain(false)
    for (const tag of ["a", "b"]) {
      bench.source.publish(people(6, 2, tag))
      const outcome = await load(change)
      expect(outcome?.problem).toBeUndefined()
      const rows = await bench.query(
        "select id, name, note, initial, country from public.people where id < 7 order by id",
      )
      expect(rows).toEqual(
        Array.from({ length: 6 }, (_, i) => ({
          id: i + 1,
          name: `${tag} ${i + 1}`,
          note: "none",
          initial: tag,
          country: "GB",
        })),
      )
      expect(await describeTable()).toEqual(before)
    }
    // What hangs on it works as before.
    expect(await bench.query("select id from public.few order by id")).toEqual([{ id: 2 }])
    expect((await bench.query("select from public.seen")).length).toBeGreaterThan(0)
  },
)

test("without a key a table that foreign keys point at is refused; with one only rows that change or go are touched", async () => {
  expect((await load({ key: ["id"] }))?.problem).toBeUndefined()
  await bench.query(
    `create table public.children (
       id integer primary key,
       person integer references public.people (id) on update cascade on delete cascade
     )`,
  )
  await bench.query("insert into public.children select id * 10, id from public.people")
  const marks = async (table: string, where = "true") =>
    await bench.query(`select id, xmin::text, ctid::text from public.${table} where ${where} order by id`)
  const [parents, children] = [await marks("people"), await marks("children")]

  // 1 to 4 stay as they are, 5 is changed, 6 goes.
  const next = people(5, 2, "a")
  bench.source.publish({
    ...next,
    rows: next.rows.map((row) => (row[0] === "5" ? ["5", "other", null] : row)),
  })
  const refused = await load({})
  expect(refused?.problem?.code).toBe("table-unsuitable")
  expect(refused?.problem?.message).toContain("children (children_person_fkey)")
  expect(await marks("people")).toEqual(parents)
  expect(await marks("children")).toEqual(children)

  expect(await load({ key: ["id"] })).toMatchObject({
    applied: { inserted: 0, updated: 1, unchanged: 4, deleted: 1 },
  })
  expect(await marks("people", "id < 5")).toEqual(parents.slice(0, 4))
  // By the foreign key's own rule the child of 6 goes with it; no other is written.
  expect(await marks("children")).toEqual(children.slice(0, 5))
})

test("a row that goes and must not leave children behind stops the load, and nothing is changed", async () => {
  expect((await load({ key: ["id"] }))?.problem).toBeUndefined()
  await bench.query(
    "create table public.children (person integer references public.people (id)); insert into public.children values (6)",
  )
  bench.source.publish(people(5, 2, "b"))
  const outcome = await load({ key: ["id"] })
  expect(outcome?.problem).toMatchObject({
    code: "data-refused",
    message: expect.stringContaining("children"),
  })
  expect(await bench.query("select name from public.people order by id")).toEqual(
    Array.from({ length: 6 }, (_, i) => ({ name: `a ${i + 1}` })),
  )
})
