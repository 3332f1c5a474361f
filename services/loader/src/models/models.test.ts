// If this file fails, a table that a model builds is old, half, doubled or gone after a load.
import { startChaosProxy, testLedger } from "@flatbed/testing"
import pg from "pg"
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest"
import { people, pipelineOf } from "../loader.test-kit.ts"
import { type ModelBench, openModelBench, type WrittenModel } from "./models.test-kit.ts"

let bench: ModelBench

beforeAll(async () => {
  bench = await openModelBench()
})
afterAll(() => bench.close())
beforeEach(() => bench.clear())

const lineage = { people: pipelineOf({ mode: "append", lineage: true }) }

/** Loads, and answers what became of each model in a word or two. */
async function load(
  models: Readonly<Record<string, WrittenModel>>,
  pipelines?: Parameters<ModelBench["prepare"]>[1],
) {
  return await bench.load(await bench.prepare(models, pipelines))
}

async function made(
  models: Readonly<Record<string, WrittenModel>>,
  pipelines?: Parameters<ModelBench["prepare"]>[1],
) {
  const outcomes = (await load(models, pipelines)).models
  return Object.fromEntries(
    outcomes.map((one) => [
      one.model,
      one.outcome === "made" ? (one.reason ?? "") : (one.problem?.message ?? one.reason ?? one.outcome),
    ]),
  )
}

const first = "it was never made"
const news = "news from people"

/** Ten letters would be too many: one a row, as `1 a`. */
const rowsOf = async (table: string, columns = "*") =>
  (
    await bench.query(
      `select row_to_json(t)::text as row from (select ${columns} from ${table} order by 1) as t`,
    )
  ).map(({ row }) => JSON.parse(row))
const placesOf = async (table: string) =>
  Object.fromEntries(
    (await bench.query(`select id, xmin::text || ctid::text as place from ${table}`)).map(({ id, place }) => [
      id,
      place,
    ]),
  )

describe("a model is made", () => {
  const counts = {
    select: "select count(*) as people from public.people",
    needs: ["people"],
    table: "shop.counts",
  }

  test("after its pipeline, again when that brings something, and not when it does not", async () => {
    expect(await made({ counts })).toEqual({ counts: first })
    expect(await rowsOf("shop.counts")).toEqual([{ people: 5 }])
    expect(await made({ counts })).toEqual({ counts: "up-to-date" })
    bench.source.publish(people(7, 7))
    expect(await made({ counts })).toEqual({ counts: news })
    expect(await rowsOf("shop.counts")).toEqual([{ people: 7 }])
  })

  test("behind the models that it needs, whatever their order in the file", async () => {
    const twice = { select: "select people * 2 as twice from shop.counts", needs: ["counts"] }
    expect(await made({ twice, counts })).toEqual({ counts: first, twice: first })
    expect(await rowsOf("public.twice")).toEqual([{ twice: 10 }])
    bench.source.publish(people(7, 7))
    expect(await made({ twice, counts })).toEqual({ counts: news, twice: "news from people, counts" })
    expect(await rowsOf("public.twice")).toEqual([{ twice: 14 }])
  })

  test("when its definition changed, and when its table is gone", async () => {
    await made({ counts })
    expect(await made({ counts: { ...counts, select: "select 1 as people -- of all" } })).toEqual({
      counts: "its definition changed",
    })
    expect(await rowsOf("shop.counts")).toEqual([{ people: 1 }])
    await bench.query("drop table shop.counts")
    expect((await made({ counts: { ...counts, select: "select 1 as people -- of all" } })).counts).toContain(
      "shop.counts is not the one that it made",
    )
  })

  test("when it was not because its loader died or failed: by the next load that finds nothing new", async () => {
    const broken = { ...counts, select: "select 1 / (count(*) - 5) as people from public.people" }
    expect((await made({ counts: broken })).counts).toContain("division by zero")
    expect((await load({ counts })).runs.map(({ outcome }) => outcome)).toEqual(["up-to-date"])
    expect(await rowsOf("shop.counts")).toEqual([{ people: 5 }])
  })

  test("not before all its pipelines were loaded, and that is no failure", async () => {
    const pipelines = { people: pipelineOf(), others: pipelineOf({ dataset: "others", table: "others" }) }
    const both = { select: "select 1 as one from public.others", needs: ["people", "others"] }
    const loader = await bench.prepare({ both }, pipelines)
    const [run] = await loader.load(["people"])
    expect(run?.problem).toBeUndefined()
    const outcomes = await loader.makeModels({ after: ["people"] })
    expect(outcomes).toMatchObject([
      { outcome: "skipped", reason: "others was never loaded", problem: undefined },
    ])
  })

  test("by name also when nothing is new, with what it needs where that is stale", async () => {
    const twice = { select: "select people * 2 as twice from shop.counts", needs: ["counts"] }
    const loader = await bench.prepare({ counts, twice })
    await loader.load()
    const run = async (names: string[], onlyStale = false) =>
      (await loader.makeModels({ names, onlyStale })).map(({ model, outcome }) => `${model} ${outcome}`)
    expect(await run(["twice"])).toEqual(["counts made", "twice made"])
    expect(await run(["twice"])).toEqual(["counts up-to-date", "twice made"])
    expect(await run([], true)).toEqual(["counts up-to-date", "twice up-to-date"])
    expect(await run([])).toEqual(["counts made", "twice made"])
    await expect(run(["twise"])).rejects.toMatchObject({ code: "usage-invalid", hint: "Did you mean twice?" })
  })
})

describe("as: table", () => {
  const names = { select: "select id, name from public.people", needs: ["people"], table: "shop.names" }

  test("views, grants, comments and indexes of the table survive each new making", async () => {
    const model = { ...names, indexes: [{ columns: ["name"], unique: false }] }
    await made({ names: model })
    await bench.query(
      `create view shop.long as select name from shop.names; comment on table shop.names is 'of people';
       grant select on shop.names to public; create index own on shop.names (id)`,
    )
    const before = await bench.query("select 'shop.names'::regclass::oid as oid")
    bench.source.publish(people(3, 3, "b"))
    expect(await made({ names: model })).toEqual({ names: news })
    expect(await rowsOf("shop.long")).toEqual([{ name: "b 1" }, { name: "b 2" }, { name: "b 3" }])
    expect(await bench.query("select 'shop.names'::regclass::oid as oid")).toEqual(before)
    expect(
      await bench.query(
        `select obj_description('shop.names'::regclass) as comment, has_table_privilege('public', 'shop.names', 'select') as granted,
                array(select indexrelid::regclass::text from pg_index where indrelid = 'shop.names'::regclass order by 1) as indexes`,
      ),
    ).toEqual([{ comment: "of people", granted: true, indexes: ["shop.names_name_idx", "shop.own"] }])
  })

  test("with a key only rows that changed are written, and foreign keys may point at the others", async () => {
    const model = { ...names, key: ["id"] }
    await made({ names: model })
    await bench.query(
      "create table shop.orders (person integer references shop.names); insert into shop.orders values (1), (2)",
    )
    const before = await placesOf("shop.names")
    const changed = people(5, 5)
    bench.source.publish({
      ...changed,
      rows: [...changed.rows.slice(0, 3), ["4", "other", null], ["6", "new", null]],
    })
    const { models } = await load({ names: model })
    expect(models).toMatchObject([
      { rows: 5, applied: { inserted: 1, updated: 1, unchanged: 3, deleted: 1 } },
    ])
    const after = await placesOf("shop.names")
    expect([1, 2, 3].map((id) => after[id])).toEqual([1, 2, 3].map((id) => before[id]))
    expect(await rowsOf("shop.names")).toEqual(
      ["a 1", "a 2", "a 3", "other"].map((name, i) => ({ id: i + 1, name })).concat({ id: 6, name: "new" }),
    )
    // One of them that goes would leave an order without its person.
    bench.source.publish({ ...changed, rows: changed.rows.slice(1) })
    expect((await made({ names: model })).names).toContain("orders_person_fkey")
    expect(await rowsOf("shop.names", "id")).toHaveLength(5)
  })

  test("without a key rows to which others refer are not deleted", async () => {
    await made({ names: { ...names, key: ["id"] } })
    await bench.query("create table shop.orders (person integer references shop.names on delete cascade)")
    await bench.query("insert into shop.orders values (1)")
    expect((await made({ names })).names).toMatch(/shop\.orders \(orders_person_fkey\) refer to shop\.names/)
    expect(await rowsOf("shop.orders")).toEqual([{ person: 1 }])
  })

  test("columns follow the select: added, dropped, of another type; columns of somebody else's stay", async () => {
    await made({ names })
    await bench.query("alter table shop.names add column remark text")
    await made({ names: { ...names, select: "select id::text as id, born from public.people where id < 3" } })
    expect(await rowsOf("shop.names")).toEqual([
      { remark: null, id: "1", born: null },
      { remark: null, id: "2", born: "2001-02-03" },
    ])
  })

  test("a column that a view reads is not dropped: the view is named, and all stays", async () => {
    await made({ names })
    await bench.query("create view shop.long as select name from shop.names")
    const said = await made({ names: { ...names, select: "select id from public.people" } })
    expect(said.names).toContain("view shop.long depends on column name of table shop.names")
    expect(await rowsOf("shop.long")).toHaveLength(5)
  })

  test("a key that is named later becomes the primary key, one that is named no more goes", async () => {
    const key = async () =>
      await bench.query(
        "select conname as name from pg_constraint where conrelid = 'shop.names'::regclass and contype = 'p'",
      )
    await made({ names })
    expect(await key()).toEqual([])
    await made({ names: { ...names, key: ["id"] } })
    expect(await key()).toEqual([{ name: "names_pkey" }])
    await made({ names: { ...names, select: "select 1 as id, name from public.people" } })
    expect(await key()).toEqual([])
    expect(await rowsOf("shop.names")).toHaveLength(5)
  })

  test("a table that was there stays as somebody made it: its columns, types and keys are the select's rows' to fit", async () => {
    await bench.query(
      `create schema shop;
       create table shop.names (id bigint primary key, name varchar(20) not null, seen timestamptz default now());
       create table shop.orders (person bigint references shop.names)`,
    )
    const model = { ...names, key: ["id"] }
    expect(await made({ names: model })).toEqual({ names: first })
    expect(await rowsOf("shop.names", "id, name")).toHaveLength(5)
    await bench.query("insert into shop.orders values (5)")
    bench.source.publish(people(6, 6))
    expect(await made({ names: model })).toEqual({ names: news })
    expect(
      await bench.query(
        "select format_type(atttypid, atttypmod) as type from pg_attribute where attrelid = 'shop.names'::regclass and attnum > 0 order by attnum",
      ),
    ).toEqual([{ type: "bigint" }, { type: "character varying(20)" }, { type: "timestamp with time zone" }])
    const other = await made({ names: { ...model, select: "select id, born from public.people" } })
    expect(other.names).toContain(
      'it has no place for "born"; it needs "name", which the select does not give',
    )
  })

  test("rows that no model put into a table are not deleted", async () => {
    await bench.query("create schema shop; create table shop.names as select 0 as id, 'mine' as name")
    expect((await made({ names })).names).toContain("holds rows that no model put there")
    expect(await rowsOf("shop.names")).toEqual([{ id: 0, name: "mine" }])
    await bench.query("drop table shop.names")
    await made({ names })
    // The same, where the model had made a table of that name before.
    await bench.query("drop table shop.names; create table shop.names as select 0 as id, 'mine' as name")
    expect((await made({ names })).names).toContain("holds rows that no model put there")
    expect(await rowsOf("shop.names")).toEqual([{ id: 0, name: "mine" }])
  })

  test("rows that the types of somebody's table would change are not written", async () => {
    await bench.query("create schema shop; create table shop.names (id integer, share integer, at date)")
    const select = `select id, id + 0.5 as share, '2024-02-03 04:05+00'::timestamptz as at from public.people`
    expect((await made({ names: { ...names, select } })).names).toContain(
      `the select's rows would be changed by the types of shop.names: "share" is numeric and becomes integer, in 5 rows, as 1.5 becomes 2`,
    )
    const whole =
      "select id, id + 0.0 as share, '2024-02-03'::timestamp as at from public.people where id < 3"
    expect(await made({ names: { ...names, select: whole } })).toEqual({ names: first })
    expect(await rowsOf("shop.names")).toEqual([1, 2].map((id) => ({ id, share: id, at: "2024-02-03" })))
  })
})

describe("as: upsert", () => {
  const best = {
    as: "upsert",
    key: ["id"],
    select: "select id, name from public.people where _flatbed_version = any(:new_versions)",
    needs: ["people"],
    table: "shop.best",
  } as const

  test("only rows of new versions are asked for, and only those that changed are written", async () => {
    await made({ best }, lineage)
    const before = await placesOf("shop.best")
    const [grown] = [people(8, 8)]
    bench.source.publish(grown)
    const { models } = await load({ best }, lineage)
    expect(models).toMatchObject([
      { rows: 8, newVersions: 1, applied: { inserted: 3, updated: 0, unchanged: 0, deleted: 0 } },
    ])
    const after = await placesOf("shop.best")
    expect([1, 2, 3, 4, 5].map((id) => after[id])).toEqual([1, 2, 3, 4, 5].map((id) => before[id]))
  })

  test("a changed definition asks for all versions, and rewrites what is another now", async () => {
    await made({ best }, lineage)
    bench.source.publish(people(7, 7))
    await made({ best }, lineage)
    const before = await placesOf("shop.best")
    const select =
      "select id, case id when 2 then 'two' else name end as name from public.people where _flatbed_version = any(:new_versions)"
    const { models } = await load({ best: { ...best, select } }, lineage)
    expect(models).toMatchObject([{ newVersions: 2, applied: { inserted: 0, updated: 1, unchanged: 6 } }])
    const after = await placesOf("shop.best")
    expect(Object.keys(after).filter((id) => after[id] !== before[id])).toEqual(["2"])
  })

  test("it never deletes; a column that is gone stays with its rows, one of another type is cast", async () => {
    const select = "select id, name, 1 as score from public.people"
    await made({ best: { ...best, select } })
    bench.source.publish(people(2, 2))
    await made({ best: { ...best, select: "select id, 1.5 as score from public.people" } })
    expect(await rowsOf("shop.best")).toEqual([
      { id: 1, name: "a 1", score: 1.5 },
      { id: 2, name: "a 2", score: 1.5 },
      ...[3, 4, 5].map((id) => ({ id, name: `a ${id}`, score: 1 })),
    ])
  })
})

const lossy: [string, string, string][] = [
  [
    "1.5 + id",
    "(1.5 + id)::integer",
    `"value" is numeric, the select gives integer, and 5 rows of shop.best would lose by that, as 2.5 would become 3`,
  ],
  ["'2024-02-03 04:05'::timestamp", "'2024-02-03'::date", "as 2024-02-03 04:05:00 would become 2024-02-03"],
  [
    "'2024-02-03 04:05'::timestamp",
    "'04:05'::time",
    "as Postgres has no way back: cannot cast type time without time zone to timestamp",
  ],
  ["'long'::text", "'l'::varchar(1)", "as long would become l"],
]

test.each(lossy)("rows that stay lose nothing by another type: %s, then %s", async (was, is, words) => {
  const best = { as: "upsert", key: ["id"], needs: ["people"], table: "shop.best" } as const
  await made({ best: { ...best, select: `select id, ${was} as value from public.people` } })
  const before = await rowsOf("shop.best")
  const refused = await made({ best: { ...best, select: `select id, ${is} as value from public.people` } })
  expect(refused.best).toContain(words)
  expect(await rowsOf("shop.best")).toEqual(before)
})

describe("as: append", () => {
  const log = {
    as: "append",
    select:
      "select id, _flatbed_version as version from public.people where _flatbed_version = any(:new_versions)",
    needs: ["people"],
    table: "shop.log",
  } as const

  test("each version's rows come once, whatever runs again; a changed definition goes on behind them", async () => {
    await made({ log }, lineage)
    bench.source.publish(people(7, 7))
    const loader = await bench.prepare({ log }, lineage)
    await bench.load(loader)
    await loader.makeModels({ names: ["log"], onlyStale: false })
    expect(await rowsOf("shop.log", "id")).toEqual([1, 2, 3, 4, 5, 6, 7].map((id) => ({ id })))
    await made({ log: { ...log, select: `${log.select} and id <> 8` } }, lineage)
    bench.source.publish(people(9, 9))
    await made({ log: { ...log, select: `${log.select} and id <> 8` } }, lineage)
    expect(await rowsOf("shop.log", "id")).toEqual([1, 2, 3, 4, 5, 6, 7, 9].map((id) => ({ id })))
    await bench.query("drop table shop.log")
    await made({ log }, lineage)
    expect(await rowsOf("shop.log", "id")).toHaveLength(9)
  })

  test("a version that is published again brings its rows no second time", async () => {
    const replace = { people: pipelineOf({ lineage: true }) }
    await made({ log }, replace)
    const [five] = [people(5, 5)]
    bench.source.publish(people(7, 7))
    await made({ log }, replace)
    const both = await rowsOf("shop.log", "id")
    expect(both).toHaveLength(12)
    // What was there before is there again.
    bench.source.publish(five)
    expect(await made({ log }, replace)).toEqual({ log: news })
    // The pipeline's table is gone, and made again.
    await bench.query("drop table public.people")
    expect(await made({ log }, replace)).toEqual({ log: news })
    expect(await rowsOf("shop.log", "id")).toEqual(both)
  })

  test("another name for the model or for its pipeline appends nothing again", async () => {
    await made({ log }, lineage)
    expect(await made({ journal: log }, lineage)).toEqual({ journal: "up-to-date" })
    expect(
      (await (await bench.prepare({ journal: log }, lineage)).modelStatus()).models.map(({ state }) => state),
    ).toEqual(["made"])
    const renamed = { persons: pipelineOf({ mode: "append", lineage: true }) }
    await made({ journal: { ...log, needs: ["persons"] } }, renamed)
    bench.source.publish(people(7, 7))
    await made({ journal: { ...log, needs: ["persons"] } }, renamed)
    // And back.
    await made({ log }, lineage)
    bench.source.publish(people(8, 8))
    expect((await load({ log }, lineage)).models).toMatchObject([{ rows: 8, applied: { inserted: 1 } }])
    expect(await rowsOf("shop.log", "id")).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((id) => ({ id })))
  })

  test("rows of a table that took the place of its own are not joined by all versions once more", async () => {
    await made({ log }, lineage)
    await bench.query(
      "create table shop.copy as table shop.log; drop table shop.log; alter table shop.copy rename to log",
    )
    expect((await made({ log }, lineage)).log).toContain(
      "shop.log is not the table that the model made, and it holds rows",
    )
    expect(await rowsOf("shop.log", "id")).toHaveLength(5)
    await bench.query("truncate shop.log")
    expect(await made({ log }, lineage)).toEqual({ log: "the table shop.log is not the one that it made" })
    expect(await rowsOf("shop.log", "id")).toHaveLength(5)
  })

  test.each(["drop-reply", "cut"] as const)(
    "a COMMIT whose answer is lost (%s) is settled by the run in the ledger",
    async (kind) => {
      await (await bench.prepare({ log }, lineage)).load()
      const { hostname: host, port } = new URL(bench.databaseUrl)
      const proxy = await startChaosProxy({ host, port: Number(port) })
      const database = { url: proxy.rewrite(bench.databaseUrl), schema: testLedger }
      const loader = await bench.prepare({ log }, lineage, { database })
      const armed = proxy.arm({ clientSends: "commit" }, { kind })
      const outcomes = await loader.makeModels({ after: ["people"] })
      await proxy.close()
      expect(armed.struck()).toBe(true)
      expect(outcomes).toMatchObject([{ outcome: "made", rows: 5, applied: { inserted: 5 }, newVersions: 1 }])
      expect(await rowsOf("shop.log", "id")).toHaveLength(5)
      expect(await bench.query("select count(*)::integer as runs from flatbed.model_runs")).toEqual([
        { runs: 1 },
      ])
    },
  )

  test("two loaders at once append each version once", async () => {
    const loaders = await Promise.all([1, 2, 3].map(() => bench.prepare({ log }, lineage)))
    for (const rows of [5, 8, 11]) {
      bench.source.publish(people(rows, rows))
      await loaders[0]?.load()
      const outcomes = await Promise.all(
        loaders.map(async (loader) => await loader.makeModels({ after: ["people"] })),
      )
      expect(
        outcomes
          .flat()
          .map(({ outcome }) => outcome)
          .sort(),
      ).toEqual(["made", "up-to-date", "up-to-date"])
      expect(await rowsOf("shop.log", "id")).toEqual(Array.from({ length: rows }, (_, i) => ({ id: i + 1 })))
    }
    expect(await bench.query("select count(*)::integer as runs from flatbed.model_runs")).toEqual([
      { runs: 3 },
    ])
  })
})

describe("as: view", () => {
  const adults = {
    as: "view",
    select: "select id, name from public.people",
    needs: ["people"],
    table: "shop.adults",
  } as const

  test("it is made once, shows each version, and what needs it is made again", async () => {
    const counts = { select: "select count(*)::integer as n from shop.adults", needs: ["adults"] }
    expect(await made({ adults, counts })).toEqual({ adults: first, counts: first })
    const oid = await bench.query(
      "select 'shop.adults'::regclass::oid as oid, xmin from pg_class where relname = 'adults'",
    )
    bench.source.publish(people(7, 7))
    expect(await made({ adults, counts })).toEqual({ adults: news, counts: "news from people, adults" })
    expect(await rowsOf("public.counts")).toEqual([{ n: 7 }])
    expect(
      await bench.query(
        "select 'shop.adults'::regclass::oid as oid, xmin from pg_class where relname = 'adults'",
      ),
    ).toEqual(oid)
  })

  test("its columns change with its grants and comment kept; what depends on it keeps it, and is named", async () => {
    await made({ adults })
    await bench.query(
      "comment on view shop.adults is 'all'; grant select on shop.adults to public; alter view shop.adults set (security_barrier = true)",
    )
    await made({ adults: { ...adults, select: "select name, born from public.people" } })
    expect(await rowsOf("shop.adults", "name")).toHaveLength(5)
    expect(
      await bench.query(
        `select obj_description(oid) as comment, has_table_privilege('public', oid, 'select') as granted, reloptions
           from pg_class where oid = 'shop.adults'::regclass`,
      ),
    ).toEqual([{ comment: "all", granted: true, reloptions: ["security_barrier=true"] }])
    await bench.query("create view shop.more as select name from shop.adults")
    const said = await made({ adults: { ...adults, select: "select born from public.people" } })
    expect(said.adults).toContain("view shop.more depends on view shop.adults")
    expect(await rowsOf("shop.more")).toHaveLength(5)
  })

  test("a table is no view, and a view no table", async () => {
    await made({ adults })
    expect((await made({ adults: { ...adults, as: "table" } })).adults).toContain("is a view")
    await bench.query("drop view shop.adults")
    await made({ adults: { ...adults, as: "table" } })
    expect((await made({ adults })).adults).toContain("is there and no view")
  })
})

describe("a model that fails leaves the old table and the loaded rows", () => {
  const names = { select: "select id, name from public.people", needs: ["people"], table: "shop.names" }
  const after = { select: "select count(*) as n from shop.names", needs: ["names"] }
  const beside = { select: "select count(*)::integer as n from public.people", needs: ["people"] }
  const keyed = { ...names, key: ["id"] }

  test.each<[string, WrittenModel, string]>([
    [
      "SQL that Postgres does not know",
      { ...names, select: "select id,\n  nmae\nfrom public.people" },
      'names.sql line 2: column "nmae" does not exist',
    ],
    [
      "a name without its schema",
      { ...names, select: "select id from people" },
      'relation "people" does not exist',
    ],
    [
      "a value that cannot be computed",
      { ...names, select: "select 1 / (id - 3) as id from public.people" },
      "division by zero",
    ],
    [
      "two statements",
      { ...names, select: "select 1 as id; drop table public.people" },
      "cannot insert multiple commands",
    ],
    [
      "a select that deletes",
      { ...names, select: "with gone as (delete from public.people returning *) select * from gone" },
      "must not contain data-modifying statements",
    ],
    ["no select", { ...names, select: "drop table public.people" }, "syntax error"],
    [
      "a key twice",
      { ...keyed, select: "select id % 4 as id, name from public.people" },
      '1 key stands more than once in the select: {"id":1} in 2 rows',
    ],
    [
      "NULL in a key",
      { ...keyed, select: "select nullif(id, 2) as id, name from public.people" },
      "1 of the select's rows has NULL in the key (id)",
    ],
    [
      "a key that is no column",
      { ...keyed, key: ["zip"] },
      'its key names "zip", which the select does not have',
    ],
    [
      "a check",
      { ...names, checks: [{ column: "name", pattern: "^a [1-4]$", severity: "fail" }] },
      'check name_pattern: 1 of 5 rows breaks it, expected text that matches ^a [1-4]$ in "name": {"id":5,"name":"a 5"}',
    ],
    [
      "a check that cannot be read",
      { ...names, checks: [{ sql: "nmae <> ''", severity: "fail" }] },
      'column "nmae" does not exist',
    ],
    [
      "a check of a column that is not there",
      { ...names, checks: [{ column: "nmae", not_null: true, severity: "fail" }] },
      'models.names.checks.1 names "nmae", which is not a column of the select',
    ],
    [
      "a check that cannot be computed",
      { ...names, checks: [{ sql: "1 / (id - 3) < 9", severity: "fail" }] },
      "division by zero",
    ],
  ])("%s", async (_what, broken, said) => {
    await made({ names: { ...names, checks: [] }, after, beside })
    const rows = await rowsOf("shop.names")
    bench.source.publish(people(5, 5, "a"))
    const { runs, models } = await load({ names: broken, after, beside })
    expect(runs.map(({ problem }) => problem)).toEqual([undefined])
    const [failing, skipped, other] = models
    expect(failing?.problem).toMatchObject({
      code: "model-failed",
      exitCode: 9,
      message: expect.stringContaining(said),
    })
    expect(skipped).toMatchObject({ outcome: "skipped", reason: "it needs names, which was not made" })
    expect(other?.problem).toBeUndefined()
    expect(await rowsOf("shop.names")).toEqual(rows)
    expect(await rowsOf("public.people")).toHaveLength(5)
    const loader = await bench.prepare({ names: broken, after, beside })
    expect((await loader.modelStatus()).models).toMatchObject([
      {
        model: "names",
        state: "failed",
        rows: 5,
        problem: { code: "model-failed", detail: expect.stringContaining(said) },
      },
      { model: "after", state: "stale", reason: "news from names" },
      { model: "beside", state: "made" },
    ])
    expect(
      await bench.query(
        "select relname from pg_class where relnamespace = 'flatbed'::regnamespace and relname ~ '^(model_[0-9a-f]{16}|probe)'",
      ),
    ).toEqual([])
  })

  test("files that cannot be read, and names that get no value, are told before a row moves", async () => {
    const loader = await bench.prepare({
      empty: { select: " \n", needs: ["people"] },
      other: { select: "select :who as who, :new_version as v, ':no' as no, 1::int as n", needs: ["people"] },
      view: { as: "view", select: "select :new_versions as v", needs: ["people"] },
      table: { select: "select :new_versions as v", needs: ["people"] },
    })
    await expect(loader.load()).rejects.toMatchObject({
      code: "settings-invalid",
      message: expect.stringMatching(
        /5 problems:.*empty.sql holds nothing.*:who gets no value.*:new_version gets.*did you mean :new_versions.*view\.sql: :new_versions says nothing to as: view.*table\.sql: :new_versions says nothing to as: table/s,
      ),
    })
    expect(await bench.query("select to_regclass('public.people') as people")).toEqual([{ people: null }])
  })
})

test("checks of a model warn, and leave rows out that are kept with the run", async () => {
  const checks: WrittenModel["checks"] = [
    { column: "id", one_of: ["1", "2", "3", "4"], severity: "reject" },
    { column: "name", unique: true, severity: "reject" },
    { column: "name", pattern: "1$", severity: "warn" },
    { column: "id", references: "public.people.id", severity: "fail" },
  ]
  const select = "select id, case id when 4 then 'a 1' else name end as name from public.people"
  const { models } = await load({ names: { select, needs: ["people"], table: "shop.names", checks } })
  expect(models).toMatchObject([
    {
      ...{ outcome: "made", rows: 3, rejects: 2 },
      checks: [
        { name: "id_one_of", failed: 1 },
        { name: "name_unique", failed: 1 },
        { name: "name_pattern", failed: 2 },
        { name: "id_references", failed: 0 },
      ],
    },
  ])
  expect(await rowsOf("shop.names", "id")).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }])
  expect(await bench.query("select check_name, cells from flatbed.model_rejects order by 1")).toEqual([
    { check_name: "id_one_of", cells: { id: 5, name: "a 5" } },
    { check_name: "name_unique", cells: { id: 4, name: "a 1" } },
  ])
  expect(bench.log.events("check.failed").map(({ msg }) => String(msg).slice(0, 40))).toContain(
    "check name_pattern: 2 of 3 rows break it",
  )
})

test("readers see the old rows or the new ones, never a part, also at REPEATABLE READ", async () => {
  const pair = {
    select: "select n, (select max(id) from public.people) as size from generate_series(1, 2000) as n",
    needs: ["people"],
    table: "shop.pair",
  }
  const loader = await bench.prepare({ pair })
  await bench.load(loader)
  const pool = new pg.Pool({ connectionString: bench.databaseUrl, max: 3 })
  const old = await pool.connect()
  await old.query("begin isolation level repeatable read")
  const look =
    "select count(*)::integer as rows, count(distinct size)::integer as kinds, max(size)::integer as size from shop.pair"
  const seen = new Set<number>()
  let isOver = false
  const polling = [1, 2].map(async () => {
    while (!isOver) {
      const { rows } = await pool.query(look)
      expect(rows).toMatchObject([{ rows: 2000, kinds: 1 }])
      seen.add(rows[0].size)
    }
  })
  try {
    expect((await old.query(look)).rows).toEqual([{ rows: 2000, kinds: 1, size: 5 }])
    for (const size of [6, 7, 8, 9]) {
      bench.source.publish(people(size, size))
      await bench.load(loader)
    }
    expect((await old.query(look)).rows).toEqual([{ rows: 2000, kinds: 1, size: 5 }])
  } finally {
    isOver = true
    await Promise.all(polling)
    old.release(true)
    await pool.end()
  }
  expect(seen.has(9)).toBe(true)
})
