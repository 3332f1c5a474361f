// If this file fails, an operator cannot find out which records were set aside, or reads something else than is there.
import { readdir, readFile, rename, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { startProcess, type TemporaryFolder, temporaryFolder } from "@flatbed/testing"
import { afterEach, beforeEach, expect, test } from "vitest"
import { type Bench, openBench, people } from "../loader.test-kit.ts"

const script = fileURLToPath(new URL("../../bin/flatbed-loader.mjs", import.meta.url))
let bench: Bench
let folder: TemporaryFolder

const content = people(30, 10)
const setAside = new Map([
  [3, { code: "missing-cell" as const, column: null, value: null, reason: "it has 2 cells, expected 3" }],
  [
    14,
    { code: "type-error" as const, column: "born", value: "\u001b[2J", reason: 'found "\u001b[2J", no date' },
  ],
])

const dialect = { delimiter: ",", quote_char: '"', double_quote: true, fields: ["id", "name", "born"] }

beforeEach(async () => {
  bench = await openBench({ ...content, setAside, dialect })
  folder = await temporaryFolder()
  await configure("2")
})

afterEach(async () => {
  await bench.close()
  await folder.remove()
})

async function configure(maxRejects: string): Promise<void> {
  const pipelines = `pipelines:\n  people: { dataset: people, table: people, max_rejects: ${maxRejects} }\n`
  const urls = `source: { url: "${bench.source.url}" }\ndatabase: { url: "\${DATABASE_URL}" }\n`
  await writeFile(join(folder.path, "loader.yaml"), `${urls}log: { file: loader.log }\n${pipelines}`)
}

const run = (...args: string[]) => runWith({}, ...args)

async function runWith(more: Record<string, string>, ...args: string[]) {
  const env = { DATABASE_URL: bench.databaseUrl, ...more }
  const program = startProcess({ script, args, cwd: folder.path, env })
  const { code } = await program.end()
  return { code, stdout: program.stdout(), stderr: program.stderr() }
}
const json = async (...args: string[]) => JSON.parse((await run(...args, "--json")).stdout)

test("load with rejects under the limit ends with 6 and says how to see them; nothing new ends with 0", async () => {
  const first = await run("load")
  expect(first.code).toBe(6)
  expect(first.stdout).toContain("people: 28 rows")
  expect(first.stdout).toContain("2 records were set aside (flatbed-loader rejects list --run 1)")
  expect(await run("load")).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/up to date, .* of 28 rows/),
  })
  await configure("7%")
  expect((await json("load")).runs).toMatchObject([{ outcome: "up-to-date", rows: 28, rejects: 2 }])
})

test("load over the limit ends with 5; the rejects are listed and shown with their bytes", async () => {
  await configure("1")
  const refused = await run("load")
  expect(refused).toMatchObject({ code: 5, stdout: expect.stringContaining("rejects-over-limit") })
  expect(refused.stderr).toContain("flatbed-loader rejects list --run 1")

  const list = await run("rejects", "list")
  expect(list.code).toBe(0)
  expect(list.stdout).toMatch(
    /^RUN +ROW +PLACE +COLUMN +VALUE +REASON\n1 +3 +people\.csv:3 +- +- +it has 2 cells/,
  )
  expect(await run("rejects", "show", "1", "2")).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("no reject of row 2"),
  })
  for (const asked of [
    ["columns", "peeple"],
    ["rejects", "list", "--pipeline", "peeple"],
  ]) {
    expect((await run(...asked)).stderr).toContain('Did you mean "people"? There are runs of people.')
  }
  // It ran, and has no table yet.
  expect(await run("columns", "people")).toMatchObject({ code: 0, stdout: "no columns yet\n" })
  expect(list.stdout).toContain("\\x1b[2J")
  expect(list.stdout).not.toContain("\u001b")
  expect((await run("rejects", "list", "--limit", "1")).stdout).toContain("1 of 2; --limit shows more")

  const shown = await run("rejects", "show", "1", "14")
  expect(shown.stdout).toMatch(/line +14\nbyte +\d+\ncode +type-error, found by the source\ncolumn +born\n/)
  expect(shown.stdout).toContain('"14","a 14",')
  const { raw, ...reject } = await json("rejects", "show", "1", "14")
  expect(reject).toMatchObject({
    ...{ run: 1, pipeline: "people", dataset: "people", row: 14, chunk: 2, file: "people.csv", line: 14 },
    ...{ code: "type-error", column: "born", value: "\u001b[2J", found_by: "source" },
  })
  expect(Buffer.from(raw, "base64").toString()).toBe(
    content.rows[13]?.map((cell) => (cell === null ? "" : `"${cell}"`)).join(","),
  )
})

const exported = [
  "\ufeff_line,_code,_column,_reason,id,name,born",
  '3,missing-cell,,"it has 2 cells, expected 3","3","a 3","2001-02-03"',
  '14,type-error,born,"found ""\u001b[2J"", no date","14","a 14","2001-02-03"',
  "",
]

test("rejects export writes the records with their reasons into a new file, or to stdout", async () => {
  await run("load")
  const written = await run("rejects", "export", "people", "--file", "mend.csv")
  expect(written).toMatchObject({ code: 0, stdout: "mend.csv\n", stderr: "2 records of run 1\n" })
  expect((await readFile(join(folder.path, "mend.csv"), "utf8")).split("\r\n")).toEqual(exported)
  expect(await run("rejects", "export", "1", "--file", "mend.csv")).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("mend.csv is there already and stays as it is."),
  })
  for (const which of [[], ["1"], ["people"]]) {
    expect((await run("rejects", "export", ...which)).stdout.split("\r\n")).toEqual(exported)
  }
  expect(await json("rejects", "export", "--file", "other.csv")).toEqual({
    run: 1,
    file: "other.csv",
    rejects: 2,
  })
  expect((await readdir(folder.path)).sort()).toEqual(["loader.log", "loader.yaml", "mend.csv", "other.csv"])
})

test("rejects export speaks the file's dialect, also when the source has gone", async () => {
  const fields = ["id", "the\0name", "geboren"]
  bench.source.publish({ ...content, setAside, dialect: { ...dialect, fields } })
  await run("load")
  await bench.source.close()
  const { stdout } = await run("rejects", "export", "people")
  expect(stdout.split("\r\n")).toEqual([
    "\ufeff_line,_code,_column,_reason,id,the\u2400name,geboren",
    ...exported.slice(1),
  ])
})

test("rejects export of many and of long records is whole", async () => {
  await configure("100%")
  const why = { code: "type-error" as const, column: "born", value: "x", reason: "no date" }
  const many = people(700, 100, "b")
  const long = "x".repeat(100_000)
  const rows = many.rows.map((row, i) => (i % 50 === 7 ? [row[0] ?? null, long, null] : row))
  bench.source.publish({ ...many, rows, dialect, setAside: new Map(rows.map((_row, i) => [i + 1, why])) })
  await run("load")
  const lines = (await run("rejects", "export", "people")).stdout.trimEnd().split("\r\n")
  expect(lines.slice(1).map((line) => line.split(",")[4])).toEqual(rows.map(([id]) => `"${id}"`))
  expect(lines.filter((line) => line.endsWith(`"${long}",`))).toHaveLength(14)
})

test("commands in messages name the settings file in use, and npx where that started this one", async () => {
  await rename(join(folder.path, "loader.yaml"), join(folder.path, "my loader.yaml"))
  const { stdout, stderr } = await runWith(
    { npm_lifecycle_event: "npx" },
    "load",
    "--config",
    "my loader.yaml",
  )
  expect(stdout).toContain("(npx flatbed-loader rejects list --run 1 --config 'my loader.yaml')")
  expect(stderr).toContain("DATABASE_URL")
  const { stdout: shown } = await run("runs", "show", "1", "--config", "my loader.yaml")
  expect(shown).toContain("(flatbed-loader rejects list --run 1 --config 'my loader.yaml')")
})

test("a settings file that is not there, or is the source's, is told as that", async () => {
  const missing = await run("load", "--config", "other.yaml")
  expect(missing.code).toBe(2)
  expect(missing.stderr).toContain("There is no settings file other.yaml.")
  expect(missing.stderr).toContain("flatbed-loader init --config other.yaml")
  expect(missing.stderr).not.toContain("Mend every line")
  await folder.write("source.yaml", "# files\ndatasets:\n  people: { files: people.csv }\n")
  expect(await run("load", "--config", "source.yaml")).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("source.yaml looks like the source's settings"),
  })
})

test("rejects list follows the latest run of each pipeline, or the run that is named", async () => {
  await run("load")
  bench.source.publish(people(5, 3, "b"))
  await run("load")
  expect(await json("rejects", "list")).toEqual({ rejects: [], of: 0 })
  expect((await run("rejects", "list")).stdout).toBe("no rejects\n")
  expect(await json("rejects", "list", "--run", "1")).toMatchObject({
    rejects: [{ row: 3 }, { row: 14 }],
    of: 2,
  })
  expect((await json("rejects", "list", "--pipeline", "people")).of).toBe(0)
})

test("runs list and runs show tell how runs ended", async () => {
  expect((await run("runs", "list")).stdout).toBe("no runs\n")
  await configure("1")
  await run("load")
  await configure("2")
  await run("load")
  const list = await run("runs", "list")
  expect(list.stdout).toMatch(
    /^RUN +PIPELINE +STATE .*\n2 +people +published with rejects +30 +2 +3\/3 .*\n1 +people +abandoned \(rejects-over-limit\) +30 +2 +0\/3 /,
  )
  expect((await json("runs", "list", "--limit", "1")).runs).toHaveLength(1)
  expect((await run("runs", "show", "1")).stdout).toMatch(/problem +rejects-over-limit: 2 of 30 records/)
  expect(await json("runs", "show", "2")).toMatchObject({
    ...{ run: 2, pipeline: "people", table: "public.people", state: "published", records: 30, rejects: 2 },
    ...{ chunks: 3, loaded_chunks: 3, attempts: 1, problem: null },
    receipt: {
      ...{ records: 30, filtered: 0, rejects: 2, refused: 0, rows: 28, known_rows: 0, table_rows: null },
      ...{ inserted: 28, updated: 0, unchanged: 0, repeated: 0, older: 0, deleted: 0 },
    },
  })
  expect((await json("runs", "show", "1")).receipt).toBeNull()
  expect((await run("runs", "show", "2")).stdout).toMatch(
    /\nreceipt +30 records read = 28 rows \+ 2 set aside\n +28 rows = 28 new; 0 rows were deleted\n/,
  )
  expect((await json("status")).pipelines).toMatchObject([{ rows: 28, rejects: 2 }])
})

test("load --rehearse tells what the load would be, with its exit code, and leaves nothing but its run", async () => {
  const rehearsed = await run("load", "--rehearse")
  expect(rehearsed.code).toBe(6)
  expect(rehearsed.stdout).toMatch(
    /^people: rehearsed, and nothing was changed: 28 rows, .* would go into public\.people, version .*\n {2}30 records read = 28 rows \+ 2 set aside\n {2}28 rows = 28 new; 0 rows were deleted\n {2}time: .* publishing\n {2}locks while publishing: none/,
  )
  expect(await bench.query("select to_regclass('public.people') as made")).toEqual([{ made: null }])
  expect((await run("runs", "list")).stdout).toMatch(/\n1 +people +rehearsed with rejects +30 +2 +3\/3 /)
  expect((await json("status")).pipelines).toMatchObject([
    { state: "never", last_run: null, last_attempt: null },
  ])
  const { runs } = await json("load", "--rehearse")
  expect(runs).toMatchObject([
    { outcome: "rehearsed", rehearsal: { locks: [], seconds: {} }, receipt: { rows: 28 } },
  ])
})

test("load --version loads the one that is named, and says that it is not the newest", async () => {
  const { version } = bench.source.publish({ ...content, rows: content.rows.slice(0, 20) })
  bench.source.publish(content)
  const named = await run("load", "--version", version.slice(0, 8))
  expect(named.code).toBe(0)
  expect(named.stdout).toMatch(/^people: 20 rows.*, version [0-9a-f]{12}, not the newest, [0-9a-f]{12}\n/)
  expect(await run("load", "--version", "0".repeat(8))).toMatchObject({
    code: 3,
    stdout: expect.stringContaining("version-not-found: The source serves no version of people"),
    stderr: expect.stringContaining("(newest)"),
  })
  expect((await run("--version")).stdout).toMatch(/^\d+\.\d+\.\d+/)
})

test("report answers on stdout, says on stderr or below of which version, and without a name lists the reports", async () => {
  const names = "-- People whose name has the word.\n-- :word text = a -- to look for\n-- :up_to integer\n"
  await folder.write(
    "reports/names.sql",
    `${names}select id, name from public.people where name like '%' || :word || '%' and id <= :up_to order by id`,
  )
  await folder.write(
    "loader.yaml",
    `${await readFile(join(folder.path, "loader.yaml"), "utf8")}reports:\n  names: { sql: reports/names.sql, needs: [people] }\n`,
  )
  await run("load")
  const asOf = /^data as of: people version [0-9a-f]{12}, published \S+Z, 28 rows, balanced$/m
  const table = await run("report", "names", "--param", "up_to=2")
  expect(table.code).toBe(0)
  expect(table.stdout).toMatch(
    /^id {2}name\n-- {2}----\n 1 {2}a 1\n 2 {2}a 2\n\nasked with: word = a, up_to = 2\n/,
  )
  expect(table.stdout).toMatch(asOf)
  const csv = await run("report", "names", "--param", "up_to=9", "--param", "word=9", "--format", "csv")
  expect(csv).toMatchObject({ code: 0, stdout: "id,name\r\n9,a 9\r\n", stderr: expect.stringMatching(asOf) })
  expect(await json("report", "names", "--param", "up_to=1")).toMatchObject({
    ...{ report: "names", parameters: { word: "a", up_to: "1" }, rows: [{ id: 1, name: "a 1" }] },
    as_of: [{ pipeline: "people", rows: 28, balanced: true }],
  })
  expect((await run("report")).stdout).toBe(
    "names\n  People whose name has the word.\n  :word   text = a           to look for\n  :up_to  integer, required\n",
  )
  expect((await json("report")).reports).toMatchObject([
    {
      report: "names",
      parameters: [
        { name: "word", default: "a" },
        { name: "up_to", required: true },
      ],
    },
  ])
  for (const [args, words] of [
    [["report", "names", "--format", "cvs"], "Did you mean csv?"],
    [["report", "names", "--json", "--format", "csv"], "two formats"],
  ] as const) {
    expect(await run(...args)).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining(words) })
  }
})

test("plan names the migrations that a load would run first", async () => {
  await folder.write("own/0001_make.sql", "create schema shop")
  await folder.write(
    "loader.yaml",
    `${await readFile(join(folder.path, "loader.yaml"), "utf8")}migrations: own\n`,
  )
  const { code, stdout } = await run("plan")
  expect(code).toBe(0)
  expect(stdout).toMatch(/^migrations: would run 0001_make first\n\npeople: would load version /)
  expect(await bench.query("select to_regnamespace('shop') as made")).toEqual([{ made: null }])
})

test.each([
  [["load", "--version", "latest"], '--version is "latest"'],
  [["load", "--version", "abc"], "first 8 digits"],
  [["load", "--version"], "argument missing"],
  [["load", "--reherse"], "--rehearse"],
  [["runs", "show", "99"], "no run 99"],
  [["runs", "show", "x"], "whole number"],
  [["runs", "list", "--pipeline", "peeple"], "peeple"],
  [["runs", "list", "--limit", "0"], "--limit"],
  [["rejects", "list", "--run", "99"], "no run 99"],
  [["rejects", "list", "--pipeline", "peeple"], "peeple"],
  [["rejects", "show", "99", "1"], "no run 99"],
  [["columns", "peeple"], "No pipeline has run yet."],
  [["rejects", "export", "99"], "no run 99"],
  [["rejects", "export", "peeple"], "peeple"],
  [["rejects", "export"], "nothing to export"],
  [["rejects", "export", "--json"], "--file"],
])("%j is a usage problem that says why", async (args, words) => {
  expect(await run(...args)).toMatchObject({ code: 2, stderr: expect.stringContaining(words) })
})
