/**
 * The form of a cell: the narrowest type whose spelling its bytes have. Subtle: the grammar is the contract's
 * (`classifyLexeme`), and what is rare, exponents and very long numbers, is left to it: then the form is `ask`.
 */

/**
 * Forms by number: the contract's types in its order, then unquoted empty and quoted empty; last arrays and objects of
 * JSON. `cellForms` in src/record-scan.ts names them in this order.
 */
export const booleanForm: i32 = 0
export const integerForm: i32 = 1
export const bigintForm: i32 = 2
export const numericForm: i32 = 3
export const dateForm: i32 = 4
export const timestampForm: i32 = 5
export const timestamptzForm: i32 = 6
export const textForm: i32 = 7
export const nullForm: i32 = 8
export const emptyForm: i32 = 9
export const askForm: i32 = 10
export const nestedForm: i32 = 11

/** After a number's form was told: its digits before the point, a leading zero not counted, and after it. */
export let digits: i32 = 0
export let scale: i32 = 0

const zero: u32 = 0x30
const minus: u32 = 0x2d
const point: u32 = 0x2e
const colon: u32 = 0x3a
const notDigits: i32 = -10_000

// Beyond this length the contract takes nothing for a number.
const longestNumber: usize = 1000
// So many digits are below 2^63 whatever they are.
const surelyBigint: i32 = 18

/** The form of the bytes from `from` up to `to`: one cell's text, not empty, without quotes. */
export function tellForm(from: usize, to: usize): i32 {
  digits = 0
  scale = 0
  const first: u32 = load<u8>(from)
  const length = to - from
  if (first - zero < 10) {
    if (length >= 10 && load<u8>(from + 4) === <u8>minus) return tellMoment(from, to)
    return tellNumber(from, to)
  }
  if (first === minus || first === point) return tellNumber(from, to)
  if (length === 4) return (load<u32>(from) | 0x20202020) === 0x65757274 ? booleanForm : textForm
  if (length === 5 && (load<u32>(from) | 0x20202020) === 0x736c6166) {
    return (load<u8>(from + 4) | 0x20) === 0x65 ? booleanForm : textForm
  }
  return textForm
}

/** The form of a whole number without leading zeros: `count` digits from `from` on. */
export function tellInteger(from: usize, count: i32, isNegative: bool): i32 {
  digits = load<u8>(from) === <u8>zero ? 0 : count
  scale = 0
  if (count <= 9) return integerForm
  if (count > surelyBigint) return askForm
  let value: i64 = 0
  for (let at = from; at < from + <usize>count; at += 1) value = value * 10 + <i64>(load<u8>(at) - zero)
  const most: i64 = isNegative ? 2_147_483_648 : 2_147_483_647
  return value <= most ? integerForm : bigintForm
}

function tellNumber(from: usize, to: usize): i32 {
  const isNegative = load<u8>(from) === <u8>minus
  const digitsFrom = isNegative ? from + 1 : from
  let at = digitsFrom
  while (at < to && isDigit(at)) at += 1
  const count = <i32>(at - digitsFrom)
  if (count > 1 && load<u8>(digitsFrom) === <u8>zero) return textForm
  if (to - from > longestNumber) return textForm
  if (at === to) return count === 0 ? textForm : tellInteger(digitsFrom, count, isNegative)
  const leads = count > 0 && load<u8>(digitsFrom) === <u8>zero ? 1 : 0
  if (load<u8>(at) === <u8>point) {
    const fractionFrom = at + 1
    at = fractionFrom
    while (at < to && isDigit(at)) at += 1
    if (at === fractionFrom) return textForm
    if (at === to) {
      digits = count - leads
      scale = <i32>(at - fractionFrom)
      return numericForm
    }
  } else if (count === 0) return textForm
  return (load<u8>(at) | 0x20) === 0x65 ? askForm : textForm
}

/** `YYYY-MM-DD`, then perhaps a time of day and a zone. At least ten bytes, the fifth a minus sign. */
function tellMoment(from: usize, to: usize): i32 {
  if (!isDay(from)) return textForm
  let at = from + 10
  if (at === to) return dateForm
  const separator: u32 = load<u8>(at)
  if (separator !== 0x20 && separator !== 0x54) return textForm
  const hour = twoDigits(at + 1, to)
  const minute = twoDigits(at + 4, to)
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || load<u8>(at + 3) !== <u8>colon) return textForm
  at += 6
  if (at < to && load<u8>(at) === <u8>colon) {
    const second = twoDigits(at + 1, to)
    if (second < 0 || second > 59) return textForm
    at += 3
    if (at < to && load<u8>(at) === <u8>point) {
      const fractionFrom = at + 1
      at = fractionFrom
      while (at < to && isDigit(at)) at += 1
      // Six digits are what a Postgres timestamp stores.
      if (at === fractionFrom || at - fractionFrom > 6) return textForm
    }
  }
  if (at === to) return timestampForm
  return isZone(at, to) ? timestamptzForm : textForm
}

function isDay(from: usize): bool {
  const year = twoDigits(from, from + 4) * 100 + twoDigits(from + 2, from + 4)
  const month = twoDigits(from + 5, from + 7)
  const day = twoDigits(from + 8, from + 10)
  if (load<u8>(from + 7) !== <u8>minus || year < 1 || month < 1 || month > 12 || day < 1) return false
  return day <= daysIn(year, month)
}

function daysIn(year: i32, month: i32): i32 {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

/** `Z`, ` Z`, or an offset of hours with or without minutes; Postgres takes up to 15:59. */
function isZone(from: usize, to: usize): bool {
  const at = load<u8>(from) === 0x20 ? from + 1 : from
  if (at < to && load<u8>(at) === 0x5a) return at + 1 === to
  if (at !== from || (load<u8>(at) !== 0x2b && load<u8>(at) !== <u8>minus)) return false
  const hours = twoDigits(at + 1, to)
  if (hours < 0 || hours > 15) return false
  if (at + 3 === to) return true
  const minutesAt = load<u8>(at + 3) === <u8>colon ? at + 4 : at + 3
  const minutes = twoDigits(minutesAt, to)
  return minutes >= 0 && minutes <= 59 && minutesAt + 2 === to
}

/** The number that two digits write, or a negative one when they are no digits or lie beyond `to`. */
function twoDigits(at: usize, to: usize): i32 {
  if (at + 2 > to) return notDigits
  const tens: u32 = load<u8>(at) - zero
  const ones: u32 = load<u8>(at + 1) - zero
  return tens < 10 && ones < 10 ? <i32>(tens * 10 + ones) : notDigits
}

function isDigit(at: usize): bool {
  return <u32>load<u8>(at) - zero < 10
}
