import Type, { type TSchema } from "@flatbed/typebox"
import { expect, test } from "vitest"
import { duration, secret, word } from "./index.ts"
import { expectation, holdsSecret, mayBeLeftOut, typeName } from "./schema-shape.ts"

test.each([
  [Type.Integer(), "an integer", "integer"],
  [Type.Integer({ minimum: 1 }), "an integer of at least 1", "integer"],
  [Type.Integer({ maximum: 9 }), "an integer of at most 9", "integer"],
  [Type.Integer({ minimum: 1, maximum: 9 }), "an integer from 1 to 9", "integer"],
  [Type.Number({ exclusiveMinimum: 0, exclusiveMaximum: 1 }), "a number above 0 and below 1", "number"],
  [Type.Integer({ multipleOf: 8 }), "an integer that is a multiple of 8", "integer"],
  [Type.Boolean(), "true or false", "boolean"],
  [Type.String(), "text", "text"],
  [Type.String({ minLength: 1 }), "text that is not empty", "text"],
  [Type.String({ minLength: 1, maxLength: 1 }), "text of one character", "text"],
  [
    Type.String({ minLength: 2, maxLength: 9 }),
    "text of at least 2 characters and of at most 9 characters",
    "text",
  ],
  [Type.String({ pattern: "^a" }), "text that matches ^a", "text"],
  [Type.String({ pattern: "^a", expected: "a word with a" }), "a word with a", "text"],
  [word({ description: "" }), "text", "text"],
  [Type.Union([Type.Literal("a"), Type.Integer()], { shownAs: "step" }), '"a" or an integer', "step"],
  [Type.Enum(["a", "b", "c"]), '"a", "b" or "c"', '"a", "b" or "c"'],
  [Type.Union([Type.Literal("a"), Type.Integer()]), '"a" or an integer', '"a" or integer'],
  [Type.Null(), "nothing", "nothing"],
  [Type.Array(Type.Integer()), "a list, each an integer", "list of integer"],
  [Type.Record(Type.String(), Type.Integer()), "a map of names, each to an integer", "map of integer"],
  [Type.Object({ a: Type.Integer() }), "a map with the key a", "{ a: integer }"],
] satisfies [TSchema, string, string][])("%j is expected as %s and shown as %s", (schema, words, name) => {
  expect(expectation(schema)).toBe(words)
  expect(typeName(schema)).toBe(name)
})

test("a schema that settings cannot have is a bug of the service, told at once", () => {
  expect(() => expectation(Type.Tuple([Type.Integer()]))).toThrow("no schema of kind Tuple")
})

test("a secret is found at any depth", () => {
  const hidden = secret({ description: "" })
  const deep = Type.Object({ a: Type.Record(Type.String(), Type.Array(Type.Union([Type.Null(), hidden]))) })
  expect(holdsSecret(deep)).toBe(true)
  expect(holdsSecret(Type.Object({ a: Type.String() }))).toBe(false)
})

test("what has a default all the way down may be left out", () => {
  const settle = duration({ default: "2s", description: "" })
  expect(mayBeLeftOut(Type.Object({ a: Type.Object({ settle }) }))).toBe(true)
  expect(mayBeLeftOut(Type.Object({ a: Type.Object({ settle, b: Type.String() }) }))).toBe(false)
  expect(mayBeLeftOut(Type.Optional(Type.String()))).toBe(true)
})
