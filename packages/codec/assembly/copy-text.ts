/**
 * Row lines to COPY's text format (Postgres manual, COPY, "Text Format").
 *
 * Subtle, so mind four things. (1) It understands the spelling that the source writes, arrays of strings and nulls
 * without white space; at any other line it stops, and the plain encoder has the word on that line. (2) Nothing that
 * comes out is longer than what went in: `null` becomes `\N`, two signs around a cell become one, an escape becomes at
 * most as many bytes. So the output needs no more room than the input, and sixteen bytes for the last copy. (3) Cells
 * are copied sixteen bytes at a time; what was copied beyond an end is overwritten. Behind the input stand sixteen
 * readable bytes, the first a line feed, which no JSON string holds as it is: so no loop tests for the end.
 * (4) The input is valid UTF-8.
 */
import { readHex } from "./json-escape"

const doubleQuote: u32 = 0x22
const backslash: u32 = 0x5c

/** After `encodeCopyText`: where reading and writing stopped, and how many lines were encoded. */
export let readTo: usize = 0
export let wroteTo: usize = 0
export let rows: i32 = 0

/** Encodes lines from `at` up to `end` into `out`, until the end or a line that is not plainly a row. */
export function encodeCopyText(at: usize, end: usize, width: i32, out: usize): void {
  const quotes = i8x16.splat(<i8>doubleQuote)
  const backslashes = i8x16.splat(<i8>backslash)
  const controls = i8x16.splat(0x20)
  let to = out
  let written: i32 = 0

  while (at < end) {
    const lineFrom = at
    const textFrom = to
    let plain = load<u8>(at) === 0x5b
    at += 1
    for (let column: i32 = 1; plain; column += 1) {
      if (load<u8>(at) === <u8>doubleQuote) {
        at += 1
        for (;;) {
          const sixteen = v128.load(at)
          const special = i8x16.bitmask(
            v128.or(
              v128.or(i8x16.eq(sixteen, quotes), i8x16.eq(sixteen, backslashes)),
              i8x16.lt_u(sixteen, controls),
            ),
          )
          v128.store(to, sixteen)
          if (special === 0) {
            at += 16
            to += 16
            continue
          }
          const same = <usize>ctz(special)
          at += same
          to += same
          const byte: u32 = load<u8>(at)
          at += 1
          if (byte === doubleQuote) break
          const length = byte === backslash ? copyMeaning(at, to) : 0
          if (length === 0) {
            plain = false
            break
          }
          at += length
          to = meaningTo
        }
        if (!plain) break
      } else if (load<u32>(at) === 0x6c6c756e) {
        store<u16>(to, 0x4e5c)
        to += 2
        at += 4
      } else {
        plain = false
        break
      }
      const sign: u32 = load<u8>(at)
      at += 1
      if (sign === 0x2c && column < width) {
        store<u8>(to, 0x09)
        to += 1
        continue
      }
      plain = sign === 0x5d && column === width && at < end && load<u8>(at) === 0x0a
      store<u8>(to, 0x0a)
      to += 1
      at += 1
      break
    }
    if (!plain) {
      readTo = lineFrom
      wroteTo = textFrom
      rows = written
      return
    }
    written += 1
  }
  readTo = at
  wroteTo = to
  rows = written
}

let meaningTo: usize = 0

/**
 * Writes what the escape at `at` (behind its backslash) means, as COPY spells it. Answers the escape's bytes, or 0
 * when it is none that can be loaded: NUL and half a surrogate pair are for the plain encoder, which says what is wrong.
 */
function copyMeaning(at: usize, to: usize): usize {
  const letter: u32 = load<u8>(at)
  switch (letter) {
    case 0x22:
    case 0x2f:
      store<u8>(to, <u8>letter)
      meaningTo = to + 1
      return 1
    case 0x5c:
    case 0x62:
    case 0x66:
    case 0x6e:
    case 0x72:
    case 0x74:
      store<u8>(to, <u8>backslash)
      store<u8>(to + 1, <u8>letter)
      meaningTo = to + 2
      return 1
    case 0x75:
      break
    default:
      return 0
  }
  const code = readHex(at + 1)
  if (code <= 0 || (code >= 0xdc00 && code <= 0xdfff)) return 0
  if (code < 0xd800 || code > 0xdfff) {
    meaningTo = copyCharacter(to, code)
    return 5
  }
  if (load<u16>(at + 5) !== 0x755c) return 0
  const low = readHex(at + 7)
  if (low < 0xdc00 || low > 0xdfff) return 0
  meaningTo = copyCharacter(to, 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00))
  return 11
}

function copyCharacter(to: usize, code: i32): usize {
  if (code < 0x80) {
    const letter = copyLetter(code)
    if (letter === 0) {
      store<u8>(to, <u8>code)
      return to + 1
    }
    store<u8>(to, <u8>backslash)
    store<u8>(to + 1, letter)
    return to + 2
  }
  if (code < 0x800) {
    store<u8>(to, <u8>(0xc0 | (code >> 6)))
    store<u8>(to + 1, <u8>(0x80 | (code & 0x3f)))
    return to + 2
  }
  if (code < 0x10000) {
    store<u8>(to, <u8>(0xe0 | (code >> 12)))
    store<u8>(to + 1, <u8>(0x80 | ((code >> 6) & 0x3f)))
    store<u8>(to + 2, <u8>(0x80 | (code & 0x3f)))
    return to + 3
  }
  store<u8>(to, <u8>(0xf0 | (code >> 18)))
  store<u8>(to + 1, <u8>(0x80 | ((code >> 12) & 0x3f)))
  store<u8>(to + 2, <u8>(0x80 | ((code >> 6) & 0x3f)))
  store<u8>(to + 3, <u8>(0x80 | (code & 0x3f)))
  return to + 4
}

/** The letter that COPY has for the character behind a backslash, or 0. */
function copyLetter(code: i32): u8 {
  switch (code) {
    case 0x08:
      return 0x62
    case 0x09:
      return 0x74
    case 0x0a:
      return 0x6e
    case 0x0b:
      return 0x76
    case 0x0c:
      return 0x66
    case 0x0d:
      return 0x72
    case 0x5c:
      return 0x5c
    default:
      return 0
  }
}
