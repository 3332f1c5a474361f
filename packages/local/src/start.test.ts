import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { temporaryFolder, waitFor } from "@flatbed/testing"
import { expect, it, onTestFinished } from "vitest"
import { findFreePort } from "./free-port.ts"
import { removePostgres } from "./postgres.ts"
import { start } from "./start.ts"

// Two small programs stand for the services: what is tried here is who is started, watched and stopped, and when.
const source = `
  import { appendFileSync } from "node:fs"
  import { createServer } from "node:http"
  const say = (line) => appendFileSync("said", line + "\\n")
  if (process.env.SOURCE_FAILS) process.exit(2)
  const server = createServer((_, response) => response.end('{"datasets":[{"name":"notes"}]}'))
  server.listen(Number(process.env.TEST_PORT), "127.0.0.1")
  process.on("SIGTERM", () => { say("source stopped"); process.exit(143) })
`
const loader = `
  import { appendFileSync, existsSync, writeFileSync } from "node:fs"
  const say = (line) => appendFileSync("said", line + "\\n")
  say(process.argv[2] + " " + (process.env.DATABASE_URL.endsWith("/flatbed") ? "flatbed" : "elsewhere"))
  const dies = process.env.DIES?.split(" ").includes(process.argv[2])
  if (dies && !existsSync(process.argv[2])) {
    writeFileSync(process.argv[2], "")
    process.kill(process.pid, "SIGKILL")
  }
  if (process.argv[2] === "load") process.exit(Number(process.env.LOAD_CODE ?? 0))
  if (process.env.LOADER_FAILS) process.exit(4)
  setInterval(() => {}, 1000)
  process.on("SIGTERM", () => setTimeout(() => { say("loader stopped"); process.exit(143) }, 100))
`

/** A Postgres of its own takes seconds to come up on a machine that does much else. */
const patience = { limitMs: 60_000 }

async function setup() {
  const clone = await temporaryFolder()
  const port = await findFreePort(undefined)
  await clone.write("services/source/bin/flatbed-source.mjs", source)
  await clone.write("services/loader/bin/flatbed-loader.mjs", loader)
  await clone.write(
    "data/loader.yaml",
    `source: { url: "http://127.0.0.1:${port}" }
database: { url: "\${DATABASE_URL}" }
pipelines: { notes: { dataset: notes, table: public.notes } }
`,
  )
  onTestFinished(async () => {
    await removePostgres(join(clone.path, ".flatbed", "postgres"))
    await clone.remove()
  })
  const printed: string[] = []
  const notes: string[] = []
  const stop = new AbortController()
  const run = (once: boolean, env: Record<string, string> = {}) =>
    start({
      root: clone.path,
      once,
      files: [],
      from: clone.path,
      env: { ...process.env, TEST_PORT: String(port), ...env },
      signal: stop.signal,
      print: (text) => printed.push(text),
      note: (text) => notes.push(text),
    })
  const said = async () =>
    (await readFile(join(clone.path, "said"), "utf8").catch(() => "")).trimEnd().split("\n")
  return { port, printed, notes, stop, run, said }
}

it("with once, answers the load's exit code and leaves nothing running", async () => {
  const { run, said, printed } = await setup()
  expect(await run(true)).toBe(0)
  expect(printed).toEqual([])
  expect(await run(true, { LOAD_CODE: "6" })).toBe(6)
  expect(printed.join()).toMatch(
    /npm start brings Postgres up again[\s\S]*DATABASE_URL='postgres:[^']+\/flatbed' npx flatbed-loader rejects list --config 'data\/loader\.yaml'/,
  )
  expect(await said()).toEqual(["load flatbed", "source stopped", "load flatbed", "source stopped"])
})

it("prints where to look, stays up, and stops the loader before the source", async () => {
  const { run, said, stop, printed, notes, port } = await setup()
  const running = run(false)
  await waitFor(() => printed.length > 0, patience)
  await waitFor(async () => (await said()).includes("start flatbed"), patience)
  expect(printed[0]).toContain(`curl -s http://127.0.0.1:${port}/v1/datasets/notes/chunks/1\n`)
  // Nothing was loaded, so there is no table to look at.
  expect(printed[0]).not.toContain("psql")
  stop.abort(new Error("stopped by the test"))
  await expect(running).rejects.toThrow("stopped by the test")
  expect(await said()).toEqual(["load flatbed", "start flatbed", "loader stopped", "source stopped"])
  expect(notes.slice(-2)).toEqual(["stopping …", "stopped"])
})

it("ends everything, with its exit code, when a service ends unasked", async () => {
  const { run, said, notes } = await setup()
  expect(await run(false, { LOADER_FAILS: "yes" })).toBe(4)
  expect(notes.at(-1)).toBe("flatbed-loader start has ended (exit code 4), so everything stops")
  expect((await said()).at(-1)).toBe("source stopped")
})

it("starts a loader again that was killed, whichever command it runs", async () => {
  const { run, said, stop, printed, notes } = await setup()
  const running = run(false, { DIES: "load start" })
  await waitFor(async () => (await said()).filter((line) => line.startsWith("start")).length === 2, patience)
  stop.abort(new Error("stopped by the test"))
  await expect(running).rejects.toThrow("stopped by the test")
  const loads = ["load flatbed", "load flatbed", "start flatbed", "start flatbed"]
  expect((await said()).slice(0, 4)).toEqual(loads)
  expect(notes.filter((note) => note.includes("was killed"))).toEqual([
    "flatbed-loader load was killed; started again, it goes on where it stopped",
    "flatbed-loader start was killed; started again, it goes on where it stopped",
  ])
  expect(printed).toHaveLength(1)
})

it("with once, a loader that was killed ends everything", async () => {
  const { run, said } = await setup()
  expect(await run(true, { DIES: "load" })).toBe(137)
  expect(await said()).toEqual(["load flatbed", "source stopped"])
})

it("answers the source's exit code when it does not come up, and loads nothing", async () => {
  const { run, said } = await setup()
  expect(await run(false, { SOURCE_FAILS: "yes" })).toBe(2)
  expect(await said()).toEqual([""])
})

it("stays up after a failed load, for the next tick, but not with settings that cannot work", async () => {
  const { run, said, stop, printed } = await setup()
  expect(await run(false, { LOAD_CODE: "2" })).toBe(2)
  const running = run(false, { LOAD_CODE: "5" })
  await waitFor(() => printed.length > 0, patience)
  await waitFor(async () => (await said()).includes("start flatbed"), patience)
  stop.abort(new Error("stopped by the test"))
  await expect(running).rejects.toThrow("stopped by the test")
})

it("refuses a second start in the same clone, and leaves the first one's Postgres alone", async () => {
  const { run, stop, printed, said } = await setup()
  const first = run(false)
  await waitFor(() => printed.length > 0, patience)
  await expect(run(true)).rejects.toMatchObject({ code: "lease-held" })
  await waitFor(async () => (await said()).includes("start flatbed"), patience)
  stop.abort(new Error("stopped by the test"))
  await expect(first).rejects.toThrow("stopped by the test")
})
