import { createHash } from "node:crypto"
import { request as httpRequest } from "node:http"
import {
  type Column,
  chunkHeadSchema,
  chunkTailSchema,
  datasetSchema,
  datasetsSchema,
  fromProblemDocument,
  manifestSchema,
  parseReprDigest,
  paths,
} from "@flatbed/contract"
import { Check } from "@flatbed/typebox"
import { expect, it, onTestFinished } from "vitest"
import type { ScriptedDataset } from "./scripted-content.ts"
import { problemAnswer, type ScriptedSource, startScriptedSource } from "./scripted-source.ts"
import type { Framing } from "./source-faults.ts"

const columns: Column[] = [
  { name: "id", type: "integer", nullable: false },
  { name: "note", type: "text", nullable: true },
]
const content: ScriptedDataset = {
  name: "notes",
  columns,
  rows: [
    ["1", "a"],
    ["2", null],
    ["3", ""],
    ["4", 'say "hi"'],
    ["5", "é\n"],
  ],
  rowsPerChunk: 2,
}

async function setup(): Promise<{ source: ScriptedSource; version: string; chunk: (n: number) => string }> {
  const source = await startScriptedSource(content)
  onTestFinished(async () => {
    await source.close().catch(() => undefined)
  })
  const { version } = (await (await fetch(source.url + paths.dataset("notes"))).json()) as { version: string }
  return { source, version, chunk: (n) => source.url + paths.chunk("notes", version, n) }
}

it("answers datasets, dataset and manifest as the contract describes them", async () => {
  const { source, version } = await setup()
  const get = async (path: string) => (await fetch(source.url + path)).json()
  expect(Check(datasetsSchema, await get(paths.datasets()))).toBe(true)
  expect(Check(datasetSchema, await get(paths.dataset("notes")))).toBe(true)
  const manifest = await get(paths.version("notes", version))
  expect(Check(manifestSchema, manifest)).toBe(true)
  expect(manifest).toMatchObject({ rows: 5, chunks: [{ rows: 2 }, { rows: 2 }, { rows: 1, first_row: 5 }] })
})

it("answers 304 to the tag of what it would send, as long as it would send that", async () => {
  const { source } = await setup()
  const url = source.url + paths.dataset("notes")
  const tag = (await fetch(url)).headers.get("etag") ?? ""
  const ask = async () => (await fetch(url, { headers: { "if-none-match": tag } })).status
  expect(await ask()).toBe(304)
  source.publish({ ...content, rows: [["6", "later"]] })
  expect(await ask()).toBe(200)
})

it("serves chunks whose digest, head, rows and tail are right", async () => {
  const { chunk } = await setup()
  const seen: unknown[] = []
  for (const n of [1, 2, 3]) {
    const response = await fetch(chunk(n))
    const body = Buffer.from(await response.arrayBuffer())
    expect(parseReprDigest(response.headers.get("repr-digest") ?? undefined)).toEqual(
      createHash("sha256").update(body).digest(),
    )
    const lines = body
      .toString("utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line))
    expect(Check(chunkHeadSchema, lines[0])).toBe(true)
    expect(Check(chunkTailSchema, lines.at(-1))).toBe(true)
    seen.push(...lines.slice(1, -1))
  }
  expect(seen).toEqual(content.rows)
})

it("remembers what it was asked, and fails at the end when that was nothing of its own", async () => {
  const { source, chunk } = await setup()
  await fetch(chunk(2))
  await fetch(chunk(2))
  expect(source.chunksAsked()).toEqual([2, 2])
  await fetch(chunk(9))
  await expect(source.close()).rejects.toThrow("chunks/9")
})

it("meets each planned fault once, in order, then answers right again", async () => {
  const { source, chunk } = await setup()
  const busy = problemAnswer("too-busy", "Full.", 7)
  source.fault(/\/chunks\/1$/, { kind: "answer", answer: busy }, { kind: "reset" }, { kind: "delay", ms: 1 })
  const first = await fetch(chunk(1))
  expect(first.status).toBe(503)
  expect(first.headers.get("retry-after")).toBe("7")
  expect(fromProblemDocument(await first.json())?.code).toBe("too-busy")
  await expect(fetch(chunk(1))).rejects.toThrow()
  expect((await fetch(chunk(1))).status).toBe(200)
  expect((await fetch(chunk(1))).status).toBe(200)
})

it("keeps earlier versions served until they are forgotten", async () => {
  const { source, chunk } = await setup()
  source.publish({ ...content, rows: content.rows.slice(0, 1) })
  expect((await fetch(chunk(3))).status).toBe(200)
  source.forget((await setup()).version)
  expect(fromProblemDocument(await (await fetch(chunk(3))).json())?.code).toBe("version-gone")
})

it("spoils a body or its digest so that the two differ", async () => {
  const { source, chunk } = await setup()
  const digestOf = async () => {
    const response = await fetch(chunk(1))
    const body = Buffer.from(await response.arrayBuffer())
    const said = parseReprDigest(response.headers.get("repr-digest") ?? undefined)
    return { said: said?.toString("hex"), is: createHash("sha256").update(body).digest("hex"), body }
  }
  const right = await digestOf()
  source.fault(
    /chunks/,
    { kind: "flip-body", bit: 77 },
    { kind: "digest", value: undefined },
    { kind: "replace-body", change: (body) => Buffer.from(body.toString("utf8").replace('"a"', '"b"')) },
  )
  const flipped = await digestOf()
  expect(flipped.said).toBe(right.is)
  expect(flipped.is).not.toBe(right.is)
  expect((await digestOf()).said).toBeUndefined()
  const replaced = await digestOf()
  expect(replaced.said).toBe(replaced.is)
  expect(replaced.is).not.toBe(right.is)
})

it.each<[Framing, "whole" | "broken"]>([
  ["length", "broken"],
  ["length-reset", "broken"],
  ["chunked", "broken"],
  ["short-length", "whole"],
  ["close", "whole"],
  ["gzip", "whole"],
])("truncates with framing %s, which Node's client takes for %s", async (framing, expected) => {
  const { source, chunk } = await setup()
  source.fault(/chunks/, { kind: "truncate", framing, keep: 40 })
  const result = await read(chunk(1))
  expect(result.bytes).toBe(40)
  expect(result.complete).toBe(expected === "whole")
})

// Node's own client, undecoded: what arrives and whether the framing called it complete.
function read(url: string): Promise<{ bytes: number; complete: boolean }> {
  return new Promise((resolve) => {
    const request = httpRequest(url, { agent: false }, (response) => {
      let bytes = 0
      response.on("data", (part: Buffer) => {
        bytes += part.length
      })
      response.on("error", () => undefined)
      response.on("close", () => resolve({ bytes, complete: response.complete }))
    })
    request.on("error", () => undefined)
    request.end()
  })
}

it("begins events with the current versions and tells what is published next", async () => {
  const source = await startScriptedSource(content)
  const { body } = await fetch(`${source.url}/v1/events`)
  const second = source.publish({ ...content, rows: [["6", "later"]] })
  let text = ""
  for await (const part of body ?? []) {
    text += Buffer.from(part).toString()
    if (text.includes(second.version)) break
  }
  expect(text.match(/^event: version\.published$/gm)).toHaveLength(2)
  await source.close()
})
