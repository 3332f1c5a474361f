/**
 * Pure: where a JSON value ends, without judging it. Of a text that is JSON up to there the answer is exact; of any
 * other the judge (json-walk.ts) finds the fault before this end.
 */
import { backslash, closeArray, closeObject, comma, openArray, openObject, quote } from "./json-bytes.ts"

/** 1 for what matters between strings: quotes and brackets. */
const marks = new Uint8Array(256)
for (const byte of [quote, openObject, closeObject, openArray, closeArray]) marks[byte] = 1

/** 1 for what ends a number or a word. */
const wordEnds = new Uint8Array(256)
for (const byte of [0x20, 0x09, 0x0a, 0x0d, comma, closeArray, closeObject]) wordEnds[byte] = 1

/** Follows one value through bytes that come piece by piece. */
export type ValueFrame = {
  /**
   * Goes on at `at`, which is where the value begins or where the bytes ended the last time. Answers the offset behind
   * the value, or −1 when it does not end before `to`.
   */
  follow(bytes: Buffer, at: number, to: number): number
  /** Forgets the value under way. */
  reset(): void
}

export function createValueFrame(): ValueFrame {
  let depth = 0
  let inString = false
  let inEscape = false
  let inWord = false

  function follow(bytes: Buffer, from: number, to: number): number {
    let at = from
    while (at < to) {
      if (inString) {
        if (inEscape) {
          inEscape = false
          at += 1
        }
        let byte = 0
        while (at < to) {
          byte = bytes[at] as number
          if (byte === quote || byte === backslash) break
          at += 1
        }
        if (at >= to) return -1
        at += 1
        if (byte === backslash) {
          inEscape = true
          continue
        }
        inString = false
        if (depth === 0) return at
      } else if (inWord) {
        while (at < to && wordEnds[bytes[at] as number] === 0) at += 1
        if (at >= to) return -1
        return at
      } else {
        if (depth === 0 && marks[bytes[at] as number] === 0) {
          inWord = true
          continue
        }
        while (at < to && marks[bytes[at] as number] === 0) at += 1
        if (at >= to) return -1
        const byte = bytes[at] as number
        at += 1
        if (byte === quote) inString = true
        else if (byte === openObject || byte === openArray) depth += 1
        else {
          depth -= 1
          // A bracket that nothing opened ends what is no value; the judge will say so.
          if (depth <= 0) return at
        }
      }
    }
    return -1
  }

  return {
    follow,
    reset() {
      depth = 0
      inString = false
      inEscape = false
      inWord = false
    },
  }
}
