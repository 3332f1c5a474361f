/** Pure: how a file spells its text, as its first bytes tell. */
import { getBOMEncoding } from "@exodus/bytes/encoding-lite.js"
import type { Encoding } from "./encodings.ts"

export type Compression = "gzip" | "zstd"

/** From the file's bytes to its text: unpacked first, decoded then. */
export type Spelling = {
  readonly compression: Compression | undefined
  readonly encoding: Encoding
  /** Whether a byte order mark says so; it outweighs the settings. */
  readonly isMarked: boolean
}

/** Of a file whose bytes are its text. */
export const plainSpelling: Spelling = { compression: undefined, encoding: "utf-8", isMarked: false }

/** As many bytes as tell. */
export const headBytes = 4

// RFC 1952 section 2.3.1, RFC 8878 section 3.1.1.
const magics = [
  { compression: "gzip", magic: Buffer.from([0x1f, 0x8b]), name: /\.gz$/i },
  { compression: "zstd", magic: Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), name: /\.zst$/i },
] as const

/**
 * By the file's first bytes. A file too short for all of the magic bytes is one of that kind, cut off, when it is named so,
 * or begins with a byte that no text begins with.
 */
export function findCompression(head: Buffer, file: string): Compression | undefined {
  return magics.find(({ magic, name }) => {
    if (head.length >= magic.length) return head.subarray(0, magic.length).equals(magic)
    const isBeginning = head.length > 0 && magic.subarray(0, head.length).equals(head)
    return isBeginning && (name.test(file) || head[0] === magics[0].magic[0])
  })?.compression
}

/** Of a file whose first bytes these are; what is packed tells its encoding only when it is unpacked. */
export function findSpelling(head: Buffer, file: string, declared: Encoding): Spelling {
  const compression = findCompression(head, file)
  const mark = compression === undefined ? findMark(head) : undefined
  return { compression, encoding: mark ?? declared, isMarked: mark !== undefined }
}

/** Whether the file's bytes are their text already. */
export function isPlain({ compression, encoding }: Spelling): boolean {
  return compression === undefined && encoding === "utf-8"
}

/** WHATWG Encoding, "decode": a byte order mark outweighs what was declared. */
export function findMark(head: Buffer): Encoding | undefined {
  const name = getBOMEncoding(head)
  return name === "utf-8" || name === "utf-16le" || name === "utf-16be" ? name : undefined
}
