/** JSON as it is written: values that know their spelling, so that what is expected of a reader owes nothing to a parser. */
import type { Random } from "./random.ts"

/** A value with the very text that stands for it. */
export type JsonTree =
  | { readonly kind: "string"; readonly written: string; readonly text: string }
  | { readonly kind: "number" | "boolean" | "null"; readonly written: string }
  | { readonly kind: "array"; readonly written: string; readonly items: readonly JsonTree[] }
  | { readonly kind: "object"; readonly written: string; readonly members: readonly JsonMember[] }

export type JsonMember = { readonly key: string; readonly value: JsonTree }
export type JsonObject = Extract<JsonTree, { kind: "object" }>

/** Where a writer may put whitespace: between any two tokens. */
export type JsonSpace = () => string
export const noSpace: JsonSpace = () => ""

/** A string without escapes but those that it cannot do without, unless `random` spells some others so. */
export function writeString(text: string, random?: Random): string {
  let written = ""
  for (const character of text) written += spell(character, random)
  return `"${written}"`
}

const short: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "/": "\\/",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
}

function spell(character: string, random: Random | undefined): string {
  const must = character === '"' || character === "\\" || character < " "
  if (!must && (random === undefined || random.chance(0.9))) return character
  const brief = short[character]
  if (brief !== undefined && (random === undefined || random.chance(0.7))) return brief
  let escaped = ""
  for (let i = 0; i < character.length; i += 1) {
    const digits = character.charCodeAt(i).toString(16).padStart(4, "0")
    escaped += `\\u${random?.chance(0.5) === true ? digits.toUpperCase() : digits}`
  }
  return escaped
}

export const jsonNull: JsonTree = { kind: "null", written: "null" }

export function jsonString(text: string, random?: Random): JsonTree {
  return { kind: "string", written: writeString(text, random), text }
}

export function jsonNumber(lexeme: string): JsonTree {
  return { kind: "number", written: lexeme }
}

export function jsonBoolean(value: boolean): JsonTree {
  return { kind: "boolean", written: value ? "true" : "false" }
}

export function jsonArray(items: readonly JsonTree[], space: JsonSpace = noSpace): JsonTree {
  const inside = items.map(({ written }) => `${space()}${written}${space()}`).join(",")
  return { kind: "array", written: `[${inside === "" ? space() : inside}]`, items }
}

/** An object of keys and values in their order. */
export function jsonObject(
  members: readonly (readonly [key: string, value: JsonTree])[],
  space: JsonSpace = noSpace,
  random?: Random,
): JsonObject {
  const inside = members
    .map(
      ([key, { written }]) =>
        `${space()}${writeString(key, random)}${space()}:${space()}${written}${space()}`,
    )
    .join(",")
  return {
    kind: "object",
    written: `{${inside === "" ? space() : inside}}`,
    members: members.map(([key, value]) => ({ key, value })),
  }
}
