// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is how settings files name variables
import Type, { Value } from "@flatbed/typebox"
import { expect, test } from "vitest"
import { bytes, describeSettings, duration, jsonSchemaOf, path, secret, word } from "./index.ts"

const schema = Type.Object({
  listen: Type.Object({
    host: Type.String({ default: "127.0.0.1", description: "the address" }),
    port: Type.Integer({ default: 4000, minimum: 0, maximum: 65_535, description: "the port" }),
  }),
  settle: duration({ default: "2s", description: "how long a file must rest" }),
  source: Type.Object({ url: Type.String({ description: "where the source is" }) }),
  token: Type.Optional(secret({ description: "the token" })),
  datasets: Type.Record(
    Type.String({ pattern: "^[a-z]+$" }),
    Type.Object({
      files: path({ relativeTo: "root", description: "the file" }),
      chunk: Type.Union(
        [
          Type.Object({ rows: Type.Integer({ minimum: 1 }) }),
          Type.Object({ bytes: bytes({ description: "" }) }),
        ],
        { default: { bytes: "1MiB" }, description: "where chunks are cut" },
      ),
      mode: Type.Union([Type.Literal("replace"), Type.Literal("append")], {
        default: "replace",
        description: "",
      }),
      tags: Type.Array(Type.String(), { default: [], description: "tags" }),
      delimiter: Type.String({ default: ",", maxLength: 1, description: "" }),
      nulls: Type.Array(word({ description: "" }), { default: [], description: "", shownAs: "words" }),
    }),
  ),
})

test("each setting is a row with its path, type, default and description", () => {
  const rows = describeSettings(schema).map((row) => [row.path, row.type, row.default, row.required])
  expect(rows).toEqual([
    ["listen.host", "text", "127.0.0.1", false],
    ["listen.port", "integer", "4000", false],
    ["settle", "duration", "2s", false],
    ["source.url", "text", null, true],
    ["token", "secret", null, false],
    ["datasets.<name>.files", "path", null, true],
    ["datasets.<name>.chunk", "{ rows: integer } or { bytes: bytes }", "{ bytes: 1MiB }", false],
    ["datasets.<name>.mode", '"replace" or "append"', "replace", false],
    ["datasets.<name>.tags", "list of text", "[]", false],
    ["datasets.<name>.delimiter", "text", '","', false],
    ["datasets.<name>.nulls", "words", "[]", false],
  ])
  expect(describeSettings(schema)[3]?.description).toBe("where the source is")
})

// TypeBox's own validator reads the published schema as plain JSON Schema, as an editor would.
const published = JSON.parse(JSON.stringify(jsonSchemaOf(schema, "https://example.org/source.schema.json")))
const base = { source: { url: "http://a" }, datasets: { a: { files: "a.csv" } } }

test("the published schema names its dialect and itself and holds nothing that only we understand", () => {
  expect(published.$schema).toBe("https://json-schema.org/draft/2020-12/schema")
  expect(published.$id).toBe("https://example.org/source.schema.json")
  expect(JSON.stringify(published)).not.toMatch(/"(setting|relativeTo|expected|shownAs)":/)
})

test.each([
  ["defaults left out", base],
  ["variables where numbers stand", { ...base, listen: { port: "${PORT}" }, settle: "${SETTLE}" }],
  ["another file included", { include: ["b.yaml"], ...base }],
  [
    "words that YAML takes for something else",
    { ...base, datasets: { a: { files: "a", nulls: [1, true, "x"] } } },
  ],
  ["either branch of a union", { ...base, datasets: { a: { files: "a", chunk: { bytes: "1MiB" } } } }],
])("the published schema accepts %s", (_name, value) => {
  expect(Value.Check(published, value)).toBe(true)
})

test.each([
  ["an unknown key", { ...base, lisen: {} }],
  ["a bare number as duration", { ...base, settle: 30 }],
  ["text for a number", { ...base, listen: { port: "many" } }],
  ["a bad name", { ...base, datasets: { A: { files: "a" } } }],
  ["a missing setting", { ...base, datasets: { a: {} } }],
])("the published schema refuses %s", (_name, value) => {
  expect(Value.Check(published, value)).toBe(false)
})
