// If this file fails, `flatbed-loader` as a user types it says or returns something else than the README.
import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { startProcess, type TemporaryFolder, temporaryFolder, waitFor } from "@flatbed/testing"
import { afterEach, beforeEach, expect, test } from "vitest"
import { type Bench, openBench, people } from "./loader.test-kit.ts"

const script = fileURLToPath(new URL("../bin/flatbed-loader.mjs", import.meta.url))
let bench: Bench
let folder: TemporaryFolder

beforeEach(async () => {
  bench = await openBench(people(10, 3))
  folder = await temporaryFolder()
  await configure("pipelines:\n  people: { dataset: people, table: people }\n")
})

afterEach(async () => {
  await bench.close()
  await folder.remove()
})

async function configure(rest: string): Promise<void> {
  const yaml = `source: { url: "${bench.source.url}" }\ndatabase: { url: "\${DATABASE_URL}" }\nadmin: { port: 0 }\n`
  await writeFile(join(folder.path, "loader.yaml"), `${yaml}retries: { attempts: 2, cap: 10ms }\n${rest}`)
}

// The tests below speak of chunks one by one.
const start = (args: string[], env: Record<string, string> = {}) =>
  startProcess({
    script,
    args,
    cwd: folder.path,
    env: { DATABASE_URL: bench.databaseUrl, FLATBED_LOADER__GROUP: "0B", ...env },
  })

async function run(args: string[], env: Record<string, string> = {}) {
  const program = start(args, env)
  const { code } = await program.end()
  return { code, stdout: program.stdout(), stderr: program.stderr(), events: program.events() }
}

test("load prints one line per pipeline, then up to date", async () => {
  const first = await run(["load"])
  expect(first).toMatchObject({ code: 0 })
  const [said, records, rows, ...more] = first.stdout.split("\n")
  expect(said).toMatch(/^people: 10 rows, .* rows?\/s\) into public\.people, version [0-9a-f]{12}$/)
  expect([records, rows, ...more]).toEqual([
    "  10 records read = 10 rows",
    "  10 rows = 10 new; 0 rows were deleted",
    "",
  ])
  expect(first.events.at(-1)).toMatchObject({
    event: "run.finished",
    level: "info",
    service: "loader",
    pipeline: "people",
  })
  expect((await run(["load", "people"])).stdout).toMatch(/^people: up to date, .* of 10 rows/)
})

test("load --json prints one document on stdout", async () => {
  const { stdout } = await run(["load", "--json"])
  const document = JSON.parse(stdout)
  expect(Object.keys(document.runs[0]).sort()).toEqual([
    "applied",
    "bytes",
    "checks",
    "dataset",
    "fetched",
    "files",
    "filtered",
    "known_rows",
    "newest",
    "outcome",
    "pipeline",
    "problem",
    "receipt",
    "rehearsal",
    "rejects",
    "rows",
    "rows_per_second",
    "run",
    "seconds",
    "table",
    "version",
  ])
  expect(document.runs[0]).toMatchObject({ outcome: "published", rows: 10, fetched: 4, problem: null })
})

// Which problem ends with which exit code: exit-codes.test.ts.
test("what failed is told with what to do next, and without the password", async () => {
  expect(await run(["load", "peeple"])).toMatchObject({ code: 2, stderr: expect.stringContaining("people") })
  const wrong = new URL(bench.databaseUrl)
  wrong.password = "wr0ng-pass"
  const refused = await run(["load"], { DATABASE_URL: wrong.href })
  expect(refused.stderr + refused.stdout).not.toContain("wr0ng-pass")
  await bench.query("create table public.people (id integer)")
  const hinted = await run(["load"], { FLATBED_LOADER__LOG__FILE: join(folder.path, "loader.log") })
  expect(hinted).toMatchObject({ code: 5, stdout: expect.stringContaining("columns-differ") })
  expect(hinted.stderr).toMatch(/^people: Nothing was loaded\. Change the table/)
})

test("the log goes to log.file when there is one", async () => {
  await configure(
    "log: { file: logs/loader.log }\npipelines:\n  people: { dataset: people, table: people }\n",
  )
  const { stderr, code } = await run(["load"])
  expect({ stderr, code }).toEqual({ stderr: "", code: 0 })
  const lines = (await readFile(join(folder.path, "logs/loader.log"), "utf8")).trim().split("\n")
  expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({ event: "run.finished" })
})

test("start serves health and metrics, catches up, and stops at a signal with its code", async () => {
  await configure('pipelines:\n  people: { dataset: people, table: people, schedule: "* * * * *" }\n')
  await bench.query(
    "insert into flatbed.ticks (pipeline, tick, claimed_by) values ('people', '2020-01-01', 'before')",
  )
  const program = start(["start"])
  const started = await program.waitForEvent("loader.started")
  await program.waitForEvent("run.finished")
  // At the border of a minute a line that says "skipped" comes before it.
  await program.waitForLine(/^people: 10 rows/)
  const get = async (path: string) => {
    const answer = await fetch(`${started.admin}${path}`)
    return { status: answer.status, text: await answer.text() }
  }
  expect(await get("/livez")).toMatchObject({ status: 200 })
  expect(await get("/readyz")).toMatchObject({ status: 200 })
  const metrics = await waitFor(async () => {
    const { text } = await get("/metrics")
    return text.includes("flatbed_loader_runs_in_flight 0") && text
  })
  expect(metrics).toContain('flatbed_loader_rows_total{pipeline="people"} 10')
  expect(metrics).toMatch(/flatbed_loader_last_success_timestamp_seconds\{pipeline="people"\} \d+/)
  program.kill("SIGTERM")
  expect(await program.end()).toEqual({ code: 143, signal: null })
  await waitFor(async () => (await bench.sessions()) === 0)
})

test("start says which setting names the port that is taken", async () => {
  const port = new URL(bench.source.url).port
  const { code, stderr } = await run(["start"], { FLATBED_LOADER__ADMIN__PORT: port })
  expect(code).toBe(2)
  expect(stderr).toContain("admin.port")
})

test("a signal during load ends it with the signal's code, and the next load goes on", async () => {
  bench.source.fault(/\/chunks\/4$/, { kind: "hang" })
  const program = start(["load"], { FLATBED_LOADER__CONNECTIONS: "1" })
  await program.waitForEvent("chunk.loaded", { count: 3 })
  program.kill("SIGINT")
  expect((await program.end()).code).toBe(130)
  bench.source.forgetRequests()
  expect(await run(["load"])).toMatchObject({ code: 0 })
  expect(bench.source.chunksAsked()).toEqual([4])
})

test("a loader killed after any chunk leaves a run that fetches only what is missing", async () => {
  for (const killedAfter of [1, 2, 3]) {
    bench.source.publish(people(10, 3, `kill ${killedAfter}`))
    bench.source.forgetRequests()
    bench.source.fault(new RegExp(`/chunks/${killedAfter + 1}$`), { kind: "hang" })
    const env = { FLATBED_LOADER__CONNECTIONS: "1", FLATBED_LOADER__READ_AHEAD: "0" }
    const program = start(["load"], env)
    await program.waitForEvent("chunk.loaded", { count: killedAfter })
    await waitFor(() => bench.source.chunksAsked().includes(killedAfter + 1))
    program.kill("SIGKILL")
    await program.end()
    await bench.query("update flatbed.leases set expires_at = now()")
    bench.source.forgetRequests()
    expect(await run(["load"], env)).toMatchObject({ code: 0 })
    expect(bench.source.chunksAsked()).toEqual([1, 2, 3, 4].slice(killedAfter))
    const stored = await bench.query("select name from public.people order by id")
    expect(stored.map(({ name }) => name)).toEqual(
      people(10, 3, `kill ${killedAfter}`).rows.map(([, name]) => name),
    )
  }
})

test("status is a table, or JSON", async () => {
  await run(["load"])
  expect((await run(["status"])).stdout).toMatch(/^PIPELINE .*\npeople +public\.people +published +10 /)
  const { stdout } = await run(["status", "--json"])
  expect(JSON.parse(stdout)).toMatchObject({
    pipelines: [{ pipeline: "people", state: "published", rows: 10 }],
  })
})

test("status tells why the last attempt failed before it had a run, and what the table still shows", async () => {
  await run(["load"])
  const [shown] = JSON.parse((await run(["status", "--json"])).stdout).pipelines
  await bench.query("alter table public.people add column extra text")
  bench.source.publish(people(12, 3, "b"))
  expect((await run(["load"])).code).toBe(5)
  const { stdout } = await run(["status"])
  expect(stdout).toMatch(/\npeople +public\.people +failed +10 /)
  expect(stdout).toContain("columns-differ: ")
  expect(stdout).toContain(
    `the table still shows version ${shown.version.slice(0, 12)} of ${shown.published_at}`,
  )
})

test("start prints a line for a run that failed, wherever the log goes", async () => {
  await bench.query("create table public.people (id integer)")
  await configure("pipelines:\n  people: { dataset: people, table: people, follow: true }\n")
  const program = start(["start"], { FLATBED_LOADER__LOG__FILE: join(folder.path, "loader.log") })
  await waitFor(() => program.stdout().startsWith("people: failed with columns-differ: "))
  expect(program.stdout()).toContain('alter table public.people add column "name" text;')
  program.kill("SIGTERM")
  await program.end()
})
