// If this fails, a packed file that was cut off or damaged is loaded with fewer rows, or with other ones.
import { deflateRawSync, gzipSync } from "node:zlib"
import { describe, expect, it } from "vitest"
import { readTextHead } from "./read-head.ts"

const csv = "id,name\n1,Ann\n2,Bob\n3,Cid\n"
const member = (text: string) => gzipSync(Buffer.from(text))
const all = { bytes: Number.MAX_SAFE_INTEGER }

/** As the file's reader gives them: in parts of any size, here `step` bytes. */
const readerOf = (file: Buffer, step: number) => async (into: Buffer, offset: number) =>
  file.copy(into, 0, offset, Math.min(file.length, offset + Math.min(step, into.length)))

async function unpack(file: Buffer, step = Number.POSITIVE_INFINITY): Promise<string> {
  return (await readTextHead("t.csv.gz", readerOf(file, step), all)).bytes.toString()
}

const refusalOf = (file: Buffer, step?: number) =>
  unpack(file, step).then(
    (text) => ({ code: "none", message: `unpacked: ${text}`, facts: {} as Record<string, unknown> }),
    (error) => error as { code: string; message: string; facts: Record<string, unknown> },
  )

describe("a gzip file", () => {
  it("holds the rows of all its members, however many and wherever they are cut", async () => {
    expect(await unpack(member(csv))).toBe(csv)
    const two = Buffer.concat([member("id,name\n1,A"), member("nn\n2,Bob\n")])
    for (let step = 1; step <= two.length; step += 1)
      expect(await unpack(two, step)).toBe("id,name\n1,Ann\n2,Bob\n")
    const lines = Array.from({ length: 100 }, (_, i) => `${i},x\n`)
    expect(await unpack(Buffer.concat(lines.map(member)))).toBe(lines.join(""))
    expect(await unpack(Buffer.concat([member(""), member(csv), member("")]))).toBe(csv)
  })

  it("may end in zeros, as it does on tapes and in blocks of disks", async () => {
    expect(await unpack(Buffer.concat([member(csv), Buffer.alloc(1000)]))).toBe(csv)
  })

  it("cut off at any byte is refused with the offset at which it ends", async () => {
    const whole = Buffer.concat([member(csv)])
    for (let length = 1; length < whole.length; length += 1) {
      const { code, message, facts } = await refusalOf(whole.subarray(0, length))
      expect([code, facts.byte, message.includes("the file ends inside a member")]).toEqual([
        "file-compression",
        length,
        true,
      ])
    }
  })

  it("cut off inside its second member is refused too", async () => {
    const first = member(csv)
    const whole = Buffer.concat([first, member("4,Dan\n")])
    for (let length = first.length + 1; length < whole.length; length += 1) {
      expect((await refusalOf(whole.subarray(0, length), 7)).facts.byte).toBe(length)
    }
  })

  it("with one byte changed gives its own rows or is refused, never others", async () => {
    const whole = Buffer.concat([member(csv), member("4,Dan\n")])
    let refused = 0
    for (let at = 0; at < whole.length; at += 1) {
      for (const flip of [0x01, 0x80, 0xff]) {
        const damaged = Buffer.from(whole)
        damaged[at] = (damaged[at] ?? 0) ^ flip
        // Without the magic bytes it is no gzip file, and its header no text.
        if (at < 2) continue
        const answer = await unpack(damaged).catch((error: { code: string }) => error.code)
        if (answer === "file-compression") refused += 1
        else expect([answer, at]).toEqual([`${csv}4,Dan\n`, at])
      }
    }
    // All but time, system and level in the two headers, which tell nothing of the content.
    expect(refused).toBeGreaterThan((whole.length - 2 - 12) * 3 - 12)
  })

  it("with something else behind a member is refused with its place", async () => {
    const whole = member(csv)
    for (const rest of ["x", "\x1f", "\x1fx", "id,name\n", "\0\0\0x"]) {
      const answer = await refusalOf(Buffer.concat([whole, Buffer.from(rest, "latin1")]), 5)
      expect(answer.code).toBe("file-compression")
      expect(answer.facts.byte).toBeGreaterThanOrEqual(whole.length)
    }
  })

  it("may have a header with a name, a comment, more fields and a checksum of its own", async () => {
    // RFC 1952, by hand: FEXTRA, FNAME, FCOMMENT, FHCRC; the CRC is that of the header's bytes before it.
    const header = Buffer.concat([
      Buffer.from("1f8b081e000000000003", "hex"),
      Buffer.from("0400", "hex"),
      Buffer.from("abcd"),
      Buffer.from("t.csv\0a comment\0"),
    ])
    const trailer = member(csv).subarray(-8)
    const built = (checksum: number) => {
      const two = Buffer.alloc(2)
      two.writeUInt16LE(checksum)
      return Buffer.concat([header, two, deflateRawSync(csv), trailer])
    }
    const right = crc16(header)
    for (const step of [1, 3, 1000]) expect(await unpack(built(right), step)).toBe(csv)
    expect((await refusalOf(built(right ^ 1))).facts.byte).toBe(header.length)
  })
})

/** The two lower bytes of CRC-32, bit by bit (ITU-T V.42): not by the library that is tested here. */
function crc16(bytes: Buffer): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0)
  }
  return ~crc & 0xffff
}
