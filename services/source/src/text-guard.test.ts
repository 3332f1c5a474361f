import { describe, expect, it } from "vitest"
import { findTextFault } from "./text-guard.ts"

describe("text guard", () => {
  it("accepts every length of character", () => {
    expect(findTextFault(Buffer.from("aß€😀\u{10ffff}\u0080z"))).toBeUndefined()
    expect(findTextFault(Buffer.alloc(0))).toBeUndefined()
  })

  // Expected offsets are counted by hand; the sequences are those of Unicode's table 3-7 and its neighbours.
  it.each([
    ["a cp1252 letter", [0x61, 0xe9, 0x62], 1],
    ["a continuation byte alone", [0x61, 0x80], 1],
    ["an overlong slash", [0x61, 0x62, 0xc0, 0xaf], 2],
    ["an overlong three-byte form", [0xe0, 0x80, 0x80], 0],
    ["a surrogate", [0x61, 0xed, 0xa0, 0x80], 1],
    ["beyond U+10FFFF", [0xf4, 0x90, 0x80, 0x80], 0],
    ["a character cut off at the end", [0x61, 0xe2, 0x82], 1],
    ["a UTF-16 byte order mark", [0xff, 0xfe, 0x61, 0x00], 0],
  ])("finds %s at its byte", (_, bytes, byte) => {
    expect(findTextFault(Buffer.from(bytes))).toEqual({ kind: "encoding", byte, value: bytes[byte] })
  })

  it("finds a NUL, and whichever fault comes first", () => {
    expect(findTextFault(Buffer.from("ab\0c"))).toEqual({ kind: "nul", byte: 2, value: 0 })
    expect(findTextFault(Buffer.from([0x61, 0, 0xff]))).toEqual({ kind: "nul", byte: 1, value: 0 })
    expect(findTextFault(Buffer.from([0x61, 0xff, 0]))).toEqual({ kind: "encoding", byte: 1, value: 0xff })
  })
})
