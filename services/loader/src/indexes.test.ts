// If this file fails, a table lacks an index that the settings ask for, or a load makes one twice or in another's place.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest"
import { type Bench, openBench, people, pipelineOf } from "./loader.test-kit.ts"
import { checkIndexes, type IndexSettings, listIndexes } from "./settings/index-settings.ts"
import type { RunOutcome } from "./summary.ts"

describe("a pipeline's indexes", () => {
  let bench: Bench

  beforeAll(async () => {
    bench = await openBench(people(6, 2))
  })

  beforeEach(async () => {
    await bench.query("drop table if exists public.people, public.other")
    bench.source.publish(people(6, 2))
    bench.source.forgetRequests()
    bench.log.lines.length = 0
  })

  afterAll(async () => {
    await bench.close()
  })

  type Change = Parameters<typeof pipelineOf>[0]
  const index = (columns: string[], unique = false, name?: string) => ({
    columns,
    unique,
    ...(name === undefined ? {} : { name }),
  })
  async function load(change: Change): Promise<RunOutcome | undefined> {
    const [outcome] = await bench.createLoader({ pipelines: { people: pipelineOf(change) } }).load()
    return outcome
  }
  const definitions = async () =>
    (
      await bench.query(
        "select indexdef from pg_catalog.pg_indexes where schemaname = 'public' and tablename = 'people' order by 1",
      )
    ).map(({ indexdef }) => indexdef)
  const told = () => bench.log.events("index.made").map(({ index }) => index)
  const byName = "CREATE INDEX people_name_idx ON public.people USING btree (name)"
  const byBorn = "CREATE UNIQUE INDEX people_born_id_key ON public.people USING btree (born, id)"

  test.each([
    ["replace", {}],
    ["upsert", { mode: "upsert" as const, key: ["id"] }],
  ])(
    "are made by the first load, kept by the next, and one that was added comes with it (%s)",
    async (_, change) => {
      const primary =
        "key" in change ? ["CREATE UNIQUE INDEX people_pkey ON public.people USING btree (id)"] : []
      await load({ ...change, indexes: [index(["name"])] })
      expect(await definitions()).toEqual([byName, ...primary])
      expect(told()).toEqual(["people_name_idx"])

      // What is up to date is left alone.
      const both = [index(["born", "id"], true), index(["name"])]
      expect(await load({ ...change, indexes: both })).toMatchObject({ outcome: "up-to-date" })
      expect(await definitions()).toEqual([byName, ...primary])

      bench.source.publish(people(7, 2, "b"))
      expect(await load({ ...change, indexes: both })).toMatchObject({ outcome: "published" })
      expect(await definitions()).toEqual([byName, byBorn, ...primary].sort())
      expect(told()).toEqual(["people_name_idx", "people_born_id_key"])

      // One that is no longer asked for is its owner's to drop.
      bench.source.publish(people(8, 2, "c"))
      await load(change)
      expect(await definitions()).toEqual([byName, byBorn, ...primary].sort())
    },
  )

  test("come with a swap too, and once", async () => {
    const swap = { publish: "swap" as const, swap_wait: 1000, lineage: true }
    await load({ ...swap, indexes: [index(["name"])] })
    bench.source.publish(people(7, 2, "b"))
    const three = [index(["born", "id"], true), index(["_loaded_at"]), index(["name"])]
    expect((await load({ ...swap, indexes: three }))?.problem).toBeUndefined()
    expect(bench.log.events("table.not_swapped")).toEqual([])
    const byTime = "CREATE INDEX people__loaded_at_idx ON public.people USING btree (_loaded_at)"
    expect(await definitions()).toEqual([byTime, byName, byBorn])
    expect(told()).toEqual(["people_name_idx", "people_born_id_key", "people__loaded_at_idx"])
  })

  test("are there already when an index has their columns, whatever its name; a primary key is one", async () => {
    await bench.query("create table public.people (id integer primary key, name text, born date)")
    await bench.query("create index mine on public.people (name, born)")
    await load({ indexes: [index(["id"], true), index(["name", "born"])] })
    expect(await definitions()).toHaveLength(2)
    expect(told()).toEqual([])
  })

  test("are not there when one holds other rows, other columns, or is not unique", async () => {
    await bench.query("create table public.people (id integer, name text, born date)")
    await bench.query(
      `create index part on public.people (name) where id > 3;
       create index lower on public.people (lower(name));
       create index plain on public.people (id);
       create index turned on public.people (born, name);
       create index hashed on public.people using hash (name)`,
    )
    await load({ indexes: [index(["name"]), index(["id"], true), index(["name", "born"])] })
    expect(told()).toEqual(["people_name_idx", "people_id_key", "people_name_born_idx"])
  })

  test("that are to be unique and would not be leave the table as it was", async () => {
    await load({})
    const next = people(6, 2, "b")
    bench.source.publish({
      ...next,
      rows: next.rows.map(([id, , born]) => [id ?? null, "same", born ?? null]),
    })
    const outcome = await load({ indexes: [index(["name"], true)] })
    expect(outcome?.problem).toMatchObject({
      code: "data-refused",
      message:
        'The index "people_name_key" cannot be made on public.people: Key (name)=(same) is duplicated.',
    })
    expect(await definitions()).toEqual([])
    expect(await bench.query("select name from public.people where id = 1")).toEqual([{ name: "a 1" }])
  })

  test("of a column that is not there are refused before a row moves", async () => {
    const outcome = await load({ indexes: [index(["id"]), index(["nmae"])] })
    expect(outcome?.problem).toMatchObject({
      code: "column-unknown",
      message: 'pipelines.people.indexes.2.columns names "nmae", which is not a column of the dataset.',
      hint: expect.stringContaining('Did you mean "name"? The columns are "id", '),
    })
    expect(bench.source.requests().filter(({ path }) => path.includes("/chunks/"))).toEqual([])
  })

  test("may be of the loader's own columns, and of those that only the table has", async () => {
    await bench.query(
      `create table public.people (id integer, name text, born date, note text default '', _flatbed_file text,
         _flatbed_row bigint, _flatbed_version text, _loaded_at timestamptz)`,
    )
    const outcome = await load({ lineage: true, indexes: [index(["_loaded_at"]), index(["note"])] })
    expect(outcome?.problem).toBeUndefined()
    expect(told()).toEqual(["people__loaded_at_idx", "people_note_idx"])
  })

  test.each([
    ["of another table", "create table public.other (id integer); create index mine on public.other (id)"],
    ["of the table, of another kind", "create index mine on public.people (name) where id > 1"],
  ])("whose name is %s already are refused", async (_, make) => {
    await load({})
    await bench.query(make)
    bench.source.publish(people(6, 2, "b"))
    const outcome = await load({ indexes: [index(["name"], false, "mine")] })
    expect(outcome?.problem).toMatchObject({
      code: "settings-invalid",
      message: expect.stringContaining('"mine"'),
    })
    expect(await bench.query("select name from public.people where id = 1")).toEqual([{ name: "a 1" }])
  })

  test("that Postgres does not make end the load, and nothing is changed", async () => {
    await bench.query(
      `create table public.people (id integer, name text, born date) partition by range (id);
       create table public.people_all partition of public.people default`,
    )
    const outcome = await load({ indexes: [index(["name"], true)] })
    expect(outcome?.problem).toMatchObject({
      code: "database-failed",
      message: expect.stringContaining(
        'The index "people_name_key" cannot be made on public.people: unique constraint',
      ),
    })
    expect(await bench.query("select from public.people")).toEqual([])
    expect((await load({ indexes: [index(["name", "id"], true), index(["born"])] }))?.problem).toBeUndefined()
    expect(await definitions()).toHaveLength(2)
  })
})

describe("an index's name", () => {
  const nameOf = (table: string, ...columns: string[]) =>
    listIndexes(table, [{ columns, unique: false }])[0]?.name

  test("is the one that Postgres would give", () => {
    expect(nameOf("people", "name", "born")).toBe("people_name_born_idx")
  })

  test("is at most 63 bytes, whole characters, always the same, and another one for other columns", () => {
    const long = `x${"é".repeat(28)}`
    const name = nameOf(long, "name") ?? ""
    expect(name).toMatch(/^xé{26}_[0-9a-f]{8}$/)
    expect(nameOf(long, "name")).toBe(name)
    expect(nameOf(long, "born")).not.toBe(name)
    expect(nameOf("e".repeat(55), "ab")).toBe(`${"e".repeat(55)}_ab_idx`.slice(0, 63))
  })

  test.each<[IndexSettings, string, string]>([
    [[{ columns: ["a", "a"], unique: false }], "indexes.1.columns", 'names "a" twice'],
    [
      [
        { columns: ["a"], unique: false },
        { columns: ["a"], unique: true },
      ],
      "indexes.2.columns",
      "are those of indexes.1",
    ],
    [
      [
        { columns: ["a_b"], unique: false },
        { columns: ["a", "b"], unique: false },
      ],
      "indexes.2.name",
      'is "t_a_b_idx", as of indexes.1',
    ],
    [[{ columns: ["a"], unique: false, name: "é".repeat(32) }], "indexes.1.name", "has 64 bytes"],
  ])("settings %j are told at %s", (indexes, path, message) => {
    expect(checkIndexes("pipelines.p", "t", indexes)).toEqual([
      { path: `pipelines.p.${path}`, message: expect.stringContaining(message) },
    ])
  })
})
