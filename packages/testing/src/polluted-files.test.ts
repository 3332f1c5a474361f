// If this file fails, the polluted files are not what they say they are, and a reader is held against nothing.
import { createHash } from "node:crypto"
import { expect, it } from "vitest"
import { makePollutedFiles } from "./polluted-files.ts"

const files = makePollutedFiles()
const byName = new Map(files.map((file) => [file.name, file]))
const get = (name: string) => byName.get(name) ?? expect.fail(`no file ${name}`)

function digestOf(some: typeof files): string {
  const hash = createHash("sha256")
  for (const { bytes, ...rest } of some) hash.update(bytes).update(JSON.stringify(rest))
  return hash.digest("hex")
}

it("makes at least 500 files, each with a name of its own, and the same ones every time", () => {
  expect(files.length).toBeGreaterThanOrEqual(500)
  expect(byName.size).toBe(files.length)
  expect(digestOf(makePollutedFiles())).toBe(digestOf(files))
})

it("has every class, and no class is more than a fifth of all", () => {
  const counts = new Map<string, number>()
  for (const { pollution } of files) counts.set(pollution, (counts.get(pollution) ?? 0) + 1)
  process.stdout.write(
    `${files.length} files: ${[...counts].map(([name, n]) => `${name} ${n}`).join(", ")}\n`,
  )
  expect(counts.size).toBe(41)
  for (const [name, count] of counts) {
    expect(count, name).toBeGreaterThanOrEqual(2)
    expect(count, name).toBeLessThan(files.length / 5)
  }
})

it("places every record: its bytes lie behind those before, and its line is the line they begin on", () => {
  for (const { name, bytes, records, dialect } of files) {
    const sign = dialect.line_terminator === "cr" ? 0x0d : 0x0a
    let to = 0
    for (const record of records) {
      expect(record.byteFrom, name).toBeGreaterThanOrEqual(to)
      expect(record.byteTo, name).toBeGreaterThanOrEqual(record.byteFrom)
      to = record.byteTo
      expect(bytes.subarray(0, record.byteFrom).filter((byte) => byte === sign).length + 1, name).toBe(
        record.line,
      )
    }
    expect(to).toBeLessThanOrEqual(bytes.length)
  }
})

it("damages one place in a file, and gives every clean record as many cells as there are columns", () => {
  for (const { name, records, columns, pollution } of files) {
    const damaged = records.filter(({ cells }) => cells === null)
    if (!["footnotes", "blank lines"].includes(pollution)) expect(damaged.length, name).toBeLessThanOrEqual(1)
    for (const { cells } of records) if (cells !== null) expect(cells, name).toHaveLength(columns.length)
  }
})

it("writes what the class says", () => {
  const text = (name: string) => get(name).bytes.toString()
  expect(text("missing-cells-1").split("\n")[1]).toBe("1,Anna,hello,1.50")
  expect(text("a-stray-quote-1").split("\n")[1]).toBe('wo"rd,Anna,hello,1.50,Berlin')
  expect(text("a-missing-closing-quote-1").split("\n")[1]).toBe('"word,Anna,hello,1.50,Berlin')
  expect(text("extra-header-lines-2")).toMatch(/^(id,name,note,price,place\n){3}1,Anna/)
  expect(text("encodings-1").length).toBeGreaterThan(0)
  const { bytes, records } = get("a-carriage-return-for-a-line-end-1")
  expect(records.map(({ line, cells }) => [line, cells?.[0] ?? null])).toEqual([
    [2, null],
    [3, "3"],
    [5, "4"],
    [6, "5"],
    [7, "6"],
    [8, "7"],
    [9, "8"],
  ])
  expect(bytes.subarray(records[0]?.byteFrom, records[0]?.byteTo).toString()).toMatch(
    /^1,Anna.*\r2,"Miller.*""$/,
  )
})

it("writes the bytes of an encoding", () => {
  const of = (encoding: string) =>
    files.find((file) => file.pollution === "encodings" && file.dialect.encoding === encoding)?.bytes
  expect(of("windows-1252")?.includes(Buffer.from([0x80, 0x93, 0x94, 0xe4]))).toBe(true)
  expect(of("iso-8859-15")?.includes(Buffer.from([0xa4, 0xbc, 0xe4]))).toBe(true)
  expect(of("koi8-r")?.includes(Buffer.from([0xf6, 0xd1]))).toBe(true)
  expect(of("utf-16be")?.subarray(0, 4)).toEqual(Buffer.from([0, 0x69, 0, 0x64]))
  expect(of("utf-16le")?.subarray(0, 4)).toEqual(Buffer.from([0x69, 0, 0x64, 0]))
})
