// If this fails, a file from Windows or an old system arrives with wrong letters, or a bad byte in it goes unseen.
import { isUtf8 } from "node:buffer"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type Encoding, encodings, findEncoding } from "./encodings.ts"
import { createMeasure, createOrigin, rebuildOrigin } from "./origin.ts"
import { createTranscoder } from "./transcode.ts"

function decode(encoding: Encoding, parts: readonly Buffer[]): Buffer {
  const transcoder = createTranscoder(encoding)
  if (transcoder === undefined) return Buffer.concat(parts)
  return Buffer.concat([...parts.map((part) => Buffer.from(transcoder.next(part))), transcoder.end()])
}

const decodeHex = (encoding: Encoding, hex: string) => decode(encoding, [Buffer.from(hex, "hex")])

describe("a text", () => {
  // By the tables of the standard, encoding.spec.whatwg.org/indexes.json, and each by hand.
  it.each<[Encoding, string, string]>([
    ["windows-1252", "80 93 7a 94 20 96 92 e9 ff", "€“z” –’éÿ"],
    ["windows-1252", "81 8d 8f 90 9d", "\u0081\u008d\u008f\u0090\u009d"],
    ["iso-8859-15", "a4 bc bd be e9", "€ŒœŸé"],
    ["iso-8859-2", "b1 ea f3", "ąęó"],
    ["iso-8859-16", "a4 aa ba", "€Șș"],
    ["windows-1251", "cf f0 e8 e2 e5 f2 88", "Привет€"],
    ["koi8-r", "f0 d2 c9 d7 c5 d4", "Привет"],
    ["koi8-u", "a4 ae b4", "єўЄ"],
    ["ibm866", "8f e0 a8 a2 a5 e2", "Привет"],
    ["macintosh", "8e db d2", "é€“"],
    ["windows-1253", "c1 e1", "Αα"],
    ["windows-1255", "ca f9", "\u05baש"],
    ["windows-874", "a1 80", "ก€"],
    ["iso-8859-8-i", "f9", "ש"],
    ["utf-16le", "41 00 ac 20 3d d8 00 de", "A€😀"],
    ["utf-16be", "00 41 20 ac d8 3d de 00", "A€😀"],
  ])("of %s %s is what the standard's table says", (encoding, hex, text) => {
    const bytes = Buffer.from(hex.replaceAll(" ", ""), "hex")
    expect(decode(encoding, [bytes]).toString()).toBe(text)
    const oneByOne = [...bytes].map((byte) => Buffer.from([byte]))
    expect(decode(encoding, oneByOne).toString()).toBe(text)
  })

  it("spells what the encoding does not have as no UTF-8 at all, without an ASCII byte", () => {
    expect(decodeHex("iso-8859-3", "61a562").toString("hex")).toBe("61fe82a562")
    expect(decodeHex("windows-1253", "aa").toString("hex")).toBe("fe82aa")
    // High, low, and high before a letter: halves of pairs.
    expect(decodeHex("utf-16le", "3dd84100").toString("hex")).toBe("eda0bd41")
    expect(decodeHex("utf-16le", "00de").toString("hex")).toBe("edb880")
    expect(decodeHex("utf-16be", "d83d").toString("hex")).toBe("eda0bd")
    // The last byte alone.
    expect(decodeHex("utf-16le", "41000a").toString("hex")).toBe("41fe808a")
    for (const encoding of encodings.filter((one) => one !== "utf-8" && !one.startsWith("utf-16"))) {
      const whole = decode(encoding, [Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))])
      expect(whole.subarray(0, 128).every((byte, i) => byte === i)).toBe(true)
      expect(whole.subarray(128).every((byte) => byte >= 0x80)).toBe(true)
    }
  })

  it("gives the file's own bytes back, and how many there were, wherever it was cut", () => {
    const run = fc.property(
      fc.constantFrom(...encodings.filter((one) => one !== "utf-8")),
      fc.uint8Array({ maxLength: 200 }),
      fc.nat(200),
      (encoding, array, cut) => {
        const bytes = Buffer.from(array)
        const text = decode(encoding, [bytes.subarray(0, cut), bytes.subarray(cut)])
        expect(text).toEqual(decode(encoding, [bytes]))
        expect(rebuildOrigin(text, encoding)).toEqual(bytes)
        expect(createMeasure(encoding)(text)).toBe(bytes.length)
      },
    )
    const { seed } = fc.check(run, { numRuns: 0 })
    fc.assert(run, { seed, numRuns: 2000 })
  })

  it("is UTF-8 exactly where the file's bytes are whole characters", () => {
    const run = fc.property(fc.string({ unit: "binary", maxLength: 60 }), (text) => {
      const bytes = Buffer.from(text, "utf16le")
      expect(decode("utf-16le", [bytes]).toString()).toBe(text)
      expect(isUtf8(decode("utf-16le", [bytes]))).toBe(true)
      expect(isUtf8(decode("utf-16le", [Buffer.concat([bytes, Buffer.from([0x41])])]))).toBe(false)
    })
    fc.assert(run, { numRuns: 500 })
  })

  it("tells where its characters stood, asked in any order", () => {
    const bytes = Buffer.from("a€😀b")
    const origin = createOrigin("utf-16be", { bytes, textFrom: 100, originFrom: 50 })
    expect([100, 108, 101, 104, 109].map(origin.offsetOf)).toEqual([50, 58, 52, 54, 60])
  })
})

describe("an encoding's name", () => {
  it.each([
    ["UTF-8", { encoding: "utf-8" }],
    [" latin1 ", { encoding: "windows-1252" }],
    ["iso-8859-1", { encoding: "windows-1252" }],
    ["cp1252", { encoding: "windows-1252" }],
    ["utf-16", { encoding: "utf-16le" }],
    ["Shift_JIS", { unread: "shift_jis" }],
    ["gb2312", { unread: "gbk" }],
    ["x-user-defined", { unread: "x-user-defined" }],
    ["windows-1259", undefined],
    ["", undefined],
  ])("is read as the standard's labels say: %j", (label, found) => {
    expect(findEncoding(label)).toEqual(found)
  })
})
