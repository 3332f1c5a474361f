/**
 * Pure: which encoding bytes seem to be in. UTF-8 proves itself; UTF-16 shows by its zero bytes; what is left is taken
 * for windows-1252, which is told with the words that it would make, for a person to see.
 */
import { isAscii } from "node:buffer"

export type ProposedEncoding = "utf-8" | "utf-16le" | "utf-16be" | "windows-1252"

export type EncodingProposal = {
  readonly encoding: ProposedEncoding
  /** Undefined where the file is UTF-8 throughout. */
  readonly because: string | undefined
  readonly notes: readonly string[]
}

/** What all bytes of a file said about UTF-8. */
export type Utf8Census = {
  /** Characters of several bytes. */
  readonly wellFormed: number
  /** Bytes that belong to no character. */
  readonly illFormed: number
  /** The first of them: its offset, its line (from 1), and the bytes around it. */
  readonly first: { readonly byte: number; readonly line: number; readonly value: number } | undefined
}

const lf = 0x0a
// A third of English or French in UTF-16 would still be more than any file of one byte a character has.
const enoughZeros = 0.2
const longRun = 3
const shortestUtf16 = 8

/** UTF-16 without a mark, by where the zeros of its ASCII characters stand; undefined when it is none. */
export function findUtf16(head: Buffer): "utf-16le" | "utf-16be" | undefined {
  const zeros = [0, 0]
  head.forEach((byte, at) => {
    if (byte === 0) zeros[at % 2] = (zeros[at % 2] ?? 0) + 1
  })
  const [even = 0, odd = 0] = zeros
  const pairs = Math.floor(head.length / 2)
  if (pairs === 0) return undefined
  if (odd >= pairs * enoughZeros && even * 10 < odd && endsLines(head, 0)) return "utf-16le"
  if (even >= pairs * enoughZeros && odd * 10 < even && endsLines(head, 1)) return "utf-16be"
  return undefined
}

/** Whether every line feed is one of UTF-16, its low byte at even offsets (0) or odd ones (1). */
function endsLines(head: Buffer, low: 0 | 1): boolean {
  const zero = low === 0 ? 1 : -1
  for (let at = head.indexOf(lf); at !== -1; at = head.indexOf(lf, at + 1)) {
    const other = head[at + zero]
    if (at % 2 === low && other !== 0 && other !== undefined) return false
  }
  return head.length >= shortestUtf16
}

/** Takes a file's bytes, cut anywhere. */
export function createUtf8Census() {
  let wellFormed = 0
  let illFormed = 0
  let first: Utf8Census["first"]
  let line = 1
  let offset = 0
  let rest: Buffer = Buffer.alloc(0)

  function read(bytes: Buffer, isLast: boolean): void {
    let at = 0
    while (at < bytes.length) {
      const byte = bytes[at] ?? 0
      if (byte < 0x80) {
        if (byte === lf) line += 1
        at += 1
        continue
      }
      const length = sequenceLength(bytes, at)
      if (length === undefined && !isLast && at + 4 > bytes.length) break
      if (length === undefined) {
        first ??= { byte: offset + at, line, value: byte }
        illFormed += 1
        at += 1
      } else {
        wellFormed += 1
        at += length
      }
    }
    offset += at
    rest = Buffer.from(bytes.subarray(at))
  }

  return {
    push(bytes: Buffer): void {
      if (rest.length === 0 && isAscii(bytes)) {
        for (let at = bytes.indexOf(lf); at !== -1; at = bytes.indexOf(lf, at + 1)) line += 1
        offset += bytes.length
      } else read(rest.length === 0 ? bytes : Buffer.concat([rest, bytes]), false)
    },
    finish(): Utf8Census {
      read(rest, true)
      return { wellFormed, illFormed, first }
    },
  }
}

/** `sample` holds bytes that the census is of; `line` of it shows how words would read. */
export function proposeEncoding(
  { wellFormed, illFormed, first }: Utf8Census,
  sample: Buffer,
): EncodingProposal {
  if (first === undefined) return { encoding: "utf-8", because: undefined, notes: [] }
  const where = `byte ${first.byte} (0x${first.value.toString(16)}) on line ${first.line}`
  if (wellFormed > illFormed) {
    const notes = [
      `The file is UTF-8, but ${where} is part of no character${illFormed > 1 ? `, like ${illFormed - 1} more` : ""}: such records will be set aside.`,
    ]
    return { encoding: "utf-8", because: undefined, notes }
  }
  const words = findWords(sample)
  const shown =
    words.length === 0
      ? ""
      : `; so read, the file has words such as ${words.map((word) => JSON.stringify(word)).join(", ")}`
  const notes = isAnotherScript(sample)
    ? [
        "Most of its letters are beyond ASCII, so it is hardly in a Western language: if the words look wrong, name its encoding in dialect.encoding, for example windows-1251 or koi8-r for Cyrillic, or convert it with iconv.",
      ]
    : []
  return { encoding: "windows-1252", because: `${where} begins no UTF-8 character${shown}`, notes }
}

/** How long the well-formed sequence is that begins there (Unicode, table 3-7); undefined when there is none. */
function sequenceLength(bytes: Buffer, at: number): number | undefined {
  const [lead = 0, second = 0] = [bytes[at], bytes[at + 1]]
  const follows = (from: number, to: number) => {
    for (let i = from; i <= to; i += 1) if (((bytes[at + i] ?? 0) & 0xc0) !== 0x80) return false
    return true
  }
  if (lead >= 0xc2 && lead <= 0xdf) return follows(1, 1) ? 2 : undefined
  if (lead >= 0xe0 && lead <= 0xef) {
    if ((lead === 0xe0 && second < 0xa0) || (lead === 0xed && second > 0x9f)) return undefined
    return follows(1, 2) ? 3 : undefined
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    if ((lead === 0xf0 && second < 0x90) || (lead === 0xf4 && second > 0x8f)) return undefined
    return follows(1, 3) ? 4 : undefined
  }
  return undefined
}

/** A few words with letters beyond ASCII, as windows-1252 has them. */
function findWords(sample: Buffer): string[] {
  // Node reads `windows-1252` as Latin-1 in some versions, so the few that differ are put in by hand where they matter.
  const text = readWestern(sample)
  const words = text.match(/[\p{L}\p{M}]*[^\p{ASCII}\p{Cc}][\p{L}\p{M}]*/gu) ?? []
  return [...new Set(words)].slice(0, 3).map((word) => word.slice(0, 30))
}

const beyondLatin1 = "€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ"

function readWestern(bytes: Buffer): string {
  return bytes
    .toString("latin1")
    .replace(/[\u0080-\u009f]/g, (sign) => beyondLatin1[sign.charCodeAt(0) - 0x80] ?? sign)
}

/** In Western text letters beyond ASCII stand one by one among others; in other scripts they stand together. */
function isAnotherScript(sample: Buffer): boolean {
  let inRuns = 0
  let all = 0
  let run = 0
  for (let at = 0; at <= sample.length; at += 1) {
    if ((sample[at] ?? 0) >= 0x80) {
      run += 1
      continue
    }
    all += run
    if (run >= longRun) inRuns += run
    run = 0
  }
  return inRuns * 2 > all
}
