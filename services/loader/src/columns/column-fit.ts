/**
 * Whether a Postgres type takes every value of a dataset's column without changing it. A declared limit (a length,
 * a precision) is held against the evidence of all rows, so that COPY neither rounds nor fails half way.
 */
import type { ColumnType, Evidence } from "@flatbed/contract"

type Limits = { readonly first: number | undefined; readonly second: number | undefined }

/** Undefined evidence fits no declared limit. */
type Fit = (evidence: Evidence | undefined, limits: Limits) => boolean

const always: Fit = () => true
// Any number of up to four digits is a smallint; the ones with five are not looked at one by one.
const smallint: Fit = (evidence) => evidence !== undefined && evidence.max_integer_digits <= 4
const varying: Fit = (evidence, { first }) =>
  // Bytes are never fewer than characters.
  first === undefined || (evidence !== undefined && evidence.max_bytes <= first)
const integerAsNumeric: Fit = (evidence, { first, second = 0 }) =>
  first === undefined || (evidence !== undefined && evidence.max_integer_digits <= first - second)
const numeric: Fit = (evidence, { first, second = 0 }) =>
  first === undefined ||
  (evidence !== undefined && evidence.max_integer_digits <= first - second && evidence.max_scale <= second)
// Fewer than the six fractional digits of a full timestamp would be rounded.
const fullPrecision: Fit = (_evidence, { first }) => first === undefined || first === 6

const asText = { text: always, "character varying": varying }

/** Dataset type → Postgres type, as format_type writes it without its modifier → when it fits. */
const fits: Readonly<Record<ColumnType, Readonly<Record<string, Fit>>>> = {
  boolean: { boolean: always, ...asText },
  integer: { integer: always, bigint: always, smallint, numeric: integerAsNumeric, ...asText },
  bigint: { bigint: always, numeric: integerAsNumeric, ...asText },
  numeric: { numeric, ...asText },
  date: { date: always, "timestamp without time zone": fullPrecision, ...asText },
  timestamp: { "timestamp without time zone": fullPrecision, ...asText },
  timestamptz: { "timestamp with time zone": fullPrecision, ...asText },
  jsonb: { jsonb: always, json: always, ...asText },
  text: asText,
}

/** The Postgres type that a column of a new table gets. */
export const postgresTypes: Readonly<Record<ColumnType, string>> = {
  boolean: "boolean",
  integer: "integer",
  bigint: "bigint",
  numeric: "numeric",
  date: "date",
  timestamp: "timestamp without time zone",
  timestamptz: "timestamp with time zone",
  jsonb: "jsonb",
  text: "text",
}

/**
 * Whether `type`, as Postgres' format_type writes it, holds every value that the evidence speaks of. NULL in every row fits
 * any: that the column is text then only says that nothing tells what it is.
 */
export function typeFits(column: ColumnType, type: string, evidence: Evidence | undefined): boolean {
  if (evidence?.declared === false && evidence.nulls > 0 && evidence.forms.length === 0) return true
  const { name, limits } = readType(type)
  return fits[column][name]?.(evidence, limits) ?? false
}

/** `numeric(10,2)`, as format_type writes it, as its name and its limits. */
export function readType(type: string): { name: string; limits: Limits } {
  const [, before = "", first, second, after = ""] =
    /^([a-z ]+?)(?:\(([0-9]+)(?:,([0-9]+))?\))?( with(?:out)? time zone)?$/.exec(type) ?? []
  return { name: before + after, limits: { first: toNumber(first), second: toNumber(second) } }
}

/**
 * Whether the type takes values of this kind, if perhaps not all: cells beyond its length, digits or range can be told
 * one by one. A timestamp of less than full precision cannot: it would round every cell.
 */
export function typeTakesSome(column: ColumnType, type: string): boolean {
  const fit = fits[column][readType(type).name]
  return fit !== undefined && (fit !== fullPrecision || typeFits(column, type, undefined))
}

/** The Postgres types that a dataset's type may go into, for messages. */
export function fittingTypes(column: ColumnType): string[] {
  return Object.keys(fits[column])
}

function toNumber(digits: string | undefined): number | undefined {
  return digits === undefined ? undefined : Number(digits)
}
