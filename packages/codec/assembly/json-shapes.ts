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
import { beginNested, openNested, passAccepted, passNested } from "./json-nested"
import {
  digits,
  hasPower,
  hasUnit,
  isEscaped,
  passNumber,
  passString,
  passWord,
  scale,
  shrink,
} from "./json-values"
import { isSame } from "./same-bytes"

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
const openArray: u32 = 0x5b
const openObject: u32 = 0x7b

let shapesAt: usize = 0
let cellsAt: usize = 0
let pathAt: usize = 0
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
  openNested(nest)
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
  beginNested()
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
