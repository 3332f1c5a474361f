/** Pure: the smallest parts of a JSON text in its bytes (RFC 8259). Everything works on offsets; nothing is decoded. */

export const quote = 0x22
export const backslash = 0x5c
export const comma = 0x2c
export const colon = 0x3a
export const openObject = 0x7b
export const closeObject = 0x7d
export const openArray = 0x5b
export const closeArray = 0x5d
export const lf = 0x0a

/** What stands in a cell or beside it, as bits of a string's flags. */
export const flags = { escaped: 1, wide: 2, nul: 4, halfPair: 8 } as const

/** 1 for the four characters of whitespace (section 2). Index: the byte. */
const isSpace = new Uint8Array(256)
for (const byte of [0x20, 0x09, 0x0a, 0x0d]) isSpace[byte] = 1

/** 0 inside a string (section 7), 1 for the quote, the backslash and what may not stand there, 2 for UTF-8's longer characters. */
const stringStops = new Uint8Array(256)
for (let byte = 0; byte < 256; byte += 1) stringStops[byte] = byte < 0x20 ? 1 : byte >= 0x80 ? 2 : 0
stringStops[quote] = 1
stringStops[backslash] = 1

const simpleEscapes = new Set(Buffer.from('"\\/bfnrt'))
const literals = { true: Buffer.from("true"), false: Buffer.from("false"), null: Buffer.from("null") }

/** The first offset from `at` on that is no whitespace, `to` at the most. */
export function skipSpace(bytes: Buffer, from: number, to: number): number {
  let at = from
  while (at < to && isSpace[bytes[at] as number] === 1) at += 1
  return at
}

/** Where a token ends, or −1 − the offset of the first byte that cannot stand there. Its `flags` are those of strings. */
export type Token = { flags: number }

/** A string from its opening quote on: the offset behind its closing one. Whether bytes are UTF-8 is not looked at. */
export function readString(bytes: Buffer, from: number, to: number, token: Token): number {
  token.flags = 0
  let at = from + 1
  for (;;) {
    while (at < to && stringStops[bytes[at] as number] === 0) at += 1
    if (at >= to) return -1 - to
    const byte = bytes[at] as number
    if (byte === quote) return at + 1
    if (byte >= 0x80) {
      token.flags |= flags.wide
      at += 1
      while (at < to && (bytes[at] as number) >= 0x80) at += 1
    } else if (byte === backslash) {
      const behind = readEscape(bytes, at, to, token)
      if (behind < 0) return behind
      at = behind
    } else return -1 - at
  }
}

function readEscape(bytes: Buffer, at: number, to: number, token: Token): number {
  token.flags |= flags.escaped
  if (at + 1 >= to) return -1 - to
  const letter = bytes[at + 1] as number
  if (simpleEscapes.has(letter)) return at + 2
  if (letter !== 0x75) return -2 - at
  const unit = readUnit(bytes, at + 2, to)
  if (unit < 0) return unit
  if (unit === 0) token.flags |= flags.nul
  if (unit < 0xd800 || unit > 0xdfff) return at + 6
  const isPair = unit < 0xdc00 && at + 7 < to && bytes[at + 6] === backslash && bytes[at + 7] === 0x75
  const low = isPair ? readUnit(bytes, at + 8, to) : 0
  if (low < 0) return low
  if (low >= 0xdc00 && low <= 0xdfff) return at + 12
  token.flags |= flags.halfPair
  return at + 6
}

/** Four hexadecimal digits as a number. */
function readUnit(bytes: Buffer, from: number, to: number): number {
  let unit = 0
  for (let at = from; at < from + 4; at += 1) {
    if (at >= to) return -1 - to
    const byte = bytes[at] as number
    const digit =
      byte >= 0x30 && byte <= 0x39
        ? byte - 0x30
        : (byte | 32) >= 0x61 && (byte | 32) <= 0x66
          ? (byte | 32) - 0x57
          : -1
    if (digit < 0) return -1 - at
    unit = unit * 16 + digit
  }
  return unit
}

const digits = new Uint8Array(256)
digits.fill(1, 0x30, 0x3a)
const isDigit = (byte: number | undefined) => digits[byte as number] === 1

/** A number (section 6). What follows it is not looked at. */
export function readNumber(bytes: Buffer, from: number, to: number): number {
  let at = from
  if (bytes[at] === 0x2d) at += 1
  if (at >= to || !isDigit(bytes[at])) return -1 - at
  if (bytes[at] === 0x30) at += 1
  else while (at < to && isDigit(bytes[at])) at += 1
  if (at < to && bytes[at] === 0x2e) {
    at += 1
    if (at >= to || !isDigit(bytes[at])) return -1 - at
    while (at < to && isDigit(bytes[at])) at += 1
  }
  if (at < to && ((bytes[at] as number) | 32) === 0x65) {
    at += 1
    if (at < to && (bytes[at] === 0x2b || bytes[at] === 0x2d)) at += 1
    if (at >= to || !isDigit(bytes[at])) return -1 - at
    while (at < to && isDigit(bytes[at])) at += 1
  }
  return at
}

/** `true`, `false` or `null` (section 3). */
export function readLiteral(bytes: Buffer, from: number, to: number): number {
  const word = bytes[from] === 0x74 ? literals.true : bytes[from] === 0x66 ? literals.false : literals.null
  for (let i = 0; i < word.length; i += 1) {
    if (from + i >= to || bytes[from + i] !== word[i]) return -1 - Math.min(from + i, to)
  }
  return from + word.length
}

/** A scalar that is no string. */
export function readWord(bytes: Buffer, from: number, to: number): number {
  const byte = bytes[from] as number
  if (byte === 0x74 || byte === 0x66 || byte === 0x6e) return readLiteral(bytes, from, to)
  return readNumber(bytes, from, to)
}
