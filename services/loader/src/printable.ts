/** Bytes and text from a file, made harmless and readable for a terminal. Pure. */
import { isUtf8 } from "node:buffer"

/** Text with what is not printable as `\n`, `\t`, `\x1b`: nothing in it is taken for a command of the terminal. */
export function printable(text: string): string {
  return text.replace(unprintable, (character) => [...Buffer.from(character)].map(escapeByte).join(""))
}

/**
 * Bytes for a terminal: valid UTF-8 as it is, and what is not printable, or would be taken for a command of the
 * terminal, as `\n`, `\t`, `\x1b`. A backslash is doubled, so that it can be read back.
 */
export function escapeBytes(bytes: Buffer): string {
  let text = ""
  for (let at = 0; at < bytes.length; ) {
    const length = characterLength(bytes, at)
    const character = length === 0 ? "" : bytes.toString("utf8", at, at + length)
    if (length === 0 || character.search(unprintable) >= 0) {
      for (const byte of bytes.subarray(at, at + Math.max(1, length))) text += escapeByte(byte)
    } else text += character === "\\" ? "\\\\" : character
    at += Math.max(1, length)
  }
  return text
}

// Control, format (bidirectional marks among them), unassigned and private characters, line and paragraph separators.
const unprintable = /[\p{C}\p{Zl}\p{Zp}]/gu
const named: Readonly<Record<number, string>> = { 9: "\\t", 10: "\\n", 13: "\\r" }
const escapeByte = (byte: number) => named[byte] ?? `\\x${byte.toString(16).padStart(2, "0")}`

/** How many bytes the UTF-8 character at `at` has; 0 when it is not well-formed. */
function characterLength(bytes: Buffer, at: number): number {
  const first = bytes[at] ?? 0
  const length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
  const character = bytes.subarray(at, at + length)
  return character.length === length && isUtf8(character) ? length : 0
}
