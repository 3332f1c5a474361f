/**
 * Pure: bytes in an encoding to their text in UTF-8. What the encoding does not have becomes a sequence that UTF-8
 * does not have either, so that its record is set aside and its bytes can be told: a lone surrogate as its three
 * bytes (as in WTF-8), any other byte as 0xfe and two bytes of six bits. Neither holds an ASCII byte, so that no
 * border of a record is made or lost.
 */
import { charactersOf, type Encoding, type SingleByteEncoding } from "./encodings.ts"

export type Transcoder = {
  /** The text of the next bytes, as far as they are whole characters. They may be changed afterwards. */
  next(bytes: Buffer): Buffer
  /** The text of what is left. */
  end(): Buffer
}

/** A byte that is no character, in ill-formed UTF-8. */
export function spellStrayByte(byte: number): readonly [number, number, number] {
  return [strayLead, 0x80 | (byte >> 6), 0x80 | (byte & 0x3f)]
}

/** What `spellStrayByte` begins with; UTF-8 has no such byte. */
export const strayLead = 0xfe

/** Undefined where the bytes are their text already. */
export function createTranscoder(encoding: Encoding): Transcoder | undefined {
  switch (encoding) {
    case "utf-8":
      return undefined
    case "utf-16le":
    case "utf-16be":
      return createUtf16Transcoder(encoding === "utf-16be")
    default:
      return createSingleByteTranscoder(encoding)
  }
}

function createUtf16Transcoder(isBigEndian: boolean): Transcoder {
  // An odd byte, the first half of a surrogate pair, or both.
  let held: Buffer = Buffer.alloc(0)

  function spell(units: Buffer): Buffer {
    return spellUtf16((isBigEndian ? Buffer.from(units).swap16() : units).toString("utf16le"))
  }

  return {
    next(bytes) {
      const all = held.length === 0 ? bytes : Buffer.concat([held, bytes])
      let end = all.length - (all.length % 2)
      const last = all[end - (isBigEndian ? 2 : 1)] ?? 0
      if (end > 0 && last >= 0xd8 && last <= 0xdb) end -= 2
      held = Buffer.from(all.subarray(end))
      return spell(all.subarray(0, end))
    },
    end() {
      const end = held.length - (held.length % 2)
      const odd = [...held.subarray(end)].flatMap((byte) => [...spellStrayByte(byte)])
      return Buffer.concat([spell(held.subarray(0, end)), Buffer.from(odd)])
    },
  }
}

/** Node 20 has it, the library of ES2023 that the sources are checked against does not. */
type WithWellFormed = { isWellFormed(): boolean }

function spellUtf16(text: string): Buffer {
  if ((text as unknown as WithWellFormed).isWellFormed()) return Buffer.from(text)
  // With the flag u only surrogates that stand alone match.
  const parts = text.split(/(\p{Surrogate})/u)
  return Buffer.concat(parts.map((part, i) => (i % 2 === 0 ? Buffer.from(part) : spellSurrogate(part))))
}

function spellSurrogate(surrogate: string): Buffer {
  const unit = surrogate.charCodeAt(0)
  return Buffer.from([0xe0 | (unit >> 12), 0x80 | ((unit >> 6) & 0x3f), 0x80 | (unit & 0x3f)])
}

function createSingleByteTranscoder(encoding: SingleByteEncoding): Transcoder {
  const spellings = spellingsOf(encoding)
  const longest = 3
  const lengths = Uint8Array.from(spellings, ({ length }) => length)
  const written = new Uint8Array(256 * longest)
  for (const [byte, spelling] of spellings.entries()) written.set(spelling, byte * longest)

  return {
    next(bytes) {
      const text = Buffer.allocUnsafe(bytes.length * longest)
      let to = 0
      for (let at = 0; at < bytes.length; at += 1) {
        const byte = bytes[at] as number
        if (byte < 0x80) {
          text[to++] = byte
          continue
        }
        const from = byte * longest
        const end = from + (lengths[byte] as number)
        for (let i = from; i < end; i += 1) text[to++] = written[i] as number
      }
      return text.subarray(0, to)
    },
    end: () => Buffer.alloc(0),
  }
}

/** For each byte of a single-byte encoding its text. */
export function spellingsOf(encoding: SingleByteEncoding): readonly Buffer[] {
  return charactersOf(encoding).map((character, byte) =>
    character === undefined ? Buffer.from(spellStrayByte(byte)) : Buffer.from(character),
  )
}
