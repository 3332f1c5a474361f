/**
 * Pure: the form of a cell from its bytes, as `classifyLexeme` of the contract tells it from its text. Subtle:
 * the two must agree on every lexeme; byte-forms.test.ts holds them together, and what is rare (exponents, long
 * numbers) is left to the contract's own function.
 */
import { classifyLexeme, columnTypes } from "@flatbed/contract"

/** Forms as small numbers: their places in `columnTypes`. */
export const form = {
  boolean: columnTypes.indexOf("boolean"),
  integer: columnTypes.indexOf("integer"),
  bigint: columnTypes.indexOf("bigint"),
  numeric: columnTypes.indexOf("numeric"),
  date: columnTypes.indexOf("date"),
  timestamp: columnTypes.indexOf("timestamp"),
  timestamptz: columnTypes.indexOf("timestamptz"),
  text: columnTypes.indexOf("text"),
} as const

const zero = 0x30
const nine = 0x39
const minus = 0x2d
const point = 0x2e
const colon = 0x3a

// Beyond these lengths no form but text is left, and no text is worth making a string of.
const longestNumber = 1000
const shortNumber = 18

/** The form of the bytes from `start` up to `end`, which are one cell's text without quotes; empty is text. */
export function classifyBytes(bytes: Buffer, start: number, end: number): number {
  const first = bytes[start] ?? 0
  const length = end - start
  if (first >= zero && first <= nine) {
    if (length >= 10 && bytes[start + 4] === minus) return classifyMoment(bytes, start, end)
    return classifyNumber(bytes, start, start, end)
  }
  if (first === minus || first === point) {
    return classifyNumber(bytes, first === minus ? start + 1 : start, start, end)
  }
  if (length === 4 && (first | 0x20) === 0x74) return spells(bytes, start, "true") ? form.boolean : form.text
  if (length === 5 && (first | 0x20) === 0x66) return spells(bytes, start, "false") ? form.boolean : form.text
  return form.text
}

/**
 * Digits before the point, shifted left by 16 bits, and digits after it; 0 for what is no number. With an exponent,
 * or too long to pack, the most that can be packed: then whoever asked measures the text.
 */
export function measureBytes(bytes: Buffer, start: number, end: number, cellForm: number): number {
  if (cellForm !== form.integer && cellForm !== form.bigint && cellForm !== form.numeric) return 0
  const from = bytes[start] === minus ? start + 1 : start
  let at = from
  while (at < end && isDigit(bytes[at])) at += 1
  const digits = bytes[from] === zero ? 0 : at - from
  if (at === end) return digits < 0x7fff ? digits << 16 : unmeasured
  const scale = end - at - 1
  const hasExponent = bytes[at] !== point || !areDigits(bytes, at + 1, end)
  return hasExponent || scale > 0x7fff ? unmeasured : (digits << 16) | scale
}

const unmeasured = 0x7fffffff

function areDigits(bytes: Buffer, from: number, end: number): boolean {
  for (let at = from; at < end; at += 1) if (!isDigit(bytes[at])) return false
  return true
}

function classifyNumber(bytes: Buffer, digitsFrom: number, start: number, end: number): number {
  let at = digitsFrom
  while (at < end && isDigit(bytes[at])) at += 1
  const digits = at - digitsFrom
  if (digits > 1 && bytes[digitsFrom] === zero) return form.text
  if (at === end) {
    if (digits === 0) return form.text
    return digits <= 9 ? form.integer : askContract(bytes, start, end)
  }
  if (bytes[at] === point) {
    const fractionFrom = at + 1
    at = fractionFrom
    while (at < end && isDigit(bytes[at])) at += 1
    if (at === fractionFrom) return form.text
    if (at === end) return end - start <= shortNumber ? form.numeric : askContract(bytes, start, end)
  }
  return ((bytes[at] ?? 0) | 0x20) === 0x65 ? askContract(bytes, start, end) : form.text
}

function askContract(bytes: Buffer, start: number, end: number): number {
  if (end - start > longestNumber) return form.text
  return columnTypes.indexOf(classifyLexeme(bytes.toString("latin1", start, end)))
}

/** `YYYY-MM-DD`, then perhaps a time of day and a zone. At least ten bytes, the fifth a minus sign. */
function classifyMoment(bytes: Buffer, start: number, end: number): number {
  if (!isDay(bytes, start)) return form.text
  let at = start + 10
  if (at === end) return form.date
  const separator = bytes[at]
  if (separator !== 0x20 && separator !== 0x54) return form.text
  const hour = twoDigits(bytes, at + 1, end)
  const minute = twoDigits(bytes, at + 4, end)
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || bytes[at + 3] !== colon) return form.text
  at += 6
  if (at < end && bytes[at] === colon) {
    const second = twoDigits(bytes, at + 1, end)
    if (second < 0 || second > 59) return form.text
    at += 3
    if (at < end && bytes[at] === point) {
      const fractionFrom = at + 1
      at = fractionFrom
      while (at < end && isDigit(bytes[at])) at += 1
      if (at === fractionFrom || at - fractionFrom > 6) return form.text
    }
  }
  if (at === end) return form.timestamp
  return isZone(bytes, at, end) ? form.timestamptz : form.text
}

function isDay(bytes: Buffer, start: number): boolean {
  const year = twoDigits(bytes, start, start + 4) * 100 + twoDigits(bytes, start + 2, start + 4)
  const month = twoDigits(bytes, start + 5, start + 7)
  const day = twoDigits(bytes, start + 8, start + 10)
  if (bytes[start + 7] !== minus || year < 1 || month < 1 || month > 12 || day < 1) return false
  return day <= daysIn(year, month)
}

function daysIn(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

/** `Z`, ` Z`, or an offset of hours with or without minutes; Postgres takes up to 15:59. */
function isZone(bytes: Buffer, from: number, end: number): boolean {
  const at = bytes[from] === 0x20 ? from + 1 : from
  if (bytes[at] === 0x5a) return at + 1 === end
  if (at !== from || (bytes[at] !== 0x2b && bytes[at] !== minus)) return false
  const hours = twoDigits(bytes, at + 1, end)
  if (hours < 0 || hours > 15) return false
  if (at + 3 === end) return true
  const minutesAt = bytes[at + 3] === colon ? at + 4 : at + 3
  const minutes = twoDigits(bytes, minutesAt, end)
  return minutes >= 0 && minutes <= 59 && minutesAt + 2 === end
}

/** The number that two digits write, or a negative one when they are no digits or lie beyond `end`. */
function twoDigits(bytes: Buffer, at: number, end: number): number {
  if (at + 2 > end) return -10_000
  const tens = (bytes[at] ?? 0) - zero
  const ones = (bytes[at + 1] ?? 0) - zero
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : -10_000
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= zero && byte <= nine
}

function spells(bytes: Buffer, start: number, word: string): boolean {
  for (let i = 0; i < word.length; i += 1) {
    if (((bytes[start + i] ?? 0) | 0x20) !== word.charCodeAt(i)) return false
  }
  return true
}
