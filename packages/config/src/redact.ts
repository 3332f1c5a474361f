/** Settings for printing: secrets as stars, amounts with their unit again. */
import Type, { type TSchema } from "@flatbed/typebox"
import { markOf } from "./builders.ts"
import { holdsSecret, recordValue } from "./schema-shape.ts"

const stars = "***"

/** A copy of decoded settings that may be shown to anybody. What no schema describes is not shown. */
export function redact(schema: TSchema, settings: unknown): unknown {
  if (settings === undefined || settings === null) return settings
  if (markOf(schema).setting === "secret" || Type.IsNever(schema)) return stars
  if (Type.IsUnion(schema)) return redactUnion(schema.anyOf, settings)
  if (Type.IsCodec(schema)) return schema["~codec"].encode(settings)
  if (Array.isArray(settings)) {
    return Type.IsArray(schema) ? settings.map((item) => redact(schema.items, item)) : stars
  }
  if (typeof settings !== "object") return settings
  const entries = Object.entries(settings)
  if (Type.IsObject(schema)) {
    return Object.fromEntries(
      entries.map(([key, value]) => [key, redact(schema.properties[key] ?? Type.Never(), value)]),
    )
  }
  if (Type.IsRecord(schema)) {
    return Object.fromEntries(entries.map(([key, value]) => [key, redact(recordValue(schema), value)]))
  }
  return stars
}

/** The secrets in decoded settings, for whoever keeps them out of messages. */
export function secretsOf(schema: TSchema, settings: unknown): string[] {
  if (settings === undefined || settings === null) return []
  if (Type.IsUnion(schema)) return schema.anyOf.flatMap((branch) => secretsOf(branch, settings))
  if (typeof settings === "string") return markOf(schema).setting === "secret" ? [settings] : []
  if (Array.isArray(settings)) {
    return Type.IsArray(schema) ? settings.flatMap((item) => secretsOf(schema.items, item)) : []
  }
  if (typeof settings !== "object") return []
  return Object.entries(settings).flatMap(([key, value]) => {
    if (Type.IsRecord(schema)) return secretsOf(recordValue(schema), value)
    const below = Type.IsObject(schema) ? schema.properties[key] : undefined
    return below === undefined ? [] : secretsOf(below, value)
  })
}

// Decoded values no longer say which branch they came from. A map shows by its keys; anything else is shown
// only if no branch of its kind could be a secret.
function redactUnion(branches: readonly TSchema[], settings: unknown): unknown {
  const isMap = typeof settings === "object" && settings !== null && !Array.isArray(settings)
  if (isMap) {
    const keys = Object.keys(settings)
    const branch = branches.find(
      (b) => Type.IsObject(b) && keys.every((key) => Object.hasOwn(b.properties, key)),
    )
    return redact(branch ?? branches.find((b) => Type.IsRecord(b)) ?? Type.Never(), settings)
  }
  if (branches.some((branch) => holdsSecret(branch) && !Type.IsObject(branch))) return stars
  const codec = branches.find((branch) => Type.IsCodec(branch))
  if (typeof settings === "number" && codec !== undefined && !branches.some((b) => isNumeric(b))) {
    return redact(codec, settings)
  }
  return settings
}

function isNumeric(schema: TSchema): boolean {
  return !Type.IsCodec(schema) && (Type.IsInteger(schema) || Type.IsNumber(schema))
}
