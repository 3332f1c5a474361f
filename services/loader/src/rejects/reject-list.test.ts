// If this file fails, a record that was set aside cannot be read on a terminal, or takes the terminal over.
import { expect, test } from "vitest"
import { escapeBytes, printable } from "../printable.ts"
import { formatRejects } from "./reject-list.ts"

test.each([
  [Buffer.from('7,"Zoë",x'), '7,"Zoë",x'],
  [Buffer.from("a\tb\r\nc"), "a\\tb\\r\\nc"],
  [Buffer.from("C:\\dir"), "C:\\\\dir"],
  [Buffer.from("\u001b[2Jgone"), "\\x1b[2Jgone"],
  [Buffer.from([0x61, 0, 0x62]), "a\\x00b"],
  [Buffer.from([0x61, 0xff, 0x62]), "a\\xffb"],
  [Buffer.from([0xc3]), "\\xc3"],
  [Buffer.from([0xed, 0xa0, 0x80]), "\\xed\\xa0\\x80"],
  [Buffer.from("\u202eabc"), "\\xe2\\x80\\xaeabc"],
  [Buffer.from("\u{1f600}"), "\u{1f600}"],
])("%j is shown as %s", (bytes, shown) => {
  expect(escapeBytes(bytes)).toBe(shown)
})

test("text from a file cannot command the terminal, and is else as it was", () => {
  expect(printable("Zoë \\ \u001b[31mred\u009b\u2028")).toBe("Zoë \\ \\x1b[31mred\\xc2\\x9b\\xe2\\x80\\xa8")
})

test("no rejects are said to be none", () => {
  expect(formatRejects([], 0)).toBe("no rejects")
})
