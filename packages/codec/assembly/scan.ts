/**
 * Records of a CSV, one after the other, from bytes that are held: where each ends, whether it is a row, and what its
 * cells say of the columns (RFC 4180, with any one-byte delimiter and quote).
 *
 * It is long because it is one loop: what it needs at each cell has to stay in registers.
 * Subtle, so mind four things. (1) Behind the bytes stand two sentinels, a line feed and a quote, and readable bytes
 * beyond: so no inner loop tests for the end, and whoever meets one at `end` knows that the record goes on in bytes to
 * come; then it is scanned again from its first byte. (2) A cell whose form its column has had, and that is no longer
 * than those before, is only counted; what is new is noted, and the caller has the word on that record before the next
 * is looked at. (3) The forms of a record are counted once it is a row: until then they stand beside their columns.
 * (4) Short cells are told by their bits, sixteen bytes at once; the rest by cell-form.ts: both draw the same line.
 */
import {
  digits,
  emptyForm,
  integerForm,
  nullForm,
  numericForm,
  scale,
  tellForm,
  tellInteger,
  textForm,
} from "./cell-form"

const lf: u32 = 0x0a
const cr: u32 = 0x0d
const zero: u8 = 0x30

/** Why a scan stopped. `stops` in src/record-scan.ts names them in this order. */
const needsMore: i32 = 0
const isFull: i32 = 1
const hasNotes: i32 = 2
const isMalformed: i32 = 3
const isTooLong: i32 = 4

// The tables in memory. src/record-scan.ts lays them out by the sizes and places that are exported here; the places within
// an entry that are written as figures below (columns, notes, records) it counts itself, so they change there too.

/** Per column of the file: the field served from it or −1, and the form of its cell in the record under way. */
export const columnBytes: usize = 8
/**
 * Per field: longest cell, most digits before and after the point, forms had, forms allowed, then cells by form: there is
 * room for 16 forms.
 */
export const fieldBytes: usize = 128
export const mostDigitsAt: usize = 4
export const mostScaleAt: usize = 8
export const hadAt: usize = 12
export const allowedAt: usize = 16
export const countsAt: usize = 64
/** Per note: field, form, where the cell begins and ends, quotes that stand twice in it. */
export const noteBytes: usize = 20
/** Per record: its end as an offset, its line ends, whether it is a reject. */
export const recordBytes: usize = 12

let width: i32 = 0
let delimiter: u32 = 0
let quote: u32 = 0
let longestRecord: usize = 0
let columnsAt: usize = 0
let fieldsAt: usize = 0
let notesAt: usize = 0
let recordsAt: usize = 0
let mostRecords: i32 = 0

/** After `scanRecords`: records told, notes on the one that waits for its judgement, and where it or the next begins. */
export let records: i32 = 0
export let notes: i32 = 0
export let stoppedAt: usize = 0

/** Says what the file looks like, and where in memory the tables lie. */
export function openScan(
  cells: i32,
  delimiterByte: u32,
  quoteByte: u32,
  maxRecordBytes: usize,
  columns: usize,
  fields: usize,
  noted: usize,
  told: usize,
  toldAtMost: i32,
): void {
  width = cells
  delimiter = delimiterByte
  quote = quoteByte
  longestRecord = maxRecordBytes
  columnsAt = columns
  fieldsAt = fields
  notesAt = noted
  recordsAt = told
  mostRecords = toldAtMost
}

/**
 * Scans from `from` up to `end` and answers why it stopped. `everyRow`: each row waits for a judgement, notes or not.
 */
export function scanRecords(from: usize, end: usize, isLast: bool, everyRow: bool): i32 {
  const delimiters = i8x16.splat(<i8>delimiter)
  const quotes = i8x16.splat(<i8>quote)
  const lineFeeds = i8x16.splat(<i8>lf)
  const carriageReturns = i8x16.splat(<i8>cr)
  const zeros = i8x16.splat(<i8>zero)
  const tens = i8x16.splat(10)
  // A global lives in memory, a local in a register.
  const columns = columnsAt
  const fields = fieldsAt
  let at = from
  records = 0
  notes = 0

  while (at !== end) {
    const recordFrom = at
    stoppedAt = recordFrom
    if (records === mostRecords) return isFull
    let column: i32 = 0
    let lines: i32 = 0
    let noted: i32 = 0
    let isBroken = false
    let byte: u32 = 0

    for (;;) {
      const field: i32 = column < width ? load<i32>(columns + <usize>column * columnBytes) : -1
      let cellFrom = at
      let cellTo = at
      let form = textForm
      let length: i32 = 0
      let doubled: i32 = 0
      let wholeDigits: i32 = 0
      let fractionDigits: i32 = 0

      byte = load<u8>(at)
      if (byte === quote) {
        at += 1
        cellFrom = at
        for (;;) {
          const sixteen = v128.load(at)
          const ends = i8x16.bitmask(i8x16.eq(sixteen, quotes))
          const lineEnds = i8x16.bitmask(i8x16.eq(sixteen, lineFeeds))
          if (ends === 0) {
            lines += popcnt(lineEnds)
            at += 16
            continue
          }
          const before = ctz(ends)
          lines += popcnt(lineEnds & ((1 << before) - 1))
          at += <usize>before
          if (at >= end) return isLast ? isMalformed : needsMore
          if (at + 1 < end && load<u8>(at + 1) === <u8>quote) {
            doubled += 1
            at += 2
            continue
          }
          break
        }
        cellTo = at
        at += 1
        byte = load<u8>(at)
        if (field >= 0) {
          length = <i32>(cellTo - cellFrom) - doubled
          if (doubled === 0) {
            if (length === 0) form = emptyForm
            else {
              form = tellForm(cellFrom, cellTo)
              wholeDigits = digits
              fractionDigits = scale
            }
          }
        }
      } else {
        const sixteen = v128.load(at)
        let ends = i8x16.bitmask(
          v128.or(
            v128.or(i8x16.eq(sixteen, delimiters), i8x16.eq(sixteen, quotes)),
            v128.or(i8x16.eq(sixteen, lineFeeds), i8x16.eq(sixteen, carriageReturns)),
          ),
        )
        if (ends !== 0) {
          length = ctz(ends)
          cellTo = at + <usize>length
          at = cellTo
          if (field >= 0) {
            if (length === 0) form = nullForm
            else {
              const all: i32 = (1 << length) - 1
              const figures = i8x16.bitmask(i8x16.lt_u(i8x16.sub(sixteen, zeros), tens)) & all
              if (figures === 0) {
                // Words; of these only booleans have another form.
                if (length === 4 || length === 5) form = tellForm(cellFrom, cellTo)
              } else {
                const sign: i32 = byte === 0x2d ? 1 : 0
                const others = all & ~figures & ~sign
                const leads: i32 = load<u8>(cellFrom + <usize>sign) === zero ? 1 : 0
                if (others === 0) {
                  // Digits and nothing else.
                  if (leads === 0 || length - sign === 1) {
                    if (length - sign <= 9) {
                      form = integerForm
                      wholeDigits = length - sign - leads
                    } else {
                      form = tellInteger(cellFrom + <usize>sign, length - sign, sign === 1)
                      wholeDigits = digits
                    }
                  }
                } else if (
                  (others & (others - 1)) === 0 &&
                  load<u8>(cellFrom + <usize>ctz(others)) === 0x2e
                ) {
                  // One point among digits.
                  const whole = ctz(others) - sign
                  const fraction = length - 1 - ctz(others)
                  if (fraction > 0 && (leads === 0 || whole <= 1)) {
                    form = numericForm
                    wholeDigits = whole === 0 ? 0 : whole - leads
                    fractionDigits = fraction
                  }
                } else if (byte - 0x2d < 13) {
                  // It begins as a number does, or a date.
                  form = tellForm(cellFrom, cellTo)
                  wholeDigits = digits
                  fractionDigits = scale
                }
              }
            }
          }
        } else {
          do {
            at += 16
            const next = v128.load(at)
            ends = i8x16.bitmask(
              v128.or(
                v128.or(i8x16.eq(next, delimiters), i8x16.eq(next, quotes)),
                v128.or(i8x16.eq(next, lineFeeds), i8x16.eq(next, carriageReturns)),
              ),
            )
          } while (ends === 0)
          at += <usize>ctz(ends)
          cellTo = at
          if (field >= 0) {
            length = <i32>(cellTo - cellFrom)
            form = tellForm(cellFrom, cellTo)
            wholeDigits = digits
            fractionDigits = scale
          }
        }
        byte = load<u8>(at)
      }

      if (field >= 0) {
        store<i32>(columns + <usize>column * columnBytes + 4, form)
        const known = fields + <usize>field * fieldBytes
        const bit = (<u32>1) << form
        if (
          (load<u32>(known + hadAt) & bit) === 0 ||
          length > load<i32>(known) ||
          wholeDigits > load<i32>(known + mostDigitsAt) ||
          fractionDigits > load<i32>(known + mostScaleAt)
        ) {
          if ((load<u32>(known + allowedAt) & bit) === 0) isBroken = true
          const note = notesAt + <usize>noted * noteBytes
          store<i32>(note, field)
          store<i32>(note + 4, form)
          store<usize>(note + 8, cellFrom)
          store<usize>(note + 12, cellTo)
          store<i32>(note + 16, doubled)
          noted += 1
        }
      }

      if (byte === delimiter) {
        column += 1
        at += 1
        continue
      }
      if (byte === cr) {
        if (at + 1 < end && load<u8>(at + 1) === <u8>lf) at += 1
        else return at + 1 >= end && !isLast ? needsMore : isMalformed
      } else if (byte !== lf) return isMalformed
      break
    }

    // `at` is at the record's line feed, or at the sentinel.
    if (at >= end && !isLast) return needsMore
    const recordTo = min(at + 1, end)
    if (recordTo - recordFrom > longestRecord) return isTooLong
    const isRow = column + 1 === width && !isBroken
    const told = recordsAt + <usize>records * recordBytes
    store<usize>(told, recordTo)
    store<i32>(told + 4, lines + (at < end ? 1 : 0))
    store<i32>(told + 8, isRow ? 0 : 1)
    if (isRow) {
      if (noted > 0 || everyRow) {
        notes = noted
        return hasNotes
      }
      countRow()
    }
    records += 1
    at = recordTo
  }
  stoppedAt = end
  return needsMore
}

/** Counts the forms of the record under way: it is a row. */
export function countRow(): void {
  for (let column: i32 = 0; column < width; column += 1) {
    const entry = columnsAt + <usize>column * columnBytes
    const field = load<i32>(entry)
    if (field < 0) continue
    const count = fieldsAt + <usize>field * fieldBytes + countsAt + <usize>load<i32>(entry + 4) * 4
    store<u32>(count, load<u32>(count) + 1)
  }
}
