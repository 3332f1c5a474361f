/**
 * The values of JSON that hold no others (RFC 8259, sections 3, 6 and 7), in bytes that are UTF-8: where each ends.
 * Subtle: behind the bytes stands a line feed, which no value holds, and fifteen readable bytes behind that; so no loop
 * tests for the end. What is none, or cannot be loaded, ends at 0.
 */
import { readHex } from "./json-escape"

const doubleQuote: u32 = 0x22
const backslash: u32 = 0x5c
const minus: u32 = 0x2d
const zero: u32 = 0x30

/** After `passString`: whether it has escapes, \u among them, and how much longer it is than what it means in UTF-8. */
export let isEscaped = false
export let hasUnit = false
export let shrink: i32 = 0

/** The address behind the string that begins at `from`, or 0. */
export function passString(from: usize): usize {
  const quotes = i8x16.splat(<i8>doubleQuote)
  const backslashes = i8x16.splat(<i8>backslash)
  const controls = i8x16.splat(0x20)
  isEscaped = false
  hasUnit = false
  shrink = 0
  let at = from + 1
  while (true) {
    const sixteen = v128.load(at)
    const special = i8x16.bitmask(
      v128.or(
        v128.or(i8x16.eq(sixteen, quotes), i8x16.eq(sixteen, backslashes)),
        i8x16.lt_u(sixteen, controls),
      ),
    )
    if (special === 0) {
      at += 16
      continue
    }
    at += <usize>ctz(special)
    const stop: u32 = load<u8>(at)
    if (stop === doubleQuote) return at + 1
    const length = stop === backslash ? passEscape(at + 1) : 0
    if (length === 0) return 0
    isEscaped = true
    if (length > 1) hasUnit = true
    shrink += escapeShrink
    at += 1 + length
  }
}

/** After `passNumber`: its digits before the point and behind it, and whether it has an exponent. */
export let digits: i32 = 0
export let scale: i32 = 0
export let hasPower = false

/** The address behind the number that begins at `from`, or 0. */
export function passNumber(from: usize): usize {
  let at = load<u8>(from) === <u8>minus ? from + 1 : from
  digits = countDigits(at)
  scale = 0
  hasPower = false
  if (digits === 0 || (digits > 1 && load<u8>(at) === <u8>zero)) return 0
  at += <usize>digits
  if (load<u8>(at) === 0x2e) {
    scale = countDigits(at + 1)
    if (scale === 0) return 0
    at += 1 + <usize>scale
  }
  if ((load<u8>(at) | 0x20) === 0x65) {
    hasPower = true
    at += 1
    if (load<u8>(at) === 0x2b || load<u8>(at) === <u8>minus) at += 1
    const power = countDigits(at)
    if (power === 0) return 0
    at += <usize>power
  }
  return at
}

function countDigits(from: usize): i32 {
  let at = from
  while (true) {
    const figures = i8x16.bitmask(
      i8x16.lt_u(i8x16.sub(v128.load(at), i8x16.splat(<i8>zero)), i8x16.splat(10)),
    )
    if (figures !== 0xffff) return <i32>(at - from) + ctz(~figures)
    at += 16
  }
}

/** The address behind `true`, `false` or `null`, or 0. */
export function passWord(from: usize): usize {
  const word = load<u32>(from)
  if (word === 0x6c6c756e || word === 0x65757274) return from + 4
  return word === 0x736c6166 && load<u8>(from + 4) === 0x65 ? from + 5 : 0
}

let escapeShrink: i32 = 0

/**
 * The bytes of the escape behind a backslash, or 0 for none, and for NUL and half a surrogate pair. `escapeShrink` is how
 * much shorter what it means is in UTF-8, backslash included.
 */
function passEscape(at: usize): usize {
  switch (load<u8>(at)) {
    case 0x22:
    case 0x2f:
    case 0x5c:
    case 0x62:
    case 0x66:
    case 0x6e:
    case 0x72:
    case 0x74:
      escapeShrink = 1
      return 1
    case 0x75:
      break
    default:
      return 0
  }
  const code = readHex(at + 1)
  if (code <= 0 || (code >= 0xdc00 && code <= 0xdfff)) return 0
  if (code < 0xd800 || code > 0xdfff) {
    escapeShrink = code < 0x80 ? 5 : code < 0x800 ? 4 : 3
    return 5
  }
  if (load<u16>(at + 5) !== 0x755c) return 0
  const low = readHex(at + 7)
  if (low < 0xdc00 || low > 0xdfff) return 0
  escapeShrink = 8
  return 11
}
