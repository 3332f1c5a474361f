// If this fails, a file packed with zstd that was cut off or has several frames is loaded with fewer rows.
import * as zlib from "node:zlib"
import { describe, expect, it } from "vitest"
import { readTextHead } from "./read-head.ts"
import { hasZstd } from "./unzstd.ts"

// Made by zstd 1.5, of `csv` with a checksum and of one more row without.
const csv = "id,name\n1,Ann\n2,Bob\n3,Cid\n"
const first = Buffer.from(
  "28b52ffd241ad1000069642c6e616d650a312c416e6e0a322c426f620a332c4369640afb81ad87",
  "hex",
)
const second = Buffer.from("28b52ffd0058310000342c44616e0a", "hex")
// RFC 8878 section 3.1.2: a frame that is to be skipped, of three bytes.
const skippable = Buffer.from("502a4d1803000000616263", "hex")
const all = { bytes: Number.MAX_SAFE_INTEGER }

async function unpack(file: Buffer, step = Number.POSITIVE_INFINITY): Promise<string> {
  const read = async (into: Buffer, offset: number) =>
    file.copy(into, 0, offset, Math.min(file.length, offset + Math.min(step, into.length)))
  return (await readTextHead("t.csv.zst", read, all)).bytes.toString()
}

const refusalOf = (file: Buffer, step?: number) =>
  unpack(file, step).then(
    (text) => ({ code: "none", facts: { byte: text as unknown } }),
    (error) => error as { code: string; facts: Record<string, unknown> },
  )

it.skipIf(hasZstd)("is refused by a Node that cannot unpack it, with what can", async () => {
  await expect(unpack(first)).rejects.toMatchObject({
    code: "file-compression",
    message: `t.csv.zst is packed with zstd, which Node ${process.versions.node} cannot unpack.`,
    hint: expect.stringContaining("gzip"),
  })
})

// Node 20 has no zstd; CI runs on 24 too.
describe.skipIf(!hasZstd)("a zstd file", () => {
  it("holds the rows of all its frames, however many and wherever they are read apart", async () => {
    expect(await unpack(first)).toBe(csv)
    const two = Buffer.concat([first, second])
    for (let step = 1; step <= two.length; step += 1) expect(await unpack(two, step)).toBe(`${csv}4,Dan\n`)
    expect(await unpack(Buffer.concat([first, skippable, second, skippable]))).toBe(`${csv}4,Dan\n`)
  })

  it("of many blocks, and of many frames, is unpacked whole", async () => {
    const pack = (zlib as unknown as { zstdCompressSync(bytes: Buffer): Buffer }).zstdCompressSync
    const lines = Array.from({ length: 200_000 }, (_, i) => `${i},${(i * 2654435761) % 4294967296}\n`)
    const text = lines.join("")
    expect(await unpack(pack(Buffer.from(text)))).toBe(text)
    const frames = Array.from({ length: 100 }, (_, i) =>
      pack(Buffer.from(lines.slice(i * 10, i * 10 + 10).join(""))),
    )
    expect(await unpack(Buffer.concat(frames))).toBe(lines.slice(0, 1000).join(""))
  })

  it("cut off at any byte is refused with the offset at which it ends", async () => {
    const whole = Buffer.concat([first, skippable, second])
    const borders = [first.length, first.length + skippable.length]
    for (let length = 1; length < whole.length; length += 1) {
      if (borders.includes(length)) continue
      const { code, facts } = await refusalOf(whole.subarray(0, length))
      expect([code, facts.byte]).toEqual(["file-compression", length])
    }
  })

  it("with one byte changed gives its own rows or is refused, never others", async () => {
    for (let at = 4; at < first.length; at += 1) {
      for (const flip of [0x01, 0x80, 0xff]) {
        const damaged = Buffer.from(first)
        damaged[at] = (damaged[at] ?? 0) ^ flip
        const answer = await unpack(damaged).catch((error: { code: string }) => error.code)
        if (answer !== "file-compression") expect([answer, at]).toEqual([csv, at])
      }
    }
  })

  it("with something else behind a frame is refused with its place", async () => {
    const answer = await refusalOf(Buffer.concat([first, Buffer.from("id,name\n")]))
    expect(answer).toMatchObject({ code: "file-compression", facts: { byte: first.length } })
  })
})
