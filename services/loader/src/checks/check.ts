/** Pure: what a check asks of the rows of a version, and how it is put in words. */
import { showTable, type TableName } from "../postgres/identifier.ts"

/** What becomes of rows that break a check: nothing is loaded, they are set aside, or it is only told. */
export const severities = ["fail", "reject", "warn"] as const

export type Severity = (typeof severities)[number]

/** What is asked. Cells are held against words as Postgres reads them for the column's type. */
export type Rule =
  | { readonly kind: "not_null" }
  | { readonly kind: "unique" }
  | { readonly kind: "pattern"; readonly pattern: string }
  | { readonly kind: "one_of"; readonly values: readonly string[] }
  | { readonly kind: "range"; readonly min: string | undefined; readonly max: string | undefined }
  | { readonly kind: "length"; readonly min: number | undefined; readonly max: number | undefined }
  | { readonly kind: "references"; readonly table: TableName; readonly column: string }
  | { readonly kind: "sql"; readonly condition: string }

export type Check = {
  /** Its number in the settings, from 1. */
  readonly place: number
  /** No other check of the pipeline has it. */
  readonly name: string
  readonly severity: Severity
  /** The columns that it is about: several only of `unique`, none of `sql`. */
  readonly columns: readonly string[]
  readonly rule: Rule
}

/** How a check came out: of so many rows it did not hold. */
export type CheckResult = Pick<Check, "name" | "severity"> & { readonly failed: number }

const shownValues = 10

/** What is expected, to follow that word: `text that matches ^[0-9]{5}$`. */
export function describeRule(rule: Rule): string {
  switch (rule.kind) {
    case "not_null":
      return "a value"
    case "unique":
      return "each value once"
    case "pattern":
      return `text that matches ${rule.pattern}`
    case "one_of": {
      const more = rule.values.length - shownValues
      return `one of ${rule.values.slice(0, shownValues).join(", ")}${more > 0 ? ` or ${more} more` : ""}`
    }
    case "range":
      return `a value ${describeLimits(rule.min, rule.max)}`
    case "length":
      return describeLength(rule.min, rule.max)
    case "references":
      return `a value of ${showTable(rule.table)}.${rule.column}`
    case "sql":
      return rule.condition.trim()
  }
}

function describeLimits(min: string | undefined, max: string | undefined): string {
  if (min === undefined) return `of at most ${max}`
  return max === undefined ? `of at least ${min}` : `from ${min} to ${max}`
}

function describeLength(min: number | undefined, max: number | undefined): string {
  const characters = (number: number) => `${number} character${number === 1 ? "" : "s"}`
  if (min === undefined) return `at most ${characters(max ?? 0)}`
  return max === undefined ? `at least ${characters(min)}` : `${min} to ${characters(max)}`
}
