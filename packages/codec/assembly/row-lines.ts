/**
 * CSV records to row lines: one JSON array of strings and nulls per record (RFC 4180 in, RFC 8259 out).
 *
 * Subtle, so mind four things. (1) A cell is copied sixteen bytes at a time, and what was copied beyond its end is
 * overwritten by what follows: so behind the input stand sixteen readable bytes, the first a line feed, and the output
 * keeps `margin` bytes in hand wherever a copy may begin. (2) The records were accepted by a scan: a quote outside
 * quotes or a carriage return that ends nothing cannot come. (3) Every cell is served, in the file's order. (4) A record
 * that does not fit is given up whole: the caller takes what is finished, and comes back for it.
 */
import { copyEscape } from "./json-escape"

const lf: u32 = 0x0a
const cr: u32 = 0x0d
const comma: u32 = 0x2c
const doubleQuote: u32 = 0x22
const backslash: u8 = 0x5c

/** The widest copy, an escape, and the signs around a cell: what one step may write before it looks at the room. */
const margin: usize = 48

/** After `encodeRowLines`: where reading and writing stopped, and how many rows were written. */
export let readTo: usize = 0
export let wroteTo: usize = 0
export let rows: i32 = 0

/**
 * Encodes whole records from `at` up to `end` into `out` up to `outEnd`. Stops early when the next one does not fit.
 */
export function encodeRowLines(
  at: usize,
  end: usize,
  width: i32,
  delimiter: u32,
  quote: u32,
  out: usize,
  outEnd: usize,
): void {
  const delimiters = i8x16.splat(<i8>delimiter)
  const quotes = i8x16.splat(<i8>quote)
  const doubleQuotes = i8x16.splat(<i8>doubleQuote)
  const backslashes = i8x16.splat(backslash)
  const controls = i8x16.splat(0x20)
  const limit = outEnd - margin
  let to = out
  let written: i32 = 0

  while (at < end) {
    const recordFrom = at
    const lineFrom = to
    let fits = to <= limit
    if (fits) {
      // Each cell is written with the comma before it; the first comma becomes the bracket.
      for (let column: i32 = 0; column < width; column += 1) {
        if (to > limit) {
          fits = false
          break
        }
        let byte: u32 = load<u8>(at)
        if (byte === quote) {
          // `,"`
          store<u16>(to, 0x222c)
          to += 2
          at += 1
          while (to <= limit) {
            const sixteen = v128.load(at)
            const special = i8x16.bitmask(
              v128.or(
                v128.or(i8x16.eq(sixteen, quotes), i8x16.eq(sixteen, doubleQuotes)),
                v128.or(i8x16.eq(sixteen, backslashes), i8x16.lt_u(sixteen, controls)),
              ),
            )
            v128.store(to, sixteen)
            if (special === 0) {
              at += 16
              to += 16
              continue
            }
            const plain = <usize>ctz(special)
            at += plain
            to += plain
            byte = load<u8>(at)
            if (byte === quote) {
              at += 1
              if (load<u8>(at) !== quote) break
            }
            at += 1
            // A quote of the dialect that JSON does not escape is plain there.
            if (byte === quote && quote !== doubleQuote) {
              store<u8>(to, <u8>byte)
              to += 1
            } else to = copyEscape(to, byte)
          }
          if (to > limit) {
            fits = false
            break
          }
          store<u8>(to, <u8>doubleQuote)
          to += 1
        } else {
          let sixteen = v128.load(at)
          let special = i8x16.bitmask(
            v128.or(
              v128.or(i8x16.eq(sixteen, delimiters), i8x16.eq(sixteen, doubleQuotes)),
              v128.or(i8x16.eq(sixteen, backslashes), i8x16.lt_u(sixteen, controls)),
            ),
          )
          if ((special & 1) !== 0 && isCellEnd(byte, delimiter)) {
            // `,null`
            store<u8>(to, <u8>comma)
            store<u32>(to + 1, 0x6c6c756e)
            to += 5
          } else {
            store<u16>(to, 0x222c)
            to += 2
            for (;;) {
              v128.store(to, sixteen)
              if (special === 0) {
                at += 16
                to += 16
              } else {
                const plain = <usize>ctz(special)
                at += plain
                to += plain
                byte = load<u8>(at)
                if (isCellEnd(byte, delimiter)) break
                to = copyEscape(to, byte)
                at += 1
              }
              if (to > limit) break
              sixteen = v128.load(at)
              special = i8x16.bitmask(
                v128.or(
                  v128.or(i8x16.eq(sixteen, delimiters), i8x16.eq(sixteen, doubleQuotes)),
                  v128.or(i8x16.eq(sixteen, backslashes), i8x16.lt_u(sixteen, controls)),
                ),
              )
            }
            if (to > limit) {
              fits = false
              break
            }
            store<u8>(to, <u8>doubleQuote)
            to += 1
          }
        }
        // Over the delimiter; at the record's last cell, over its line end.
        at += column === width - 1 && load<u8>(at) === <u8>cr ? 2 : 1
      }
    }
    if (!fits) {
      readTo = recordFrom
      wroteTo = lineFrom
      rows = written
      return
    }
    store<u8>(lineFrom, 0x5b)
    store<u16>(to, 0x0a5d)
    to += 2
    written += 1
  }
  readTo = at
  wroteTo = to
  rows = written
}

function isCellEnd(byte: u32, delimiter: u32): bool {
  return byte === delimiter || byte === lf || byte === cr
}
