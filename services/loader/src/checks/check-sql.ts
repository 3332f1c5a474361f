/** Pure: the SQL of checks. What a single row tells is a condition; the others are looked up over all rows. */
import pg from "pg"
import { rowColumn } from "../columns/own-columns.ts"
import type { ModeRules } from "../load-modes/load-mode.ts"
import { quoteName, quoteNames, quoteTable, type TableName } from "../postgres/identifier.ts"
import type { Check, Rule } from "./check.ts"

/**
 * What a row has to be, as a CHECK constraint says it: NULL passes (Postgres manual, 5.5.1). Words take the column's
 * type by themselves, as in any comparison. Text of the settings stands bare in it: Postgres is to read it between the
 * parentheses of a CHECK. Undefined for a rule that one row alone does not tell.
 */
export function rowCondition({ columns, rule }: Pick<Check, "columns" | "rule">): string | undefined {
  const column = quoteName(columns[0] ?? "")
  switch (rule.kind) {
    case "not_null":
      return `${column} is not null`
    case "pattern":
      return `${column}::text ~ ${pg.escapeLiteral(rule.pattern)}`
    case "one_of":
      return `${column} in (${rule.values.map((value) => pg.escapeLiteral(value)).join(", ")})`
    case "range":
      return limits(column, quoteWord(rule.min), quoteWord(rule.max))
    case "length":
      return limits(`pg_catalog.char_length(${column}::text)`, rule.min?.toString(), rule.max?.toString())
    case "sql":
      // It may end in a comment.
      return `${rule.condition}\n`
    case "unique":
    case "references":
      return undefined
  }
}

const quoteWord = (word: string | undefined) => (word === undefined ? undefined : pg.escapeLiteral(word))

function limits(value: string, min: string | undefined, max: string | undefined): string {
  const sides = [min === undefined ? [] : `${value} >= ${min}`, max === undefined ? [] : `${value} <= ${max}`]
  return sides.flat().join(" and ")
}

/** A check with its condition as Postgres reads it; undefined for one that a row alone does not tell. */
export type CompiledCheck = Check & { readonly condition: string | undefined }

/** Where the rows are that checks look at. */
export type CheckedRows = {
  readonly staging: TableName
  /** Of the dataset. */
  readonly columns: readonly string[]
  readonly rules: Pick<ModeRules, "key" | "orderBy" | "dedupe">
}

const row = quoteName(rowColumn)
// The contract cuts a reject's value there.
const longestValue = 100

/** One statement that counts the rows which break each of these; `c0`, `c1` … in their order. */
export function countBroken(checks: readonly CompiledCheck[], { staging }: CheckedRows): string {
  const counts = checks.map(({ condition }, i) => `count(*) filter (where (${condition}) is false) as c${i}`)
  return `select ${counts.join(", ")} from ${quoteTable(staging)}`
}

/** The same of rows up to `$1`; the condition is not computed for the others (Postgres manual, 9.18.1 "CASE"). */
export function countBrokenUpTo({ condition }: CompiledCheck, { staging }: CheckedRows): string {
  return `select count(*) filter (where case when ${row} <= $1::bigint then (${condition}) is false end) from ${quoteTable(staging)}`
}

/** The `least` and the `most` of the rows' numbers. */
export function boundsOfRows({ staging }: CheckedRows): string {
  return `select min(${row}) as least, max(${row}) as most from ${quoteTable(staging)}`
}

/** Rows that break one of these, in their order: `row`, `place` of the first broken one in the list, and its `value`. */
export function findBroken(checks: readonly CompiledCheck[], { staging }: CheckedRows, most: number): string {
  const cases = checks.map(({ condition }, place) => `when (${condition}) is false then ${place}`)
  const values = checks.flatMap(({ columns: [column] }, place) =>
    column === undefined ? [] : `when ${place} then ${shown(`s.${quoteName(column)}`)}`,
  )
  const value = values.length === 0 ? "null" : `case j.place ${values.join(" ")} end`
  return `select s.${row} as row, j.place, ${value} as value
      from ${quoteTable(staging)} as s cross join lateral (select case ${cases.join(" ")} end) as j (place)
     where j.place is not null order by s.${row} limit ${most}`
}

/** Counts, as `c0`, the rows whose value stands in a row before them. */
export function countRepeated(columns: readonly string[], rows: CheckedRows): string {
  return `select coalesce(sum(times - 1), 0) as c0
      from (select count(*) as times from ${staying(rows)} as s where ${haveValues(columns)}
             group by ${quoteNames(columns)} having count(*) > 1) as repeated`
}

/** The same rows in their order, with the `first` that has their value. */
export function findRepeated(columns: readonly string[], rows: CheckedRows, most: number): string {
  const value = columns.length === 1 ? shown(`s.${quoteNames(columns)}`) : "null"
  return `select n.row, 0 as place, n.first, n.value from (
      select s.${row} as row, ${value} as value, pg_catalog.first_value(s.${row}) over w as first
        from ${staying(rows)} as s where ${haveValues(columns)}
      window w as (partition by ${columns.map((name) => `s.${quoteName(name)}`).join(", ")} order by s.${row})
    ) as n where n.row > n.first order by n.row limit ${most}`
}

/** Counts, as `c0`, the rows whose value the other table does not have. */
export function countAstray(
  column: string,
  reference: Extract<Rule, { kind: "references" }>,
  { staging }: Pick<CheckedRows, "staging">,
): string {
  return `select count(*) as c0 from ${quoteTable(staging)} as s where ${isAstray(column, reference)}`
}

/** The same rows in their order. */
export function findAstray(
  column: string,
  reference: Extract<Rule, { kind: "references" }>,
  { staging }: CheckedRows,
  most: number,
): string {
  const name = `s.${quoteName(column)}`
  return `select s.${row} as row, 0 as place, ${shown(name)} as value
      from ${quoteTable(staging)} as s where ${isAstray(column, reference)} order by s.${row} limit ${most}`
}

function isAstray(column: string, { table, column: of }: Extract<Rule, { kind: "references" }>): string {
  const name = `s.${quoteName(column)}`
  return `${name} is not null and not exists (
    select from ${quoteTable(table)} as r where r.${quoteName(of)} = ${name})`
}

/**
 * Whether a row `s` of this table breaks the check, which is asked of all its rows: of a value that stands twice, all but
 * one do.
 */
export function isBroken({ columns, rule, condition }: CompiledCheck, table: TableName): string {
  switch (rule.kind) {
    case "unique":
      return `s.ctid in (select at from (
        select s.ctid as at, row_number() over (partition by ${quoteNames(columns)} order by s.ctid) as place
          from ${quoteTable(table)} as s where ${haveValues(columns)}) as placed where place > 1)`
    case "references":
      return isAstray(columns[0] ?? "", rule)
    default:
      return `(${condition}) is false`
  }
}

const haveValues = (columns: readonly string[]) =>
  columns.map((name) => `s.${quoteName(name)} is not null`).join(" and ")

const shown = (value: string) => `pg_catalog.left(${value}::text, ${longestValue})`

/** Staging without the rows that will give way to another of the version, as keyed.ts lets them. */
function staying({ staging, columns, rules: { key, orderBy, dedupe } }: CheckedRows): string {
  const table = quoteTable(staging)
  const newest = orderBy === undefined ? "" : `${quoteName(orderBy)} desc nulls last, `
  const [group, order] =
    dedupe === "key" || orderBy !== undefined
      ? [quoteNames(key), `${newest}${row} desc`]
      : dedupe === "exact"
        ? [`row(${quoteNames(columns)})::text`, row]
        : []
  if (group === undefined) return table
  return `(select * from ${table} where ctid in (
      select at from (select ctid as at, row_number() over (partition by ${group} order by ${order}) as place
                        from ${table}) as placed where place = 1))`
}
