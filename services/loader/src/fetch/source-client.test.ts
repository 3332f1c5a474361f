// If this file fails, a damaged or late answer passes for a chunk, or hangs the load.
import { createHash } from "node:crypto"
import { gzipSync } from "node:zlib"
import { formatReprDigest, hashColumns, type ManifestChunk, type Problem } from "@flatbed/contract"
import { problemAnswer, type ScriptedSource, type SourceFault, startScriptedSource } from "@flatbed/testing"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { people } from "../loader.test-kit.ts"
import type { Expected } from "./chunk-proof.ts"
import { createSourceClient, type SourceClient } from "./source-client.ts"
import { readRetryAfter } from "./source-failure.ts"

let source: ScriptedSource
let client: SourceClient
let expected: Expected
let bodies: readonly Buffer[]

const open = (url: string, more = {}) =>
  createSourceClient(
    {
      url,
      maxBodyBytes: 2 ** 20,
      compression: "none",
      connectMs: 2000,
      idleMs: 300,
      requestMs: 1500,
      ...more,
    },
    2,
  )

beforeEach(async () => {
  source = await startScriptedSource()
  const { manifest, version, chunks } = source.publish(people(50, 40))
  bodies = chunks
  const [chunk] = manifest.chunks
  if (chunk === undefined) throw new Error("the script has no chunk")
  expected = { dataset: "people", version, columnsSha256: hashColumns(manifest.columns), chunks: [chunk] }
  client = open(source.url)
})

afterEach(async () => {
  await client.close()
  await source.close()
})

async function getChunk(fault: SourceFault): Promise<Problem> {
  source.fault(/chunks/, fault)
  return await client.getChunks(expected).then(
    () => Promise.reject(new Error("the chunk was taken")),
    (error) => error,
  )
}

const page = (
  status: number,
  body = "<html>ok</html>",
  headers: Record<string, string> = { "content-type": "text/html" },
): SourceFault => ({
  kind: "answer",
  answer: { status, headers, body: Buffer.from(body) },
})

describe("damage is found", () => {
  const framings = ["length", "length-reset", "short-length", "chunked", "close", "gzip"] as const
  test.each(framings)("in a body cut off under framing %s", async (framing) => {
    for (const keep of [0, 1, 200, 900]) {
      expect(await getChunk({ kind: "truncate", framing, keep })).toMatchObject({
        code: "chunk-damaged",
        retryable: true,
      })
    }
    expect(await client.getChunks(expected)).toBeInstanceOf(Buffer)
  })

  test.each<[string, SourceFault]>([
    ["a flipped bit", { kind: "flip-body", bit: 1234 }],
    ["no digest", { kind: "digest", value: undefined }],
    ["two digests", { kind: "digest", value: ["sha-256=:AAAA:", "sha-256=:BBBB:"] }],
    ["an unknown digest", { kind: "digest", value: "md5=:AAAA:" }],
    ["a body of something else", { kind: "replace-body", change: () => Buffer.from("{}\n{}\n") }],
    ["an HTML page with status 200", page(200)],
    ["JSON with status 200", page(200, '{"error":"no"}', { "content-type": "application/json" })],
    ["status 204", page(204, "")],
    ["status 206", page(206)],
    ["status 304", page(304, "")],
  ])("in %s", async (_name, fault) => {
    expect(await getChunk(fault)).toMatchObject({ code: "chunk-damaged" })
  })

  test("in a 304 to a question without a tag, and in no 304 to one with it", async () => {
    source.fault(/people$/, page(304, ""), page(304, ""))
    await expect(client.getTaggedDataset("people", undefined)).rejects.toMatchObject({
      code: "chunk-damaged",
    })
    expect(await client.getTaggedDataset("people", '"a"')).toBe("unchanged")
    expect(await client.getTaggedDataset("people", '"a"')).toMatchObject({ version: expected.version })
  })

  test("in another chunk, version or dataset under this address", async () => {
    const other = source.publish(people(50, 40, "b"))
    for (const body of other.chunks) {
      expect(await getChunk({ kind: "replace-body", change: () => body })).toMatchObject({
        code: "chunk-damaged",
      })
    }
  })

  test("in a manifest that is no manifest", async () => {
    source.fault(
      /versions/,
      page(200),
      { kind: "flip-body", bit: 3 },
      page(200, "{}", { "content-type": "application/json" }),
    )
    for (let i = 0; i < 3; i++) {
      await expect(client.getManifest("people", expected.version)).rejects.toMatchObject({
        code: "chunk-damaged",
      })
    }
  })
})

describe("an answer that was asked for as gzip", () => {
  const coded = (body: Buffer, type = "application/x-ndjson", status = 200): SourceFault => ({
    kind: "answer",
    answer: {
      status,
      headers: {
        "content-type": type,
        "content-encoding": "gzip",
        "repr-digest": formatReprDigest(createHash("sha256").update(body).digest()),
      },
      body,
    },
  })
  const json = (value: unknown, status = 200) =>
    coded(gzipSync(JSON.stringify(value)), "application/json", status)

  beforeEach(async () => {
    await client.close()
    client = open(source.url, { compression: "gzip" })
  })

  test("is the same chunk, and a source that has no gzip may send it plain", async () => {
    const plain = await client.getChunks(expected)
    source.fault(/chunks/, coded(gzipSync(bodies[0] ?? "")))
    expect(await client.getChunks(expected)).toEqual(plain)
    expect(source.requests().map(({ headers }) => headers["accept-encoding"])).toEqual(["gzip", "gzip"])
  })

  test("may be a document, and the client knows how it came", async () => {
    const manifest = await client.getManifest("people", expected.version)
    expect(client.coding()).toBe("identity")
    source.fault(/versions/, json(manifest))
    expect(await client.getManifest("people", expected.version)).toEqual(manifest)
    expect(client.coding()).toBe("gzip")
  })

  test("may be a refusal, which keeps its code", async () => {
    const { body } = problemAnswer("version-gone", "no longer there")
    expect(await getChunk(json(JSON.parse(String(body)), 410))).toMatchObject({
      code: "version-gone",
      message: "no longer there",
    })
    expect(await getChunk(coded(Buffer.from("no gzip"), "text/html", 502))).toMatchObject({
      code: "source-unreachable",
    })
  })

  test("is refused as larger than source.max_body by what it unpacks to", async () => {
    const bomb = gzipSync(Buffer.alloc(2 ** 24))
    const tooLarge = { code: "source-refused", hint: expect.stringContaining("source.max_body") }
    expect(await getChunk(coded(bomb))).toMatchObject(tooLarge)
    const alone = { ...expected, chunks: [{ ...expected.chunks[0], rows: 1 }] as const }
    source.fault(/chunks/, coded(bomb, "application/x-ndjson"))
    await expect(client.getChunks(alone)).rejects.toMatchObject({ hint: expect.stringContaining("one row") })
    source.fault(/versions/, coded(bomb, "application/json"))
    await expect(client.getManifest("people", expected.version)).rejects.toMatchObject(tooLarge)
  })

  test("is damaged when it was cut off or changed on the way", async () => {
    const body = gzipSync(bodies[0] ?? "")
    const digest = formatReprDigest(createHash("sha256").update(body).digest())
    for (const keep of [0, 1, 20, body.length - 1]) {
      expect(await getChunk({ kind: "truncate", framing: "gzip", keep })).toMatchObject({
        code: "chunk-damaged",
        retryable: true,
      })
      expect(await getChunk(coded(body.subarray(0, keep)))).toMatchObject({ code: "chunk-damaged" })
    }
    const changed = Buffer.from(body)
    changed[60] = (changed[60] ?? 0) ^ 1
    const answer = { headers: { "content-encoding": "gzip", "repr-digest": digest }, body: changed }
    expect(await getChunk({ kind: "answer", answer })).toMatchObject({ code: "chunk-damaged" })
    expect(await client.getChunks(expected)).toBeInstanceOf(Buffer)
  })
})

describe("an answer that does not come", () => {
  test.each<[string, SourceFault]>([
    ["silence", { kind: "hang" }],
    ["a byte now and then", { kind: "drip", everyMs: 50 }],
  ])("is deadline-exceeded: %s", async (_name, fault) => {
    expect(await getChunk(fault)).toMatchObject({ code: "deadline-exceeded", retryable: true })
  })

  test("is source-unreachable after a reset, and when nobody listens", async () => {
    expect(await getChunk({ kind: "reset" })).toMatchObject({ code: "source-unreachable" })
    const nobody = open("http://127.0.0.1:1")
    await expect(nobody.getDataset("people")).rejects.toMatchObject({
      code: "source-unreachable",
      message: expect.stringContaining("ECONNREFUSED"),
    })
    await nobody.close()
  })

  test("is left alone when the caller stops waiting", async () => {
    source.fault(/chunks/, { kind: "hang" })
    const stop = new AbortController()
    const asking = client.getChunks(expected, stop.signal)
    stop.abort(new Error("no more"))
    await expect(asking).rejects.toThrow("no more")
  })
})

describe("a refusal", () => {
  test("by a problem document keeps its code, sentence and Retry-After", async () => {
    source.fault(/chunks/, { kind: "answer", answer: problemAnswer("too-busy", "later", 7) })
    await expect(client.getChunks(expected)).rejects.toMatchObject({
      code: "too-busy",
      message: "later",
      retryAfterSeconds: 7,
    })
  })

  test.each([
    [401, "source-refused", "source.token"],
    [403, "source-refused", "source.token"],
    [404, "source-refused", "source.url"],
    [500, "source-refused", "source.url"],
    [502, "source-unreachable", "proxy"],
    [429, "source-unreachable", "proxy"],
  ])("with status %i and no problem of ours is %s", async (status, code, hint) => {
    expect(await getChunk(page(status))).toMatchObject({ code, hint: expect.stringContaining(hint) })
  })

  test("by a port that is not the source's data port says what source.url is to be", async () => {
    const problem = await getChunk({
      kind: "answer",
      answer: problemAnswer("route-not-found", "nothing here"),
    })
    expect(problem).toMatchObject({
      code: "route-not-found",
      message: "nothing here",
      hint: expect.stringMatching(/source\.url is to be .* without a path; not that of its admin port/),
    })
  })

  test("by redirect is not followed", async () => {
    const problem = await getChunk(page(302, "", { location: `${source.url}/v1/datasets` }))
    expect(problem).toMatchObject({ code: "source-refused", hint: expect.stringContaining("Redirects") })
    expect(source.requests().map(({ path }) => path)).not.toContain("/v1/datasets")
  })

  test("is ours when the answer is larger than source.max_body, and says what helps", async () => {
    const small = open(source.url, { maxBodyBytes: 300 })
    const { manifest, version } = source.publish(people(9, 4, "long".repeat(100)))
    const [first, second, last] = manifest.chunks as [ManifestChunk, ManifestChunk, ManifestChunk]
    const hintOf = (...chunks: [ManifestChunk, ...ManifestChunk[]]) =>
      small.getChunks({ ...expected, version, chunks }).then(
        () => "the chunk was taken",
        ({ code, hint }) => `${code}: ${hint}`,
      )
    expect(await hintOf(first)).toBe(
      "source-refused: Raise source.max_body. To lower the dataset's chunk in the source's settings helps too, unless one record alone is that large.",
    )
    expect(last.rows).toBe(1)
    expect(await hintOf(last)).toBe(
      "source-refused: Raise source.max_body: the chunk is one row, so it cannot be cut smaller.",
    )
    expect(await hintOf(first, second)).toBe(
      "source-refused: Raise source.max_body, or lower group: then fewer chunks come together.",
    )
    await expect(small.getManifest("people", version)).rejects.toMatchObject({
      hint: "Raise source.max_body.",
    })
    await small.close()
  })
})

test.each([
  ["7", 7],
  ["0", 0],
  ["Thu, 01 Jan 2026 00:00:30 GMT", 30],
  ["Wed, 31 Dec 2025 00:00:00 GMT", 0],
  ["-3", undefined],
  ["soon", undefined],
  [undefined, undefined],
])("Retry-After %s is %s seconds", (field, seconds) => {
  expect(readRetryAfter(field, Date.parse("2026-01-01T00:00:00Z"))).toBe(seconds)
})
