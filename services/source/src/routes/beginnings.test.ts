// If this fails, a file that was rewritten passes for one that only grew, or a row is taken for loaded that is not.
import { createHash } from "node:crypto"
import { gzipSync } from "node:zlib"
import { type Beginnings, type Manifest, paths, requestLimits } from "@flatbed/contract"
import { createRandom } from "@flatbed/testing"
import { afterEach, describe, expect, it } from "vitest"
import { openTestFolder, type TestFolder } from "../source.test-kit.ts"

const open: TestFolder[] = []
const seed = Number(process.env.FLATBED_TEST_SEED ?? Date.now() % 1_000_000)

async function setup(content: string | Buffer, dataset: Record<string, unknown> = {}, name = "t.csv") {
  const folder = await openTestFolder("unused\n1\n")
  open.push(folder)
  const file = await folder.folder.write(name, content)
  const source = await folder.open({ datasets: { t: { files: name, chunk: { rows: 2 }, ...dataset } } })
  const manifest: Manifest = await source.manifest()
  const path = paths.beginnings("t", manifest.version, 1)
  const ask = async (bytes: string) => await source.get(`${path}?bytes=${bytes}`)
  return { ...source, folder, file, manifest, ask }
}

afterEach(async () => {
  for (const folder of open.splice(0)) await folder.close()
})

const sha256 = (bytes: string | Buffer) => createHash("sha256").update(bytes).digest("hex")

/** What is said of each beginning, by its length. */
async function beginningsOf(
  { ask }: Pick<Awaited<ReturnType<typeof setup>>, "ask">,
  lengths: readonly number[],
) {
  const { beginnings } = (await ask(lengths.join(","))).json<Beginnings>()
  return beginnings.map(({ bytes, whole, rows, rejects, filtered }) => [
    bytes,
    whole,
    rows,
    rejects,
    filtered,
  ])
}

describe("beginnings of a file", () => {
  const csv = 'id,name\n1,Ann\n2,"B\nb"\nx\n4,Dan\n5,Eve\n'

  it("have their own digest, and are told with the file and the version for ever", async () => {
    const { ask, manifest } = await setup(csv)
    const lengths = Array.from({ length: csv.length }, (_, i) => i + 1)
    const answer = await ask(lengths.join(","))
    const { beginnings, ...rest } = answer.json<Beginnings>()
    expect(rest).toEqual({ dataset: "t", version: manifest.version, file: "t.csv" })
    expect(beginnings.map(({ bytes, sha256: found }) => [bytes, found])).toEqual(
      lengths.map((length) => [length, sha256(csv.slice(0, length))]),
    )
    expect(answer.headers["cache-control"]).toContain("immutable")
    expect(beginnings.at(-1)?.sha256).toBe(manifest.files[0]?.sha256)
  })

  it("end between two records with or without the line end, and never within a quoted line or a damaged record", async () => {
    const source = await setup(csv)
    expect(
      await beginningsOf(source, [7, 8, 10, 13, 14, 18, 19, 21, 22, 23, 24, 25, 30, 31, 35, 36]),
    ).toEqual([
      [7, true, 0, 0, 0],
      [8, true, 0, 0, 0],
      [10, false, 1, 0, 0],
      [13, true, 1, 0, 0],
      [14, true, 1, 0, 0],
      // Behind `2,"B` and behind its line end: the record goes on.
      [18, false, 2, 0, 0],
      [19, false, 2, 0, 0],
      [21, true, 2, 0, 0],
      [22, true, 2, 0, 0],
      [23, true, 3, 1, 0],
      [24, true, 3, 1, 0],
      [25, false, 4, 1, 0],
      [30, true, 4, 1, 0],
      [31, false, 5, 1, 0],
      [35, true, 5, 1, 0],
      [36, true, 5, 1, 0],
    ])
  })

  it("of lines that end in CRLF end before it or behind it, not between", async () => {
    const source = await setup("id\r\n1\r\n2\r\n")
    expect(await beginningsOf(source, [2, 3, 4, 5, 6, 7])).toEqual([
      [2, true, 0, 0, 0],
      [3, false, 0, 0, 0],
      [4, true, 0, 0, 0],
      [5, true, 1, 0, 0],
      [6, false, 1, 0, 0],
      [7, true, 1, 0, 0],
    ])
  })

  it("count what the filter leaves out", async () => {
    const source = await setup("n\n3\n1\n3\n2\n3\n4\n", {
      columns: { types: { n: "integer" } },
      filter: { n: { ne: 3 } },
    })
    expect(await beginningsOf(source, [4, 5, 6, 8, 10, 12, 14])).toEqual([
      [4, true, 0, 0, 1],
      [5, true, 1, 0, 1],
      [6, true, 1, 0, 1],
      [8, true, 1, 0, 2],
      [10, true, 2, 0, 2],
      [12, true, 2, 0, 3],
      [14, true, 3, 0, 3],
    ])
  })

  it("of a packed file, or one in another encoding, are those of its text", async () => {
    const text = "id,name\n1,\u00e4\n2,b\n"
    const packed = await setup(gzipSync(text), {}, "t.csv.gz")
    const lengths = [13, Buffer.byteLength(text)]
    expect(await beginningsOf(packed, lengths)).toEqual([
      [13, true, 1, 0, 0],
      [17, true, 2, 0, 0],
    ])
    const { text_sha256: whole, sha256: own } = packed.manifest.files[0] ?? {}
    expect(whole).toBe(sha256(text))
    expect(own).not.toBe(whole)
    const latin = await setup(Buffer.from(text, "latin1"), { dialect: { encoding: "windows-1252" } })
    expect((await latin.ask("17")).json<Beginnings>().beginnings[0]?.sha256).toBe(sha256(text))
  })

  it("of NDJSON end between lines, also where a record makes several rows", async () => {
    const text = '{"id":1,"tags":[1,2]}\n{"id":2,"tags":[3]}\n'
    const source = await setup(text, { format: "ndjson", explode: "tags" }, "t.ndjson")
    expect(await beginningsOf(source, [18, 19, 21, 22, 30, 42])).toEqual([
      [18, false, 1, 0, 0],
      [19, false, 2, 0, 0],
      [21, true, 2, 0, 0],
      [22, true, 2, 0, 0],
      [30, false, 2, 0, 0],
      [42, true, 3, 0, 0],
    ])
  })

  it("tell no digest where a column is hashed: they would tell its cells", async () => {
    const { ask } = await setup("id,phone\n1,555\n", {
      columns: { clean: { phone: [{ hash: "sha256" }] } },
    })
    expect((await ask("15")).json<Beginnings>().beginnings).toEqual([
      { bytes: 15, sha256: null, whole: true, rows: 1, rejects: 0, filtered: 0 },
    ])
  })

  it(`hold the records that a file of these bytes alone has (seed ${seed})`, async () => {
    const random = createRandom(seed)
    const cell = () => random.pick(["1", "", '"x"', '"a\nb"', '"q""q"', "\u00e4", '"\r\n"'])
    const end = random.pick(["\n", "\r\n"])
    const record = () => Array.from({ length: random.pick([2, 2, 2, 2, 3]) }, cell).join(",")
    const content = Buffer.from(["a,b", ...Array.from({ length: 40 }, record), ""].join(end))
    const whole = await setup(content, { chunk: { rows: random.between(1, 9) } })
    const { beginnings } = (
      await whole.ask(
        Array.from({ length: 100 }, (_, i) => Math.ceil(((i + 1) * content.length) / 100))
          .filter((n, i, all) => n !== all[i - 1])
          .join(","),
      )
    ).json<Beginnings>()
    const ended = beginnings.filter(({ whole, bytes }) => whole && bytes > 4)
    expect(ended.length).toBeGreaterThan(5)
    for (const { bytes, rows, rejects } of ended.slice(0, 12)) {
      const alone = await setup(content.subarray(0, bytes))
      expect([bytes, rows, rejects]).toEqual([bytes, alone.manifest.rows, alone.manifest.rejects])
    }
  })

  it("of bytes that were changed in place make the version gone", async () => {
    const { ask, folder, file, get, manifest } = await setup(csv, {})
    await folder.folder.write("t.csv", csv.replace("Ann", "Bob"))
    expect(file).toContain("t.csv")
    expect((await ask("20")).json()).toMatchObject({ code: "version-gone" })
    expect((await get(paths.version("t", manifest.version))).statusCode).toBe(410)
  })

  it.each([
    ["0", 400],
    ["", 400],
    ["1,", 400],
    ["5,4", 400],
    ["5,5", 400],
    ["5&bytes=6", 400],
    ["1000", 400],
    [Array.from({ length: requestLimits.beginnings + 1 }, (_, i) => i + 1).join(","), 400],
  ])("?bytes=%s is refused", async (bytes, status) => {
    const { ask } = await setup(csv)
    const answer = await ask(bytes)
    expect([answer.statusCode, answer.json().code]).toEqual([status, "request-invalid"])
  })

  it("of a file that the version does not have are refused with how many it has", async () => {
    const { get, manifest } = await setup(csv)
    for (const file of [0, 2]) {
      const answer = await get(`${paths.beginnings("t", manifest.version, file)}?bytes=1`)
      expect(answer.json()).toMatchObject({ code: "request-invalid", facts: { files: 1 } })
    }
  })
})
