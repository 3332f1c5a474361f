/** Pure: which of two values of a type comes first. Exact: digits are compared, never rounded. */
import type { ColumnType } from "@flatbed/contract"
import { daysFromCivil } from "./calendar.ts"

/** Negative, zero or positive, as `Array.sort` has it. */
export type Comparison = (cell: string) => number

/** How a cell of the type compares to the value; both are spelled as the type's grammar has it. */
export function compareTo(type: ColumnType, value: string): Comparison {
  switch (type) {
    case "integer":
    case "bigint":
    case "numeric": {
      const right = readDecimal(value)
      return (cell) => compareDecimals(readDecimal(cell), right)
    }
    case "boolean": {
      const right = value.toLowerCase()
      return (cell) => compareUnits(cell.toLowerCase(), right)
    }
    case "date":
      return (cell) => compareUnits(cell, value)
    case "timestamp":
    case "timestamptz": {
      const right = readInstant(value)
      return (cell) => compareInstants(readInstant(cell), right)
    }
    case "jsonb":
    case "text":
      return (cell) => (cell === value ? 0 : compareText(cell, value))
  }
}

/** Of texts, as their UTF-8 bytes compare: by code points. */
export function compareText(left: string, right: string): number {
  const shorter = Math.min(left.length, right.length)
  for (let i = 0; i < shorter; i += 1) {
    const [one, other] = [left.charCodeAt(i), right.charCodeAt(i)]
    if (one !== other) return rank(one) - rank(other)
  }
  return left.length - right.length
}

// UTF-16 puts the characters past U+FFFF, which are pairs of units from D800 on, before U+E000 to U+FFFF.
const rank = (unit: number) => (unit < 0xd800 ? unit : unit >= 0xe000 ? unit - 0x800 : unit + 0x2000)

const compareUnits = (left: string, right: string) => (left < right ? -1 : left > right ? 1 : 0)

/** 0.digits × 10^power, without a zero at either end; zero has no digits, and then neither sign nor power. */
type Decimal = { readonly negative: boolean; readonly digits: string; readonly power: number }

function readDecimal(lexeme: string): Decimal {
  const negative = lexeme.startsWith("-")
  const [mantissa = "", exponent = "0"] = lexeme.slice(negative ? 1 : 0).split(/e/i)
  const point = mantissa.indexOf(".")
  const whole = point === -1 ? mantissa : mantissa.slice(0, point)
  const all = whole + (point === -1 ? "" : mantissa.slice(point + 1))
  const digits = all.replace(/^0+|0+$/g, "")
  if (digits === "") return { negative: false, digits, power: 0 }
  const leading = all.length - all.replace(/^0+/, "").length
  // The grammar bounds exponents to three digits.
  return { negative, digits, power: whole.length - leading + Number(exponent) }
}

function compareDecimals(left: Decimal, right: Decimal): number {
  if (left.negative !== right.negative) return left.negative ? -1 : 1
  const sign = left.negative ? -1 : 1
  if (left.digits === "" || right.digits === "") return sign * (left.digits.length - right.digits.length)
  return sign * (left.power - right.power || compareUnits(left.digits, right.digits))
}

type Instant = { readonly seconds: number; readonly micros: number }

// The spellings of the contract's grammars for timestamp and timestamptz; a date is its midnight.
const instantForm =
  /^(\d{4})-(\d{2})-(\d{2})(?:[ T](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?)?(?: ?Z|([+-])(\d{2}):?(\d{2})?)?$/

function readInstant(lexeme: string): Instant {
  const [
    ,
    year,
    month,
    day,
    hour = 0,
    minute = 0,
    second = 0,
    fraction = "",
    sign,
    offsetHour,
    offsetMinute = 0,
  ] = instantForm.exec(lexeme) ?? []
  const days = daysFromCivil(Number(year), Number(month), Number(day))
  const offset = sign === undefined ? 0 : Number(offsetHour) * 3600 + Number(offsetMinute) * 60
  const clock = days * 86_400 + Number(hour) * 3600 + Number(minute) * 60 + Number(second)
  return { seconds: sign === "-" ? clock + offset : clock - offset, micros: Number(fraction.padEnd(6, "0")) }
}

function compareInstants(left: Instant, right: Instant): number {
  return left.seconds - right.seconds || left.micros - right.micros
}
