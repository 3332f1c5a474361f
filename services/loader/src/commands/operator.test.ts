// If this file fails, `config`, `reset` or `status --check` say or return something else than the README.
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { PassThrough } from "node:stream"
import { fileURLToPath } from "node:url"
import { runProgram } from "@flatbed/edge"
import { startProcess, type TemporaryFolder, temporaryFolder, testLedger } from "@flatbed/testing"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type Bench, openBench, people } from "../loader.test-kit.ts"
import { resetCommand } from "./reset.ts"

const script = fileURLToPath(new URL("../../bin/flatbed-loader.mjs", import.meta.url))
let bench: Bench
let folder: TemporaryFolder

beforeAll(async () => {
  bench = await openBench(people(6, 3))
  folder = await temporaryFolder()
  await folder.write(
    "loader.yaml",
    `source: { url: "${bench.source.url}", token: "\${TOKEN}" }
database: { url: "\${DATABASE_URL}" }
log: { level: warn }
pipelines:
  people: { dataset: people, table: people, fresh_within: 24d }
`,
  )
})

afterAll(async () => {
  await bench.close()
  await folder.remove()
})

async function run(...args: string[]) {
  const env = { DATABASE_URL: bench.databaseUrl, TOKEN: "canary-token" }
  const program = startProcess({ script, args, cwd: folder.path, env })
  const { code } = await program.end()
  return { code, stdout: program.stdout(), stderr: program.stderr() }
}

test("config show says what is in effect, whence it is, and no secret", async () => {
  const whole = await run("config", "show")
  expect(whole).toMatchObject({ code: 0, stderr: "" })
  expect(whole.stdout).toMatch(/^source\.token: +"\*\*\*" +# loader\.yaml:1$/m)
  expect(whole.stdout).toMatch(/^pipelines\.people\.fresh_within: +24d +# loader\.yaml:5$/m)
  expect(whole.stdout).toMatch(/^connections: +3 +# default$/m)
  const { code, stdout } = await run("config", "show", "pipelines.people.deletes", "--json")
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({
    settings: { "pipelines.people.deletes.limit.share": "20%" },
    from: { "pipelines.people.deletes.limit.share": "default" },
  })
  const document = JSON.parse((await run("config", "show", "--json")).stdout)
  expect(document.settings).toMatchObject({
    source: { token: "***" },
    database: { url: "***" },
    group: "2MiB",
  })
  expect(whole.stdout + JSON.stringify(document)).not.toContain("canary-token")
  expect(await run("config", "show", "sourc.url")).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("Did you mean source.url?"),
  })
})

test("config validate is content, or names all that is wrong with its lines", async () => {
  const { code, stdout } = await run("config", "validate")
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: expect.stringMatching(/^.*loader\.yaml: ok, 1 pipeline, \d+ settings beside the defaults\n$/),
  })
  await folder.write(
    "wrong.yaml",
    'source: { url: "http://localhost:1", tokn: x }\ndatabase: { url: "postgres://u@h/d" }\nconnections: many\npipelines:\n  p: { dataset: D, tabel: t }\n',
  )
  const wrong = await run("config", "validate", "--config", "wrong.yaml")
  expect(wrong.code).toBe(2)
  for (const line of [
    /wrong\.yaml:1: source\.tokn is not a setting; did you mean "token"\?/,
    /wrong\.yaml:3: connections is "many", expected an integer from 1 to 64/,
    /wrong\.yaml:5: pipelines\.p\.dataset is "D", expected a dataset's name/,
    /wrong\.yaml:5: pipelines\.p\.tabel is not a setting; did you mean "table"\?/,
    /pipelines\.p\.table is missing/,
  ]) {
    expect(wrong.stderr).toMatch(line)
  }
  expect(await run("config", "validate", "--config", "none.yaml")).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("There is no settings file none.yaml."),
  })
  expect(await run("config", "validat")).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("validate"),
  })
})

test("config schema is the schema that is published, and needs no settings", async () => {
  const published = fileURLToPath(new URL("../../loader.schema.json", import.meta.url))
  const { code, stdout } = await run("config", "schema", "--config", "none.yaml")
  expect({ code, stdout }).toEqual({ code: 0, stdout: await readFile(published, "utf8") })
  expect(JSON.parse((await run("config", "schema", "--json")).stdout)).toEqual(JSON.parse(stdout))
})

test("status --check ends with 5 until the table is known to be fresh; reset wants to be told twice", async () => {
  expect(await run("status", "--check")).toMatchObject({
    code: 5,
    stdout: expect.stringContaining("people is overdue"),
    stderr: expect.stringContaining("to look at: people"),
  })
  expect(await run("status")).toMatchObject({ code: 0 })
  expect(await run("load")).toMatchObject({ code: 0 })
  expect(await run("status", "--check")).toMatchObject({ code: 0, stderr: "" })

  const asked = await run("reset", "people")
  expect(asked).toMatchObject({ code: 2, stdout: "" })
  expect(asked.stderr).toMatch(
    /^people: the ledger forgets that public\.people shows version [0-9a-f]{12}; 1 file whose rows it holds\. public\.people and its rows stay as they are\.\n/,
  )
  expect(asked.stderr).toContain("flatbed-loader reset people --yes")
  expect(await run("status", "--check")).toMatchObject({ code: 0 })
  expect(await run("reset", "peple", "--yes")).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("Did you mean people?"),
  })
  const { code, stdout } = await run("reset", "people", "--yes", "--json")
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toEqual({
    pipeline: "people",
    table: "public.people",
    has_table: true,
    version: expect.stringMatching(/^[0-9a-f]{64}$/),
    open_runs: [],
    files: 1,
  })
  const again = JSON.parse((await run("load", "--json")).stdout)
  expect(again.runs).toMatchObject([{ outcome: "published", rows: 6 }])
})

test.each([
  ["people", 0, "people: the ledger forgot"],
  ["peeple", 2, "that was not people"],
])("on a terminal reset asks for the name, and %s ends with %d", async (typed, code, words) => {
  await run("load")
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
  Object.assign(stdin, { isTTY: true })
  stdin.end(`${typed}\n`)
  const program = { name: "flatbed-loader", summary: "", version: "0.0.0", commands: [resetCommand] }
  const env = {
    DATABASE_URL: bench.databaseUrl,
    TOKEN: "canary-token",
    FLATBED_LOADER__DATABASE__SCHEMA: testLedger,
  }
  const argv = ["reset", "people", "--config", join(folder.path, "loader.yaml")]
  expect(await runProgram(program, { argv, env, stdin, stdout, stderr })).toBe(code)
  const said = `${stdout.read() ?? ""}${stderr.read() ?? ""}`
  expect(said).toContain("Type people to go on: ")
  expect(said).toContain(words)
})
