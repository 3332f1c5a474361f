// If this file fails, a report answers something else than it was asked, pastes a value into SQL, writes, or does not say
// of which version its answer is.
import { execFile } from "node:child_process"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"
import { type TemporaryFolder, temporaryFolder } from "@flatbed/testing"
import { parse } from "csv-parse/sync"
import fc from "fast-check"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type Bench, openBench, people, pipelineOf } from "../loader.test-kit.ts"
import type { ReportAnswer } from "./run-report.ts"
import { writeAnswer } from "./write-answer.ts"

const seed = Number(process.env.FLATBED_TEST_SEED ?? Date.now() % 1_000_000_000)
let bench: Bench
let folder: TemporaryFolder
let version: string

beforeAll(async () => {
  bench = await openBench(people(10, 3))
  folder = await temporaryFolder()
  version = bench.source.publish(people(10, 3)).version
  await bench.createLoader().load()
  await bench.query("create sequence public.numbers")
  await bench.query(
    "create function public.write() returns text language sql volatile as 'insert into public.people values (11) returning name'",
  )
})

afterAll(async () => {
  await bench.close()
  await folder.remove()
})

/** Asks a report of this SQL. */
async function ask(
  sql: string,
  given: Record<string, string> = {},
  needs: string[] = [],
): Promise<ReportAnswer> {
  const file = await folder.write("asked.sql", sql)
  const pipelines = { people: pipelineOf(), orders: pipelineOf({ table: "public.orders" }) }
  const loader = bench.createLoader({ pipelines, reports: { asked: { sql: file, needs } } })
  return await loader.report("asked", new Map(Object.entries(given)))
}

async function refusal(...asked: Parameters<typeof ask>) {
  const thrown = await ask(...asked).then(
    () => new Error("it was answered"),
    (error: Error) => error,
  )
  const { message, code, exitCode, hint } = thrown as Error & {
    code: string
    exitCode: number
    hint?: string
  }
  return { message: message.replaceAll(folder.path, ""), code, exitCode, hint }
}

const values = (answer: ReportAnswer) => answer.rows.map((row) => [...row])

test("whatever the text, it comes back byte for byte: it is bound and never pasted", async () => {
  const names = Array.from({ length: 20 }, (_, i) => `v${i + 1}`)
  const declared = names.map((name) => `-- :${name} text\n`).join("")
  const cells = names
    .map((name) => `:${name} as ${name}, pg_catalog.length(:${name}) as n_${name}`)
    .join(", ")
  const file = await folder.write("echo.sql", `${declared}select ${cells}, ':v1' as no /* :v1 */ -- :v1\n`)
  const loader = bench.createLoader({ reports: { echo: { sql: file, needs: [] } } })
  const nasty = `'|"|;|--|$1|$$|\\|:v1|/*|\n|\r\n|\u{1f600}|é|\u0001|%s| `.split("|")
  const text = fc
    .array(
      fc.oneof(
        fc.constantFrom(...nasty),
        fc.string({ unit: "binary" }).map((s) => s.replaceAll("\0", "")),
      ),
    )
    .map((parts) => parts.join(""))
  // Few questions of many values each: what takes time is asking.
  await fc.assert(
    fc.asyncProperty(fc.array(text, { minLength: 20, maxLength: 20 }), async (texts) => {
      const given = new Map(texts.map((value, i) => [names[i] ?? "", value]))
      const { rows } = await loader.report("echo", given)
      expect(rows).toEqual([[...texts.flatMap((value) => [value, String([...value].length)]), ":v1"]])
    }),
    { seed, numRuns: 5 },
  )
})

test("values are of the type that is declared, and of what Postgres takes for it", async () => {
  const sql = `-- :n numeric
-- :d date = 2021-12-25
-- :at timestamptz = -infinity
-- :list integer[] = {}
-- :kind text = a | b
-- :none integer = null
select :n * 2 as n, :d + 1 as d, :at as at, pg_catalog.cardinality(:list) as many, :kind as kind, :none as none`
  const { rows, columns, parameters } = await ask(sql, {
    n: "0.1000000000000000000001",
    list: "{1,2}",
    kind: "b",
  })
  expect(rows).toEqual([["0.2000000000000000000002", "2021-12-26", "-infinity", "2", "b", null]])
  expect(columns.map(({ name, type }) => `${name} ${type}`)).toEqual([
    ...["n numeric", "d date", "at timestamp with time zone", "many integer", "kind text", "none integer"],
  ])
  expect(Object.fromEntries(parameters)).toMatchObject({ d: "2021-12-25", list: "{1,2}", none: null })
})

test("a parameter called time_zone is the zone of moments that name none", async () => {
  const sql =
    "-- :time_zone text = UTC\n-- :at timestamptz\nselect :at as at, (:at)::pg_catalog.time as clock"
  const at = "2021-12-25 07:00"
  expect(values(await ask(sql, { at }))).toEqual([["2021-12-25 07:00:00+00", "07:00:00"]])
  const there = await ask(sql, { at, time_zone: "Europe/Amsterdam" })
  expect(values(there)).toEqual([["2021-12-25 07:00:00+01", "07:00:00"]])
  expect(there.parameters.get("at")).toBe("2021-12-25 07:00:00+01")
  expect(values(await ask(sql, { at: `${at}-05`, time_zone: "Europe/Amsterdam" }))).toEqual([
    ["2021-12-25 13:00:00+01", "13:00:00"],
  ])
  expect((await refusal(sql, { at, time_zone: "Europe/Nowhere" })).message).toMatch(
    /^report asked takes a time zone for time_zone, such as Europe\/Amsterdam, found "Europe\/Nowhere"\n/,
  )
})

test("values of another type are told, all at once, with the type and an example", async () => {
  const sql = "-- :at timestamptz\n-- :n integer\nselect :at as at, :n as n"
  const { code, exitCode, message, hint } = await refusal(sql, { at: "yesterdayish", n: "1.5" })
  expect({ code, exitCode }).toEqual({ code: "usage-invalid", exitCode: 2 })
  expect(message.split("\n")).toEqual([
    'report asked takes timestamptz for at, such as 2021-12-25 07:00:00+01, found "yesterdayish"; Postgres says: invalid input syntax for type timestamp with time zone: "yesterdayish"',
    'report asked takes integer for n, such as 7, found "1.5"; Postgres says: invalid input syntax for type integer: "1.5"',
    "  :at  timestamptz, required",
    "  :n   integer, required",
  ])
  expect(hint).toBe("Each is given as in  --param name=value")
})

test.each(["moood", "shop.mood", "no such type"])("a type that is none is told: %s", async (type) => {
  const { code, message } = await refusal(`-- :a ${type}\nselect :a as a`, { a: "1" })
  expect(code).toBe("usage-invalid")
  expect(message.split("\n")[0]).toBe(
    `report asked gives a the type ${type}, which Postgres does not know; types of your own need their schema`,
  )
})

test.each([
  ["a CTE that writes", "with gone as (delete from public.people returning id) select id from gone", "25006"],
  ["a function that writes", "select public.write() as name", "25006"],
  ["a table made of a select", "select 1 as a into public.made", "25006"],
  ["a sequence", "select pg_catalog.nextval('public.numbers') as n", "25006"],
  ["rows locked", "select id from public.people for update", "25006"],
  [
    "a way out of read only",
    "select pg_catalog.set_config('transaction_read_only', 'off', true) as off",
    "25001",
  ],
])("a report writes nothing: %s", async (_name, sql, sqlstate) => {
  const before = await bench.query(
    "select count(*), (select last_value from public.numbers) as n from public.people",
  )
  const thrown = await ask(sql).catch((error) => error)
  expect(thrown).toMatchObject({ code: "report-failed", exitCode: 4, facts: { sqlstate } })
  expect(
    await bench.query("select count(*), (select last_value from public.numbers) as n from public.people"),
  ).toEqual(before)
})

test("what Postgres refuses is told with its words and the line of the file", async () => {
  expect(
    await refusal(
      "-- Two lines.\n-- :v text = '\u{1f600}'\nselect :v as v,\n  1 / 0 as zero\nfrom\n  public.peeple",
    ),
  ).toEqual({
    code: "report-failed",
    exitCode: 4,
    message: '/asked.sql, line 6: Postgres said: relation "public.peeple" does not exist.',
    hint: undefined,
  })
  expect((await refusal("select 1 / 0 as zero")).message).toBe("/asked.sql: Postgres said: division by zero.")
  expect(await refusal("select id from people")).toMatchObject({
    message: '/asked.sql, line 1: Postgres said: relation "people" does not exist.',
    hint: "Names are looked up in no schema: write the table's, as in public.orders.",
  })
  expect(await refusal("select id from public.orders", {}, ["people", "orders"])).toMatchObject({
    hint: "Load what it needs first: flatbed-loader load orders",
  })
  expect(await refusal("select 1 as a, 2 as a")).toMatchObject({
    code: "report-failed",
    message: '/asked.sql: two columns are called "a".',
  })
})

test("a file with more than one statement, or that is not there, is a settings problem", async () => {
  expect(await refusal("select 1;\nselect 2;")).toMatchObject({
    code: "settings-invalid",
    exitCode: 2,
    message: "/asked.sql:2: begins another statement (select); a report is one select",
  })
  const loader = bench.createLoader({ reports: { gone: { sql: join(folder.path, "gone.sql"), needs: [] } } })
  expect(await loader.reports()).toMatchObject({
    reports: [],
    problem: {
      code: "settings-invalid",
      message: `reports.gone.sql: the file ${join(folder.path, "gone.sql")} is not there`,
    },
  })
  await expect(loader.report("gane", new Map())).rejects.toMatchObject({
    code: "usage-invalid",
    message: "There is no report gane; loader.yaml has gone.",
    hint: "Did you mean gone?",
  })
})

test("a statement that takes too long is ended and told", async () => {
  const file = await folder.write("slow.sql", "select pg_catalog.pg_sleep(60)")
  const loader = bench.createLoader({
    reports: { slow: { sql: file, needs: [] } },
    deadlines: {
      connect: 4000,
      idle: 1000,
      request: 2000,
      indexing: 1000,
      lock: 5000,
      statement: 300,
      stop: 5000,
    },
  })
  await expect(loader.report("slow", new Map())).rejects.toMatchObject({
    code: "report-failed",
    hint: "It took longer than deadlines.statement, or somebody cancelled it.",
  })
})

test("an answer says of which versions it is", async () => {
  const answer = await ask("select pg_catalog.count(*) as n from public.people", {}, ["people", "orders"])
  expect(answer.rows).toEqual([["10"]])
  const [publication] = await bench.query(
    "select published_at from flatbed.publications where pipeline = 'people'",
  )
  const publishedAt = publication?.published_at.toISOString()
  expect(answer.asOf).toEqual([
    {
      ...{
        pipeline: "people",
        table: "public.people",
        state: "published",
        version,
        rows: 10,
        balanced: true,
        failed: null,
      },
      published_at: publishedAt,
    },
    {
      ...{
        pipeline: "orders",
        table: "public.orders",
        state: "none",
        version: null,
        rows: null,
        balanced: null,
        failed: null,
      },
      published_at: null,
    },
  ])
  expect(writeAnswer(answer, "table").text).toBe(
    [
      " n",
      "--",
      "10",
      "",
      `data as of: people version ${version.slice(0, 12)}, published ${publishedAt}, 10 rows, balanced`,
      "data as of: orders has published nothing into public.orders yet",
      "",
    ].join("\n"),
  )
  // A newer version that was refused is not passed over.
  await bench.query(
    `update flatbed.attempts set outcome = 'failed', problem_code = 'deletes-over-limit', ended_at = '2026-11-21 19:00+00'
      where pipeline = 'people'`,
  )
  const later = await ask("select 1 as n", {}, ["people"])
  expect(writeAnswer(later, "csv").beside).toEqual([
    `data as of: people version ${version.slice(0, 12)}, published ${publishedAt}, 10 rows, balanced; the last load failed at 2026-11-21T19:00:00.000Z with deletes-over-limit`,
  ])
  await bench.query(
    "update flatbed.attempts set outcome = 'published', problem_code = null where pipeline = 'people'",
  )
})

test("a report that reads models says of which versions they are, and which is not as it should be", async () => {
  const model = async (select: string) => await folder.write("words.sql", select)
  const answer = await folder.write("longest.sql", "select word from public.words order by word limit 1")
  const words = {
    sql: await model("select name as word from public.people"),
    needs: ["people"],
    as: "table" as const,
  }
  const loader = bench.createLoader({
    models: {
      words: { ...words, table: "public.words", indexes: [], checks: [] },
      unused: { ...words, needs: ["words"], indexes: [], checks: [] },
    },
    reports: { longest: { sql: answer, needs: ["words"] } },
  })
  const report = async () => writeAnswer(await loader.report("longest", new Map()), "table").text.split("\n")
  await expect(report()).rejects.toMatchObject({
    code: "report-failed",
    hint: "Make what it needs first: flatbed-loader models run words",
  })
  await loader.makeModels({ after: ["people"] })
  const made = await report()
  expect(made.slice(0, 4)).toEqual(["word", "----", "a 1", ""])
  expect(made.slice(4)).toEqual([
    expect.stringMatching(/^data as of: people version .* 10 rows, balanced$/),
    "",
  ])

  const madeAt = (await loader.modelStatus()).models.find((one) => one.model === "words")?.made_at
  await model("select name as word, 1 as more from public.people")
  expect((await report()).at(-2)).toBe(
    `model words is stale (its definition changed): it shows what was made at ${madeAt}`,
  )
  await model("select 1 / (id - 1) as word from public.people")
  await loader.makeModels({ after: ["people"] })
  expect((await report()).at(-2)).toBe(
    `model words failed in its run 2 with model-failed: it shows what was made at ${madeAt}`,
  )
  expect(JSON.parse(writeAnswer(await loader.report("longest", new Map()), "json").text).models).toEqual([
    { model: "words", state: "failed", reason: "its definition changed", made_at: madeAt },
  ])
})

const mixed = `-- :v text = it's
select * from (values
  (1, 'a', 1.50::pg_catalog.numeric, true, '{"a" : [1.10,
  null]}'::pg_catalog.json, null::pg_catalog.text),
  (20, e'x|y<b>&\\n', 'NaN', false, null, ''),
  (300, 'a"b,c', 9007199254740993, null, '"t"', :v)) as t (id, name, amount, ok, doc, "Said, so")`

test("each format writes the same cells", async () => {
  const answer = await ask(mixed)
  const below = "asked with: v = it's"
  expect(writeAnswer(answer, "table")).toEqual({
    beside: [],
    text: `${[
      " id  name                 amount  ok    doc                      Said, so",
      "---  ---------  ----------------  ----  -----------------------  --------",
      String.raw`  1  a                      1.50  t     {"a" : [1.10,\n  null]}  NULL`,
      String.raw` 20  x|y<b>&\n               NaN  f     NULL`,
      `300  a"b,c      9007199254740993  NULL  "t"                      it's`,
      "",
      below,
      "data as of: the report names nothing in needs",
    ].join("\n")}\n`,
  })
  expect(writeAnswer(answer, "markdown").text.split("\n").slice(0, 5)).toEqual([
    "| id | name | amount | ok | doc | Said, so |",
    "| ---: | --- | ---: | --- | --- | --- |",
    String.raw`| 1 | a | 1.50 | t | {"a" : [1.10,\n  null]} | NULL |`,
    String.raw`| 20 | x\|y&lt;b>&amp;\n | NaN | f | NULL |  |`,
    `| 300 | a"b,c | 9007199254740993 | NULL | "t" | it's |`,
  ])
  const csv = writeAnswer(answer, "csv")
  expect(csv.beside[0]).toBe(below)
  expect(csv.text).toBe(
    'id,name,amount,ok,doc,"Said, so"\r\n' +
      '1,a,1.50,t,"{""a"" : [1.10,\n  null]}",\r\n' +
      '20,"x|y<b>&\n",NaN,f,,""\r\n' +
      '300,"a""b,c",9007199254740993,,"""t""",it\'s\r\n',
  )
  const json = writeAnswer(answer, "json").text
  expect(json.endsWith("}\n")).toBe(true)
  expect(json).toContain(
    String.raw`"rows":[{"id":1,"name":"a","amount":1.50,"ok":true,"doc":{"a" : [1.10,   null]},"Said, so":null},{"id":20,"name":"x|y<b>&\n","amount":"NaN","ok":false,"doc":null,"Said, so":""},{"id":300,"name":"a\"b,c","amount":9007199254740993,"ok":null,"doc":"t","Said, so":"it's"}]`,
  )
  expect(JSON.parse(json)).toMatchObject({ report: "asked", parameters: { v: "it's" }, as_of: [] })
})

test.each([
  [null, "NULL"],
  ["null", "'null'"],
  ["", "''"],
  ["a, it's", "'a, it''s'"],
  [" a", "' a'"],
  ["it's a", "it's a"],
])("the value %j is told as %s", (value, shown) => {
  const answer = {
    report: "r",
    parameters: new Map([["v", value]]),
    columns: [],
    rows: [[]],
    asOf: [],
    models: [],
  }
  expect(writeAnswer(answer, "csv").beside[0]).toBe(`asked with: v = ${shown}`)
})

test("CSV is read back as the cells that it was made of, NULL and empty text apart", async () => {
  const cell = fc.option(
    fc.oneof(fc.constantFrom("", " ", '"', ",", "\r\n", "\n", "''"), fc.string({ unit: "binary" })),
    { nil: null },
  )
  await fc.assert(
    fc.property(fc.array(fc.tuple(cell, cell), { maxLength: 5 }), (rows) => {
      const columns = ["a", "b, c"].map((name) => ({ name, type: "text", oid: 25 }))
      const { text } = writeAnswer(
        { report: "r", parameters: new Map(), columns, rows, asOf: [], models: [] },
        "csv",
      )
      const read = parse(text, {
        recordDelimiter: "\r\n",
        cast: (value, { quoting }) => (value === "" && !quoting ? null : value),
      })
      expect(read).toEqual([["a", "b, c"], ...rows])
    }),
    { seed, numRuns: 100 },
  )
})

test("REPORTS.md shows a report that runs, and what is really printed", async () => {
  const page = await readFile(new URL("../../REPORTS.md", import.meta.url), "utf8")
  const sql = /```sql\n([\s\S]*?)```/.exec(page)?.[1] ?? ""
  await bench.query("create schema movies")
  await bench.query(
    `create table movies.streams as select * from (values
       ('ann', 'Unforgiven', timestamptz '2021-12-25 05:00+01', timestamptz '2021-12-25 08:00+01'),
       ('bob', 'Unforgiven', '2021-12-25 08:00+01', '2021-12-25 13:00+01'),
       ('cid', 'Unforgiven', '2021-12-25 06:30+01', '2021-12-25 12:00+01'),
       ('dan', 'Unforgiven', '2021-12-25 12:00+01', '2021-12-25 13:00+01')) as t (user_email, movie_title, start_at, end_at)`,
  )
  const given = {
    outage_start: "2021-12-25 07:00",
    outage_end: "2021-12-25 12:00",
    time_zone: "Europe/Amsterdam",
  }
  const users = async (match: string) => (await ask(sql, { ...given, match })).rows.map(([email]) => email)
  expect(await users("overlaps")).toEqual(["ann", "bob", "cid"])
  expect(await users("starts_within")).toEqual(["bob"])
  expect(await users("covers")).toEqual(["cid"])
  const asked = writeAnswer(await ask(sql, given), "csv").beside[0]
  expect(page).toContain(`\n${asked}\n`)
  const { message } = await refusal(sql, { outage_start: "now" })
  expect(page).toContain(message.replace("report asked", "report outage"))
})

const run = promisify(execFile)
const psql = await run("psql", ["--version"]).catch(() => undefined)

test.skipIf(psql === undefined)("psql runs the same file, its values given with -v", async () => {
  const sql =
    "-- Names.\n-- :first integer\n-- :word text\nselect ':first' as a, :first + 1 as b, :word as c -- :word\n"
  const file = await folder.write("psql.sql", sql)
  const { rows } = await ask(sql, { first: "41", word: "it's" })
  const given = ["-v", "first=41", "-v", "word='it''s'"]
  const { stdout } = await run("psql", [bench.databaseUrl, "-X", "-A", "-t", ...given, "-f", file])
  expect(stdout.trimEnd().split("|")).toEqual(rows[0])
})
