/** Pure: the type to which a column of a table is widened, so that it holds what it had and what a version brings. */
import type { ColumnType, Evidence } from "@flatbed/contract"
import { readType, typeFits } from "./column-fit.ts"

export type Widening = {
  /** As format_type writes it. */
  readonly type: string
  /** Whether Postgres would have to write every row anew (manual, ALTER TABLE, "Notes"). */
  readonly rewrites: boolean
}

const whole = ["integer", "bigint", "numeric"]

/** Type as format_type writes it without its modifier → what holds all of its values unchanged, from near to far. */
const wider: Readonly<Record<string, readonly string[]>> = {
  smallint: whole,
  integer: whole.slice(1),
  bigint: whole.slice(2),
  numeric: ["numeric"],
  date: ["timestamp without time zone"],
  "character varying": ["character varying"],
  "timestamp without time zone": ["timestamp without time zone"],
  "timestamp with time zone": ["timestamp with time zone"],
}

/** Taking a limit away changes no stored value; another kind of number or time is stored otherwise. */
const onlyLimits = new Set([
  "numeric",
  "character varying",
  "timestamp without time zone",
  "timestamp with time zone",
])

/**
 * The nearest wider type that also takes the version's column; undefined when none does. Never text for what is none:
 * whoever reads a number would get a word. Never narrower.
 */
export function findWider(
  from: string,
  column: ColumnType,
  evidence: Evidence | undefined,
): Widening | undefined {
  const { name } = readType(from)
  const type = (wider[name] ?? []).find((one) => one !== from && typeFits(column, one, evidence))
  return type === undefined ? undefined : { type, rewrites: !onlyLimits.has(name) }
}
