import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Problem } from "@flatbed/contract"
import { afterEach, beforeEach, expect, test } from "vitest"
import { createLog } from "./log.ts"

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "flatbed-log-"))
})
afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

const lines = async (file: string) =>
  (await readFile(file, "utf8"))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line))

test("a line says when, how bad, which service, what happened", async () => {
  const file = join(folder, "new/folder/loader.log")
  const log = createLog({ service: "loader", level: "info", file })
  const before = Date.now()
  log.info({ event: "chunk.loaded", chunk: 3 }, "chunk 3 of 12")
  // Written before the call returns: nothing was closed or flushed yet.
  const [line] = await lines(file)
  log.close()
  expect(line).toEqual({
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    level: "info",
    service: "loader",
    event: "chunk.loaded",
    chunk: 3,
    msg: "chunk 3 of 12",
  })
  expect(Date.parse(line.time)).toBeGreaterThanOrEqual(before)
  expect(Date.parse(line.time)).toBeLessThanOrEqual(Date.now())
})

test("a file is continued, never begun anew", async () => {
  const file = join(folder, "source.log")
  for (const msg of ["first", "second"]) {
    const log = createLog({ service: "source", level: "info", file })
    log.info({ event: "source.started" }, msg)
    log.close()
    log.close()
  }
  expect((await lines(file)).map(({ msg }) => msg)).toEqual(["first", "second"])
})

test("what is below the level is not written; child loggers keep their fields", async () => {
  const file = join(folder, "source.log")
  const log = createLog({ service: "source", level: "warn", file })
  log.info({ event: "a" }, "not this")
  log.child({ pipeline: "telecom" }).warn({ event: "b" }, "this")
  log.close()
  expect(await lines(file)).toMatchObject([{ level: "warn", pipeline: "telecom", event: "b" }])
})

test("secrets are masked in fields, messages, errors and their causes", async () => {
  const file = join(folder, "loader.log")
  const log = createLog({ service: "loader", level: "info", file })
  const url = "postgres://ann:hunter2@db/x"
  log.info({ event: "a", token: "hunter2", settings: { source: { token: "hunter2" }, url } }, `at ${url}`)
  log.error({ event: "b", err: new Error(url, { cause: new Problem("database-refused", url) }) }, "failed")
  log.info(
    { event: "c", headers: { authorization: "Bearer hunter2" }, password: "hunter2" },
    "Bearer hunter2",
  )
  log.close()
  const text = await readFile(file, "utf8")
  expect(text).not.toContain("hunter2")
  expect(await lines(file)).toMatchObject([
    { token: "***", settings: { source: { token: "***" }, url: "postgres://ann:***@db/x" } },
    { err: { message: expect.stringContaining("postgres://ann:***@db/x") } },
    { headers: { authorization: "***" }, password: "***" },
  ])
})

test("for people it is plain text", async () => {
  const file = join(folder, "loader.log")
  const log = createLog({ service: "loader", level: "info", file, pretty: true })
  log.info({ event: "run.finished" }, "telecom: 3333 rows")
  log.close()
  const text = await readFile(file, "utf8")
  expect(text).toMatch(/^\[\d\d:\d\d:\d\d\] INFO: telecom: 3333 rows\n {4}event: "run\.finished"\n$/)
})

test("a file that cannot be opened is a problem that names it", async () => {
  // A folder of that name is in the way, for root as for anybody.
  expect(() => createLog({ service: "loader", level: "info", file: folder })).toThrow(
    expect.objectContaining({ code: "settings-invalid", message: expect.stringContaining(folder) }),
  )
})

test("events that are told elsewhere are left out, and each line's event and message can be heard", async () => {
  const file = join(folder, "loader.log")
  const heard: string[] = []
  const onLine = (event: string, text: string) => heard.push(`${event} ${text}`)
  const log = createLog({ service: "loader", level: "info", file, leaveOut: ["run.failed"], onLine })
  log.debug({ event: "chunk.loaded" }, "below the level")
  log.child({ pipeline: "p" }).error({ event: "run.failed" }, "p failed at postgres://u:hidden@h/x")
  log.info("no event")
  log.close()
  expect((await lines(file)).map(({ msg }) => msg)).toEqual(["no event"])
  expect(heard).toEqual(["run.failed p failed at postgres://u:***@h/x", " no event"])
})
