/** The JSON Schema of a settings file, for editors. */
import Type, { type TSchema } from "@flatbed/typebox"
import { markOf } from "./builders.ts"
import { mayBeLeftOut, recordKeyPattern, recordValue } from "./schema-shape.ts"

type JsonSchema = Record<string, unknown>

/** What only this package understands. */
const ownKeywords = ["setting", "relativeTo", "expected", "expectedName", "shownAs"]

// A variable may stand wherever a scalar does; its value is not the editor's to check.
const variable: JsonSchema = { type: "string", pattern: "\\$\\{[A-Za-z_][A-Za-z0-9_]*\\}" }

/** JSON Schema 2020-12 of the YAML file: unknown keys refused, `${VAR}` allowed, `include` known. */
export function jsonSchemaOf(schema: TSchema, id: string): JsonSchema {
  const body = convert(schema)
  const include = {
    anyOf: [{ type: "string" }, { type: "array", items: { type: "string" } }],
    description: "other settings files to merge, relative to this one",
  }
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    $id: id,
    ...body,
    properties: { include, ...(body.properties as JsonSchema | undefined) },
    // An including file may leave to the included ones what the whole must have.
    required: [],
  }
}

function convert(schema: TSchema): JsonSchema {
  const plain = Object.fromEntries(Object.entries(schema).filter(([key]) => !ownKeywords.includes(key)))
  if (Type.IsObject(schema)) {
    const properties = Object.entries(schema.properties)
    return {
      ...plain,
      properties: Object.fromEntries(properties.map(([key, child]) => [key, convert(child)])),
      required: properties.filter(([, child]) => !mayBeLeftOut(child)).map(([key]) => key),
      additionalProperties: false,
    }
  }
  if (Type.IsRecord(schema)) {
    const pattern = recordKeyPattern(schema).source
    return {
      ...plain,
      patternProperties: { [pattern]: convert(recordValue(schema)) },
      additionalProperties: false,
    }
  }
  if (Type.IsArray(schema)) return { ...plain, items: convert(schema.items) }
  if (Type.IsUnion(schema)) return { ...plain, anyOf: schema.anyOf.map(convert) }
  if (markOf(schema).setting === "word") return { ...plain, type: ["string", "number", "boolean"] }
  return takesAnyText(schema) ? plain : withVariable(plain)
}

function takesAnyText(schema: TSchema): boolean {
  return Type.IsString(schema) && !("pattern" in schema) && !("maxLength" in schema) && !("format" in schema)
}

function withVariable({ description, default: standard, ...constraints }: JsonSchema): JsonSchema {
  return {
    ...(description === undefined ? {} : { description }),
    ...(standard === undefined ? {} : { default: standard }),
    anyOf: [constraints, variable],
  }
}
