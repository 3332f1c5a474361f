import { createHash } from "node:crypto"
import zlib from "node:zlib"
import { hashColumns, parseReprDigest, paths, rejectLineSchema } from "@flatbed/contract"
import { Value } from "@flatbed/typebox"
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

/** Undefined on a Node before 22.15. */
const unzstd = (zlib as { zstdDecompressSync?: (coded: Buffer) => Buffer }).zstdDecompressSync

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

  it("is canonical CSV with a header when asked for", async () => {
    const { get, chunk } = await setup()
    const answer = await get(chunk(2), { accept: "text/csv; header=present" })
    expect(answer.headers["content-type"]).toBe("text/csv; charset=utf-8; header=present")
    expect(answer.body).toBe('id,name\r\n3,\r\n4,"a\r\nb"\r\n')
    expect((await get(chunk(1), { accept: "text/csv; header=absent" })).statusCode).toBe(406)
  })

  it("is the same however many ask at once, in every form, and whatever was answered before", async () => {
    const rows = Array.from({ length: 4_000 }, (_, i) => `${i + 1},${"x".repeat(i % 40)}\n`)
    const { get, chunk, manifest } = await setup(`id,name\n${rows.join("")}`)
    const forms = ["application/json", "application/x-ndjson", "text/csv; header=present"]
    const asked = manifest.chunks
      .slice(0, 20)
      .flatMap((one) => forms.map((accept) => [one.chunk, accept] as const))
    const askAll = () => Promise.all(asked.map(async ([n, accept]) => (await get(chunk(n), { accept })).body))
    const [first, again] = [await askAll(), await askAll()]
    expect(new Set(first).size).toBe(asked.length)
    expect(again).toEqual(first)
    for (const [i, [n, accept]] of asked.entries()) {
      expect((await get(chunk(n), { accept, "accept-encoding": "gzip;q=0" })).body).toBe(first[i])
    }
  })

  it("says what it is in its headers", async () => {
    const { get, chunk, manifest } = await setup()
    const { headers, rawPayload } = await get(chunk(3))
    expect(headers).toMatchObject({
      "flatbed-version": manifest.version,
      "flatbed-chunk": "3/3",
      "flatbed-rows": "1",
      "flatbed-first-row": "5",
      "flatbed-rejects": "0",
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
    for (const accept of ["application/json", "application/x-ndjson", "text/csv"]) {
      for (const coding of ["identity", "gzip", ...(unzstd === undefined ? [] : ["zstd"])]) {
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
    expect(tags.size).toBe(unzstd === undefined ? 6 : 9)
  })

  it("is gzip when asked for, the digest being that of the coded bytes", async () => {
    const { get, chunk } = await setup()
    const plain = await get(chunk(1))
    const coded = await get(chunk(1), { "accept-encoding": "br, gzip" })
    expect(coded.headers["content-encoding"]).toBe("gzip")
    expect(coded.headers["content-length"]).toBe(String(coded.rawPayload.length))
    expect(parseReprDigest(coded.headers["repr-digest"] as string)).toEqual(sha256(coded.rawPayload))
    expect(zlib.gunzipSync(coded.rawPayload)).toEqual(plain.rawPayload)
    expect(plain.headers["content-encoding"]).toBeUndefined()
  })

  it("is zstd when that is preferred and this Node has it, otherwise gzip", async () => {
    const { get, chunk, folder } = await setup()
    const plain = await get(chunk(1))
    const coded = await get(chunk(1), { "accept-encoding": "zstd, gzip;q=0.5" })
    expect(coded.headers["content-encoding"]).toBe(unzstd === undefined ? "gzip" : "zstd")
    expect(coded.headers.vary).toContain("Accept-Encoding")
    expect(coded.headers["content-length"]).toBe(String(coded.rawPayload.length))
    expect(parseReprDigest(coded.headers["repr-digest"] as string)).toEqual(sha256(coded.rawPayload))
    expect((unzstd ?? zlib.gunzipSync)(coded.rawPayload)).toEqual(plain.rawPayload)
    const served = folder.logged.filter((line) => line.event === "chunk.served").at(-1)
    expect(served).toMatchObject({ coding: coded.headers["content-encoding"] })
  })

  it("answers HEAD with the headers of GET and no body", async () => {
    const { app, get, chunk } = await setup()
    for (const accept of ["application/json", "application/x-ndjson", "text/csv"]) {
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

describe("records that are set aside", () => {
  const damaged = Buffer.from("id,name\n1,Ann\n2\nx,Bob\n4,\u00fc\n5,Eve\n6,F,!\n", "latin1")
  const columns = { types: { id: "integer" } }

  async function setupDamaged() {
    const folder = await openTestFolder(damaged)
    open.push(folder)
    const source = await folder.open({ datasets: { t: { files: "t.csv", chunk: { rows: 4 }, columns } } })
    const manifest = await source.manifest()
    return { ...source, folder, manifest, chunk: (n: number) => paths.chunk("t", manifest.version, n) }
  }

  it("are counted in the manifest and in the log", async () => {
    const { manifest, folder } = await setupDamaged()
    expect(manifest).toMatchObject({
      rows: 6,
      rejects: 4,
      chunks: [
        { rows: 4, rejects: 3 },
        { rows: 2, rejects: 1 },
      ],
    })
    expect(folder.logged.find(({ event }) => event === "version.published")).toMatchObject({
      rows: 6,
      rejects: 4,
    })
  })

  it("stand in their places in NDJSON, whose form is the contract's", async () => {
    const { get, chunk } = await setupDamaged()
    const read = async (n: number) => {
      const answer = await get(chunk(n), { accept: "application/x-ndjson" })
      return answer.body
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line))
    }
    const [head, ...first] = await read(1)
    expect(head).toMatchObject({ rows: 4, rejects: 3 })
    expect(first.at(-1)).toEqual({ rows: 4, rejects: 3 })
    expect(first[0]).toEqual(["1", "Ann"])
    expect(first[1]).toEqual({
      reject: {
        row: 2,
        file: "t.csv",
        line: 3,
        byte: 14,
        code: "missing-cell",
        column: "name",
        value: null,
        reason: "The record has 1 cell; expected 2, as in the header.",
        raw: Buffer.from("2").toString("base64"),
      },
    })
    const second = (await read(2)).slice(1, -1)
    expect(second[0]).toEqual(["5", "Eve"])
    for (const line of [...first.slice(1, -1), second[1]]) {
      expect(Value.Check(rejectLineSchema, line)).toBe(true)
      const raw = Buffer.from(line.reject.raw, "base64")
      expect(damaged.subarray(line.reject.byte, line.reject.byte + raw.length)).toEqual(raw)
    }
    expect(
      [...first.slice(1, -1), second[1]].map(({ reject: { row, line, code } }) => [row, line, code]),
    ).toEqual([
      [2, 3, "missing-cell"],
      [3, 4, "type-error"],
      [4, 5, "encoding-error"],
      [6, 7, "extra-cell"],
    ])
  })

  it("are left out of JSON and CSV, which say how many", async () => {
    const { get, chunk } = await setupDamaged()
    const json = await get(chunk(1))
    expect(json.json()).toEqual([{ id: 1, name: "Ann" }])
    expect(json.headers).toMatchObject({ "flatbed-rows": "4", "flatbed-rejects": "3" })
    const csv = await get(chunk(2), { accept: "text/csv" })
    expect(csv.body).toBe("id,name\r\n5,Eve\r\n")
    expect(csv.headers).toMatchObject({ "flatbed-rows": "2", "flatbed-rejects": "1" })
  })

  it("keep their numbers, so that each can be asked for with its bytes", async () => {
    const { get, manifest } = await setupDamaged()
    const answer = await get(paths.row("t", manifest.version, 4))
    expect(answer.json()).toMatchObject({ row: 4, chunk: 1, line: 5 })
    expect(Buffer.from(answer.json().raw, "base64").toString("latin1")).toBe("4,\u00fc\n")
  })

  it("may be all there are", async () => {
    const { get, manifest } = await setup("a,b\n1\n2\n3\n")
    expect(manifest).toMatchObject({ rows: 3, rejects: 3, columns: [{ type: "text" }, { type: "text" }] })
    expect((await get(paths.currentChunk("t", 1))).body).toBe("[]\n")
  })

  it("do not fill the memory when a file is nothing but blank lines", async () => {
    const folder = await openTestFolder(`a,b\n${"\n".repeat(5_000)}`)
    open.push(folder)
    const source = await folder.open({ datasets: { t: { files: "t.csv" } } })
    const manifest = await source.manifest()
    expect(manifest).toMatchObject({ rows: 5_000, rejects: 5_000 })
    const answer = await source.get(paths.chunk("t", manifest.version, 1), { accept: "application/x-ndjson" })
    expect(manifest.chunks.length).toBeGreaterThan(1)
    expect(answer.rawPayload.length).toBeLessThan(1024 * 1024)
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
