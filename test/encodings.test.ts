// If this fails, a file that is packed or not UTF-8 makes another table than its rows, or costs the source its memory.
import { createWriteStream } from "node:fs"
import { pipeline } from "node:stream/promises"
import zlib, { createGzip, gzipSync } from "node:zlib"
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest"
import { createInstallation, type Installation } from "./installation.ts"
import { watchPeakMemory } from "./peak-memory.ts"

const records = 5000
// Letters of windows-1252, by hand: what stands there, and its byte.
const letters = { "€": 0x80, "“": 0x93, "”": 0x94, "–": 0x96, ü: 0xfc } as const
const text = `id,name\r\n${Array.from({ length: records }, (_, i) => `${i + 1},"“Müller” – ${i} €\r\nsecond line"\r\n`).join("")}`
const windows = Buffer.from(
  Array.from(text, (sign) => letters[sign as keyof typeof letters] ?? sign.charCodeAt(0)),
)
const utf16 = Buffer.from(`\ufeff${text}`, "utf16le")
const half = Buffer.from("3dd8", "hex")
const wide = (written: string) => Buffer.from(written, "utf16le")

const files: Record<string, Buffer> = {
  plain: Buffer.from(text),
  windows,
  utf16le: utf16,
  utf16be: Buffer.from(utf16).swap16(),
  gzip: Buffer.concat([gzipSync(text.slice(0, 10_000)), gzipSync(text.slice(10_000))]),
  windows_gzip: gzipSync(windows),
  // The second record has half a surrogate pair, the third is too long for its table.
  damaged: Buffer.concat([wide("\ufeffid,name\r\n1,é\r\n2,é"), half, wide("x\r\n3,ééééé\r\n4,y\r\n")]),
}
const dialects: Record<string, string> = {
  windows: "{ encoding: windows-1252 }",
  windows_gzip: "{ encoding: latin1, reader: csv-parse }",
}

// Node 20 has no zstd.
const { zstdCompressSync } = zlib as { zstdCompressSync?: (bytes: Buffer) => Buffer }
if (zstdCompressSync !== undefined) files.zstd = zstdCompressSync(Buffer.from(text))

let installation: Installation

beforeAll(async () => {
  const names = Object.keys(files)
  installation = await createInstallation({
    source: `datasets:\n${names.map((name) => `  ${name}: { files: ${name}.csv, dialect: ${dialects[name] ?? "{}"}, chunk: { rows: 700 } }\n`).join("")}`,
    loader: `pipelines:\n${names.map((name) => `  ${name}: { dataset: ${name}, table: public.${name}, max_rejects: 2 }\n`).join("")}`,
  })
  for (const name of names) await installation.write(`${name}.csv`, files[name] as Buffer)
  await installation.startSource()
})

afterAll(() => installation.close())

test.each(Object.keys(files).filter((name) => name !== "damaged"))(
  "the table of %s is its rows",
  async (name) => {
    expect(await installation.load(name)).toBe(0)
    const wrong = `select count(*)::int as n, count(*) filter (where name = '“Müller” – ' || (id - 1) || E' €\\r\\nsecond line')::int as right from public.${name}`
    expect(await installation.query(wrong)).toEqual([{ n: records, right: records }])
  },
)

test("rejects of both services name the place and the bytes of a UTF-16 file, not those of its text", async () => {
  await installation.query("create table public.damaged (id integer, name varchar(3))")
  expect(await installation.load("damaged")).toBe(6)
  const at = (bytes: Buffer) => files.damaged?.indexOf(bytes)
  const second = Buffer.concat([wide("2,é"), half, wide("x")])
  const third = wide("3,ééééé")
  expect(
    await installation.query(
      "select row::int, code, line::int, byte::int, raw from flatbed.rejects order by row",
    ),
  ).toMatchObject([
    { row: 2, code: "encoding-error", line: 3, byte: at(second), raw: second },
    { row: 3, line: 4, byte: at(third), raw: third },
  ])
  expect(await installation.query("select id, name from public.damaged order by id")).toEqual([
    { id: 1, name: "é" },
    { id: 4, name: "y" },
  ])
})

test("a packed file of 300 MB is served in the memory of a small one", async () => {
  const big = await createInstallation({
    source: "datasets: { big: { files: big.csv.gz, dialect: { encoding: windows-1252 } } }",
    loader: "pipelines: {}",
  })
  onTestFinished(big.close)
  const path = await big.write("big.csv.gz", "")
  const block = Buffer.from(
    `${"12345,M\xfcller,\x80 of some text that is not very long,2024-02-29\n".repeat(20_000)}`,
    "latin1",
  )
  async function* content() {
    yield "id,name,text,day\n"
    for (let bytes = 0; bytes < 300e6; bytes += block.length) yield block
  }
  await pipeline(content, createGzip({ level: 1 }), createWriteStream(path))
  const source = await big.startSource()
  const memory = watchPeakMemory(source.pid)
  onTestFinished(memory.close)
  const { rows, rejects } = await source.waitForEvent("version.published", { limitMs: 80_000 })
  expect([rows, rejects]).toEqual([20_000 * Math.ceil(300e6 / block.length), 0])
  process.stdout.write(`peak of the source in MiB, 300 MB unpacked and transcoded: ${memory.peak()}\n`)
  expect(memory.peak()).toBeLessThan(256)
})
