/**
 * Row lines of a chunk to COPY's text format, byte by byte: no string or object per cell or row. Pure.
 *
 * Subtle, so mind three things. (1) It understands the spelling that the source writes, arrays of strings and nulls
 * without white space; at any other line it stops and says where, and the plain encoder has the word on that line.
 * (2) The lines end with a newline, which no JSON string may hold as it is: so no inner loop tests for the end.
 * (3) What comes out is never longer than what went in: `null` becomes `\N`, two signs around a cell become one,
 * an escape becomes at most as many bytes.
 */

const doubleQuote = 0x22
const backslash = 0x5c
const lf = 0x0a
const plain = 0

// RFC 8259 section 7: neither a quote, a backslash nor a control character stands in a string as it is.
const ends = new Uint8Array(256).fill(1, 0, 0x20)
ends[doubleQuote] = 1
ends[backslash] = 1

// The letter behind a backslash in JSON: what COPY's text format has for it, as one byte, or as a backslash and a
// letter (Postgres manual, COPY, "Text Format"). 0: no such escape.
const oneByte = new Uint8Array(256)
const letters = new Uint8Array(256)
for (const sign of ['"', "/"]) oneByte[sign.charCodeAt(0)] = sign.charCodeAt(0)
for (const letter of ["\\", "b", "f", "n", "r", "t"]) letters[letter.charCodeAt(0)] = letter.charCodeAt(0)

// Characters that COPY escapes, by code: backspace to carriage return, and the backslash.
const copyLetters = new Uint8Array(128)
for (const [code, letter] of [
  [0x08, "b"],
  [0x09, "t"],
  [0x0a, "n"],
  [0x0b, "v"],
  [0x0c, "f"],
  [0x0d, "r"],
  [backslash, "\\"],
] as const) {
  copyLetters[code] = letter.charCodeAt(0)
}

export type Stretch = {
  /** The offset behind the last line that was encoded. */
  readonly next: number
  /** The offset in `out` behind what was written. */
  readonly to: number
  /** How many lines were encoded. */
  readonly rows: number
}

/** Encodes lines from `from` on into `out` at `at`, until the end or a line that is not plainly a row. */
export function encodeLineBytes(
  lines: Buffer,
  from: number,
  width: number,
  out: Buffer,
  outAt: number,
): Stretch {
  const end = lines.length
  // Locals that no inner function touches: a variable that one did would live in memory, not in a register.
  let at = from
  let to = outAt
  let rows = 0

  while (at < end) {
    const lineFrom = at
    const lineTo = to
    if (lines[at++] !== 0x5b) return { next: lineFrom, to: lineTo, rows }
    for (let column = 1; ; column += 1) {
      let byte = lines[at] as number
      if (byte === doubleQuote) {
        byte = lines[++at] as number
        for (;;) {
          while (ends[byte] === plain) {
            out[to++] = byte
            byte = lines[++at] as number
          }
          if (byte === doubleQuote) break
          const length = byte === backslash ? measureEscape(lines, at + 1) : 0
          if (length === 0) return { next: lineFrom, to: lineTo, rows }
          to = writeEscape(lines, at + 1, out, to)
          at += 1 + length
          byte = lines[at] as number
        }
        at += 1
      } else if (
        byte === 0x6e &&
        lines[at + 1] === 0x75 &&
        lines[at + 2] === 0x6c &&
        lines[at + 3] === 0x6c
      ) {
        out[to++] = backslash
        out[to++] = 0x4e
        at += 4
      } else return { next: lineFrom, to: lineTo, rows }

      byte = lines[at++] as number
      if (byte === 0x2c && column < width) {
        out[to++] = 0x09
        continue
      }
      if (byte !== 0x5d || column !== width || lines[at] !== lf) return { next: lineFrom, to: lineTo, rows }
      out[to++] = lf
      at += 1
      break
    }
    rows += 1
  }
  return { next: at, to, rows }
}

/** The bytes of the escape at `from` (behind its backslash), or 0 when it is none for us. */
function measureEscape(lines: Buffer, from: number): number {
  const letter = lines[from] as number
  if (oneByte[letter] !== 0 || letters[letter] !== 0) return 1
  if (letter !== 0x75) return 0
  const code = readHex(lines, from + 1)
  // NUL and half a pair are for the plain encoder, which says what is wrong with them.
  if (code <= 0 || (code >= 0xdc00 && code <= 0xdfff)) return 0
  if (code < 0xd800 || code > 0xdfff) return 5
  if (lines[from + 5] !== backslash || lines[from + 6] !== 0x75) return 0
  const low = readHex(lines, from + 7)
  return low >= 0xdc00 && low <= 0xdfff ? 11 : 0
}

/** Writes what a measured escape means and answers the offset behind it. */
function writeEscape(lines: Buffer, from: number, out: Buffer, at: number): number {
  let to = at
  const letter = lines[from] as number
  if (oneByte[letter] !== 0) out[to++] = letter
  else if (letters[letter] !== 0) {
    out[to++] = backslash
    out[to++] = letter
  } else {
    const code = readHex(lines, from + 1)
    const isPair = code >= 0xd800 && code <= 0xdfff
    return writeCharacter(isPair ? joinPair(code, readHex(lines, from + 7)) : code, out, to)
  }
  return to
}

function joinPair(high: number, low: number): number {
  return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)
}

function readHex(lines: Buffer, from: number): number {
  let code = 0
  for (let i = from; i < from + 4; i += 1) {
    const byte = lines[i] as number
    const letter = byte | 0x20
    if (byte >= 0x30 && byte <= 0x39) code = code * 16 + byte - 0x30
    else if (letter >= 0x61 && letter <= 0x66) code = code * 16 + letter - 0x57
    else return -1
  }
  return code
}

function writeCharacter(code: number, out: Buffer, at: number): number {
  if (code >= 0x80) return at + out.write(String.fromCodePoint(code), at)
  let to = at
  if (copyLetters[code] !== 0) {
    out[to++] = backslash
    out[to++] = copyLetters[code] as number
  } else out[to++] = code
  return to
}
