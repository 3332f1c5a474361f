import { createHash } from "node:crypto"
import { gunzipSync } from "node:zlib"
import { hashColumns, parseReprDigest, paths } from "@flatbed/contract"
import { afterEach, describe, expect, it } from "vitest"
import { openTestFolder, type TestFolder } from "../source.test-kit.ts"

const csv = 'id,name\r\n1,Ann\r\n2,""\r\n3,\r\n4,"a\r\nb"\r\n5,e'
const open: TestFolder[] = []

async function setup(content = csv, written?: Record<string, unknown>) {
  const folder = await openTestFolder(content)
  open.push(folder)
  const source = await folder.open(written)
  const manifest = await source.manifest()
  const chunk = (n: number) => paths.chunk("t", manifest.version, n)
  return { ...source, folder, manifest, chunk }
}

afterEach(async () => {
  for (const folder of open.splice(0)) await folder.close()
})

const sha256 = (bytes: Buffer | string) => createHash("sha256").update(bytes).digest()

describe("a chunk", () => {
  it("is an array of objects unless asked for otherwise", async () => {
    const { get } = await setup()
    for (const accept of [undefined, "*/*", "application/*", "application/json;q=0.5, text/html"]) {
      const answer = await get("/v1/datasets/t/chunks/1", accept === undefined ? {} : { accept })
      expect(answer.statusCode).toBe(200)
      expect(answer.headers["content-type"]).toBe("application/json; charset=utf-8")
      expect(answer.json()).toEqual([
        { id: 1, name: "Ann" },
        { id: 2, name: "" },
      ])
    }
  })

  it("is lines of cells with its identity around them as NDJSON", async () => {
    const { get, chunk, manifest } = await setup()
    const answer = await get(chunk(2), { accept: "application/x-ndjson" })
    expect(answer.headers["content-type"]).toBe("application/x-ndjson")
    const lines = answer.body.split("\n").map((line) => (line === "" ? undefined : JSON.parse(line)))
    const raw = '3,\r\n4,"a\r\nb"\r\n'
    expect(lines).toEqual([
      {
        dataset: "t",
        version: manifest.version,
        chunk: 2,
        first_row: 3,
        rows: 2,
        rejects: 0,
        columns_sha256: hashColumns(manifest.columns),
        raw_sha256: sha256(raw).toString("hex"),
      },
      ["3", null],
      ["4", "a\r\nb"],
      { rows: 2, rejects: 0 },
      undefined,
    ])
  })

  it("says what it is in its headers", async () => {
    const { get, chunk, manifest } = await setup()
    const { headers, rawPayload } = await get(chunk(3))
    expect(headers).toMatchObject({
      "flatbed-version": manifest.version,
      "flatbed-chunk": "3/3",
      "flatbed-rows": "1",
      "flatbed-first-row": "5",
      "cache-control": "private, max-age=31536000, immutable",
      vary: "Accept, Accept-Encoding, Authorization",
      "content-length": String(rawPayload.length),
    })
    expect(parseReprDigest(headers["repr-digest"] as string)).toEqual(sha256(rawPayload))
    expect(headers["content-location"]).toBeUndefined()
  })

  it("is found at the dataset's own address, which names the immutable one and is asked again", async () => {
    const { get, chunk } = await setup()
    const alias = await get(paths.currentChunk("t", 2))
    const immutable = await get(chunk(2))
    expect(alias.headers["content-location"]).toBe(chunk(2))
    expect(alias.headers["cache-control"]).toBe("no-cache")
    expect(alias.headers.etag).toBe(immutable.headers.etag)
    expect(alias.rawPayload).toEqual(immutable.rawPayload)
  })

  it("links to the next, so that a walk visits every row once", async () => {
    const rows = Array.from({ length: 101 }, (_, i) => `${i + 1},x\n`).join("")
    const { get } = await setup(`id,name\n${rows}`, {
      datasets: { t: { files: "t.csv", chunk: { bytes: "64B" } } },
    })
    const ids: number[] = []
    let next: string | undefined = paths.currentChunk("t", 1)
    while (next !== undefined) {
      const answer = await get(next)
      ids.push(...answer.json<{ id: number }[]>().map(({ id }) => id))
      const link = String(answer.headers.link)
      expect(link).toContain('rel="first"')
      expect(link).toContain('rel="last"')
      expect(link.includes('rel="prev"')).toBe(ids[0] !== undefined && next !== paths.currentChunk("t", 1))
      next = /<([^>]*)>; rel="next"/.exec(link)?.[1]
      if (next !== undefined) expect(next).toContain("/versions/")
    }
    expect(ids).toEqual(Array.from({ length: 101 }, (_, i) => i + 1))
  })

  it("is answered with 304 when the tag is known, for each form and coding its own", async () => {
    const { get, chunk } = await setup()
    const tags = new Set<string>()
    for (const accept of ["application/json", "application/x-ndjson"]) {
      for (const coding of ["identity", "gzip"]) {
        const headers = { accept, "accept-encoding": coding }
        const etag = String((await get(chunk(1), headers)).headers.etag)
        expect(etag).toMatch(/^"[^"]+"$/)
        tags.add(etag)
        const again = await get(chunk(1), { ...headers, "if-none-match": `"other", W/${etag}` })
        expect(again.statusCode).toBe(304)
        expect(again.body).toBe("")
        expect(again.headers.etag).toBe(etag)
        expect(again.headers["cache-control"]).toContain("immutable")
        expect((await get(chunk(2), { ...headers, "if-none-match": etag })).statusCode).toBe(200)
      }
    }
    expect(tags.size).toBe(4)
  })

  it("is gzip when asked for, the digest being that of the coded bytes", async () => {
    const { get, chunk } = await setup()
    const plain = await get(chunk(1))
    const coded = await get(chunk(1), { "accept-encoding": "br, gzip" })
    expect(coded.headers["content-encoding"]).toBe("gzip")
    expect(coded.headers["content-length"]).toBe(String(coded.rawPayload.length))
    expect(parseReprDigest(coded.headers["repr-digest"] as string)).toEqual(sha256(coded.rawPayload))
    expect(gunzipSync(coded.rawPayload)).toEqual(plain.rawPayload)
    expect(plain.headers["content-encoding"]).toBeUndefined()
  })

  it("answers HEAD with the headers of GET and no body", async () => {
    const { app, get, chunk } = await setup()
    for (const accept of ["application/json", "application/x-ndjson"]) {
      const head = await app.inject({ method: "HEAD", url: chunk(1), headers: { accept } })
      const whole = await get(chunk(1), { accept })
      expect(head.statusCode).toBe(200)
      expect(head.body).toBe("")
      const { date: _, ...expected } = whole.headers
      expect(head.headers).toMatchObject(expected)
    }
  })

  it("logs who was answered what", async () => {
    const { get, chunk, folder, manifest } = await setup()
    await get(chunk(2), { accept: "application/x-ndjson" })
    expect(folder.logged.filter((line) => line.event === "chunk.served")).toMatchObject([
      {
        dataset: "t",
        version: manifest.version.slice(0, 12),
        chunk: 2,
        form: "ndjson",
        status: 200,
        complete: true,
      },
    ])
  })

  it("keeps a column called __proto__ in its place", async () => {
    const { get } = await setup("a,__proto__,b\n1,2,3\n")
    expect((await get("/v1/datasets/t/chunks/1")).body).toBe('[{"a":1,"__proto__":2,"b":3}]\n')
  })
})

describe("a row", () => {
  it.each([
    [1, 2, "1,Ann\r\n"],
    [2, 3, '2,""\r\n'],
    [4, 5, '4,"a\r\nb"\r\n'],
    [5, 7, "5,e"],
  ])("%i is on line %i of the file", async (row, line, raw) => {
    const { get, manifest } = await setup()
    const answer = await get(paths.row("t", manifest.version, row))
    expect(answer.headers["cache-control"]).toContain("immutable")
    const byteFrom = csv.indexOf(raw)
    expect(answer.json()).toEqual({
      dataset: "t",
      version: manifest.version,
      row,
      chunk: Math.ceil(row / 2),
      file: "t.csv",
      line,
      byte_from: byteFrom,
      byte_to: byteFrom + raw.length,
      raw: Buffer.from(raw).toString("base64"),
    })
  })
})
