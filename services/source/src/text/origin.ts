/** Pure: from a file's text back to the file's own bytes, as they are once it is unpacked. */
import type { Encoding, SingleByteEncoding } from "./encodings.ts"
import { spellingsOf, strayLead } from "./transcode.ts"

/** Where some of a text came from. */
export type Origin = {
  readonly encoding: Encoding
  /** The offset in the file that belongs to an offset in the text, at a character's border. */
  offsetOf(textOffset: number): number
  /** The file's bytes for bytes of the text. */
  bytesOf(text: Buffer): Buffer
}

/** `bytes` are the text from `textFrom` on, and begin in the file at `originFrom`. */
export function createOrigin(
  encoding: Encoding,
  { bytes, textFrom, originFrom }: { bytes: Buffer; textFrom: number; originFrom: number },
): Origin {
  const measure = createMeasure(encoding)
  // Asked in ascending order, mostly.
  let known = { text: textFrom, origin: originFrom }
  return {
    encoding,
    offsetOf(textOffset) {
      if (textOffset < known.text) known = { text: textFrom, origin: originFrom }
      const between = bytes.subarray(known.text - textFrom, textOffset - textFrom)
      known = { text: textOffset, origin: known.origin + measure(between) }
      return known.origin
    },
    bytesOf: (text) => rebuildOrigin(text, encoding),
  }
}

/** Tells how many bytes of the file some whole characters of its text were. */
export function createMeasure(encoding: Encoding): (text: Buffer) => number {
  if (encoding === "utf-8") return (text) => text.length
  // Each character counts at its first byte.
  const unit = isUtf16(encoding) ? 2 : 1
  const weights = new Uint8Array(256).fill(unit)
  weights.fill(0, 0x80, 0xc0)
  weights.fill(unit === 2 ? 4 : 1, 0xf0, 0xf5)
  weights[strayLead] = 1
  return (text) => {
    let sum = 0
    for (let at = 0; at < text.length; at += 1) sum += weights[text[at] as number] as number
    return sum
  }
}

/** How many bytes the character takes that begins with this one. */
export function lengthInText(lead: number): number {
  if (lead < 0xc0) return 1
  if (lead < 0xe0) return 2
  return lead < 0xf0 || lead === strayLead ? 3 : 4
}

function isUtf16(encoding: Encoding): encoding is "utf-16le" | "utf-16be" {
  return encoding === "utf-16le" || encoding === "utf-16be"
}

/** The file's bytes for bytes of its text; it begins and ends at a character's border. */
export function rebuildOrigin(text: Buffer, encoding: Encoding): Buffer {
  if (encoding === "utf-8") return text
  const spell = isUtf16(encoding) ? utf16Unit(encoding === "utf-16be") : byteOf(encoding)
  const parts: Buffer[] = []
  for (let at = 0; at < text.length; ) {
    const end = at + lengthInText(text[at] as number)
    const character = text.subarray(at, end)
    parts.push(character[0] === strayLead ? Buffer.from([strayByte(character)]) : spell(character))
    at = end
  }
  return Buffer.concat(parts)
}

function strayByte(spelled: Buffer): number {
  return (((spelled[1] ?? 0) & 0x03) << 6) | ((spelled[2] ?? 0) & 0x3f)
}

function utf16Unit(isBigEndian: boolean): (character: Buffer) => Buffer {
  return (character) => {
    const [lead = 0, second = 0, third = 0] = character
    // The only three bytes that spell half a pair.
    const isSurrogate = lead === 0xed && second >= 0xa0
    const text = isSurrogate
      ? String.fromCharCode(0xd000 | ((second & 0x3f) << 6) | (third & 0x3f))
      : character.toString()
    const units = Buffer.from(text, "utf16le")
    return isBigEndian ? units.swap16() : units
  }
}

function byteOf(encoding: SingleByteEncoding): (character: Buffer) => Buffer {
  const bytes = new Map(
    spellingsOf(encoding).map((spelling, byte) => [spelling.toString("latin1"), Buffer.from([byte])]),
  )
  return (character) => {
    const byte = bytes.get(character.toString("latin1"))
    if (byte === undefined) throw new Error(`a text made of ${encoding} holds ${character.toString("hex")}`)
    return byte
  }
}
