/** Pure: from the settings of a dataset's columns to what happens to the cells of one of them. */
import type { ColumnType } from "@flatbed/contract"
import type { CleanStep } from "./cells/clean-steps.ts"
import { type CellSettings, compileCell } from "./cells/compile-cell.ts"
import type { Filter } from "./cells/filter.ts"
import type { BooleanWords, DateFormat } from "./cells/formats.ts"

/** What all rows told about a column whose dates the settings do not describe. */
export type DecidedFormat = { readonly pattern: string; readonly isoToo: boolean }

type ByName<Value> = Readonly<Record<string, Value>>

/** By served name. */
export type CellRules = {
  /** Unquoted words that are NULL in every column without a list of its own; the empty one unless told. */
  readonly nullWords?: readonly string[] | undefined
  readonly null_values?: ByName<readonly string[]> | undefined
  readonly formats?: ByName<DateFormat> | undefined
  readonly booleans?: ByName<BooleanWords> | undefined
  readonly clean?: ByName<readonly CleanStep[]> | undefined
  /** Which rows are served; all unless told. */
  readonly filter?: Filter | undefined
  /** See census-pass.ts. */
  readonly decided?: ByName<DecidedFormat> | undefined
  /** Of the step `hash`; kept out of what is written to disk. */
  readonly hashKey?: string | undefined
}

/** The settings that are written by served names, for whoever asks whether those names are served. */
export const rulesByName = ["null_values", "formats", "booleans", "clean"] as const

const standardNullWords = [""]

/** Undefined where nothing happens but that an unquoted empty cell is NULL, as readers see to by themselves. */
export function cellSettingsOf(
  name: string,
  declared: ColumnType | undefined,
  rules: CellRules,
): CellSettings | undefined {
  const find = <Value>(byName: ByName<Value> | undefined) => new Map(Object.entries(byName ?? {})).get(name)
  const decided = find(rules.decided)
  const cell: CellSettings = {
    nullValues: find(rules.null_values) ?? rules.nullWords ?? standardNullWords,
    clean: find(rules.clean) ?? [],
    format: find(rules.formats) ?? decided?.pattern,
    isoToo: decided?.isoToo,
    booleans: find(rules.booleans),
    declared,
    hashKey: rules.hashKey,
  }
  return compileCell(cell).isIdentity ? undefined : cell
}
