// If this file fails, a natively partitioned table gets a part of a version, or nobody learns which row had no place.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest"
import { type Bench, openBench, people, pipelineOf } from "./loader.test-kit.ts"

let bench: Bench

beforeAll(async () => {
  bench = await openBench(people(5, 2))
})

beforeEach(async () => {
  await bench.query("drop table if exists public.people")
  bench.source.publish(people(5, 2))
  // Whose birthday is known stands in one partition, the others in another; each is parted by id once more.
  await bench.query(
    `create table public.people (id integer, name text, born date) partition by list ((born is null));
     create table public.known partition of public.people for values in (false);
     create table public.unknown partition of public.people for values in (true) partition by range (id);
     create table public.unknown_small partition of public.unknown for values from (1) to (6)`,
  )
})

afterAll(async () => {
  await bench.close()
})

async function load(change: Parameters<typeof pipelineOf>[0]) {
  const [outcome] = await bench.createLoader({ pipelines: { people: pipelineOf(change) } }).load()
  return outcome
}

const all = { mode: "hard", limit: { rows: 9, share: "100%" }, after_rejects: "refuse" } as const

test.each<[string, Parameters<typeof pipelineOf>[0]]>([
  ["replace", {}],
  ["replace by difference", { key: ["id"] }],
  ["upsert", { mode: "upsert", key: ["id"] }],
  ["mirror", { mode: "mirror", key: ["id"], deletes: all }],
])(
  "%s: rows move between partitions, and one that none takes is named and changes nothing",
  async (_, change) => {
    const places = async () =>
      (await bench.query("select id, tableoid::regclass::text as place from public.people order by id")).map(
        ({ id, place }) => [id, place],
      )
    expect((await load(change))?.problem).toBeUndefined()
    const [small, known] = ["public.unknown_small", "public.known"]
    expect(await places()).toEqual([
      [1, small],
      [2, known],
      [3, known],
      [4, small],
      [5, known],
    ])
    const moved = people(5, 2)
    const rows = moved.rows.map(([id = null, name = null, born = null]) => [
      id,
      name,
      id === "1" ? "2001-02-03" : id === "2" ? null : born,
    ])
    bench.source.publish({ ...moved, rows })
    expect((await load(change))?.problem).toBeUndefined()
    const before = await places()
    expect(before.slice(0, 2)).toEqual([
      [1, known],
      [2, small],
    ])

    bench.source.publish({ ...moved, rows: [...rows, ["6", "nowhere", null]] })
    expect((await load(change))?.problem).toMatchObject({
      code: "data-refused",
      message: expect.stringContaining("(id) = (6)"),
      hint: "Nothing was changed. Make a partition of unknown for such rows, or a default one.",
    })
    expect(await places()).toEqual(before)
    await bench.query("create table public.unknown_rest partition of public.unknown default")
    expect((await load(change))?.problem).toBeUndefined()
    expect((await places()).at(-1)).toEqual([6, "public.unknown_rest"])
  },
)
