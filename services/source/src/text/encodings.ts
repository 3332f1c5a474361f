/**
 * Pure: the encodings a file may be in, by the names of the WHATWG's Encoding Standard, and what their bytes mean.
 * Not by Node's TextDecoder: from 20.18.3 on it reads windows-1252 as Latin-1 in several lines of Node
 * (nodejs/node#60888), and ICU's tables differ from the standard's in a few bytes of five encodings.
 */
import { normalizeEncoding } from "@exodus/bytes/encoding-lite.js"
import { createSinglebyteDecoder } from "@exodus/bytes/single-byte.js"

/** Section 9 of the standard. */
const singleByteEncodings = [
  "ibm866",
  "iso-8859-2",
  "iso-8859-3",
  "iso-8859-4",
  "iso-8859-5",
  "iso-8859-6",
  "iso-8859-7",
  "iso-8859-8",
  "iso-8859-8-i",
  "iso-8859-10",
  "iso-8859-13",
  "iso-8859-14",
  "iso-8859-15",
  "iso-8859-16",
  "koi8-r",
  "koi8-u",
  "macintosh",
  "windows-874",
  "windows-1250",
  "windows-1251",
  "windows-1252",
  "windows-1253",
  "windows-1254",
  "windows-1255",
  "windows-1256",
  "windows-1257",
  "windows-1258",
  "x-mac-cyrillic",
] as const

export type SingleByteEncoding = (typeof singleByteEncodings)[number]
export type Encoding = "utf-8" | "utf-16le" | "utf-16be" | SingleByteEncoding

/** Every encoding that is read. */
export const encodings: readonly Encoding[] = ["utf-8", "utf-16le", "utf-16be", ...singleByteEncodings]

/** Names and labels to find the one that somebody meant. */
export const familiarLabels: readonly string[] = [
  ...encodings,
  ...["utf8", "utf-16", "ascii", "latin1", "latin2", "cp1250", "cp1251", "cp1252", "cp866", "mac"],
]

/**
 * What a label means (section 4.2: case and surrounding white space mean nothing, `latin1` is windows-1252); a name
 * that the standard knows and that is not read stands as `unread`, and a label it does not know is undefined.
 */
export function findEncoding(
  label: string,
): { readonly encoding: Encoding } | { readonly unread: string } | undefined {
  const name = normalizeEncoding(label)
  if (name === null) return undefined
  const encoding = encodings.find((one) => one === name)
  return encoding === undefined ? { unread: name } : { encoding }
}

/** For each byte its character; undefined for the bytes that the encoding does not have. */
export function charactersOf(encoding: SingleByteEncoding): readonly (string | undefined)[] {
  const all = createSinglebyteDecoder(encoding, true)(Uint8Array.from({ length: 256 }, (_, byte) => byte))
  return Array.from(all, (character) => (character === "\ufffd" ? undefined : character))
}
