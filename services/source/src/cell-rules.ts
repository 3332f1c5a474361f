/** Pure: from the settings of a dataset's columns to the type and the handling of the cells of one of them. */
import type { ColumnType } from "@flatbed/contract"
import {
  type CellColumnSettings,
  canonicalCells,
  cellSettingsOf,
  namesInCellSettings,
} from "./cells/cell-settings.ts"
import { type CellSettings, compileCell } from "./cells/compile-cell.ts"
import type { Filter } from "./cells/filter.ts"

/** What all rows told about a column whose dates the settings do not describe. */
export type DecidedFormat = { readonly pattern: string; readonly isoToo: boolean }

/** What the settings say about cells and rows, by served name; whatever is left out says nothing. */
export type CellRules = Partial<Omit<CellColumnSettings, "types">> & {
  /** Unquoted words that are NULL in every column without a list of its own; the empty one unless told. */
  readonly nullWords?: readonly string[] | undefined
  /** Which rows are served; all unless told. */
  readonly filter?: Filter | undefined
  /** See census-pass.ts. */
  readonly decided?: Readonly<Record<string, DecidedFormat>> | undefined
  /** Of the step `hash`; kept out of what is written to disk. */
  readonly hashKey?: string | undefined
}

type Rules = CellRules & Pick<CellColumnSettings, "types">

const silent = { null_values: {}, clean: {}, formats: {}, booleans: {} }
const standardNullWords = [""]

// Thousands of files have the same columns by the same rules. Names come from files, so they may be any number.
const toldCells = new WeakMap<Rules, Map<string, CellSettings>>()
const rememberedNames = 4096

/**
 * `cell` is left out where nothing happens but that an unquoted empty cell is NULL, as readers see to by themselves.
 * JSON text has to be read to be judged, so a column that is declared so keeps it.
 */
export function rulesOf(
  name: string,
  rules: Rules,
): { readonly declared: ColumnType | undefined; readonly cell?: CellSettings } {
  const cell = cellOf(name, rules)
  const { declared } = cell
  return compileCell(cell).isIdentity && declared !== "jsonb" ? { declared } : { declared, cell }
}

/** All that the rules say about the cells of a column, and be it nothing. Told once for the same rules, which stay as they are. */
export function cellOf(name: string, rules: Rules): CellSettings {
  const known = toldCells.get(rules) ?? new Map<string, CellSettings>()
  toldCells.set(rules, known)
  const cell = known.get(name) ?? tellCell(name, rules)
  if (known.size >= rememberedNames) known.clear()
  known.set(name, cell)
  return cell
}

function tellCell(name: string, rules: Rules): CellSettings {
  const columns = { ...silent, ...rules }
  const { nullWords: nullValues = standardNullWords, hashKey } = rules
  const decided = new Map(Object.entries(rules.decided ?? {})).get(name)
  const told = cellSettingsOf(columns, name, { nullValues, hashKey })
  return decided === undefined ? told : { ...told, format: decided.pattern, isoToo: decided.isoToo }
}

/** What of a version's name is decided by them, empty where nothing is said. A zone's clocks are the runtime's to know. */
export function canonicalRules(rules: Rules): readonly unknown[] {
  const { nullWords: nullValues = standardNullWords, hashKey, filter = {} } = rules
  return canonicalCells({ ...silent, ...rules }, filter, { nullValues, hashKey }, process.versions.tz ?? "")
}

/** The served names that the rules speak of, each with the setting it stands in. */
export function namesInRules(rules: Rules): { readonly setting: string; readonly name: string }[] {
  const types = Object.keys(rules.types).map((name) => ({ setting: "columns.types", name }))
  return [...types, ...namesInCellSettings({ ...silent, ...rules }, rules.filter ?? {})]
}
