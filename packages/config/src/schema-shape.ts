/** What a settings schema looks like from outside: its words for messages and tables, its keys, its secrets. */
import Type, { type TSchema } from "@flatbed/typebox"
import { markOf } from "./builders.ts"

type WithNumbers = {
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: number
  readonly exclusiveMaximum?: number
  readonly multipleOf?: number
}
type WithLengths = { readonly minLength?: number; readonly maxLength?: number; readonly pattern?: string }

/** What a value must be, in words: `an integer from 1 to 65535`. */
export function expectation(schema: TSchema): string {
  const { expected } = markOf(schema)
  if (expected !== undefined) return expected
  if (Type.IsInteger(schema)) return `an integer${limits(schema)}`
  if (Type.IsNumber(schema)) return `a number${limits(schema)}`
  if (Type.IsBoolean(schema)) return "true or false"
  if (Type.IsString(schema)) return `text${lengths(schema)}`
  if (Type.IsLiteral(schema)) return JSON.stringify(schema.const)
  if (Type.IsEnum(schema)) return anyOf(schema.enum.map((value) => JSON.stringify(value)))
  if (Type.IsNull(schema)) return "nothing"
  if (Type.IsArray(schema)) return `a list, each ${expectation(schema.items)}`
  if (Type.IsUnion(schema)) return anyOf(schema.anyOf.map(expectation))
  if (Type.IsObject(schema)) return `a map with ${listKeys(Object.keys(schema.properties))}`
  if (Type.IsRecord(schema)) return `a map of names, each to ${expectation(recordValue(schema))}`
  throw new TypeError(`Settings know no schema of kind ${kindOf(schema)}.`)
}

/** The type as a settings table shows it: `integer`, `duration`, `"a" or "b"`. */
export function typeName(schema: TSchema): string {
  const { setting, shownAs } = markOf(schema)
  if (shownAs !== undefined) return shownAs
  if (setting !== undefined && setting !== "word") return setting
  if (Type.IsString(schema)) return "text"
  if (Type.IsInteger(schema)) return "integer"
  if (Type.IsNumber(schema)) return "number"
  if (Type.IsBoolean(schema)) return "boolean"
  if (Type.IsArray(schema)) return `list of ${typeName(schema.items)}`
  if (Type.IsUnion(schema)) return anyOf(schema.anyOf.map(typeName))
  if (Type.IsObject(schema)) {
    const keys = Object.entries(schema.properties).map(([key, child]) => `${key}: ${typeName(child)}`)
    return `{ ${keys.join(", ")} }`
  }
  if (Type.IsRecord(schema)) return `map of ${typeName(recordValue(schema))}`
  return expectation(schema)
}

/** The schema of a record's values, and the pattern that its keys must match. */
export function recordValue(schema: TSchema): TSchema {
  return Object.values(recordPatterns(schema))[0] ?? Type.Never()
}

/** The pattern for a record's keys. */
export function recordKeyPattern(schema: TSchema): RegExp {
  return new RegExp(Object.keys(recordPatterns(schema))[0] ?? "^", "u")
}

/** Whether a value of the schema could hold a secret anywhere, so that messages must not show it. */
export function holdsSecret(schema: TSchema): boolean {
  if (markOf(schema).setting === "secret") return true
  return childSchemas(schema).some(holdsSecret)
}

/** Whether a setting may be left out. */
export function mayBeLeftOut(schema: TSchema): boolean {
  if (Type.IsOptional(schema) || markOf(schema).default !== undefined) return true
  return Type.IsObject(schema) && Object.values(schema.properties).every(mayBeLeftOut)
}

/** `the keys a and b`, `the key a`. */
export function listKeys(keys: readonly string[]): string {
  if (keys.length === 0) return "no keys"
  return keys.length === 1
    ? `the key ${keys[0]}`
    : `the keys ${keys.slice(0, -1).join(", ")} and ${keys.at(-1)}`
}

/** The kind TypeBox gave the schema. */
export function kindOf(schema: TSchema): string {
  return (schema as { "~kind"?: string })["~kind"] ?? "unknown"
}

function childSchemas(schema: TSchema): TSchema[] {
  if (Type.IsObject(schema)) return Object.values(schema.properties)
  if (Type.IsRecord(schema)) return [recordValue(schema)]
  if (Type.IsArray(schema)) return [schema.items]
  return Type.IsUnion(schema) ? schema.anyOf : []
}

function recordPatterns(schema: TSchema): Record<string, TSchema> {
  return (schema as { patternProperties?: Record<string, TSchema> }).patternProperties ?? {}
}

function anyOf(words: readonly string[]): string {
  const once = [...new Set(words)]
  return once.length < 2 ? (once[0] ?? "") : `${once.slice(0, -1).join(", ")} or ${once.at(-1)}`
}

function limits(schema: TSchema): string {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema as WithNumbers
  const words: string[] = []
  if (minimum !== undefined && maximum !== undefined) words.push(`from ${minimum} to ${maximum}`)
  else if (minimum !== undefined) words.push(`of at least ${minimum}`)
  else if (maximum !== undefined) words.push(`of at most ${maximum}`)
  if (exclusiveMinimum !== undefined) words.push(`above ${exclusiveMinimum}`)
  if (exclusiveMaximum !== undefined) {
    words.push(`${exclusiveMinimum === undefined ? "" : "and "}below ${exclusiveMaximum}`)
  }
  if (multipleOf !== undefined) words.push(`that is a multiple of ${multipleOf}`)
  return words.map((word) => ` ${word}`).join("")
}

function lengths(schema: TSchema): string {
  const { minLength = 0, maxLength, pattern } = schema as WithLengths
  const words: string[] = []
  if (minLength === 1 && maxLength === 1) words.push(" of one character")
  else {
    if (minLength === 1) words.push(" that is not empty")
    if (minLength > 1) words.push(` of at least ${minLength} characters`)
    if (maxLength !== undefined)
      words.push(`${minLength > 1 ? " and" : ""} of at most ${maxLength} characters`)
  }
  if (pattern !== undefined) words.push(` that matches ${pattern}`)
  return words.join("")
}
