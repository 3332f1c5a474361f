/**
 * Lines of NDJSON to row lines: one JSON array of strings and nulls per line (RFC 8259 in and out).
 *
 * Subtle, so mind three things. (1) The lines were accepted before, so that a string goes out as it is, escapes and
 * all; JSON that stays JSON becomes a string with escapes of its own. (2) Sixteen bytes are copied at a time, and what
 * was copied beyond an end is overwritten: a line is only begun where there is room for the most that it can become.
 * (3) Values come in the line's order and go out in the columns': so a line is read whole before its row is written.
 */
import { copyEscape } from "./json-escape"
import {
  booleanKind,
  cellEndAt,
  cellKindAt,
  followLine,
  hasCell,
  nestedKind,
  nullKind,
  numberKind,
} from "./json-shapes"

const doubleQuote: u32 = 0x22
const comma: u8 = 0x2c

/** Per column: the cell's address, 0 where no line has one; whether it goes out as JSON in a string. */
const columnBytes: usize = 8
/** The longest escape. */
const mostGrowth: usize = 6
const margin: usize = 64

/** After `encodeJsonLines`: where reading and writing stopped, how many rows were written, and whether room is missing. */
export let readTo: usize = 0
export let wroteTo: usize = 0
export let rows: i32 = 0
export let isFull: bool = false

/**
 * Encodes lines from `at` up to `end` into `out` up to `outEnd`, until the end, a line that no shape knows, or one that
 * may not fit.
 */
export function encodeJsonLines(
  at: usize,
  end: usize,
  columns: usize,
  width: i32,
  out: usize,
  outEnd: usize,
): void {
  let to = out
  rows = 0
  isFull = false
  while (at < end) {
    const next = followLine(at)
    if (next === 0) break
    if (to + (next - at) * mostGrowth + <usize>width * 8 + margin > outEnd) {
      isFull = true
      break
    }
    const rowFrom = to
    for (let i: i32 = 0; i < width; i += 1) {
      const column = columns + <usize>i * columnBytes
      const cell = load<usize>(column)
      const kind = cell !== 0 && hasCell(cell) ? load<i32>(cell + cellKindAt) : nullKind
      if (kind === nullKind) {
        // `,null`
        store<u8>(to, comma)
        store<u32>(to + 1, 0x6c6c756e)
        to += 5
        continue
      }
      const from = load<usize>(cell)
      const length = load<usize>(cell + cellEndAt) - from
      if (kind === nestedKind || load<i32>(column + 4) !== 0) {
        store<u16>(to, 0x222c)
        to = copyEscaped(from, from + length, to + 2)
        store<u8>(to, <u8>doubleQuote)
        to += 1
      } else if (kind === numberKind || kind === booleanKind) {
        store<u16>(to, 0x222c)
        to = copyPlain(from, length, to + 2)
        store<u8>(to, <u8>doubleQuote)
        to += 1
      } else {
        store<u8>(to, comma)
        to = copyPlain(from, length, to + 1)
      }
    }
    // The first comma is the bracket; of no columns there is none.
    if (width === 0) to += 1
    store<u8>(rowFrom, 0x5b)
    store<u16>(to, 0x0a5d)
    to += 2
    rows += 1
    at = next
  }
  readTo = at
  wroteTo = to
}

function copyPlain(from: usize, length: usize, to: usize): usize {
  const behind = to + length
  while (true) {
    v128.store(to, v128.load(from))
    to += 16
    if (to >= behind) return behind
    from += 16
  }
}

function copyEscaped(from: usize, end: usize, to: usize): usize {
  const quotes = i8x16.splat(<i8>doubleQuote)
  const backslashes = i8x16.splat(0x5c)
  const controls = i8x16.splat(0x20)
  let at = from
  while (at < end) {
    const sixteen = v128.load(at)
    const special = i8x16.bitmask(
      v128.or(
        v128.or(i8x16.eq(sixteen, quotes), i8x16.eq(sixteen, backslashes)),
        i8x16.lt_u(sixteen, controls),
      ),
    )
    v128.store(to, sixteen)
    const plain = min(<usize>ctz(special | 0x10000), end - at)
    at += plain
    to += plain
    if (at < end && plain < 16) {
      to = copyEscape(to, load<u8>(at))
      at += 1
    }
  }
  return to
}
