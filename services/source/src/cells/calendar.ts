/** Pure: days and clock times as whole numbers, in the calendar of ISO 8601 (Gregorian throughout), years 1 to 9999. */

const secondsOfDay = 86_400
/** 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z: what four digits can write, and Postgres holds all of it. */
const firstSecond = -62_135_596_800
const lastSecond = 253_402_300_799

const daysOfMonth = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
const twoDigits = Array.from({ length: 100 }, (_, i) => String(i).padStart(2, "0"))

/** How many days the month (1 to 12) has. */
export function daysInMonth(year: number, month: number): number {
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0
  return month === 2 && leap ? 29 : (daysOfMonth[month - 1] ?? 0)
}

/** Days since 1970-01-01. After Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms". */
export function daysFromCivil(year: number, month: number, day: number): number {
  const shifted = month <= 2 ? year - 1 : year
  const era = Math.floor(shifted / 400)
  const yearOfEra = shifted - era * 400
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * 146_097 + dayOfEra - 719_468
}

/** `2024-02-29`, of days since 1970-01-01. The inverse of `daysFromCivil`. */
export function spellDays(days: number): string {
  const shifted = days + 719_468
  const era = Math.floor(shifted / 146_097)
  const dayOfEra = shifted - era * 146_097
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  )
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153)
  const day = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
  return spellDay(yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
}

/** `2024-02-29`. */
export function spellDay(year: number, month: number, day: number): string {
  return `${String(year).padStart(4, "0")}-${twoDigits[month]}-${twoDigits[day]}`
}

/** A number from 0 to 99 in two digits. */
export function spellTwo(number: number): string {
  return twoDigits[number] ?? String(number)
}

/** `2024-02-29T07:00:05`, of whole seconds since 1970 in UTC; undefined outside the years 1 to 9999. */
export function spellSeconds(seconds: number): string | undefined {
  if (seconds < firstSecond || seconds > lastSecond) return undefined
  const days = Math.floor(seconds / secondsOfDay)
  const rest = seconds - days * secondsOfDay
  const minutes = Math.floor(rest / 60)
  return `${spellDays(days)}T${spellTwo(Math.floor(minutes / 60))}:${spellTwo(minutes % 60)}:${spellTwo(rest % 60)}`
}
