/** Pure: which rows are served, by simple comparisons of their cells as served. */
import { type Settings, word } from "@flatbed/config"
import { type ColumnType, classifyLexeme, grammars } from "@flatbed/contract"
import Type from "@flatbed/typebox"
import { compareTo } from "./compare-values.ts"

const value = (description: string) => Type.Optional(word({ description }))
const values = (description: string) =>
  Type.Optional(Type.Array(word({ description: "a value" }), { minItems: 1, description }))
const flag = (description: string) => Type.Optional(Type.Literal(true, { description }))

export const conditionSchema = Type.Object({
  eq: value("serve rows whose cell is equal: numbers and times by value, text by its characters"),
  ne: value("serve rows whose cell is not equal"),
  gt: value("serve rows whose cell is greater; text is compared by its bytes"),
  ge: value("serve rows whose cell is greater or equal"),
  lt: value("serve rows whose cell is less"),
  le: value("serve rows whose cell is less or equal"),
  in: values("serve rows whose cell is equal to one of these"),
  not_in: values("serve rows whose cell is equal to none of these"),
  starts_with: value("serve rows whose cell, a text, begins with this"),
  null: flag(
    "serve rows whose cell is NULL, beside those that comparisons here let through; alone: no others",
  ),
  not_null: flag("serve rows whose cell is not NULL, as every comparison does by itself"),
})

/** What one column's cells must be; everything that is written must hold. */
export type Condition = Settings<typeof conditionSchema>
/** By served name. */
export type Filter = Readonly<Record<string, Condition>>

/** One column's part of the filter. */
export type CellTest = {
  readonly column: string
  /** A cell as served, of the column's type; null for NULL. */
  readonly accepts: (cell: string | null) => boolean
}

type Operator = Exclude<keyof Condition, "null" | "not_null">

const singles = ["eq", "ne", "gt", "ge", "lt", "le", "starts_with"] as const
const lists = ["in", "not_in"] as const
const ordering: readonly Operator[] = ["gt", "ge", "lt", "le"]

/** The tests of all columns that the filter names; a row is served when each accepts its cell. */
export function compileFilter(
  filter: Filter,
  declared: (column: string) => ColumnType | undefined,
): readonly CellTest[] {
  return Object.entries(filter).map(([column, condition]) => ({
    column,
    accepts: compileCondition(condition, declared(column) ?? "text"),
  }))
}

function compileCondition(condition: Condition, type: ColumnType): CellTest["accepts"] {
  const comparisons = [
    ...singles.flatMap((operator) => {
      const operand = condition[operator]
      return operand === undefined ? [] : [compileSingle(operator, operand, type)]
    }),
    ...lists.flatMap((operator) => {
      const operands = condition[operator]
      if (operands === undefined) return []
      const anyOf = operands.map((operand) => compareTo(type, operand))
      const wanted = operator === "in"
      return [(cell: string) => anyOf.some((compare) => compare(cell) === 0) === wanted]
    }),
  ]
  const takesNull = condition.null === true
  // `null: true` alone asks for NULL only.
  if (takesNull && comparisons.length === 0) return (cell) => cell === null
  return (cell) => (cell === null ? takesNull : comparisons.every((holds) => holds(cell)))
}

function compileSingle(
  operator: (typeof singles)[number],
  operand: string,
  type: ColumnType,
): (cell: string) => boolean {
  if (operator === "starts_with") return (cell) => cell.startsWith(operand)
  const compare = compareTo(type, operand)
  switch (operator) {
    case "eq":
      return (cell) => compare(cell) === 0
    case "ne":
      return (cell) => compare(cell) !== 0
    case "gt":
      return (cell) => compare(cell) > 0
    case "ge":
      return (cell) => compare(cell) >= 0
    case "lt":
      return (cell) => compare(cell) < 0
    case "le":
      return (cell) => compare(cell) <= 0
  }
}

/** What cannot be compared: paths below `filter` and sentences that go on after them. */
export function checkFilter(
  filter: Filter,
  declared: (column: string) => ColumnType | undefined,
): { readonly path: string; readonly message: string }[] {
  return Object.entries(filter).flatMap(([column, condition]) => {
    const type = declared(column)
    const operands = operandsOf(condition)
    const problems = operands.flatMap(([operator, operand]) => {
      const message = findMisfit(operator, operand, type, column)
      return message === undefined ? [] : [{ path: `${column}.${operator}`, message }]
    })
    const { null: takesNull, not_null: refusesNull } = condition
    if (takesNull === true && refusesNull === true) {
      problems.push({ path: `${column}.not_null`, message: "stands beside null, expected one of them" })
    }
    if (operands.length === 0 && takesNull === undefined && refusesNull === undefined) {
      problems.push({ path: column, message: "says nothing, expected a comparison such as { gt: 0 }" })
    }
    return problems
  })
}

function operandsOf(condition: Condition): (readonly [Operator, string])[] {
  return [...singles, ...lists].flatMap((operator) => {
    const written = condition[operator]
    if (written === undefined) return []
    return (typeof written === "string" ? [written] : written).map((operand) => [operator, operand] as const)
  })
}

function findMisfit(
  operator: Operator,
  operand: string,
  type: ColumnType | undefined,
  column: string,
): string | undefined {
  const shown = JSON.stringify(operand)
  if (type === undefined) return findGuess(operator, operand, column)
  if (operator === "starts_with") {
    return type === "text" ? undefined : `is for text, but the column's type is ${type}`
  }
  if (type === "boolean" && ordering.includes(operator)) {
    return "is for values that have an order, but the column's type is boolean; expected eq or ne"
  }
  // Between whole numbers there is room for a bound; to be equal, a value must be one of the type.
  const isNumber = type === "integer" || type === "bigint"
  const measure = isNumber && ordering.includes(operator) ? "numeric" : type
  if (grammars[measure].accepts(operand)) return undefined
  return `is ${shown}, expected ${type}: ${grammars[measure].forms}`
}

/** Without a declared type cells are compared as text: only where that cannot be meant otherwise. */
function findGuess(operator: Operator, operand: string, column: string): string | undefined {
  const found = classifyLexeme(operand)
  const declare = (type: string) =>
    `expected the column's type to be declared, as in  columns: { types: { ${JSON.stringify(column)}: ${type} } }`
  if (operator === "starts_with") return undefined
  if (ordering.includes(operator)) {
    return `needs to know what it compares; ${declare(found)}`
  }
  if (found === "text") return undefined
  return `is ${JSON.stringify(operand)}, which may be ${found} or text; ${declare(found)}`
}
