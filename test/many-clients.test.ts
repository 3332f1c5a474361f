// If this fails, many clients at once cost the source its memory, or one of them gets a wrong answer.
import { createHash } from "node:crypto"
import { Agent, get, type IncomingMessage } from "node:http"
import { setTimeout as wait } from "node:timers/promises"
import { type Manifest, type ManifestChunk, mediaTypes, parseReprDigest, paths } from "@flatbed/contract"
import { expect, onTestFinished, test } from "vitest"
import { createInstallation } from "./installation.ts"
import { watchPeakMemory } from "./peak-memory.ts"

const clients = 100
/** A slow reader takes so much, then leaves the connection alone for a while. */
const slowBytes = 256 * 1024
const slowPauseMs = 5

test(`${clients} clients, slow ones among them, end with a right body or try again when told that it is too busy`, async () => {
  const installation = await createInstallation({
    source: "datasets: { rows: { files: rows.csv } }",
    loader: "pipelines: { rows: { dataset: rows, table: public.rows } }",
  })
  onTestFinished(installation.close)
  const cells = Array.from({ length: 12 }, (_, i) => `${i * 7919}.${i}`).join(",")
  const header = Array.from({ length: 12 }, (_, i) => `a column of some name ${i}`).join(",")
  const lines = Array.from({ length: 350_000 }, (_, i) => `${i + 1},${cells}\n`)
  await installation.write("rows.csv", `id,${header}\n${lines.join("")}`)
  const source = await installation.startSource()
  const memory = watchPeakMemory(source.pid)
  onTestFinished(memory.close)
  await source.waitForEvent("version.published", { limitMs: 60_000 })
  const agent = new Agent({ keepAlive: true, maxSockets: clients })
  onTestFinished(() => agent.destroy())
  const before = memory.peak()

  const open = (path: string, accept: string) =>
    new Promise<IncomingMessage>((resolve, reject) => {
      get(`${installation.sourceUrl}${path}`, { agent, headers: { accept } }, resolve).on("error", reject)
    })
  const read = async (answer: IncomingMessage, isSlow = false) => {
    const parts: Buffer[] = []
    let taken = 0
    for await (const part of answer) {
      parts.push(part)
      taken += part.length
      if (!isSlow || taken < slowBytes) continue
      taken = 0
      await wait(slowPauseMs)
    }
    return { status: answer.statusCode, headers: answer.headers, body: Buffer.concat(parts) }
  }
  const ask = async (path: string, accept: string) => await read(await open(path, accept))
  const dataset = JSON.parse(String((await ask(paths.dataset("rows"), mediaTypes.json)).body))
  const manifest: Manifest = JSON.parse(
    String((await ask(paths.version("rows", dataset.version), mediaTypes.json)).body),
  )
  expect(manifest.chunks.length).toBeGreaterThan(20)

  let busy = 0
  /** Answers whether the chunk came, whole and right; else the source was too busy, and said when to come again. */
  const take = async (answer: IncomingMessage, chunk: ManifestChunk, isSlow: boolean) => {
    const { status, headers, body } = await read(answer, isSlow)
    if (status === 503) {
      expect(JSON.parse(body.toString())).toMatchObject({ code: "too-busy" })
      busy += 1
      await wait(Number(headers["retry-after"]) * 1000)
      return false
    }
    expect(status).toBe(200)
    const digest = parseReprDigest(headers["repr-digest"] as string | undefined)
    expect(createHash("sha256").update(body).digest()).toEqual(digest)
    // As NDJSON there are a first and a last line besides.
    const besides = headers["content-type"] === mediaTypes.ndjson ? 2 : 0
    expect(countLines(body)).toBe(chunk.rows + besides)
    return true
  }
  const run = async (client: number) => {
    const chunk = manifest.chunks[client % manifest.chunks.length] as ManifestChunk
    const form = client % 2 === 0 ? mediaTypes.json : mediaTypes.ndjson
    const path = paths.chunk("rows", manifest.version, chunk.chunk)
    while (!(await take(await open(path, form), chunk, client % 3 === 0)));
  }

  // Answers that nobody reads fill the budget, until one more is put off.
  const held: { answer: IncomingMessage; chunk: ManifestChunk }[] = []
  do {
    const chunk = manifest.chunks[held.length] as ManifestChunk
    const path = paths.chunk("rows", manifest.version, chunk.chunk)
    held.push({ answer: await open(path, mediaTypes.json), chunk })
  } while (held.at(-1)?.answer.statusCode === 200 && held.length < 20)
  expect(held.at(-1)?.answer.statusCode).toBe(503)
  await Promise.all([
    ...held.map(({ answer, chunk }) => take(answer, chunk, true)),
    ...Array.from({ length: clients }, (_, client) => run(client)),
  ])
  process.stdout.write(
    `source's peak in MiB: ${before}, then ${memory.peak()}; told too busy ${busy} times\n`,
  )
  expect(memory.peak()).toBeLessThan(320)
}, 180_000)

function countLines(bytes: Buffer): number {
  let lines = 0
  for (let at = bytes.indexOf("\n"); at >= 0; at = bytes.indexOf("\n", at + 1)) lines += 1
  return lines
}
