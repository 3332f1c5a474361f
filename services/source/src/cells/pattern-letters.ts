/**
 * Pure: the letters of date patterns. They are those of Unicode's LDML (UTS 35, Date Field Symbols), as far as what they
 * stand for is sure without a language or a place.
 */

/** In English, from January. */
export const months = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
]

export type NumberField = "year" | "shortYear" | "month" | "day" | "hour" | "halfHour" | "minute" | "second"
export type Field = NumberField | "fraction" | "halfDay" | "offset"

/** What a pattern is made of. */
export type Element =
  | { readonly kind: "number"; readonly field: NumberField; readonly least: number; readonly most: number }
  | { readonly kind: "fraction"; readonly digits: number }
  | { readonly kind: "month"; readonly names: readonly string[] }
  | { readonly kind: "halfDay" }
  | {
      readonly kind: "offset"
      readonly takesZ: boolean
      readonly colon: boolean
      readonly minutes: "always" | "if any"
    }
  | { readonly kind: "literal"; readonly text: string }

/** One row of the README's table. */
export type LetterDoc = { readonly letters: string; readonly meaning: string; readonly example: string }

type Letter = { readonly element: Element; readonly meaning: string; readonly example: string }

const number = (field: NumberField, least: number, most: number): Element => ({
  kind: "number",
  field,
  least,
  most,
})
const offset = (takesZ: boolean, colon: boolean, minutes: "always" | "if any"): Element => ({
  kind: "offset",
  takesZ,
  colon,
  minutes,
})
const fraction = (digits: number): Letter => ({
  element: { kind: "fraction", digits },
  meaning: `${digits} digit${digits === 1 ? "" : "s"} of a second's fraction`,
  example: "123456".slice(0, digits),
})

/** Every run of letters that a pattern may hold. */
export const letters: Readonly<Record<string, Letter>> = {
  yyyy: { element: number("year", 4, 4), meaning: "the year, four digits", example: "2024" },
  yy: {
    element: number("shortYear", 2, 2),
    meaning: "the year, two digits: 69 to 99 are 1969 to 1999, 00 to 68 are 2000 to 2068 (as POSIX has it)",
    example: "24",
  },
  M: { element: number("month", 1, 2), meaning: "the month, one or two digits", example: "7" },
  MM: { element: number("month", 2, 2), meaning: "the month, two digits", example: "07" },
  MMM: {
    element: { kind: "month", names: months.map((name) => name.slice(0, 3)) },
    meaning: "the month's English name in three letters, in any case",
    example: "Jul",
  },
  MMMM: {
    element: { kind: "month", names: months },
    meaning: "the month's English name, in any case",
    example: "July",
  },
  d: { element: number("day", 1, 2), meaning: "the day, one or two digits", example: "5" },
  dd: { element: number("day", 2, 2), meaning: "the day, two digits", example: "05" },
  H: {
    element: number("hour", 1, 2),
    meaning: "the hour from 0 to 23, one or two digits",
    example: "9",
  },
  HH: { element: number("hour", 2, 2), meaning: "the hour from 00 to 23, two digits", example: "09" },
  h: {
    element: number("halfHour", 1, 2),
    meaning: "the hour from 1 to 12, one or two digits; with a",
    example: "9",
  },
  hh: {
    element: number("halfHour", 2, 2),
    meaning: "the hour from 01 to 12, two digits; with a",
    example: "09",
  },
  a: { element: { kind: "halfDay" }, meaning: "AM or PM, in any case", example: "PM" },
  m: { element: number("minute", 1, 2), meaning: "the minute, one or two digits", example: "3" },
  mm: { element: number("minute", 2, 2), meaning: "the minute, two digits", example: "03" },
  s: { element: number("second", 1, 2), meaning: "the second, one or two digits", example: "8" },
  ss: { element: number("second", 2, 2), meaning: "the second, two digits", example: "08" },
  S: fraction(1),
  SS: fraction(2),
  SSS: fraction(3),
  SSSS: fraction(4),
  SSSSS: fraction(5),
  SSSSSS: fraction(6),
  X: { element: offset(true, false, "if any"), meaning: "Z, or the offset from UTC", example: "+01, +0530" },
  XX: { element: offset(true, false, "always"), meaning: "Z, or the offset with minutes", example: "+0100" },
  XXX: {
    element: offset(true, true, "always"),
    meaning: "Z, or the offset with colon and minutes",
    example: "+01:00",
  },
  x: { element: offset(false, false, "if any"), meaning: "as X, without Z", example: "+01, +0530" },
  xx: { element: offset(false, false, "always"), meaning: "as XX, without Z", example: "+0100" },
  xxx: { element: offset(false, true, "always"), meaning: "as XXX, without Z", example: "+01:00" },
  Z: { element: offset(false, false, "always"), meaning: "as xx", example: "+0100" },
}

/** The letters for the README, in the order of the table. */
export const patternLetters: readonly LetterDoc[] = Object.entries(letters).map(
  ([written, { meaning, example }]) => ({ letters: written, meaning, example }),
)

/** Why letters that other tools know are none here. */
export const refusedLetters: Readonly<Record<string, string>> = {
  y: "a year has two or four digits: yy or yyyy",
  yyy: "a year has two or four digits: yy or yyyy",
  u: "the year is yyyy",
  Y: "Y is the year that the week belongs to; the year is yyyy",
  D: "D is the day of the year; the day of the month is d or dd",
  E: "names of days are not read",
  K: "the hour from 1 to 12 is h or hh",
  k: "the hour from 0 to 23 is H or HH",
  z: "names such as CET do not say an offset for sure; expected X, XX or XXX",
  S: "Postgres keeps six digits of a second's fraction: SSSSSS at most",
}

/** Fields in words. */
export const fieldNames: Readonly<Record<Field, string>> = {
  year: "year",
  shortYear: "year",
  month: "month",
  day: "day",
  hour: "hour",
  halfHour: "hour",
  minute: "minute",
  second: "second",
  fraction: "fraction",
  halfDay: "half of the day",
  offset: "offset",
}

/** Which field an element says; undefined for text. */
export function fieldOf(element: Element): Field | undefined {
  switch (element.kind) {
    case "number":
      return element.field
    case "literal":
      return undefined
    default:
      return element.kind
  }
}

/** An element as the last afternoon of 2024 has it. */
export function exampleOf(element: Element): string {
  switch (element.kind) {
    case "number":
      return examples[element.field]
    case "fraction":
      return "123456".slice(0, element.digits)
    case "month":
      return element.names[11] ?? ""
    case "halfDay":
      return "PM"
    case "offset":
      return element.colon ? "+01:00" : element.minutes === "always" ? "+0100" : "+01"
    case "literal":
      return element.text
  }
}

const examples: Readonly<Record<NumberField, string>> = {
  year: "2024",
  shortYear: "24",
  month: "12",
  day: "31",
  hour: "17",
  halfHour: "05",
  minute: "05",
  second: "09",
}
