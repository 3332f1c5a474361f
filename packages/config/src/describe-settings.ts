/** The rows of a settings table, for the README. */
import Type, { type TSchema } from "@flatbed/typebox"
import { markOf } from "./builders.ts"
import { mayBeLeftOut, recordValue, typeName } from "./schema-shape.ts"

export type SettingDescription = {
  /** Dotted; names that the user chooses stand as `<name>`. */
  readonly path: string
  readonly type: string
  /** As it would be written in YAML; null when there is none. */
  readonly default: string | null
  readonly required: boolean
  readonly description: string
}

/** One row per setting, in the schema's order. */
export function describeSettings(schema: TSchema): SettingDescription[] {
  return describe(schema, "")
}

function describe(schema: TSchema, path: string): SettingDescription[] {
  if (Type.IsObject(schema)) {
    return Object.entries(schema.properties).flatMap(([key, child]) => describe(child, join(path, key)))
  }
  if (Type.IsRecord(schema)) {
    const below = recordValue(schema)
    if (Type.IsObject(below)) return describe(below, join(path, "<name>"))
  }
  const { default: standard, description = "" } = markOf(schema)
  return [
    {
      path,
      type: typeName(schema),
      default: standard === undefined ? null : flowText(standard),
      required: !mayBeLeftOut(schema),
      description,
    },
  ]
}

function join(path: string, key: string): string {
  return path === "" ? key : `${path}.${key}`
}

/** A value in YAML's flow style, on one line. */
export function flowText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flowText).join(", ")}]`
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).map(([key, item]) => `${key}: ${flowText(item)}`)
    return entries.length === 0 ? "{}" : `{ ${entries.join(", ")} }`
  }
  // What YAML's plain style could misread (indicators, other types) keeps its quotes.
  if (typeof value === "string" && /^[A-Za-z0-9./][A-Za-z0-9./_+-]*$/.test(value)) return value
  return JSON.stringify(value)
}
