/** Pure: the checks of a pipeline, as `loader.yaml` says them and as a run gets them. */
import { type Settings, type SettingsProblem, word } from "@flatbed/config"
import Type from "@flatbed/typebox"
import { parseTable, showTable, type TableName } from "../postgres/identifier.ts"
import { type Check, type Rule, severities } from "./check.ts"

/** `checks` of one pipeline. */
export const checksSchema = Type.Array(
  Type.Object({
    column: Type.Optional(Type.String({ minLength: 1 })),
    columns: Type.Optional(Type.Array(Type.String({ minLength: 1 }), { minItems: 1 })),
    not_null: Type.Optional(Type.Literal(true)),
    unique: Type.Optional(Type.Literal(true)),
    pattern: Type.Optional(Type.String({ minLength: 1 })),
    one_of: Type.Optional(Type.Array(word({ description: "a value" }), { minItems: 1 })),
    range: Type.Optional(
      Type.Object({
        min: Type.Optional(word({ description: "the least value", minLength: 1 })),
        max: Type.Optional(word({ description: "the greatest", minLength: 1 })),
      }),
    ),
    length: Type.Optional(
      Type.Object({
        min: Type.Optional(Type.Integer({ minimum: 0 })),
        max: Type.Optional(Type.Integer({ minimum: 0 })),
      }),
    ),
    references: Type.Optional(Type.String({ minLength: 1 })),
    sql: Type.Optional(Type.String({ minLength: 1 })),
    severity: Type.Enum([...severities], { default: "fail" }),
    name: Type.Optional(Type.String({ minLength: 1 })),
  }),
  {
    default: [],
    shownAs: "list of `{ column, RULE, severity, name }`",
    description:
      "what the rows of a version are to be like; RULE is `not_null`, `unique`, `pattern`, `one_of`, `range`, `length`, `references` or `sql`; severity is `fail`, `reject` or `warn`",
  },
)

export type CheckSettings = Settings<typeof checksSchema>

type Written = CheckSettings[number]

const ruleNames = ["not_null", "unique", "pattern", "one_of", "range", "length", "references", "sql"] as const

/**
 * The problems of the checks that are well-formed, where other settings are not: `parts` is what could be decoded. Names
 * that are there twice are told when all checks are well-formed.
 */
export function checkSoundChecks(parts: unknown): SettingsProblem[] {
  return ["pipelines", "models"].flatMap((kind) =>
    entriesOf(partOf(parts, kind)).flatMap(([name, part]) => {
      const [checks, table] = [partOf(part, "checks"), partOf(part, "table")]
      const own = typeof table === "string" ? (parseTable(table) ?? unknownTable) : unknownTable
      if (!Array.isArray(checks)) return []
      return checks.flatMap((written: Written | undefined, i) =>
        written === undefined ? [] : checkOne(`${kind}.${name}.checks.${i + 1}`, own, written),
      )
    }),
  )
}

const entriesOf = (value: unknown) =>
  typeof value === "object" && value !== null ? Object.entries(value) : []
const partOf = (value: unknown, key: string): unknown => entriesOf(value).find(([name]) => name === key)?.[1]

/** The checks in the order of the file. Trusts that the settings were checked. */
export function listChecks(settings: CheckSettings): Check[] {
  const taken = new Set(settings.flatMap(({ name }) => name ?? []))
  return settings.map((written, i) => {
    const { severity } = written
    const columns = written.columns ?? (written.column === undefined ? [] : [written.column])
    const rule = ruleOf(written)
    const usual = rule.kind === "sql" ? `sql_${i + 1}` : `${columns.join("_")}_${rule.kind}`
    return { place: i + 1, name: written.name ?? nameOnce(usual, taken), severity, columns, rule }
  })
}

/** `zip_pattern`, and the second of that name `zip_pattern_2`. */
function nameOnce(usual: string, taken: Set<string>): string {
  let name = usual
  for (let n = 2; taken.has(name); n++) name = `${usual}_${n}`
  taken.add(name)
  return name
}

function ruleOf({ not_null, unique, pattern, one_of, range, length, references, sql }: Written): Rule {
  if (not_null !== undefined) return { kind: "not_null" }
  if (unique !== undefined) return { kind: "unique" }
  if (pattern !== undefined) return { kind: "pattern", pattern }
  if (one_of !== undefined) return { kind: "one_of", values: one_of }
  if (range !== undefined) return { kind: "range", min: range.min, max: range.max }
  if (length !== undefined) return { kind: "length", min: length.min, max: length.max }
  if (references !== undefined)
    return { kind: "references", ...(parseReference(references) ?? { table: unknownTable, column: "" }) }
  return { kind: "sql", condition: sql ?? "" }
}

const unknownTable: TableName = { schema: "public", name: "" }

/** Reads `table.column` or `schema.table.column`, names as they are written; undefined when it is neither. */
function parseReference(written: string): { table: TableName; column: string } | undefined {
  const parts = written.split(".")
  const column = parts.pop()
  const table = parts.length === 0 ? undefined : parseTable(parts.join("."))
  return table === undefined || column === undefined || column === "" ? undefined : { table, column }
}

/** Checks that say nothing, too much, or what no row can be. `table` is the pipeline's own. */
export function checkChecks(at: string, table: TableName, settings: CheckSettings): SettingsProblem[] {
  const names = listChecks(settings).map(({ name }) => name)
  return settings.flatMap((written, i) => {
    const path = `${at}.checks.${i + 1}`
    const found = checkOne(path, table, written)
    const namesake = written.name === undefined ? -1 : names.indexOf(written.name)
    if (namesake === -1 || namesake >= i) return found
    const message = `is ${show(written.name)}, as of checks.${namesake + 1}; give it one of its own`
    return [...found, { path: `${path}.name`, message }]
  })
}

function checkOne(path: string, own: TableName, written: Written): SettingsProblem[] {
  const found = [...checkRule(written, own), ...checkColumns(written)]
  return found.map(([key, message]) => ({ path: key === "" ? path : `${path}.${key}`, message }))
}

type Found = readonly [key: string, message: string]

function checkRule(written: Written, own: TableName): Found[] {
  const rules = ruleNames.filter((name) => written[name] !== undefined)
  if (rules.length === 0) return [["", `has no rule, expected one of ${ruleNames.join(", ")}`]]
  if (rules.length > 1)
    return [["", `has the rules ${rules.join(" and ")}, expected one; write a check for each`]]
  const { range, length, references } = written
  const found: Found[] = []
  if (range !== undefined && range.min === undefined && range.max === undefined)
    found.push(["range", "says nothing, expected min, max or both"])
  if (length !== undefined && length.min === undefined && length.max === undefined)
    found.push(["length", "says nothing, expected min, max or both"])
  if (range !== undefined && isGreater(range.min, range.max))
    found.push(["range", `is from ${range.min} to ${range.max}, which no value is; expected min up to max`])
  if (length !== undefined && (length.min ?? 0) > (length.max ?? Number.POSITIVE_INFINITY))
    found.push(["length", `is ${length.min} to ${length.max}, which no text is; expected min up to max`])
  if (references !== undefined) found.push(...checkReference(references, own))
  return found
}

// What is neither a number nor begins with a date is left to Postgres.
function isGreater(min: string | undefined, max: string | undefined): boolean {
  if (min === undefined || max === undefined || min.trim() === "" || max.trim() === "") return false
  const isDate = /^[0-9]{4}-[0-9]{2}-[0-9]{2}/
  if (isDate.test(min) && isDate.test(max)) return min.slice(0, 10) > max.slice(0, 10)
  return Number(min) > Number(max)
}

function checkReference(written: string, own: TableName): Found[] {
  const reference = parseReference(written)
  if (reference === undefined)
    return [["references", `is ${show(written)}, expected table.column or schema.table.column`]]
  if (showTable(reference.table) !== showTable(own)) return []
  return [
    [
      "references",
      `names ${showTable(own)}, the table that is loaded; expected another one, or a foreign key of the table`,
    ],
  ]
}

function checkColumns(written: Written): Found[] {
  const { column, columns, unique, sql } = written
  if (sql !== undefined) {
    const named = column === undefined ? "columns" : "column"
    return column === undefined && columns === undefined
      ? []
      : [[named, "says nothing beside sql, which names its columns itself; leave it out"]]
  }
  if (column !== undefined && columns !== undefined)
    return [["columns", "stands beside column, expected one of them"]]
  if (column === undefined && columns === undefined)
    return [["column", "is missing, expected the column that is looked at"]]
  if (columns !== undefined && unique === undefined)
    return [["columns", "goes with unique only, expected column, and a check for each"]]
  const twice = columns?.find((one, i) => columns.indexOf(one) !== i)
  return twice === undefined ? [] : [["columns", `names ${show(twice)} twice, expected each column once`]]
}

const show = (text: string | undefined) => JSON.stringify(text)
