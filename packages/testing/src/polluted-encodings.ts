/** Text as bytes of an encoding, for test files: ASCII and a few characters each, from tables written by hand. */

/** A few characters beyond ASCII with their bytes, from the code charts. */
const letters = {
  "windows-1250": { š: 0x9a, "€": 0x80, ł: 0xb3 },
  "windows-1251": { Ж: 0xc6, я: 0xff, "№": 0xb9 },
  "windows-1252": { "€": 0x80, "“": 0x93, "”": 0x94, ä: 0xe4 },
  "windows-1253": { α: 0xe1, Ω: 0xd9 },
  "iso-8859-2": { ł: 0xb3, č: 0xe8, ő: 0xf5 },
  "iso-8859-3": { ħ: 0xb1, ŝ: 0xfe },
  "iso-8859-5": { Ж: 0xb6, я: 0xef },
  "iso-8859-7": { α: 0xe1, Ω: 0xd9 },
  "iso-8859-15": { "€": 0xa4, Œ: 0xbc, ä: 0xe4 },
  "koi8-r": { Ж: 0xf6, я: 0xd1 },
  macintosh: { ä: 0x8a, é: 0x8e, "€": 0xdb },
  ibm866: { Ж: 0x86, я: 0xef },
} as const satisfies Record<string, Readonly<Record<string, number>>>

export type PollutedEncoding = "utf-8" | "utf-16le" | "utf-16be" | keyof typeof letters

/** The encodings of one byte a character. */
export const singleByteEncodings = Object.keys(letters) as (keyof typeof letters)[]

/** All characters beyond ASCII that a test may write in this encoding. */
export function lettersOf(encoding: keyof typeof letters): string {
  return Object.keys(letters[encoding]).join("")
}

/** The text's bytes; throws for a character that the table lacks. */
export function encodeText(text: string, encoding: PollutedEncoding): Buffer {
  switch (encoding) {
    case "utf-8":
      return Buffer.from(text, "utf8")
    case "utf-16le":
      return Buffer.from(text, "utf16le")
    case "utf-16be":
      return Buffer.from(text, "utf16le").swap16()
    default: {
      const table: Readonly<Record<string, number>> = letters[encoding]
      return Buffer.from(
        Array.from(text, (character) => {
          const byte = character < "\u0080" ? character.charCodeAt(0) : table[character]
          if (byte === undefined) throw new RangeError(`${encoding} has no byte for ${character} here`)
          return byte
        }),
      )
    }
  }
}
