/** One written value against the schema of a leaf: the decoded value, or what was expected instead. */
import Type, { type TSchema, Value } from "@flatbed/typebox"
import { markOf } from "./builders.ts"
import { expectation, holdsSecret } from "./schema-shape.ts"
import type { Place, ScalarNode, SettingNode } from "./setting-node.ts"

/** Resolves a path setting; see `path()` for what it is relative to. */
export type ResolvePath = (written: string, place: Place, relativeTo: "file" | "root") => string

type Decoded = { readonly value: unknown } | { readonly problem: string }

/** Decodes a scalar; text from the environment is first read as what the schema wants. */
export function decodeScalar(schema: TSchema, node: ScalarNode, resolvePath: ResolvePath): Decoded {
  const value = node.untyped ? readUntyped(schema, String(node.value)) : readTyped(schema, node)
  if (!Value.Check(schema, value)) return { problem: refuse(schema, node) }
  const { setting, relativeTo = "file" } = markOf(schema)
  if (setting === "path") return { value: resolvePath(String(value), node.place, relativeTo) }
  if (!Type.IsCodec(schema)) return { value }
  try {
    return { value: schema["~codec"].decode(value) }
  } catch (thrown) {
    const expected = thrown instanceof Error ? thrown.message : expectation(schema)
    return { problem: `is ${showNode(schema, node)}, expected ${expected}` }
  }
}

/** `is "lots", expected an integer of at least 1`. */
export function refuse(schema: TSchema, node: SettingNode): string {
  const expected = expectation(schema)
  if (node.kind === "scalar" && node.value === null) {
    if (markOf(schema).setting !== "word" || node.written === "") return `is empty, expected ${expected}`
    return `is ${node.written}, which is nothing in YAML, expected ${expected}; put it in quotes`
  }
  const quote =
    Type.IsString(schema) && node.kind === "scalar" && typeof node.value !== "string"
      ? "; put it in quotes"
      : ""
  return `is ${showNode(schema, node)}, expected ${expected}${
    markOf(schema).setting === undefined || markOf(schema).setting === "secret" ? quote : ""
  }`
}

/** A written value for a message; never a secret. */
export function showNode(schema: TSchema, node: SettingNode): string {
  switch (node.kind) {
    case "map":
      return "a map"
    case "list":
      return "a list"
    case "unusable":
      return "unusable"
    case "scalar":
      if (holdsSecret(schema)) return "a value not shown here"
      return withoutLogin(node.written.length > 80 ? `${node.written.slice(0, 80)}…` : node.written)
  }
}

// `user:password@host` in a setting that is none of the secrets, also without the scheme of an address.
function withoutLogin(written: string): string {
  return written.replace(/[^\s"'/]*:[^\s"']*@/g, "***@")
}

/** A word is what the file says, whatever YAML takes it for. */
function readTyped(schema: TSchema, { value, written }: ScalarNode): ScalarNode["value"] {
  const asWritten = markOf(schema).setting === "word" && value !== null && typeof value !== "string"
  return asWritten ? written : value
}

/** Text as the schema wants it; text that is no such thing stays text, and the check refuses it. */
function readUntyped(schema: TSchema, text: string): unknown {
  if (Type.IsInteger(schema) || Type.IsNumber(schema)) {
    return /^-?[0-9]+(?:\.[0-9]+)?$/.test(text) ? Number(text) : text
  }
  if (Type.IsBoolean(schema)) return text === "true" ? true : text === "false" ? false : text
  if (Type.IsLiteral(schema)) return String(schema.const) === text ? schema.const : text
  if (Type.IsEnum(schema)) return schema.enum.find((value) => String(value) === text) ?? text
  return text
}
