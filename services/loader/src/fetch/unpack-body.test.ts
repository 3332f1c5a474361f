// If this file fails, a small answer can fill the memory, or bytes that a coding damaged pass for what was sent.
import { createHash } from "node:crypto"
import zlib from "node:zlib"
import { formatReprDigest, Problem } from "@flatbed/contract"
import { describe, expect, test } from "vitest"
import { acceptEncodingOf, type Compression, hasZstd } from "./compression.ts"
import { unpackBody } from "./unpack-body.ts"

const maxBodyBytes = 2 ** 20
const right = Buffer.from(Array.from({ length: 3000 }, (_, i) => `["${i * 7}","Zoë ${i}"]\n`).join(""))

type Encode = (plain: Buffer) => Buffer
const { zstdCompressSync } = zlib as { zstdCompressSync?: Encode }
const codings: [Exclude<Compression, "none">, Encode][] = [
  ["gzip", (plain) => zlib.gzipSync(plain)],
  ...(zstdCompressSync === undefined ? [] : [["zstd", zstdCompressSync] as ["zstd", Encode]]),
]

const digestOf = (body: Buffer) => formatReprDigest(createHash("sha256").update(body).digest())

/** The answer that carries these bytes, and what the loader makes of it: the body, or "code: message". */
async function unpack(
  body: Buffer,
  compression: Compression,
  headers: Record<string, string | string[]> = {},
  needsDigest = true,
): Promise<Buffer | string> {
  const damaged = (what: string) => new Problem("chunk-damaged", what)
  const received = {
    headers: { "content-length": String(body.length), "repr-digest": digestOf(body), ...headers },
    body,
  }
  try {
    return await unpackBody(received, { compression, maxBodyBytes }, { path: "/v1/x", needsDigest, damaged })
  } catch (error) {
    if (error instanceof Problem) return `${error.code}: ${error.message}`
    throw error
  }
}

describe.each(codings)("%s", (coding, encode) => {
  const coded = encode(right)
  const named = { "content-encoding": coding }

  test("comes off", async () => {
    expect(await unpack(coded, coding, named)).toEqual(right)
    expect(await unpack(encode(Buffer.alloc(0)), coding, named)).toEqual(Buffer.alloc(0))
    expect(await unpack(coded, coding, { "content-encoding": coding.toUpperCase() })).toEqual(right)
  })

  test("need not be used by the source", async () => {
    expect(await unpack(right, coding)).toEqual(right)
    expect(await unpack(right, coding, { "content-encoding": "identity" })).toEqual(right)
  })

  test("is refused when nothing was asked for", async () => {
    expect(await unpack(coded, "none", named)).toBe(
      `chunk-damaged: it is coded as ${coding}, which was not asked for`,
    )
  })

  test("makes no more bytes than source.max_body, and exactly so many", async () => {
    const most = Buffer.alloc(maxBodyBytes, "a")
    expect(await unpack(encode(most), coding, named)).toEqual(most)
    const bomb = encode(Buffer.alloc(maxBodyBytes + 1, "a"))
    expect(bomb.length).toBeLessThan(2000)
    expect(await unpack(bomb, coding, named)).toBe(
      `source-refused: The answer to GET /v1/x, unpacked, is larger than ${maxBodyBytes} bytes.`,
    )
  })

  test("is refused with any byte changed, by the digest over the coded bytes, before it is unpacked", async () => {
    const digest = digestOf(coded)
    for (let at = 0; at < coded.length; at += 7) {
      const body = Buffer.from(coded)
      body[at] = (body[at] ?? 0) ^ (1 << (at & 7))
      expect(await unpack(body, coding, { ...named, "repr-digest": digest })).toContain("SHA-256")
    }
    expect(await unpack(coded, coding, { ...named, "repr-digest": digestOf(right) })).toContain("SHA-256")
  })

  test("is refused cut off anywhere, also when its length and digest are right", async () => {
    for (let length = 0; length < coded.length; length += length < 40 ? 1 : 97) {
      expect(await unpack(coded.subarray(0, length), coding, named), `cut to ${length}`).toContain(
        `chunk-damaged: its ${coding} does not unpack`,
      )
    }
    expect(await unpack(coded.subarray(0, -1), coding, named)).toContain("does not unpack")
  })

  test.each([
    ["zeros", Buffer.alloc(20)],
    ["text", Buffer.from("<html>")],
    ["one byte", Buffer.from([7])],
  ])("is refused with %s after its end", async (_name, more) => {
    expect(await unpack(Buffer.concat([coded, more]), coding, named)).toMatch(
      /^chunk-damaged: (its \w+ does not unpack|\d+ bytes follow the end of its)/,
    )
  })

  test.each([
    ["text that is not coded", right],
    ["an HTML page", Buffer.from("<html></html>")],
    ["nothing", Buffer.alloc(0)],
  ])("is refused when it is %s", async (_name, body) => {
    expect(await unpack(body, coding, named)).toContain(`chunk-damaged: its ${coding} does not unpack`)
  })

  test("is refused with another length, and without a digest where one has to be", async () => {
    expect(await unpack(coded, coding, { ...named, "content-length": "7" })).toContain(
      "content-length says 7",
    )
    expect(await unpack(coded, coding, { ...named, "repr-digest": "md5=:AAAA:" })).toContain("repr-digest")
    const digests = [digestOf(coded), digestOf(coded)]
    expect(await unpack(coded, coding, { ...named, "repr-digest": digests }, false)).toContain("repr-digest")
  })
})

test.each(["br", "deflate", "compress", "gzip, gzip", "gzip, br", "", "x-zstd-9"])(
  "a body coded as %j is refused",
  async (field) => {
    const compression = hasZstd ? "zstd" : "gzip"
    expect(await unpack(right, compression, { "content-encoding": field })).toContain("was not asked for")
  },
)

test("two content-encodings are refused", async () => {
  const twice = { "content-encoding": ["gzip", "gzip"] }
  expect(await unpack(zlib.gzipSync(zlib.gzipSync(right)), "gzip", twice)).toContain("was not asked for")
})

test("x-gzip is gzip, and several gzip members are one body, as RFC 1952 says", async () => {
  const named = { "content-encoding": "x-gzip" }
  const members = Buffer.concat([zlib.gzipSync(right.subarray(0, 500)), zlib.gzipSync(right.subarray(500))])
  expect(await unpack(members, "gzip", named)).toEqual(right)
  expect(await unpack(members.subarray(0, -5), "gzip", named)).toContain("does not unpack")
})

test("gzip is an answer to zstd, zstd is none to gzip", async () => {
  expect(acceptEncodingOf("zstd")).toBe("zstd, gzip;q=0.5")
  expect(await unpack(zlib.gzipSync(right), "zstd", { "content-encoding": "gzip" })).toEqual(right)
  expect(await unpack(right, "gzip", { "content-encoding": "zstd" })).toContain("was not asked for")
})

test("a zstd frame is the only one, and looks back no further than RFC 9659 allows; without zstd it is refused", async () => {
  const named = { "content-encoding": "zstd" }
  if (zstdCompressSync === undefined) {
    expect(await unpack(right, "zstd", named)).toContain("which this Node does not have")
    return
  }
  const frame = zstdCompressSync(right)
  expect(await unpack(Buffer.concat([frame, frame]), "zstd", named)).toContain("bytes follow the end")
  // RFC 8878 section 3.1.1.1: magic number; no content size, window descriptor 17 << 3 for 128 MiB; an empty last block.
  const greedy = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 17 << 3, 0x01, 0x00, 0x00])
  expect(await unpack(greedy, "zstd", named)).toContain("does not unpack")
  const modest = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 13 << 3, 0x01, 0x00, 0x00])
  expect(await unpack(modest, "zstd", named)).toEqual(Buffer.alloc(0))
})

test("documents may come without a digest, not with a wrong one", async () => {
  const without = { "repr-digest": undefined as unknown as string }
  expect(await unpack(right, "none", without, false)).toEqual(right)
  expect(await unpack(right, "none", without)).toContain("repr-digest is missing")
  expect(await unpack(right, "none", { "repr-digest": digestOf(Buffer.from("x")) }, false)).toContain(
    "SHA-256",
  )
})
