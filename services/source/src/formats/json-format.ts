/** Pure: JSON and NDJSON among the formats. */
import type { Settings, SettingsProblem } from "@flatbed/config"
import Type, { type TObject } from "@flatbed/typebox"
import type { Format } from "./formats.ts"
import type { JsonDialect } from "./json-dialect.ts"
import { pointerOf } from "./json-paths.ts"
import { jsonReader } from "./json-reader.ts"

const standardSeparator = "_"

const shared = {
  flatten: Type.Union(
    [
      Type.Literal(false),
      Type.Object({
        separator: Type.String({ default: standardSeparator, description: "what stands between the keys" }),
      }),
    ],
    {
      default: { separator: standardSeparator },
      description:
        "objects in a record become columns, named by the keys on the way; false: they stay as they are, jsonb",
    },
  ),
  explode: Type.Optional(
    Type.String({
      minLength: 1,
      description:
        "the key of an array, or keys with dots between them, or a JSON Pointer: each element becomes a row beside the record's other columns",
    }),
  ),
}

const settings = {
  records: Type.String({
    default: "",
    description:
      "where in the document the array of records is, as a JSON Pointer (RFC 6901); empty: the document itself",
  }),
  ...shared,
}

type LineSettings = Settings<TObject<typeof shared>>
type TextSettings = Settings<TObject<typeof settings>>

/** One JSON text (RFC 8259): the elements of an array, or one object. */
export const jsonFormat = {
  name: "json",
  endings: [".json"],
  settings,
  checkSettings: (path, dataset) => [
    ...checkPointer(`${path}.records`, dataset.records),
    ...checkShared(path, dataset),
  ],
  dialectOf: (dataset): JsonDialect => ({ records: stepsOf(dataset.records), ...dialectOf(dataset) }),
  chooseReader: () => jsonReader,
  canonicalDialect,
  writeDialect: (dialect) => ({ records: pointerOf(dialect.records), ...writeShared(dialect) }),
  describeDialect: (dialect) => {
    const where =
      dialect.records.length === 0 ? "records at the top" : `records at ${pointerOf(dialect.records)}`
    return `${where}, ${describeShared(dialect)}`
  },
} as const satisfies Format<JsonDialect, TextSettings>

/** One JSON text a line. */
export const ndjsonFormat = {
  name: "ndjson",
  endings: [".ndjson", ".jsonl"],
  mayBeEmpty: true,
  settings: shared,
  checkSettings: checkShared,
  dialectOf: (dataset): JsonDialect => ({ lines: true, records: [], ...dialectOf(dataset) }),
  chooseReader: () => jsonReader,
  canonicalDialect,
  writeDialect: writeShared,
  describeDialect: (dialect) => `a record on each line, ${describeShared(dialect)}`,
} as const satisfies Format<JsonDialect, LineSettings>

function dialectOf({ flatten, explode }: LineSettings): Pick<JsonDialect, "separator" | "explode"> {
  return {
    separator: flatten === false ? false : flatten.separator,
    ...(explode === undefined ? {} : { explode: keysOf(explode) }),
  }
}

/** Keys with dots between them, or a JSON Pointer. */
function keysOf(explode: string): string[] {
  return explode.startsWith("/") ? stepsOf(explode) : explode.split(".")
}

/** RFC 6901, section 4. */
function stepsOf(pointer: string): string[] {
  return pointer
    .split("/")
    .slice(1)
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"))
}

function checkShared(path: string, { explode }: LineSettings): SettingsProblem[] {
  if (explode === undefined) return []
  if (explode.startsWith("/")) return checkPointer(`${path}.explode`, explode)
  if (explode.split(".").every((key) => key !== "")) return []
  const message = `is ${JSON.stringify(explode)}, expected keys with one dot between them, or a JSON Pointer such as /a.b/c`
  return [{ path: `${path}.explode`, message }]
}

function checkPointer(path: string, pointer: string): SettingsProblem[] {
  if (pointer === "" || (pointer.startsWith("/") && !/~(?![01])/.test(pointer))) return []
  const message = `is ${JSON.stringify(pointer)}, expected a JSON Pointer such as ${JSON.stringify(`/${pointer.replace(/^\$?\./, "").replaceAll("~", "~0")}`)}, or "" for the document itself`
  return [{ path, message }]
}

function canonicalDialect({ records, separator, explode = [] }: JsonDialect): unknown {
  return [records, separator, explode]
}

function writeShared({ separator, explode }: JsonDialect): Readonly<Record<string, unknown>> {
  return {
    flatten: separator === false ? false : { separator },
    ...(explode === undefined ? {} : { explode: pointerOf(explode) }),
  }
}

function describeShared({ separator, explode }: JsonDialect): string {
  const nested =
    separator === false ? "objects stay jsonb" : `objects flattened with ${JSON.stringify(separator)}`
  return explode === undefined ? nested : `${nested}, a row for each element of ${pointerOf(explode)}`
}
