import { createHash } from "node:crypto"
import { once } from "node:events"
import { rename, writeFile } from "node:fs/promises"
import { request } from "node:http"
import { connect, type Socket } from "node:net"
import { join } from "node:path"
import { parseReprDigest, paths } from "@flatbed/contract"
import { waitFor } from "@flatbed/testing"
import { afterEach, describe, expect, it } from "vitest"
import { openTestFolder } from "./source.test-kit.ts"
import { type RunningSource, startSource } from "./start-source.ts"

// Far more than a socket's buffers hold, so that an answer nobody reads is stuck.
const bigRows = 200
const bigCsv = `id,name\n${`1,${"x".repeat(80_000)}\n`.repeat(bigRows)}`
const bigChunk = { datasets: { t: { files: "t.csv", chunk: { rows: bigRows } } } }
const ends: (() => Promise<void>)[] = []

async function setup(csv: string, written?: Record<string, unknown>) {
  const folder = await openTestFolder(csv)
  ends.push(folder.close)
  const source = await startSource(await folder.settings(written), folder)
  ends.push(source.close)
  await waitFor(() => folder.logged.some(({ event }) => event === "version.published"))
  return { source, folder, file: join(folder.folder.path, "t.csv") }
}

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

/** A connection that has asked for something and reads nothing yet. */
async function ask(source: RunningSource, url: string): Promise<Socket> {
  const socket = connect(Number(new URL(source.url).port), "127.0.0.1").pause()
  socket.on("error", () => {})
  ends.push(async () => void socket.destroy())
  await once(socket, "connect")
  socket.write(`GET ${url} HTTP/1.1\r\nhost: x\r\n\r\n`)
  return socket
}

async function inFlight(source: RunningSource): Promise<number> {
  const text = await (await fetch(`${source.adminUrl}/metrics`)).text()
  return Number(/^flatbed_source_in_flight_bytes (\S+)/m.exec(text)?.[1])
}

async function readAll(socket: Socket): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of socket) parts.push(part)
  return Buffer.concat(parts).toString()
}

describe("a source that listens", () => {
  it("answers on the data port, and what operators ask on the admin port", async () => {
    const { source, folder } = await setup("id\n1\n")
    const answer = await fetch(`${source.url}/v1/datasets/t/chunks/1`)
    expect(await answer.json()).toEqual([{ id: 1 }])
    expect((await fetch(`${source.url}/metrics`)).status).toBe(404)
    expect(await (await fetch(`${source.adminUrl}/livez`)).json()).toEqual({ live: true })
    const ready = await fetch(`${source.adminUrl}/readyz`)
    expect(ready.status).toBe(200)
    expect(await ready.json()).toEqual({ ready: true, datasets: { t: "ready" } })
    expect((await fetch(`${source.adminUrl}/v1/datasets`)).status).toBe(404)
    const metrics = await (await fetch(`${source.adminUrl}/metrics`)).text()
    for (const line of [
      'flatbed_source_rows_total{dataset="t",form="json"} 1',
      `flatbed_source_chunk_bytes_total{dataset="t",form="json"} ${answer.headers.get("content-length")}`,
      'flatbed_source_http_request_seconds_count{route="/v1/datasets/:dataset/chunks/:chunk",status="200"} 1',
      'flatbed_source_indexing_seconds_count{dataset="t",outcome="published"} 1',
      `flatbed_source_build_info{version="0.1.0",node="${process.version}"} 1`,
      "flatbed_source_in_flight_bytes 0",
    ]) {
      expect(metrics).toContain(line)
    }
    await source.close()
    expect(folder.logged.map(({ event }) => event)).toEqual(
      expect.arrayContaining(["source.started", "source.stopped"]),
    )
  })

  it("is not ready while a first version is being made, and ready when it failed", async () => {
    const folder = await openTestFolder("id\n1\n")
    ends.push(folder.close)
    const waiting = await startSource(await folder.settings({ settle: "1h" }), folder)
    ends.push(waiting.close)
    const ready = await fetch(`${waiting.adminUrl}/readyz`)
    expect(ready.status).toBe(503)
    expect(await ready.json()).toEqual({ ready: false, datasets: { t: "indexing" } })
    const missing = { datasets: { t: { files: "missing.csv" } } }
    const failed = await startSource(await folder.settings(missing), folder)
    ends.push(failed.close)
    expect((await fetch(`${failed.adminUrl}/readyz`)).status).toBe(200)
  })

  it.each(["listen", "admin"])("says which setting to change when its %s port is taken", async (which) => {
    const { source, folder } = await setup("id\n1\n")
    const port = Number(new URL(source.url).port)
    const settings = await folder.settings({ [which]: { port } })
    const failure = await startSource(settings, folder).catch((error) => error)
    expect(failure).toMatchObject({ code: "port-in-use", exitCode: 2 })
    expect(failure.message).toContain(String(port))
    expect(failure.hint).toContain(`${which}.port`)
    expect(failure.hint).toContain(`FLATBED_SOURCE__${which.toUpperCase()}__PORT`)
  })

  it("sends the version before to its end when the file is replaced meanwhile", async () => {
    const { source, file } = await setup(bigCsv, bigChunk)
    const answer = await new Promise<import("node:http").IncomingMessage>((resolve) =>
      request(`${source.url}${paths.currentChunk("t", 1)}`, resolve).end(),
    )
    await writeFile(`${file}.new`, "id,name\n9,Zoe\n")
    await rename(`${file}.new`, file)
    await waitFor(async () => {
      const current = await fetch(`${source.url}${paths.currentChunk("t", 1)}`)
      return ((await current.json()) as unknown[]).length === 1
    })
    const hash = createHash("sha256")
    for await (const part of answer) hash.update(part)
    expect(hash.digest()).toEqual(parseReprDigest(answer.headers["repr-digest"] as string))
    const before = await fetch(`${source.url}${answer.headers["content-location"]}`)
    expect(before.status).toBe(200)
    expect(await before.json()).toHaveLength(bigRows)
  })

  it("puts requests off while unread answers fill the budget, and takes them when those are gone", async () => {
    const { source } = await setup(bigCsv, { ...bigChunk, buffer_budget: "1MiB" })
    const url = `${source.url}${paths.currentChunk("t", 1)}`
    const stuck = await ask(source, paths.currentChunk("t", 1))
    await waitFor(async () => (await inFlight(source)) > 1024 * 1024)
    const refused = await fetch(url)
    expect(refused.status).toBe(503)
    expect(refused.headers.get("retry-after")).toBe("1")
    expect(await refused.json()).toMatchObject({ code: "too-busy" })
    stuck.destroy()
    await waitFor(async () => (await inFlight(source)) === 0)
    expect(await (await fetch(url)).json()).toHaveLength(bigRows)
  })

  it("cuts a reader that does not read in time, and takes its memory back", async () => {
    const { source, folder } = await setup(bigCsv, { ...bigChunk, timeouts: { response: "1s" } })
    await ask(source, paths.currentChunk("t", 1))
    await waitFor(() => folder.logged.some(({ event }) => event === "response.cut"))
    await waitFor(async () => (await inFlight(source)) === 0)
    expect(folder.logged.find(({ event }) => event === "chunk.served")).toMatchObject({ complete: false })
  })

  it("finishes an answer under way when it stops, and takes nothing new", async () => {
    const { source } = await setup(bigCsv, bigChunk)
    const socket = await ask(source, paths.currentChunk("t", 1))
    await waitFor(async () => (await inFlight(source)) > 0)
    const closed = source.close()
    const refused = await fetch(`${source.url}/v1/datasets`)
    expect(refused.status).toBe(503)
    expect(refused.headers.get("connection")).toBe("close")
    socket.write("GET /v1/datasets HTTP/1.1\r\nhost: x\r\n\r\n")
    const answers = await readAll(socket)
    await closed
    await expect(fetch(source.url)).rejects.toThrow()
    expect(answers.startsWith("HTTP/1.1 200")).toBe(true)
    expect(answers.match(/"id":1,/g)).toHaveLength(bigRows)
    expect(answers).toContain('"code":"stopping"')
  })

  it("does not wait longer than timeouts.stop for a reader", async () => {
    const { source, folder } = await setup(bigCsv, { ...bigChunk, timeouts: { stop: "50ms" } })
    await ask(source, paths.currentChunk("t", 1))
    await waitFor(async () => (await inFlight(source)) > 0)
    await source.close()
    expect(folder.logged.find(({ event }) => event === "chunk.served")).toMatchObject({ complete: false })
    expect(folder.logged.some(({ event }) => event === "source.stopped")).toBe(true)
  })

  it("keeps an idle connection as long as it says", async () => {
    const { source } = await setup("id\n1\n", { timeouts: { keep_alive: "7s" } })
    const socket = await ask(source, "/v1/datasets")
    const [first] = await once(socket.resume(), "data")
    expect(String(first).toLowerCase()).toContain("keep-alive: timeout=7")
  })

  it("refuses a record beyond record_limit", async () => {
    const folder = await openTestFolder(`id\n"${"x".repeat(3000)}"\n`)
    ends.push(folder.close)
    const source = await folder.open({ record_limit: "1KiB" })
    expect(await source.settled()).toMatchObject({ problem: { code: "record-malformed" } })
    const wider = await folder.open({ record_limit: "4KiB" })
    expect(await wider.settled()).toMatchObject({ state: "ready", rows: 1 })
  })

  it.each<[string, string, Record<string, string>]>([
    ["is not HTTP", "nonsense\r\n\r\n", {}],
    ["has headers beyond 16 KiB", `GET / HTTP/1.1\r\nhost: x\r\nx: ${"x".repeat(20_000)}\r\n\r\n`, {}],
    ["never ends its headers", "GET / HTTP/1.1\r\nhost: x\r\n", { headers: "500ms" }],
    ["never ends", "GET / HTTP/1.1\r\nhost: x\r\n", { request: "500ms" }],
  ])("answers a problem to what %s", async (_, bytes, timeouts) => {
    const { source } = await setup("id\n1\n", { timeouts })
    const socket = connect(Number(new URL(source.url).port), "127.0.0.1")
    socket.write(bytes)
    const answer = await readAll(socket)
    expect(answer).toMatch(/^HTTP\/1\.1 400 /)
    expect(answer).toContain("application/problem+json")
    expect(answer).toContain('"code":"request-invalid"')
  })
})
