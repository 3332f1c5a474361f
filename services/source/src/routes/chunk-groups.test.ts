// If this fails, small chunks come slower than one by one, or what comes together is not what comes alone.
import { createHash } from "node:crypto"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import zlib from "node:zlib"
import { parseReprDigest, paths, requestLimits } from "@flatbed/contract"
import { afterEach, describe, expect, it } from "vitest"
import { openTestFolder, type TestFolder } from "../source.test-kit.ts"

const ndjson = { accept: "application/x-ndjson" }
const open: TestFolder[] = []

async function setup(content: string, written?: Record<string, unknown>) {
  const folder = await openTestFolder(content)
  open.push(folder)
  const source = await folder.open(written)
  const manifest = await source.manifest()
  const alone = (n: number) => paths.chunk("t", manifest.version, n)
  const group = (first: number | string, last: number | string) =>
    `${paths.version("t", manifest.version)}/chunks/${first}-${last}`
  return { ...source, folder, manifest, alone, group }
}

afterEach(async () => {
  for (const folder of open.splice(0)) await folder.close()
})

const numbers = (rows: number) => `id\n${Array.from({ length: rows }, (_, i) => `${i + 1}\n`).join("")}`
const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest()

describe("a group of chunks", () => {
  it("is the chunks' bodies one after the other, whichever they are", async () => {
    const { get, manifest, alone, group } = await setup('id,name\n1,Ann\nx\n3,\n4,"a\nb"\n5,e\n6\n7,g')
    const { length } = manifest.chunks
    expect(length).toBe(4)
    const bodies = await Promise.all(
      manifest.chunks.map(async ({ chunk }) => (await get(alone(chunk), ndjson)).body),
    )
    for (let first = 1; first <= length; first += 1) {
      for (let last = first; last <= length; last += 1) {
        const answer = await get(group(first, last))
        const some = manifest.chunks.slice(first - 1, last)
        expect(answer.body, `${first}-${last}`).toBe(bodies.slice(first - 1, last).join(""))
        expect(answer.headers).toMatchObject({
          "content-type": "application/x-ndjson",
          "cache-control": "private, max-age=31536000, immutable",
          "flatbed-version": manifest.version,
          "flatbed-chunk": `${first}-${last}/4`,
          "flatbed-rows": String(some.reduce((sum, { rows }) => sum + rows, 0)),
          "flatbed-rejects": String(some.reduce((sum, { rejects }) => sum + rejects, 0)),
          "flatbed-first-row": String(some[0]?.first_row),
        })
        expect(parseReprDigest(answer.headers["repr-digest"] as string)).toEqual(sha256(answer.rawPayload))
      }
    }
  })

  it("has a tag of its own for each span and coding, and 304 for who knows it", async () => {
    const { get, alone, group } = await setup(numbers(9))
    const tags: unknown[] = []
    for (const path of [alone(1), group(1, 1), group(1, 2), group(2, 3)]) {
      for (const coding of ["identity", "gzip"]) {
        const headers = { ...ndjson, "accept-encoding": coding }
        const answer = await get(path, headers)
        const { etag } = answer.headers
        tags.push(etag)
        expect((await get(path, { ...headers, "if-none-match": String(etag) })).statusCode).toBe(304)
        if (coding === "gzip")
          expect(zlib.gunzipSync(answer.rawPayload).toString()).toBe((await get(path, ndjson)).body)
      }
    }
    expect(new Set(tags).size).toBe(tags.length)
  })

  it("is the same however many ask at once, and whatever was answered before", async () => {
    const wide = `id,text\n${Array.from({ length: 400 }, (_, i) => `${i},${"ä".repeat(i * 7)}\n`).join("")}`
    const { get, group, alone, manifest } = await setup(wide)
    const bodies = await Promise.all(
      manifest.chunks.map(async ({ chunk }) => (await get(alone(chunk), ndjson)).body),
    )
    const spans = Array.from(
      { length: 60 },
      (_, i) => [1 + ((i * 37) % 150), 1 + ((i * 37) % 150) + ((i * 11) % 50)] as const,
    )
    const answers = await Promise.all(
      spans.map(async ([first, last]) => (await get(group(first, last))).body),
    )
    for (const [i, [first, last]] of spans.entries())
      expect(answers[i] === bodies.slice(first - 1, last).join(""), `${first}-${last}`).toBe(true)
  })

  it("is offered as NDJSON only", async () => {
    const { get, group } = await setup(numbers(9))
    for (const accept of ["application/json", "text/csv"]) {
      const answer = await get(group(1, 2), { accept })
      expect([answer.statusCode, answer.json().code]).toEqual([406, "not-acceptable"])
    }
    expect((await get(group(1, 2), { accept: "*/*" })).statusCode).toBe(200)
  })

  it.each([
    ["1", "6", 404, "chunk-out-of-range", "5 chunks"],
    ["0", "2", 404, "chunk-out-of-range", "5 chunks"],
    ["3", "2", 400, "request-invalid", "3 to 2"],
    ["1", "x", 400, "request-invalid", '"x"'],
    ["", "2", 400, "request-invalid", '""'],
    ["1-2", "3", 400, "request-invalid", '"1-2"'],
    ["1", "02", 400, "request-invalid", '"02"'],
  ])("%s-%s of five chunks is refused: %i %s", async (first, last, status, code, told) => {
    const { get, group } = await setup(numbers(10))
    const answer = await get(group(first, last))
    expect([answer.statusCode, answer.json().code]).toEqual([status, code])
    expect(answer.json().detail).toContain(told)
  })

  it("has no more chunks than the limit, which the problem names", async () => {
    const { chunks } = requestLimits
    const { get, group } = await setup(numbers(2 * chunks + 2))
    expect((await get(group(2, chunks + 1))).statusCode).toBe(200)
    const answer = await get(group(1, chunks + 1))
    expect(answer.json()).toMatchObject({
      code: "request-invalid",
      facts: { chunks: chunks + 1, most_chunks: chunks },
    })
    expect(answer.json().hint).toContain(String(chunks))
  })

  it("has no more bytes than the limit, unless it is one chunk alone", async () => {
    const half = "x".repeat(requestLimits.bytes / 2)
    const { get, group } = await setup(`a\n${half}\n${half}\n`, {
      datasets: { t: { files: "t.csv", chunk: { rows: 1 } } },
    })
    const answer = await get(group(1, 2))
    expect(answer.json()).toMatchObject({
      code: "request-invalid",
      facts: { bytes: requestLimits.bytes + 2, most_bytes: requestLimits.bytes },
    })
    expect((await get(group(1, 1))).statusCode).toBe(200)
    const large = await setup(`a\n${half}${half}${half}\n`)
    expect((await large.get(large.group(1, 1))).statusCode).toBe(200)
  })

  it("is gone when any of its chunks' bytes are", async () => {
    const { get, group, folder } = await setup(numbers(9))
    await writeFile(join(folder.folder.path, "t.csv"), numbers(9).replace("7", "8"))
    const answer = await get(group(1, 5))
    expect([answer.statusCode, answer.json().code]).toEqual([410, "version-gone"])
  })

  it("leaves room for others, however much longer than its file the one before was", async () => {
    const megabyte = `${"x".repeat(1023)}\n`.repeat(1024)
    const folder = await openTestFolder(`a\n${megabyte.repeat(2)}`)
    open.push(folder)
    await folder.folder.write("few.csv", "a\n1\n2\n")
    const { get, manifest } = await folder.open({
      datasets: { t: { files: "t.csv" }, few: { files: "few.csv", chunk: { rows: 1 } } },
      buffer_budget: "12MiB",
    })
    const [{ version: few }, { version }] = [await manifest("few"), await manifest("t")]
    const ask = [
      async (dataset: string, name: string, n: number) => await get(paths.chunk(dataset, name, n), ndjson),
      async (dataset: string, name: string, n: number) => await get(paths.chunk(dataset, name, n)),
      async (dataset: string, name: string, n: number) =>
        await get(`${paths.version(dataset, name)}/chunks/${n}-${n}`),
    ]
    for (const one of ask) {
      expect((await one("few", few, 1)).statusCode).toBe(200)
      const answers = await Promise.all([1, 2].map(async (n) => await one("t", version, n)))
      expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 200])
    }
  })

  it("waits its turn when no memory is left", async () => {
    const half = "x".repeat(requestLimits.bytes / 4)
    const { get, group } = await setup(`a\n${`${half}\n`.repeat(3)}`, {
      datasets: { t: { files: "t.csv", chunk: { rows: 1 } } },
      buffer_budget: "4MiB",
    })
    const answers = await Promise.all(Array.from({ length: 6 }, async () => await get(group(1, 3))))
    const statuses = new Set(answers.map(({ statusCode }) => statusCode))
    expect([...statuses].sort()).toEqual([200, 503])
    expect(answers.find(({ statusCode }) => statusCode === 503)?.headers["retry-after"]).toBe("1")
    expect((await get(group(1, 3))).statusCode).toBe(200)
  })
})
