import { describe, expect, it } from "vitest"
import { createUtf8Census, findUtf16, proposeEncoding } from "./propose-encoding.ts"

function propose(bytes: Buffer, step = bytes.length) {
  const census = createUtf8Census()
  for (let at = 0; at < bytes.length; at += step) census.push(bytes.subarray(at, at + step))
  return proposeEncoding(census.finish(), bytes)
}

const latin = (text: string) => Buffer.from(text, "latin1")
const utf16be = (text: string) => Buffer.from(text, "utf16le").swap16()

describe("an encoding", () => {
  it.each<[string, Buffer, string]>([
    ["UTF-8 when it is ASCII", Buffer.from("id,name\n1,Ann\n"), "utf-8"],
    ["UTF-8 when every character is", Buffer.from("id,name\n1,Müller\n2,日本\n3,😀\n"), "utf-8"],
    [
      "UTF-8 when one byte among many characters is not",
      Buffer.concat([Buffer.from("é,ü,ö\n"), latin("é\n")]),
      "utf-8",
    ],
    ["windows-1252 when letters are single bytes", latin("id,name\n1,Müller\n2,René\n"), "windows-1252"],
    [
      "windows-1252 with its quotes and euro",
      Buffer.concat([latin("x,"), Buffer.from([0x93, 0x80, 0x94, 0x0a])]),
      "windows-1252",
    ],
  ])("is %s", (_, bytes, encoding) => {
    for (const step of [1, 2, 3, 100]) expect(propose(bytes, step).encoding).toBe(encoding)
  })

  it("is told with the first byte that decides, its line, and how the words would read", () => {
    expect(propose(latin("id;name\n1;Ann\n2;Müller\n3;Zoë\n"), 5)).toEqual({
      encoding: "windows-1252",
      because:
        'byte 17 (0xfc) on line 3 begins no UTF-8 character; so read, the file has words such as "Müller", "Zoë"',
      notes: [],
    })
  })

  it("is told as doubtful when the letters are of another script", () => {
    // "имя" and "Анна" in windows-1251.
    const bytes = Buffer.from([0xe8, 0xec, 0xff, 0x0a, 0xc0, 0xed, 0xed, 0xe0, 0x0a])
    expect(propose(bytes)).toMatchObject({
      encoding: "windows-1252",
      notes: [expect.stringContaining("windows-1251")],
    })
  })

  it("of a damaged UTF-8 file stays, and the damage is told", () => {
    const bytes = Buffer.concat([Buffer.from("é,ü,ö\né,é\n"), latin("é\n")])
    expect(propose(bytes).notes).toEqual([
      "The file is UTF-8, but byte 15 (0xe9) on line 3 is part of no character: such records will be set aside.",
    ])
  })

  it.each<[string, Buffer, string | undefined]>([
    ["little-endian UTF-16", Buffer.from("id,name\n1,Ann\n", "utf16le"), "utf-16le"],
    ["big-endian UTF-16", utf16be("id,name\n1,Ann\n"), "utf-16be"],
    ["UTF-16 of another script", Buffer.from("имя,город\nАнна,Москва\n1,2,3,4,5\n", "utf16le"), "utf-16le"],
    ["ASCII", Buffer.from("id,name\n"), undefined],
    ["ASCII with a NUL", Buffer.from("id,na\0me\n1,2\n3,4\n5,6\n"), undefined],
    ["nothing", Buffer.alloc(0), undefined],
  ])("without a mark is found in the zeros of %s", (_, bytes, encoding) => {
    expect(findUtf16(bytes)).toBe(encoding)
  })
})
