/**
 * One spelling for each value, so that a row of a version and a row of a table can be compared by their digests: that
 * which Postgres prints with DateStyle ISO and TimeZone UTC, numbers without trailing zeros.
 */
import { canonicalJson } from "./canonical-json.ts"
import type { ColumnType } from "./columns.ts"
import { plainDecimal } from "./plain-decimal.ts"

/**
 * The canonical spelling of a lexeme that the type's grammar accepts. Text stays as it is; so a cell that a table keeps
 * as text is compared as it is written, whatever its type in the dataset.
 */
export function canonicalCell(type: ColumnType, lexeme: string): string {
  switch (type) {
    case "boolean":
      return lexeme.toLowerCase()
    case "integer":
    case "bigint":
      return lexeme === "-0" ? "0" : lexeme
    case "numeric":
      return trimScale(plainDecimal(lexeme))
    case "timestamp":
      return canonicalTimestamp(lexeme)
    case "timestamptz":
      return canonicalInstant(lexeme)
    case "jsonb":
      return canonicalJson(lexeme)
    case "date":
    case "text":
      return lexeme
  }
}

function trimScale(decimal: string): string {
  if (!decimal.includes(".")) return decimal
  const trimmed = decimal.replace(/\.?0+$/, "")
  return trimmed === "-0" ? "0" : trimmed
}

const clock =
  /^([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,6}))?)?(?: ?(Z)|([+-])([0-9]{2}):?([0-9]{2})?)?$/

/** Seconds are always said, their fraction without trailing zeros; a date is its midnight. */
function canonicalTimestamp(lexeme: string): string {
  if (lexeme.length === 10) return `${lexeme} 00:00:00`
  const [, hours = "", minutes = "", seconds = "00", fraction] = clock.exec(lexeme.slice(11)) ?? []
  return `${lexeme.slice(0, 10)} ${hours}:${minutes}:${seconds}${showFraction(fraction)}`
}

/** In UTC, as `+00`. Near the ends of the calendar that is another year: 10000, or 1 BC. */
function canonicalInstant(lexeme: string): string {
  const [, hours, minutes, seconds = "0", fraction, , sign, zoneHours = "0", zoneMinutes = "0"] =
    clock.exec(lexeme.slice(11)) ?? []
  const offset = (Number(zoneHours) * 60 + Number(zoneMinutes)) * (sign === "-" ? -1 : 1)
  const time = new Date(0)
  time.setUTCFullYear(Number(lexeme.slice(0, 4)), Number(lexeme.slice(5, 7)) - 1, Number(lexeme.slice(8, 10)))
  time.setUTCHours(Number(hours), Number(minutes) - offset, Number(seconds))
  const year = time.getUTCFullYear()
  const two = (number: number) => String(number).padStart(2, "0")
  const date = [
    String(year > 0 ? year : 1 - year).padStart(4, "0"),
    two(time.getUTCMonth() + 1),
    two(time.getUTCDate()),
  ].join("-")
  const of = [time.getUTCHours(), time.getUTCMinutes(), time.getUTCSeconds()].map(two).join(":")
  return `${date} ${of}${showFraction(fraction)}+00${year > 0 ? "" : " BC"}`
}

function showFraction(digits = ""): string {
  const trimmed = digits.replace(/0+$/, "")
  return trimmed === "" ? "" : `.${trimmed}`
}
