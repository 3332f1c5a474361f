// If this file fails, `flatbed-loader` says or returns something else about models than MODELS.md and the README.
import { join } from "node:path"
import { startProcess, waitFor } from "@flatbed/testing"
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest"
import { people, pipelineOf } from "../loader.test-kit.ts"
import { type ModelBench, openModelBench } from "./models.test-kit.ts"

const script = join(import.meta.dirname, "..", "..", "bin", "flatbed-loader.mjs")
let bench: ModelBench

beforeAll(async () => {
  bench = await openModelBench()
})
afterAll(() => bench.close())

beforeEach(async () => {
  await bench.clear()
  await bench.folder.write("names.sql", "select id, name from public.people where id < 100;\n")
  await bench.folder.write("counts.sql", "-- how many\nselect count(*)::integer as n from shop.names")
  await bench.folder.write(
    "loader.yaml",
    `source: { url: "${bench.source.url}" }
database: { url: "\${DATABASE_URL}" }
log: { file: loader.log }
pipelines:
  people: { dataset: people, table: people }
models:
  counts: { sql: counts.sql, table: shop.counts, needs: [names] }
  names: { sql: names.sql, table: shop.names, needs: [people], key: [id] }
`,
  )
})

async function run(...args: string[]) {
  const program = startProcess({
    ...{ script, args, cwd: bench.folder.path },
    env: { DATABASE_URL: bench.databaseUrl },
  })
  const { code } = await program.end()
  return { code, out: program.stdout().split("\n").slice(0, -1), err: program.stderr() }
}

const withoutTimes = (lines: readonly string[]) =>
  lines.map((line) => line.replaceAll(/\d+\.\d+ s|\d{4}-\d\d-\d\dT[\d:.]+Z/g, "…"))

test("load tells what became of each model, and counts those for which nothing is new", async () => {
  const first = await run("load")
  expect(first.code).toBe(0)
  expect(withoutTimes(first.out.slice(-2))).toEqual([
    "names: made, 5 rows in shop.names in …",
    "counts: made, 1 row in shop.counts in …",
  ])
  bench.source.publish({
    ...people(5, 5),
    rows: [
      ["1", "other", null],
      ["9", "new", null],
    ],
  })
  const second = await run("load")
  expect(withoutTimes(second.out.slice(-2))).toEqual([
    "names: made, 2 rows in shop.names (1 new, 1 changed, 0 the same, 4 deleted) in …",
    "counts: made, 1 row in shop.counts (1 new, 0 changed, 0 the same, 1 deleted) in …",
  ])
  expect((await run("load")).out.at(-1)).toBe("2 models up to date")
  const { models } = JSON.parse((await run("load", "--json")).out[0] ?? "")
  expect(models).toMatchObject([
    { model: "names", table: "shop.names", as: "table", outcome: "up-to-date", rows: 2, problem: null },
    { model: "counts", outcome: "up-to-date", rows: 1 },
  ])
  // A rehearsal makes none.
  bench.source.publish(people(6, 6))
  expect(JSON.parse((await run("load", "--rehearse", "--json")).out[0] ?? "").models).toEqual([])
})

test("a model that fails ends load with 9, and stays in models list, status and status --check until it is made", async () => {
  await run("load")
  await bench.folder.write("names.sql", "select id,\n nmae from public.people")
  const failed = await run("load")
  expect(failed.code).toBe(9)
  expect(failed.out.slice(-2)).toEqual([
    'names: failed with model-failed: names.sql line 2: column "nmae" does not exist.',
    "counts: skipped, it needs names, which was not made",
  ])
  expect(failed.err).toContain("The loaded data and shop.names are as they were; the next load tries again.")

  const list = await run("models", "list")
  expect(list.code).toBe(0)
  const shown = withoutTimes(list.out)
  expect(shown.slice(0, 3)).toEqual([
    "MODEL   AS     TABLE        NEEDS   STATE   ROWS  LAST",
    "names   table  shop.names   people  failed  5     …",
    "counts  table  shop.counts  names   stale   1     …",
  ])
  expect(shown.slice(3).filter((line) => line !== "")).toEqual([
    "names failed in its run 2; shop.names still shows what was made at …",
    '  model-failed: Model names failed: names.sql line 2: column "nmae" does not exist.',
    "counts is to be made: news from names",
  ])
  expect((await run("status")).out.join("\n")).toContain("names failed in its run 2")
  expect(await run("status", "--check")).toMatchObject({
    code: 9,
    err: expect.stringContaining("to look at: names"),
  })
  const status = JSON.parse((await run("status", "--json")).out[0] ?? "")
  expect(status.models).toMatchObject([
    { model: "names", state: "failed", problem: { code: "model-failed" } },
    { model: "counts", state: "stale", reason: "news from names" },
  ])

  await bench.folder.write("names.sql", "select id, name from public.people")
  expect((await run("load")).code).toBe(0)
  expect((await run("status", "--check")).code).toBe(0)
})

test("plan says which models the load would make, and why", async () => {
  const yaml = `source: { url: "${bench.source.url}" }
database: { url: "\${DATABASE_URL}" }
pipelines:
  people: { dataset: people, table: people }
  others: { dataset: people, table: others }
models:
  counts: { sql: counts.sql, table: shop.counts, needs: [names] }
  names: { sql: names.sql, table: shop.names, needs: [people], key: [id] }
  both: { sql: names.sql, table: shop.both, needs: [others, names] }
`
  await bench.folder.write("loader.yaml", yaml)
  const first = await run("plan", "people")
  expect(first.code).toBe(0)
  expect(first.out.slice(-4)).toEqual([
    "",
    "names: would make shop.names (table): it was never made",
    "counts: would make shop.counts (table): it was never made",
    "both: would not be made, it waits for others to be loaded",
  ])
  expect(await bench.query("select to_regnamespace('shop') as made")).toEqual([{ made: null }])
  expect((await run("load")).code).toBe(0)
  expect((await run("plan")).out.at(-1)).toBe("3 models up to date")
  // As after a loader that was killed behind the pipeline.
  await bench.query("drop table shop.counts")
  bench.source.publish(people(6, 6))
  await bench.folder.write(
    "loader.yaml",
    yaml.replace("names.sql, table: shop.both", "counts.sql, table: shop.both"),
  )
  const { plans, models } = JSON.parse((await run("plan", "people", "--json")).out[0] ?? "")
  expect(plans).toMatchObject([{ pipeline: "people", outcome: "load" }])
  const gone = "the table shop.counts is not the one that it made"
  expect(models).toEqual([
    { model: "names", table: "shop.names", as: "table", outcome: "make", reason: "news from people" },
    { model: "counts", table: "shop.counts", as: "table", outcome: "make", reason: gone },
    { model: "both", table: "shop.both", as: "table", outcome: "make", reason: "its definition changed" },
  ])
  bench.source.publish(people(5, 5))
})

test("files that cannot be used are told all at once before a load, and hide nothing of the others", async () => {
  await run("load")
  await bench.folder.write("foo.sql", "select :foo as a")
  await bench.folder.write(
    "new.sql",
    "select id from public.people where _flatbed_version = any(:new_versions)",
  )
  await bench.folder.write("good.sql", "-- Names.\nselect 1 as one")
  await bench.folder.write("bad.sql", "-- :day nodate = x\nselect 1; select 2")
  await bench.folder.write("own/2_UP.SQL", "select 1")
  await bench.folder.write("own/three.sql", "select 1")
  await bench.folder.write("own/4_empty.sql", "")
  const yaml = `source: { url: "https://localhost:1", ca: none.pem }
database: { url: "\${DATABASE_URL}" }
migrations: own
pipelines:
  people: { dataset: people, table: people }
models:
  names: { sql: names.sql, table: shop.names, needs: [people], key: [id] }
  gone: { sql: gone.sql, needs: [names] }
  folder: { sql: own, needs: [gone] }
  foo: { sql: foo.sql, needs: [people] }
  new: { sql: new.sql, needs: [people] }
reports:
  good: { sql: good.sql }
  bad: { sql: bad.sql }
  lost: { sql: lost.sql }
`
  await bench.folder.write("loader.yaml", yaml)
  const validated = await run("config", "validate")
  expect(validated).toMatchObject({ code: 2, out: [] })
  expect(validated.err.replaceAll(bench.folder.path, "").split("\n").slice(1, -1)).toEqual([
    "11 problems:",
    "  source.ca: /none.pem cannot be read (ENOENT).",
    "  The migration 2_UP.SQL is not called as a migration is.",
    "  The migration 4_empty.sql holds no SQL.",
    "  The migration three.sql is not called as a migration is.",
    "  models.gone.sql: the file gone.sql is not there",
    "  models.folder.sql: the file own is a folder, expected a file of SQL",
    "  foo.sql: :foo gets no value in a model, only reports have parameters",
    expect.stringMatching(/^ {2}new\.sql: :new_versions says nothing to as: table, /),
    "  bad.sql:2: begins another statement (select); a report is one select",
    "  bad.sql:1: declares :day, which the report does not use",
    "  reports.lost.sql: the file lost.sql is not there",
    expect.stringContaining("MODELS.md and REPORTS.md"),
  ])
  await bench.folder.write(
    "loader.yaml",
    yaml.replace("https://localhost:1", bench.source.url).replace(/, ca: none.pem|migrations: own\n/g, ""),
  )
  for (const command of [["plan"], ["load"]] as const) {
    expect(await run(...command)).toMatchObject({
      code: 2,
      out: [],
      err: expect.stringContaining("4 problems:"),
    })
  }
  const status = await run("status", "--check")
  expect(status.code).toBe(2)
  expect(status.out.join("\n")).toMatch(
    /^PIPELINE.*\npeople .*\n\nMODEL .*\nnames +table +shop\.names +people +made /s,
  )
  expect(status.err).toContain("models.gone.sql: the file gone.sql is not there")
  expect(JSON.parse((await run("models", "list", "--json")).out[0] ?? "")).toMatchObject({
    models: [{ model: "names", state: "made" }],
    problem: { code: "settings-invalid" },
  })
  const reports = await run("report")
  expect(reports).toMatchObject({ code: 2, out: ["good", "  Names."] })
  expect(reports.err).toContain("bad.sql:2: begins another statement")
  expect((await run("report", "good")).code).toBe(0)
})

test("models run makes those that are named, and names the nearest of one that is not there", async () => {
  await run("load")
  const named = await run("models", "run", "counts")
  expect(named.code).toBe(0)
  expect(withoutTimes(named.out)).toEqual([
    "names: up to date, 5 rows in shop.names",
    "counts: made, 1 row in shop.counts (1 new, 0 changed, 0 the same, 1 deleted) in …",
  ])
  expect(withoutTimes((await run("models", "run", "--stale")).out)).toEqual([
    "names: up to date, 5 rows in shop.names",
    "counts: up to date, 1 row in shop.counts",
  ])
  expect((await run("models", "run")).out).toHaveLength(2)
  expect(await run("models", "run", "count")).toMatchObject({
    code: 2,
    err: expect.stringContaining("Did you mean counts?"),
  })
})

test("start makes the models behind each publish", async () => {
  const pipelines = { people: pipelineOf({ schedule: "* * * * * *" }) }
  const counts = { select: "select count(*)::integer as n from public.people", needs: ["people"] }
  const loader = await bench.prepare({ counts }, pipelines)
  const url = await loader.start()
  try {
    const shows = async (n: number) => {
      const wanted = async () => (await bench.query("select n from public.counts"))[0]?.n === n
      await waitFor(wanted, { what: `the model of ${n} people`, limitMs: 30_000 })
    }
    await shows(5)
    bench.source.publish(people(8, 8))
    await shows(8)
    // Who watches by Prometheus alone hears of a failure.
    await bench.folder.write("counts.sql", "select 1 / 0 as n")
    bench.source.publish(people(9, 9))
    const read = async () => await (await fetch(`${url}/metrics`)).text()
    await waitFor(async () => (await read()).includes('flatbed_loader_model_failed{model="counts"} 1'), {
      what: "the failure to be told",
    })
    expect(await read()).toMatch(/flatbed_loader_models_total\{model="counts",outcome="made"\} 2/)
  } finally {
    await loader.stop()
  }
  expect(bench.log.events("model.made").length).toBe(2)
})
