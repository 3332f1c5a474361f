/** Pure: what the settings may say about cells, whether it can be done, and what it comes to for each column. */
import { type Settings, type SettingsProblem, word } from "@flatbed/config"
import { type ColumnType, grammars } from "@flatbed/contract"
import Type from "@flatbed/typebox"
import { type CleanStep, cleanStepSchema, findStepFault, nameOfStep } from "./clean-steps.ts"
import { type CellSettings, compileCell } from "./compile-cell.ts"
import { checkFilter, conditionSchema, type Filter } from "./filter.ts"
import { compileBooleans, compileFormat, type DateFormat, typeOfFormat } from "./formats.ts"
import { isNamedZone } from "./zone.ts"

const words = (description: string) => Type.Array(word({ description: "a word" }), { description })

const dateFormatSchema = Type.Union([
  Type.String({ minLength: 1 }),
  Type.Object({
    pattern: Type.String({ minLength: 1 }),
    zone: Type.Optional(Type.String({ minLength: 1 })),
  }),
])

/** The settings of `columns` that speak of cells; all by served name. */
export const cellColumnSettings = {
  null_values: Type.Record(Type.String(), words("words"), {
    default: {},
    description:
      "served name → words that are NULL where they stand without quotes, instead of the dialect's",
  }),
  clean: Type.Record(Type.String(), Type.Array(cleanStepSchema), {
    default: {},
    description:
      "served name → cleaning steps, done in this order before anything else is read from the cell",
  }),
  formats: Type.Record(Type.String(), dateFormatSchema, {
    default: {},
    description:
      'served name → how its dates or times are written, such as "dd.MM.yyyy"; `{ pattern, zone }` for a timestamptz whose cells have no offset',
  }),
  booleans: Type.Record(
    Type.String(),
    Type.Object({
      true: Type.Array(word({ description: "a word" }), {
        minItems: 1,
        description: "words that are true in the column of this served name; as written, case included",
      }),
      false: Type.Array(word({ description: "a word" }), {
        minItems: 1,
        description: "words that are false in it",
      }),
    }),
    { default: {}, description: "served name → its words for true and false" },
  ),
}

/** A dataset's `filter`, by served name. */
export const filterSchema = Type.Record(Type.String(), conditionSchema, {
  default: {},
  description: "served name → what its cells must be for the row to be served",
})

/** `dialect.null_values`. */
export const nullValuesSchema = Type.Array(word({ description: "a word" }), {
  default: [""],
  description: 'words that are NULL where they stand without quotes; without "" the empty cell is empty text',
})

/** What `columns` says about cells; the parts of it that are here. */
export type CellColumnSettings = {
  readonly types: Readonly<Record<string, ColumnType>>
  readonly null_values: Readonly<Record<string, readonly string[]>>
  readonly clean: Readonly<Record<string, readonly CleanStep[]>>
  readonly formats: Readonly<Record<string, DateFormat>>
  readonly booleans: Readonly<Record<string, Settings<typeof cellColumnSettings.booleans>[string]>>
}

/** What holds for all columns unless one says otherwise. */
export type CellDefaults = {
  readonly nullValues: readonly string[]
  readonly hashKey?: string | undefined
}

/** The type that the settings give a column: by `types`, or by how it is written. */
export function declaredTypeOf(columns: CellColumnSettings, name: string): ColumnType | undefined {
  const format = own(columns.formats, name)
  return (
    own(columns.types, name) ??
    (format === undefined ? undefined : typeOfFormat(format)) ??
    (own(columns.booleans, name) === undefined ? undefined : "boolean")
  )
}

/** All that the settings say about the cells of one served column. */
export function cellSettingsOf(
  columns: CellColumnSettings,
  name: string,
  { nullValues, hashKey }: CellDefaults,
): CellSettings {
  return {
    nullValues: own(columns.null_values, name) ?? nullValues,
    clean: own(columns.clean, name) ?? [],
    format: own(columns.formats, name),
    booleans: own(columns.booleans, name),
    declared: declaredTypeOf(columns, name),
    hashKey,
  }
}

/** The served names that the settings about cells, and the filter, speak of: each must be a column. */
export function namesInCellSettings(
  columns: CellColumnSettings,
  filter: Filter,
): { readonly setting: string; readonly name: string }[] {
  const named = (setting: string, record: object) => Object.keys(record).map((name) => ({ setting, name }))
  return [
    ...named("columns.null_values", columns.null_values),
    ...named("columns.clean", columns.clean),
    ...named("columns.formats", columns.formats),
    ...named("columns.booleans", columns.booleans),
    ...named("filter", filter),
  ]
}

/** What a dataset's settings about cells cannot mean; `path` is that of the dataset. */
export function checkCellSettings(
  path: string,
  columns: CellColumnSettings,
  filter: Filter,
  defaults: CellDefaults,
): SettingsProblem[] {
  const problems: SettingsProblem[] = []
  const add = (setting: string, message: string) => problems.push({ path: `${path}.${setting}`, message })
  for (const [name, steps] of Object.entries(columns.clean)) {
    const before = problems.length
    checkSteps(`columns.clean.${name}`, steps, declaredTypeOf(columns, name), defaults, add)
    if (problems.length === before) checkNull(name, cellSettingsOf(columns, name, defaults), add)
  }
  for (const [name, format] of Object.entries(columns.formats)) {
    const setting = `columns.formats.${name}`
    if (own(columns.booleans, name) !== undefined) {
      add(setting, "stands beside columns.booleans for the same column, expected one of them")
    }
    const compiled = compileFormat(format, declaredTypeOf(columns, name) ?? "text")
    if (typeof compiled === "string") add(setting, compiled)
  }
  for (const [name, meanings] of Object.entries(columns.booleans)) {
    const compiled = compileBooleans(meanings, declaredTypeOf(columns, name) ?? "boolean")
    if (typeof compiled === "string") add(`columns.booleans.${name}`, compiled)
  }
  for (const { path: setting, message } of checkFilter(filter, (name) => declaredTypeOf(columns, name))) {
    add(`filter.${setting}`, message)
  }
  return problems
}

type Add = (setting: string, message: string) => void

function checkSteps(
  setting: string,
  steps: readonly CleanStep[],
  declared: ColumnType | undefined,
  context: CellDefaults,
  add: Add,
): void {
  steps.forEach((step, i) => {
    const name = nameOfStep(step)
    const fault = findStepFault(step, context) ?? findMisfit(name, declared)
    if (fault !== undefined) add(`${setting}.${i + 1}.${name}`, fault)
  })
}

/** A step whose results are never of the column's type. */
function findMisfit(step: string, declared: ColumnType | undefined): string | undefined {
  if (declared === undefined || declared === "text") return undefined
  if (step === "hash") return `gives text, but the column's type is ${declared}`
  if (step === "epoch" && declared !== "timestamptz") {
    return `gives a timestamptz, but the column's type is ${declared}`
  }
  return undefined
}

/** What NULL becomes must be a value of the column's type, or every row without a value would be a reject. */
function checkNull(name: string, settings: CellSettings, add: Add): void {
  const { declared, format, booleans } = settings
  const formatFits =
    (format === undefined || typeof compileFormat(format, declared ?? "text") !== "string") &&
    (booleans === undefined || typeof compileBooleans(booleans, declared ?? "text") !== "string")
  if (!formatFits) return
  const served = compileCell(settings).shape(null)
  if (served === null) return
  if (typeof served === "object")
    add(`columns.clean.${name}`, `fills NULL with what cannot be read: ${served.reason}`)
  else if (declared !== undefined && !grammars[declared].accepts(served)) {
    const expected = `expected ${declared}: ${grammars[declared].forms}`
    add(`columns.clean.${name}`, `fills NULL with ${JSON.stringify(served)}, ${expected}`)
  }
}

/**
 * What of a dataset's version is decided here, as lists in a fixed order; empty when nothing but the defaults is said,
 * so that versions made before stay what they are. A zone's clocks are known by the time zone data, so its edition
 * counts. A key counts by what it does, not as it is written.
 */
export function canonicalCells(
  columns: CellColumnSettings,
  filter: Filter,
  { nullValues, hashKey }: CellDefaults,
  timeZoneData: string,
): readonly unknown[] {
  const parts: unknown[] = []
  const add = (name: string, record: Readonly<Record<string, unknown>>) => {
    const entries = Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1))
    if (entries.length > 0) parts.push([name, entries.map(([key, value]) => [key, canonical(value)])])
  }
  if (nullValues.length !== 1 || nullValues[0] !== "") parts.push(["dialect", [...nullValues].sort()])
  add("null_values", columns.null_values)
  add("clean", columns.clean)
  add("formats", columns.formats)
  add("booleans", columns.booleans)
  add("filter", filter)
  const steps = Object.values(columns.clean).flat()
  const isKeyed = steps.some((step) => typeof step === "object" && "hash" in step && step.hash === "hmac")
  if (isKeyed)
    parts.push([
      "key",
      compileCell({ nullValues: [], clean: [{ hash: "hmac" }], declared: "text", hashKey }).shape(""),
    ])
  const zones = Object.values(columns.formats).map((format) =>
    typeof format === "string" ? undefined : format.zone,
  )
  if (zones.some((zone) => zone !== undefined && isNamedZone(zone))) parts.push(["tz", timeZoneData])
  return parts
}

/** Keys in order, however a person wrote them. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical)
  if (typeof value !== "object" || value === null) return value
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, below]) => [key, canonical(below)])
}

/** Names such as `__proto__` are names like any other. */
function own<Value>(record: Readonly<Record<string, Value>>, name: string): Value | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined
}
