/**
 * Arrays and objects of JSON that are values as a whole (RFC 8259, sections 4 and 5): where they end, and whether
 * anything is wrong in them. Subtle: what is rare, or large, is left to the caller, so the tables never grow.
 */

import { isEscaped, passNumber, passString, passWord } from "./json-values"
import { isSame } from "./same-bytes"

const doubleQuote: u32 = 0x22
const backslash: u32 = 0x5c
const minus: u32 = 0x2d
const zero: u32 = 0x30
const lf: u32 = 0x0a
const comma: u32 = 0x2c
const openArray: u32 = 0x5b
const closeArray: u32 = 0x5d
const openObject: u32 = 0x7b

/** Levels of brackets, keys of objects that are open at once, and keys of all values of a line. */
const mostLevels: i32 = 32
const mostKnown: i32 = 128
const mostKeys: i32 = 4096

/** Per open bracket what closes it and how many keys were known before; per key its address and length. */
let nestAt: usize = 0
let keysAt: usize = 0

/** How many keys the arrays and objects of the line have had. */
let keys: i32 = 0

/** Says where in memory the tables lie. */
export function openNested(nest: usize): void {
  nestAt = nest
  keysAt = nest + <usize>mostLevels * 8
}

/** Begins a line: its keys are counted together. */
export function beginNested(): void {
  keys = 0
}

/**
 * The address behind the array or object that begins at `from`; 0 for one that is none, has a key twice, or is so large
 * that it is not judged here: an empty one may stand in the last level. Other spaces than those of a line cannot come.
 */
export function passNested(from: usize): usize {
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
export function passAccepted(from: usize): usize {
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
