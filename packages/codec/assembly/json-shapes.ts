/**
 * Lines of NDJSON by their shape (RFC 8259): what stands between the values of a line, keys and all, is compared with
 * what stood there in lines before it, sixteen bytes at a time; only the values are read.
 *
 * Subtle, so mind five things. (1) A shape is a line that was read in full and found fine, cut at its values. Another
 * line with the same bytes between its values has the same keys in the same objects, so it is as fine as that one if
 * its values are. (2) Shapes share their beginnings: they are a tree of gaps, and where it branches, longer gaps come
 * first, as one may begin with another. (3) Every line ends with a line feed, which no value and no gap but the last
 * one holds: so no loop tests for the end. Behind the last line stand sixteen readable bytes. (4) Whether the bytes are
 * UTF-8 is known before. (5) Whatever is not plainly right makes the answer 0, and the caller has the word on the line.
 */
import { readHex } from "./json-escape"

/** What a value is, numbered as the caller's own reader does; 0 is for places that a line does not have. */
export const nullKind: i32 = 1
export const numberKind: i32 = 2
export const booleanKind: i32 = 3
export const stringKind: i32 = 4
export const escapedKind: i32 = 5
export const nestedKind: i32 = 6

/** Per gap: where its bytes lie, how many, the field of the value behind it or −1, the first gap behind that, the next gap beside it. */
const gapLengthAt: usize = 4
const gapFieldAt: usize = 8
const gapInnerAt: usize = 12
const gapBesideAt: usize = 16

/** Per field, of the line under way: where the value begins and ends, its kind, then as told below, and the line's number. */
export const cellBytes: usize = 32
export const cellEndAt: usize = 4
export const cellKindAt: usize = 8
/** Of a number: digits before the point and behind it. Of a string: how many bytes its escapes are too long. */
export const cellDigitsAt: usize = 12
export const cellScaleAt: usize = 16
/** 1 for what has to be read in full to tell its form: exponents, and escapes that may spell a date. */
export const cellAskAt: usize = 20
export const cellFormAt: usize = 24
const cellLineAt: usize = 28

const doubleQuote: u32 = 0x22
const backslash: u32 = 0x5c
const minus: u32 = 0x2d
const zero: u32 = 0x30
const lf: u32 = 0x0a

const comma: u32 = 0x2c
const openArray: u32 = 0x5b
const closeArray: u32 = 0x5d
const openObject: u32 = 0x7b

/** Of a value that is an array or object: levels in it, keys of objects that are open at once, and keys of all values of a line. */
const mostLevels: i32 = 32
const mostKnown: i32 = 128
const mostKeys: i32 = 4096

let shapesAt: usize = 0
let cellsAt: usize = 0
let pathAt: usize = 0
/** Per open bracket what closes it and how many keys were known before; per key its address and length. */
let nestAt: usize = 0
let keysAt: usize = 0
let passesObjects = false
let isAccepted = false
let line: u32 = 0

/** After `followLine`: how many values it met; their fields stand one behind the other at the path's address. */
export let pathLength: i32 = 0

/**
 * Says where in memory the tables lie: at `shapes` the address of the first gap, or 0. Objects are values where the
 * caller does not take them apart; arrays and objects of `accepted` lines are not judged again.
 */
export function openShapes(
  shapes: usize,
  cells: usize,
  path: usize,
  nest: usize,
  objects: bool,
  accepted: bool,
): void {
  shapesAt = shapes
  cellsAt = cells
  pathAt = path
  nestAt = nest
  keysAt = nest + <usize>mostLevels * 8
  passesObjects = objects
  isAccepted = accepted
}

/** Whether the line under way has a value for the field whose cell that is. */
export function hasCell(cell: usize): bool {
  return load<u32>(cell + cellLineAt) === line
}

/** Reads the line that begins at `from` by the shapes. Answers where the next one begins, or 0. */
export function followLine(from: usize): usize {
  line += 1
  keys = 0
  let at = from
  let gap = load<usize>(shapesAt)
  let count: i32 = 0
  while (true) {
    while (gap !== 0 && !isSame(at, load<usize>(gap), load<i32>(gap + gapLengthAt))) {
      gap = load<usize>(gap + gapBesideAt)
    }
    if (gap === 0) return 0
    at += load<usize>(gap + gapLengthAt)
    const field = load<i32>(gap + gapFieldAt)
    if (field < 0) {
      pathLength = count
      return at
    }
    const cell = cellsAt + <usize>field * cellBytes
    const byte: u32 = load<u8>(at)
    store<usize>(cell, at)
    let kind: i32 = 0
    let ask: i32 = 0
    let end: usize = 0
    if (byte === doubleQuote) {
      end = passString(at)
      if (end === 0) return 0
      kind = isEscaped ? escapedKind : stringKind
      store<i32>(cell + cellDigitsAt, shrink)
      if (hasUnit) {
        const first: u32 = load<u8>(at + 1)
        ask = first === backslash || first - zero < 10 ? 1 : 0
      }
    } else if (byte === minus || byte - zero < 10) {
      end = passNumber(at)
      if (end === 0) return 0
      kind = numberKind
      ask = hasPower ? 1 : 0
      store<i32>(cell + cellDigitsAt, digits)
      store<i32>(cell + cellScaleAt, scale)
    } else if (byte === openArray || byte === openObject) {
      if (byte === openObject && !passesObjects) return 0
      end = isAccepted ? passAccepted(at) : passNested(at)
      if (end === 0) return 0
      kind = nestedKind
    } else {
      end = passWord(at)
      if (end === 0) return 0
      kind = byte === 0x6e ? nullKind : booleanKind
    }
    at = end
    store<usize>(cell + cellEndAt, at)
    store<i32>(cell + cellKindAt, kind)
    store<i32>(cell + cellAskAt, ask)
    store<u32>(cell + cellLineAt, line)
    store<i32>(pathAt + <usize>count * 4, field)
    count += 1
    gap = load<usize>(gap + gapInnerAt)
  }
}

/** Whether so many bytes are the same in both places; what stands behind them may be read. */
function isSame(at: usize, gap: usize, length: i32): bool {
  while (length > 16) {
    if (i8x16.bitmask(i8x16.eq(v128.load(at), v128.load(gap))) !== 0xffff) return false
    at += 16
    gap += 16
    length -= 16
  }
  const same = i8x16.bitmask(i8x16.eq(v128.load(at), v128.load(gap)))
  return ((same | (-1 << length)) & 0xffff) === 0xffff
}

/** After `passString`: whether it has escapes, \u among them, and how much longer it is than what it means in UTF-8. */
let isEscaped = false
let hasUnit = false
let shrink: i32 = 0

/** The address behind the string that begins at `from`, or 0. */
function passString(from: usize): usize {
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
let digits: i32 = 0
let scale: i32 = 0
let hasPower = false

/** The address behind the number that begins at `from`, or 0. */
function passNumber(from: usize): usize {
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
function passWord(from: usize): usize {
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

/** How many keys the values of the line have had. */
let keys: i32 = 0

/**
 * The address behind the array or object that begins at `from`; 0 for one that is none, has a key twice, or is so large
 * that it is not judged here: an empty one may stand in the last level. Other spaces than those of a line cannot come.
 */
function passNested(from: usize): usize {
  let at = from
  let level: i32 = 0
  // The keys of the objects that are open, one behind the other.
  let known: i32 = 0
  while (true) {
    let isOpen = false
    const byte: u32 = load<u8>(at)
    if (byte === openArray || byte === openObject) {
      const closer = byte + 2
      at = passSpace(at + 1)
      if (load<u8>(at) === <u8>closer) at += 1
      else {
        if (level === mostLevels) return 0
        store<u32>(nestAt + <usize>level * 8, closer)
        store<i32>(nestAt + <usize>level * 8 + 4, known)
        level += 1
        isOpen = true
      }
    } else {
      at =
        byte === doubleQuote
          ? passString(at)
          : byte === minus || byte - zero < 10
            ? passNumber(at)
            : passWord(at)
      if (at === 0) return 0
    }
    // Behind a value, or behind a bracket that opens.
    while (true) {
      if (level === 0) return at
      const nest = nestAt + <usize>(level - 1) * 8
      const closer = load<u32>(nest)
      at = passSpace(at)
      if (!isOpen) {
        const next: u32 = load<u8>(at)
        if (next === closer) {
          known = load<i32>(nest + 4)
          level -= 1
          at += 1
          continue
        }
        if (next !== comma) return 0
        at = passSpace(at + 1)
      }
      isOpen = false
      if (closer === closeArray) break
      const key = at
      if (load<u8>(key) !== <u8>doubleQuote) return 0
      at = passString(key)
      // Two keys may be the same and be spelled in two ways.
      if (at === 0 || isEscaped) return 0
      keys += 1
      if (keys > mostKeys || known === mostKnown) return 0
      const length = <i32>(at - key)
      for (let i = load<i32>(nest + 4); i < known; i += 1) {
        const other = keysAt + <usize>i * 8
        if (load<i32>(other + 4) === length && isSame(key, load<usize>(other), length)) return 0
      }
      store<usize>(keysAt + <usize>known * 8, key)
      store<i32>(keysAt + <usize>known * 8 + 4, length)
      known += 1
      at = passSpace(at)
      if (load<u8>(at) !== 0x3a) return 0
      at = passSpace(at + 1)
      break
    }
  }
}

function passSpace(from: usize): usize {
  let at = from
  while (load<u8>(at) === 0x20 || load<u8>(at) === 0x09 || load<u8>(at) === 0x0d) at += 1
  return at
}

/** The same for one that was judged before; 0 where its line ends before it does. */
function passAccepted(from: usize): usize {
  let at = from
  let depth: i32 = 0
  let inString = false
  while (true) {
    const byte: u32 = load<u8>(at)
    at += 1
    if (byte === lf) return 0
    if (inString) {
      if (byte === backslash) at += 1
      else if (byte === doubleQuote) inString = false
    } else if (byte === doubleQuote) inString = true
    else if (byte === openArray || byte === openObject) depth += 1
    else if (byte === closeArray || byte === 0x7d) {
      depth -= 1
      if (depth === 0) return at
    }
  }
}
