// If this fails, a packed file, or one that is not UTF-8, arrives with other rows than it has, or not at all.
import { createHash } from "node:crypto"
import { readdir, readFile, rename, rm, truncate, utimes, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { type Manifest, paths, type Reject, type RowOrigin } from "@flatbed/contract"
import { afterEach, describe, expect, it } from "vitest"
import { openTestFolder, type TestFolder, type TestSource } from "./source.test-kit.ts"

const open: TestFolder[] = []

async function setup(content: Buffer) {
  const folder = await openTestFolder(content)
  open.push(folder)
  return {
    folder,
    file: join(folder.folder.path, "t.csv"),
    cache: join(folder.folder.path, ".flatbed/source/t"),
  }
}

afterEach(async () => {
  for (const folder of open.splice(0)) await folder.close()
})

const dataset = (dialect: Record<string, unknown> = {}, more: Record<string, unknown> = {}) => ({
  datasets: { t: { files: "t.csv", dialect, chunk: { rows: 2 }, ...more } },
})
const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex")
const count = (folder: TestFolder, event: string) =>
  folder.logged.filter((line) => line.event === event).length

async function rowsOf(source: TestSource): Promise<unknown[]> {
  const { version, chunks } = await source.manifest()
  const answers = await Promise.all(chunks.map(({ chunk }) => source.get(paths.chunk("t", version, chunk))))
  return answers.flatMap((answer) => answer.json() as unknown[])
}

async function rejectsOf(source: TestSource, { version, chunks }: Manifest): Promise<Reject[]> {
  const found: Reject[] = []
  for (const { chunk } of chunks) {
    const { body } = await source.get(paths.chunk("t", version, chunk), { accept: "application/x-ndjson" })
    const lines = body.split("\n").filter((line) => line.startsWith('{"reject"'))
    found.push(...lines.map((line) => JSON.parse(line).reject as Reject))
  }
  return found
}

const csv = "id,name\n1,Ann €\n2,“Bob”\n3,Zoë\n"
const rows = [
  { id: 1, name: "Ann €" },
  { id: 2, name: "“Bob”" },
  { id: 3, name: "Zoë" },
]
const swapped = (text: string) => Buffer.from(text, "utf16le").swap16()
// By hand: what windows-1252 has for the letters above.
const windows = Buffer.from(
  csv.replace("€", "\x80").replace("“", "\x93").replace("”", "\x94").replace("ë", "\xeb"),
  "latin1",
)

describe("a file that is not plain UTF-8", () => {
  it.each<[string, Buffer, Record<string, unknown>, Record<string, unknown>]>([
    ["UTF-16LE with a mark", Buffer.from(`\ufeff${csv}`, "utf16le"), {}, { encoding: "utf-16le" }],
    ["UTF-16BE with a mark", swapped(`\ufeff${csv}`), {}, { encoding: "utf-16be" }],
    ["UTF-16LE without", Buffer.from(csv, "utf16le"), { encoding: "UTF-16" }, { encoding: "utf-16le" }],
    ["UTF-16BE without", swapped(csv), { encoding: "utf-16be" }, { encoding: "utf-16be" }],
    [
      "UTF-16 whose mark outweighs the settings",
      swapped(`\ufeff${csv}`),
      { encoding: "utf-16le" },
      { encoding: "utf-16be" },
    ],
    ["windows-1252", windows, { encoding: "cp1252" }, { encoding: "windows-1252" }],
    ["gzip", gzipSync(csv), {}, { encoding: "utf-8", compression: "gzip" }],
    ["gzip of a marked UTF-8", gzipSync(`\ufeff${csv}`), {}, { encoding: "utf-8", compression: "gzip" }],
    [
      "gzip of windows-1252",
      gzipSync(windows),
      { encoding: "windows-1252" },
      { encoding: "windows-1252", compression: "gzip" },
    ],
    [
      "gzip of UTF-16",
      gzipSync(Buffer.from(`\ufeff${csv}`, "utf16le")),
      {},
      { encoding: "utf-16le", compression: "gzip" },
    ],
  ])("gives its rows, its own length and its own digest: %s", async (_, content, dialect, how) => {
    const { folder } = await setup(content)
    for (const reader of ["bytes", "csv-parse"]) {
      const source = await folder.open(dataset({ ...dialect, reader }))
      expect(await rowsOf(source)).toEqual(rows)
      const { files, columns } = await source.manifest()
      expect(files).toMatchObject([{ file: "t.csv", bytes: content.length, sha256: sha256(content), ...how }])
      expect(columns).toEqual([
        { name: "id", type: "integer", nullable: false },
        { name: "name", type: "text", nullable: false },
      ])
      expect((await source.settled()).bytes).toBe(content.length)
    }
  })

  it("is one version, whichever reader reads it", async () => {
    const { folder } = await setup(windows)
    const versions = new Set<string>()
    for (const reader of ["bytes", "csv-parse"]) {
      versions.add(
        (await (await folder.open(dataset({ reader, encoding: "windows-1252" }))).manifest()).version,
      )
    }
    expect(versions.size).toBe(1)
  })

  it("in plain UTF-8 has no text beside it, with a mark neither, whatever the settings say", async () => {
    const { folder, cache } = await setup(Buffer.from(`\ufeff${csv}`))
    const source = await folder.open(dataset({ encoding: "windows-1252" }))
    expect(await rowsOf(source)).toEqual(rows)
    expect(await readdir(cache)).toEqual([`${(await source.manifest()).version}.json`])
    expect((await source.manifest()).files[0]).not.toHaveProperty("text_bytes")
  })

  it("is asked over all its rows whether day or month comes first", async () => {
    const { folder } = await setup(Buffer.from("\ufeffid,day\n1,03/04/2024\n2,25/12/2024\n", "utf16le"))
    const source = await folder.open(dataset({}, { columns: { types: { day: "date" } } }))
    expect(await rowsOf(source)).toEqual([
      { id: 1, day: "2024-04-03" },
      { id: 2, day: "2024-12-25" },
    ])
  })

  it("says each row's place and bytes as they stand in the file", async () => {
    const content = Buffer.from(`\ufeff${csv}`, "utf16le")
    const { folder } = await setup(content)
    const source = await folder.open()
    const { version } = await source.manifest()
    const from = Buffer.from("\ufeffid,name\n1,Ann €\n2,“Bob”\n", "utf16le").length
    const answer = (await source.get(paths.row("t", version, 3))).json<RowOrigin>()
    expect(answer).toMatchObject({
      line: 4,
      chunk: 2,
      byte_from: from,
      byte_to: content.length,
      encoding: "utf-16le",
    })
    expect(Buffer.from(answer.raw, "base64")).toEqual(content.subarray(from))
  })
})

describe("bytes that the encoding does not have", () => {
  const utf16 = (...parts: (string | Buffer)[]) =>
    Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part, "utf16le") : part)))

  it.each<[string, string, Buffer, number, Buffer, string]>([
    [
      "iso-8859-3",
      "iso-8859-3",
      Buffer.from("id,name\n1,\xe9\xa5x\n2,ok\n", "latin1"),
      8,
      Buffer.from("1,\xe9\xa5x", "latin1"),
      "Byte 4 of the record, 0xa5, is no character of its own; expected iso-8859-3.",
    ],
    [
      "utf-16le",
      "half a pair",
      utf16("id,name\n1,é", Buffer.from("3dd8", "hex"), "x\n2,ok\n"),
      16,
      utf16("1,é", Buffer.from("3dd8", "hex"), "x"),
      "Byte 7 of the record, 0x3dd8, is no character of its own; expected utf-16le.",
    ],
    [
      "utf-16le",
      "an odd byte at the end",
      utf16("id,name\n2,ok\n1,é", Buffer.from("41", "hex")),
      26,
      utf16("1,é", Buffer.from("41", "hex")),
      "Byte 7 of the record, 0x41, is no character of its own; expected utf-16le.",
    ],
  ])(
    "set one record of %s aside (%s), with its place and bytes in the file",
    async (encoding, _, content, byte, raw, reason) => {
      const { folder } = await setup(content)
      for (const reader of ["bytes", "csv-parse"]) {
        const source = await folder.open(dataset({ encoding, reader }))
        const manifest = await source.manifest()
        expect(manifest).toMatchObject({ rows: 2, rejects: 1 })
        const rejects = await rejectsOf(source, manifest)
        expect(rejects).toMatchObject([{ code: "encoding-error", byte, column: "name", reason }])
        expect(Buffer.from(rejects[0]?.raw ?? "", "base64")).toEqual(raw)
        expect(await rowsOf(source)).toEqual([{ id: 2, name: "ok" }])
      }
    },
  )

  it("in the header refuse the file, with their place", async () => {
    const { folder } = await setup(Buffer.from("id,\xe9\xa5\n1,x\n", "latin1"))
    const source = await folder.open(dataset({ encoding: "iso-8859-3" }))
    expect((await source.settled()).problem).toMatchObject({
      code: "file-encoding",
      detail: "The header of t.csv is not iso-8859-3: byte 4 (0xa5) on line 1 is no character of its own.",
    })
  })
})

describe("a text", () => {
  const packed = gzipSync(csv)

  it("is found again after a restart, and nothing is read", async () => {
    const { folder, cache } = await setup(packed)
    const first = await folder.open()
    const { version } = await first.manifest()
    expect((await readdir(cache)).sort()).toEqual([`${version}.json`, `${version}.text`])
    expect(await readFile(join(cache, `${version}.text`), "utf8")).toBe(csv)
    await first.close()
    const second = await folder.open()
    expect(await rowsOf(second)).toEqual(rows)
    expect(
      folder.logged.filter(({ event }) => event === "version.published").map(({ cached }) => cached),
    ).toEqual([false, true])
  })

  it.each<[string, (text: string) => Promise<void>]>([
    ["missing", (text) => rm(text)],
    ["cut off", (text) => truncate(text, 5)],
    ["another", (text) => writeFile(text, csv.replace("Ann", "Eve"))],
  ])("that is %s after a restart is made again", async (_, damage) => {
    const { folder, cache } = await setup(packed)
    const first = await folder.open()
    const { version } = await first.manifest()
    await first.close()
    await damage(join(cache, `${version}.text`))
    const second = await folder.open()
    expect(await rowsOf(second)).toEqual(rows)
    expect((await second.manifest()).version).toBe(version)
    expect(await readFile(join(cache, `${version}.text`), "utf8")).toBe(csv)
  })

  it("that is damaged while it is served is never served: the version is gone, and made again", async () => {
    const { folder, cache } = await setup(packed)
    const source = await folder.open()
    const { version } = await source.manifest()
    await writeFile(join(cache, `${version}.text`), csv.replace("Ann", "Eve"), { flag: "r+" })
    expect((await source.get(paths.chunk("t", version, 1))).json()).toMatchObject({ code: "version-gone" })
    expect(await rowsOf(source)).toEqual(rows)
  })

  it("serves its version whole when the file is edited in place or taken away, until the new one is made", async () => {
    const { folder, file } = await setup(packed)
    const source = await folder.open()
    const { version } = await source.manifest()
    await writeFile(file, gzipSync("id,name\n9,Zoe\n"))
    expect((await source.get(paths.chunk("t", version, 1))).json()).toEqual(rows.slice(0, 2))
    expect(await rowsOf(source)).toEqual([{ id: 9, name: "Zoe" }])
    await rm(file)
    await source.settled()
    expect((await source.get(paths.chunk("t", version, 2))).json()).toEqual(rows.slice(2))
  })

  it("is the only one that is kept: those of versions before, and of a process that died, go", async () => {
    const { folder, file, cache } = await setup(packed)
    const source = await folder.open()
    await source.manifest()
    await writeFile(join(cache, "99999.1.text.tmp"), "half")
    const versions: string[] = []
    for (const id of [7, 8]) {
      await writeFile(`${file}.new`, gzipSync(`id,name\n${id},x\n`))
      await rename(`${file}.new`, file)
      versions.push((await source.manifest()).version)
    }
    const names = await readdir(cache)
    expect(names.filter((name) => name.includes("text"))).toEqual([`${versions[1]}.text`])
    expect(names.filter((name) => name.endsWith(".json"))).toHaveLength(3)
    expect((await source.get(paths.chunk("t", versions[0] ?? "", 1))).json()).toEqual([{ id: 7, name: "x" }])
    await writeFile(file, csv)
    await source.manifest()
    expect((await readdir(cache)).filter((name) => name.includes("text"))).toEqual([])
  })
})

describe("a cache folder", () => {
  it("that cannot hold a text is said, and the file is read when it changes or after a while", async () => {
    const { folder, file } = await setup(gzipSync(csv))
    const cache = await folder.folder.write("cache", "a file stands in its place")
    const source = await folder.open({ cache, scan_interval: "20ms" })
    expect((await source.settled()).problem).toMatchObject({
      code: "cache-unusable",
      hint: expect.stringContaining("cache"),
    })
    const answer = await source.get(paths.currentChunk("t", 1))
    expect([answer.statusCode, answer.headers["retry-after"]]).toEqual([503, "30"])
    await rm(cache)
    await utimes(file, new Date(), new Date())
    expect(await rowsOf(source)).toEqual(rows)
  })

  it("keeps no text of a dataset that is served no more", async () => {
    const { folder, cache } = await setup(gzipSync(csv))
    const first = await folder.open()
    await first.manifest()
    await first.close()
    const second = await folder.open({ datasets: { u: { files: "t.csv" } } })
    const { version } = await second.manifest("u")
    expect((await readdir(cache)).filter((name) => name.includes("text"))).toEqual([])
    expect(await readdir(join(cache, "../u"))).toContain(`${version}.text`)
  })
})

describe("a packed file that cannot be read", () => {
  it.each<[string, Buffer, string]>([
    ["cut off", gzipSync(csv).subarray(0, 30), "file-compression"],
    ["cut off after its first byte", gzipSync(csv).subarray(0, 1), "file-compression"],
    ["followed by something else", Buffer.concat([gzipSync(csv), Buffer.from("x")]), "file-compression"],
    ["of nothing", gzipSync(""), "file-empty"],
  ])("is refused once and for all, and leaves nothing behind: %s", async (_, content, code) => {
    const { folder, cache } = await setup(content)
    const source = await folder.open({ scan_interval: "5ms" })
    expect((await source.settled()).problem).toMatchObject({ code })
    for (let i = 0; i < 5; i++) await source.settled()
    expect(count(folder, "version.failed")).toBe(1)
    expect(await readdir(cache).catch(() => [])).toEqual([])
  })

  it("is no bomb: its text ends at the limit, which is named", async () => {
    const { folder, cache } = await setup(gzipSync(Buffer.alloc(1024 * 1024 * 1024), { level: 9 }))
    const source = await folder.open({ expand_limit: "4MiB" })
    expect((await source.settled()).problem).toMatchObject({
      code: "text-over-limit",
      detail: "The text of t.csv is longer than 4194304 bytes.",
      hint: expect.stringContaining("expand_limit"),
    })
    expect(await readdir(cache)).toEqual([])
  })
})
