import { readFile } from "node:fs/promises"
import { join } from "node:path"
import type { CommandContext } from "@flatbed/edge"
import { type TemporaryFolder, temporaryFolder, waitFor } from "@flatbed/testing"
import { afterEach, expect, it } from "vitest"
import { runCommand } from "./command.test-kit.ts"
import { serveCommand } from "./serve.ts"

let folder: TemporaryFolder | undefined

afterEach(async () => {
  await folder?.remove()
})

/** Serves until told to stop; answers what was printed and what the log file holds. */
async function serve(
  env: Readonly<Record<string, string>> = {},
  meanwhile?: (log: string) => Promise<unknown>,
  csv = "id\n1\n",
) {
  folder = await temporaryFolder()
  await folder.write("t.csv", csv)
  const configFile = await folder.write(
    "source.yaml",
    "listen: { port: 0 }\nadmin: { port: 0 }\nlog: { file: logs/source.log }\ndatasets: { t: { files: t.csv } }\n",
  )
  const stop = new AbortController()
  const printed: { url: string; admin_url: string }[] = []
  const notes: string[] = []
  const context: CommandContext = {
    args: {},
    options: {},
    configFile,
    json: true,
    signal: stop.signal,
    env,
    stdin: () => process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    print: (value) => printed.push(value as { url: string; admin_url: string }),
    note: (text) => notes.push(text),
    color: false,
  }
  const ended = serveCommand.run(context)
  const where = await waitFor(() => printed[0])
  const answer = await fetch(`${where.url}/v1/datasets`)
  await meanwhile?.(join(folder.path, "logs", "source.log"))
  stop.abort()
  await ended
  const log = await readFile(join(folder.path, "logs", "source.log"), "utf8")
  const events = log.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line)]))
  return { where, answer, events, notes }
}

it("serves until it is told to stop, logging to the file that is named", async () => {
  const { where, answer, events } = await serve()
  expect(answer.status).toBe(200)
  expect(events[0]).toMatchObject({
    event: "source.started",
    service: "source",
    level: "info",
    url: where.url,
  })
  expect(events.at(-1)).toMatchObject({ event: "source.stopped" })
  await expect(fetch(where.url)).rejects.toThrow()
  await expect(fetch(where.admin_url)).rejects.toThrow()
})

it("notes a file that cannot be read on the terminal too when the log goes to a file", async () => {
  const failed = async (log: string) =>
    await waitFor(async () => (await readFile(log, "utf8")).includes("version.failed"))
  const { notes } = await serve({ FLATBED_SOURCE__SETTLE: "0ms" }, failed, 'id,"id\n1,2\n')
  expect(notes).toEqual([expect.stringMatching(/^t: .*malformed/)])
})

it("looks at certificate and files again on SIGHUP, and lives on", async () => {
  const before = process.listenerCount("SIGHUP")
  const { events } = await serve({}, async (log) => {
    process.kill(process.pid, "SIGHUP")
    await waitFor(async () => (await readFile(log, "utf8")).includes("source.reloaded"))
  })
  expect(events.at(-1)).toMatchObject({ event: "source.stopped" })
  expect(process.listenerCount("SIGHUP")).toBe(before)
})

it("logs no less than the level that is set", async () => {
  const { events } = await serve({ FLATBED_SOURCE__LOG__LEVEL: "warn" })
  expect(events).toEqual([])
})

it("refuses to serve nothing, and says how a dataset is declared", async () => {
  folder = await temporaryFolder()
  const configFile = await folder.write("source.yaml", "listen: { port: 0 }\n")
  await expect(runCommand(serveCommand, { configFile })).rejects.toMatchObject({
    code: "settings-invalid",
    exitCode: 2,
    hint: expect.stringContaining("datasets: { sales: { files: sales.csv } }"),
  })
})
