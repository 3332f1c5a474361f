/** Columns: names, types, and the lexeme grammar of each type. Both services and the docs read this one table. */
import { createHash } from "node:crypto"
import Type, { type Static } from "@flatbed/typebox"

export const columnTypes = [
  "boolean",
  "integer",
  "bigint",
  "numeric",
  "date",
  "timestamp",
  "timestamptz",
  "jsonb",
  "text",
] as const

export type ColumnType = (typeof columnTypes)[number]

const columnTypeSchema = Type.Enum(columnTypes)

/** Postgres cuts identifiers at 63 bytes (NAMEDATALEN − 1), so longer names would collide silently. */
export const maxNameBytes = 63

/** A table of Postgres has at most so many columns (appendix K, "PostgreSQL Limits"). */
export const maxColumns = 1600

export const columnSchema = Type.Object({
  name: Type.String({ minLength: 1 }),
  type: columnTypeSchema,
  nullable: Type.Boolean({ description: "whether any row of the version has NULL here" }),
})

export type Column = Static<typeof columnSchema>

/** Where a cell was first seen. Row counts from 1 without the header, line from 1 with it. */
const sightingSchema = Type.Object({
  row: Type.Integer({ minimum: 1 }),
  line: Type.Integer({ minimum: 1 }),
  value: Type.String({ description: "the cell, cut after 100 characters" }),
  file: Type.Optional(Type.String({ description: "where the dataset has several files" })),
})

/** A name in the header that could not stay: blank, like another, too long for Postgres, or not all to be seen. */
const renamedSchema = Type.Object({
  column: Type.Integer({ minimum: 1, description: "its place in the header" }),
  written: Type.String({ description: "the name in the header, cut after 100 characters" }),
  because: Type.String({ description: "why it could not stay" }),
})

/** What all rows said about one column's type. */
export const evidenceSchema = Type.Object({
  column: Type.String(),
  declared: Type.Boolean({ description: "whether the settings name the type" }),
  nulls: Type.Integer({ minimum: 0, description: "cells that are NULL: unquoted empty" }),
  empties: Type.Integer({ minimum: 0, description: "cells that are empty text: quoted empty" }),
  max_bytes: Type.Integer({ minimum: 0, description: "the longest cell" }),
  max_integer_digits: Type.Integer({ minimum: 0, description: "numbers only: digits before the point" }),
  max_scale: Type.Integer({ minimum: 0, description: "numbers only: digits after the point" }),
  forms: Type.Array(
    Type.Object({
      form: columnTypeSchema,
      cells: Type.Integer({ minimum: 1 }),
      first: sightingSchema,
    }),
    { description: "how many cells have which type as their narrowest, and the first of each" },
  ),
  ruled_out: Type.Union(
    [Type.Object({ type: columnTypeSchema, ...sightingSchema.properties }), Type.Null()],
    {
      description: "the narrower type that the other cells have, and the first cell that does not",
    },
  ),
  renamed: Type.Optional(renamedSchema),
})

export type Evidence = Static<typeof evidenceSchema>
export type Renamed = Static<typeof renamedSchema>
export type Sighting = Static<typeof sightingSchema>

/** SHA-256, hex, over the columns as the manifest writes them: their names, types and order. */
export function hashColumns(columns: readonly Column[]): string {
  const canonical = columns.map(({ name, type, nullable }) => [name, type, nullable])
  return createHash("sha256").update(JSON.stringify(canonical)).digest("hex")
}

const integerForm = /^-?(?:0|[1-9][0-9]*)$/
// Exponents and lengths are bounded so that Postgres holds the value: numeric has 131072 digits before the
// point and 16383 after (Postgres manual, "Arbitrary Precision Numbers").
const numericForm = /^-?(?:(?:0|[1-9][0-9]*)(?:\.([0-9]+))?|\.([0-9]+))(?:[eE]([+-]?[0-9]{1,3}))?$/
const maxNumberLength = 1000
const dateForm = /^([0-9]{4})-([0-9]{2})-([0-9]{2})$/
// Six fractional digits are what a Postgres timestamp stores; a seventh would be rounded away.
const timestampForm =
  /^([0-9]{4})-([0-9]{2})-([0-9]{2})[ T]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.[0-9]{1,6})?)?( ?Z|[+-][0-9]{2}(?::?[0-9]{2})?)?$/

const maxInteger = 2_147_483_647n
const maxBigint = 9_223_372_036_854_775_807n

type Grammar = {
  readonly accepts: (lexeme: string) => boolean
  /** The accepted forms in words, for messages and for the docs. */
  readonly forms: string
  readonly examples: readonly string[]
}

/** The lexeme grammar per type: which spellings arrive with the value written. */
export const grammars: Readonly<Record<ColumnType, Grammar>> = {
  boolean: {
    accepts: (lexeme) => /^(?:true|false)$/i.test(lexeme),
    forms: "true or false, in any case",
    examples: ["true", "False"],
  },
  integer: {
    accepts: (lexeme) => integerForm.test(lexeme) && fits(lexeme, maxInteger),
    forms: "digits without leading zeros, a minus sign allowed, from -2147483648 to 2147483647",
    examples: ["0", "-17", "2147483647"],
  },
  bigint: {
    accepts: (lexeme) => integerForm.test(lexeme) && fits(lexeme, maxBigint),
    forms: "digits without leading zeros, a minus sign allowed, from -2^63 to 2^63 - 1",
    examples: ["2147483648", "-9223372036854775808"],
  },
  numeric: {
    accepts: (lexeme) => lexeme.length <= maxNumberLength && numericForm.test(lexeme),
    forms: "a decimal number without leading zeros, with point and exponent if need be",
    examples: ["10.0", "-.5", "1.5e-7"],
  },
  date: {
    accepts: (lexeme) => {
      const parts = dateForm.exec(lexeme)
      return parts !== null && isCalendarDay(parts)
    },
    forms: "YYYY-MM-DD, a day that exists",
    examples: ["2024-02-29"],
  },
  timestamp: {
    accepts: (lexeme) => {
      const parts = timestampForm.exec(lexeme)
      if (parts === null) return grammars.date.accepts(lexeme)
      return parts[7] === undefined && isCalendarDay(parts) && isClockTime(parts)
    },
    forms:
      "YYYY-MM-DD HH:MM, with seconds and up to 6 fractional digits, or T between; a date is its midnight",
    examples: ["2024-02-29 07:00", "2024-02-29T07:00:05.123456"],
  },
  timestamptz: {
    accepts: (lexeme) => {
      const parts = timestampForm.exec(lexeme)
      if (parts?.[7] === undefined) return false
      return isCalendarDay(parts) && isClockTime(parts) && isZone(parts[7])
    },
    forms: "a timestamp with Z or an offset from UTC: +01, +0100, +01:00",
    examples: ["2024-02-29T07:00:05Z", "2021-12-01T00:07:15.386+0100"],
  },
  jsonb: {
    accepts: isStorableJson,
    forms: "JSON text, its strings without NUL and without half a surrogate pair",
    examples: ['{"id":1}', "[]", '"x"', "null"],
  },
  text: {
    accepts: (lexeme) => !lexeme.includes("\0"),
    forms: "any text without NUL",
    examples: ["02134", "382-4657", "yes"],
  },
}

// From narrow to wide: a cell's form is the first that accepts it.
const narrowestFirst = [
  "integer",
  "bigint",
  "numeric",
  "boolean",
  "date",
  "timestamp",
  "timestamptz",
] as const

/** The narrowest type whose grammar accepts the lexeme; leading zeros, signs with `+` and words are text. */
export function classifyLexeme(lexeme: string): ColumnType {
  // Every form but the booleans begins with a digit, a minus sign or a point.
  const first = lexeme.charCodeAt(0)
  const maybeNumber = (first >= 48 && first <= 57) || first === 45 || first === 46
  if (!maybeNumber) return grammars.boolean.accepts(lexeme) ? "boolean" : "text"
  return narrowestFirst.find((type) => grammars[type].accepts(lexeme)) ?? "text"
}

/** Which types hold every value of a type, from near to far. Text holds all spellings and is left out. */
const wider: Readonly<Partial<Record<ColumnType, readonly ColumnType[]>>> = {
  integer: ["bigint", "numeric"],
  bigint: ["numeric"],
  date: ["timestamp"],
}

/** The narrowest type that holds both; text when nothing narrower does. What is nested beside scalars makes all JSON. */
export function joinTypes(a: ColumnType, b: ColumnType): ColumnType {
  if (a === "jsonb" || b === "jsonb") return "jsonb"
  if (a === b || wider[b]?.includes(a)) return a
  return wider[a]?.includes(b) ? b : "text"
}

/**
 * A lexeme of the type as JSON text. Numbers keep the file's own digits where a double holds them exactly,
 * otherwise they become strings (RFC 8259 section 6, interoperability); booleans are booleans; jsonb is JSON as it
 * is written; the rest strings.
 */
export function lexemeToJson(type: ColumnType, lexeme: string): string {
  switch (type) {
    case "boolean":
      return lexeme.toLowerCase()
    case "integer":
    case "jsonb":
      return lexeme
    case "bigint":
      return Number.isSafeInteger(Number(lexeme)) ? lexeme : JSON.stringify(lexeme)
    case "numeric":
      return isExactDouble(lexeme) ? lexeme.replace(/^(-?)\./, "$10.") : JSON.stringify(lexeme)
    case "date":
    case "timestamp":
    case "timestamptz":
    case "text":
      return JSON.stringify(lexeme)
  }
}

// A decimal of at most 15 significant digits survives decimal -> double -> decimal (IEEE 754, DBL_DIG),
// as long as it stays clear of the subnormal range.
function isExactDouble(lexeme: string): boolean {
  const [mantissa = "", exponent = "0"] = lexeme.toLowerCase().split("e")
  const significant = mantissa.replace(/[-.]/g, "").replace(/^0+/, "")
  return (
    significant.length <= 15 &&
    mantissa.length <= 300 &&
    Math.abs(Number(exponent)) <= 250 &&
    !isTiny(mantissa)
  )
}

function isTiny(mantissa: string): boolean {
  const zeros = /^-?0?\.(0*)/.exec(mantissa)?.[1]?.length ?? 0
  return zeros > 40
}

function fits(lexeme: string, max: bigint): boolean {
  if (lexeme.length <= 9) return true
  if (lexeme.length > 20) return false
  const value = BigInt(lexeme)
  return value <= max && value >= -max - 1n
}

// RFC 8259, as jsonb takes it: "\u0000" and single surrogates are refused (Postgres manual, "JSON Types").
function isStorableJson(lexeme: string): boolean {
  try {
    JSON.parse(lexeme)
  } catch {
    return false
  }
  if (!/\\u(?:0000|[dD][89a-fA-F])/.test(lexeme)) return true
  return ![...lexeme.matchAll(/"(?:[^"\\]|\\.)*"/gu)].some(([text]) => {
    const value: unknown = JSON.parse(text)
    return typeof value === "string" && (value.includes("\0") || /\p{Surrogate}/u.test(value))
  })
}

function isCalendarDay(parts: RegExpExecArray): boolean {
  const [year, month, day] = [Number(parts[1]), Number(parts[2]), Number(parts[3])]
  if (year === 0 || month < 1 || month > 12 || day < 1) return false
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0
  const days = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] ?? 0
  return day <= days
}

function isClockTime(parts: RegExpExecArray): boolean {
  return Number(parts[4]) <= 23 && Number(parts[5]) <= 59 && Number(parts[6] ?? 0) <= 59
}

// Postgres takes offsets up to 15:59.
function isZone(zone: string): boolean {
  if (zone.endsWith("Z")) return true
  const digits = zone.slice(1).replace(":", "")
  return Number(digits.slice(0, 2)) <= 15 && Number(digits.slice(2) || 0) <= 59
}
