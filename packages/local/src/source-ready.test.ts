import { startScriptedSource } from "@flatbed/testing"
import { expect, it, onTestFinished } from "vitest"
import type { Service } from "./service.ts"
import { refuseTaken, waitForSource } from "./source-ready.ts"

const runs = (ended: Promise<number>): Service => ({
  name: "source",
  pid: 0,
  ended,
  stop: async () => undefined,
})
const forEver = new Promise<number>(() => undefined)

async function setup() {
  const source = await startScriptedSource({ name: "notes", columns: [], rows: [], rowsPerChunk: 1 })
  onTestFinished(() => source.close())
  return source
}

it("names the datasets once the source answers", async () => {
  const source = await setup()
  source.fault("/v1/datasets", { kind: "reset" }, { kind: "answer", answer: { status: 503 } })
  const ready = await waitForSource(source.url, runs(forEver), new AbortController().signal)
  expect(ready).toEqual({ datasets: ["notes"] })
})

it("answers the exit code of a source that could not have the port, although somebody answers there", async () => {
  const source = await setup()
  const service = runs(Promise.resolve(2))
  expect(await waitForSource(source.url, service, new AbortController().signal)).toEqual({
    exitCode: 2,
  })
})

it("refuses an address where somebody listens, at once and with what to do", async () => {
  const source = await setup()
  await expect(refuseTaken(source.url)).rejects.toMatchObject({
    code: "port-in-use",
    message: expect.stringContaining(source.url),
    hint: expect.stringContaining("FLATBED_SOURCE__LISTEN__PORT"),
  })
  await refuseTaken("http://127.0.0.1:9")
})

it("stops waiting when it is told to", async () => {
  const stop = new AbortController()
  const waiting = waitForSource("http://127.0.0.1:9", runs(forEver), stop.signal)
  stop.abort(new Error("stopped"))
  await expect(waiting).rejects.toThrow()
})
