/**
 * JSON files with random nested records, for property tests: first the values and their spelling, then the bytes around
 * them. What they hold as rows is told by json-model.ts; nothing of the reader's is used.
 *
 * Long because a list of what may stand in a file takes lines.
 */
import { type JsonRows, type JsonShape, modelRows } from "./json-model.ts"
import {
  type JsonObject,
  type JsonSpace,
  type JsonTree,
  jsonArray,
  jsonBoolean,
  jsonNull,
  jsonNumber,
  jsonObject,
  jsonString,
} from "./json-tree.ts"
import { createRandom, type Random } from "./random.ts"

export type GeneratedJson = {
  readonly format: "json" | "ndjson"
  readonly bytes: Buffer
  /** JSON Pointer to the array of records; of JSON only. */
  readonly records: string
  readonly shape: JsonShape
  /** Undefined where two columns would have the same name, so that the file is to be refused. */
  readonly expected: JsonRows | undefined
  /** Nothing stands where `shape.explode` looks, in no record, so that the file is to be refused. */
  readonly isUnexploded: boolean
  /** Where each record begins and ends in the bytes. */
  readonly spans: readonly { readonly from: number; readonly to: number }[]
}

/** What a key's values are: all of a kind, but for those that are null or missing. */
type Field = {
  readonly key: string
  readonly kind: "string" | "number" | "boolean" | "scalar" | "array" | "any" | "null" | "empty"
}
type Fields = readonly (
  | Field
  | { readonly key: string; readonly kind: "object" | "objects"; readonly fields: Fields }
)[]

// No two are alike but for case, spaces or composition, and none holds what has no width: such names get others.
const keys = [
  ..."id name title pages rate label text x created_at birth date 0 17 __proto__ constructor toString length".split(
    " ",
  ),
  ..."größe 名前 😀 e\u0301 ключ مفتاح".split(" "),
  ...[
    "two words",
    'say "hi"',
    "back\\slash",
    "a/b",
    "~1",
    "it's",
    "100%",
    "null",
    "true",
    "$.x",
    "[0]",
    "a_b",
    "a",
    "b",
  ],
]
const separators = ["_", "_", ".", "__", "/", "·"]
const texts = [
  ...[
    "",
    "a",
    "Kansas",
    "null",
    "true",
    "1.50",
    "02134",
    "-",
    "\\N",
    "\\.",
    "=1+1",
    " padded ",
    "[1]",
    '{"a":1}',
  ],
  ...[
    'said "hi"',
    "two\nlines",
    "tab\tbed",
    "C:\\new",
    "a/b",
    "\b\f\r",
    "\u0001\u001f",
    "\u007f\u0080",
    "],}",
    "//",
  ],
  ...[
    "é",
    "e\u0301",
    "中文",
    "שלום",
    "😀",
    "🏳️‍🌈",
    "\u{10ffff}",
    "\ufeff",
    "\u2028\u2029",
    "\ufffd\uffff",
    "𝒳y",
  ],
  ...["2024-02-29", "2024-02-29T07:00:05Z", "2023-02-29", "http://x.y/?a=1&b=%20", "x".repeat(300)],
]

function makeNumber(random: Random): JsonTree {
  const digits = (most: number) =>
    Array.from({ length: random.between(1, most) }, () => random.between(0, 9)).join("")
  const whole = random.pick([
    "0",
    `${random.between(1, 9)}`,
    `${random.between(1, 9)}${digits(random.pick([2, 8, 25]))}`,
  ])
  const fraction = random.chance(0.4) ? `.${digits(random.pick([1, 3, 20]))}` : ""
  const exponent = random.chance(0.2)
    ? `${random.pick(["e", "E"])}${random.pick(["", "+", "-"])}${digits(3)}`
    : ""
  return jsonNumber(`${random.chance(0.25) ? "-" : ""}${whole}${fraction}${exponent}`)
}

function makeString(random: Random): JsonTree {
  const parts = random.chance(0.8) ? 1 : random.between(2, 4)
  return jsonString(
    Array.from({ length: parts }, () => random.pick(texts)).join(""),
    random.chance(0.4) ? random : undefined,
  )
}

function makeScalar(random: Random): JsonTree {
  const turn = random.between(1, 10)
  if (turn <= 5) return makeString(random)
  if (turn <= 8) return makeNumber(random)
  return turn === 9 ? jsonBoolean(random.chance(0.5)) : jsonNull
}

function makeAny(random: Random, depth: number, space: JsonSpace): JsonTree {
  if (depth <= 0 || random.chance(0.5)) return makeScalar(random)
  const some = Array.from({ length: random.between(0, 3) }, () => makeAny(random, depth - 1, space))
  if (random.chance(0.5)) return jsonArray(some, space)
  const names = pickKeys(random, some.length)
  return jsonObject(
    some.map((value, i) => [names[i] ?? "", value]),
    space,
    random,
  )
}

function pickKeys(random: Random, count: number): string[] {
  const left = [...keys]
  return Array.from({ length: count }, () => left.splice(random.between(0, left.length - 1), 1)[0] ?? "")
}

function makeFields(random: Random, most: number, depth: number): Fields {
  return pickKeys(random, random.between(1, most)).map((key) => {
    const kinds = [
      "string",
      "string",
      "number",
      "boolean",
      "scalar",
      "array",
      "any",
      "null",
      "empty",
    ] as const
    if (depth <= 0 || random.chance(0.6)) return { key, kind: random.pick(kinds) }
    return {
      key,
      kind: random.pick(["object", "object", "objects"]),
      fields: makeFields(random, 3, depth - 1),
    }
  })
}

function makeObject(random: Random, fields: Fields, space: JsonSpace): JsonObject {
  const present = fields.filter(() => random.chance(0.85))
  // Most writers keep one order, some do not.
  const ordered = random.chance(0.9) ? present : present.toReversed()
  return jsonObject(
    ordered.map((field) => [field.key, random.chance(0.08) ? jsonNull : makeValue(random, field, space)]),
    space,
    random.chance(0.1) ? random : undefined,
  )
}

function makeValue(random: Random, field: Fields[number], space: JsonSpace): JsonTree {
  switch (field.kind) {
    case "string":
      return makeString(random)
    case "number":
      return makeNumber(random)
    case "boolean":
      return jsonBoolean(random.chance(0.5))
    case "scalar":
      return makeScalar(random)
    case "array":
      return jsonArray(
        Array.from({ length: random.between(0, 4) }, () => makeAny(random, 1, space)),
        space,
      )
    case "any":
      return makeAny(random, 2, space)
    case "null":
      return jsonNull
    case "empty":
      return random.chance(0.5) ? jsonObject([], space) : jsonArray([], space)
    case "object":
      return makeObject(random, field.fields, space)
    case "objects":
      return jsonArray(
        Array.from({ length: random.between(0, 3) }, () =>
          random.chance(0.9) ? makeObject(random, field.fields, space) : makeScalar(random),
        ),
        space,
      )
  }
}

/** The ways to arrays that may be exploded, those within objects too. */
function listArrays(
  fields: Fields,
  separator: string | false,
  way: readonly string[] = [],
): (readonly string[])[] {
  return fields.flatMap((field) => {
    const next = [...way, field.key]
    // A dot parts the keys of the setting, so a key that holds one cannot be named there.
    if (field.key.includes(".")) return []
    if (field.kind === "objects" || field.kind === "array") return [next]
    return field.kind === "object" && separator !== false ? listArrays(field.fields, separator, next) : []
  })
}

/** Whether something stands at the end of the way: what is null on the way may hold anything another time. */
function standsAt(value: JsonTree, [key, ...way]: readonly string[]): boolean {
  if (key === undefined || value.kind === "null") return true
  if (value.kind !== "object") return false
  return value.members.some((member) => member.key === key && standsAt(member.value, way))
}

/** Now and then a key that is called what a value inside an object is called once it is flattened. */
function withDouble(random: Random, fields: Fields, separator: string | false): Fields {
  const outer = fields.find((field) => field.kind === "object")
  if (outer?.kind !== "object" || separator === false || !random.chance(0.1)) return fields
  const inner = outer.fields[0]?.key ?? ""
  const key = `${outer.key}${separator}${inner}`
  return fields.some((field) => field.key === key) ? fields : [...fields, { key, kind: "string" }]
}

/** One file of 1 to 12 records and how it is to be read; the same seed gives the same file. */
export function generateJson(seed: number): GeneratedJson {
  const random = createRandom(seed)
  const format = random.pick(["json", "ndjson"] as const)
  const space = createSpace(random, format)
  const separator = random.chance(0.2) ? false : random.pick(separators)
  const fields = withDouble(random, makeFields(random, 7, 2), separator)
  const objects = Array.from({ length: random.between(1, random.pick([2, 5, 12])) }, () =>
    makeObject(random, fields, space),
  )
  const arrays = listArrays(fields, separator)
  const explode = arrays.length > 0 && random.chance(0.5) ? random.pick(arrays) : undefined
  const shape: JsonShape = { separator, explode }
  const { bytes, records, spans } =
    format === "json" ? writeArray(random, objects, space) : writeLines(random, objects)
  const isUnexploded = explode !== undefined && !objects.some((one) => standsAt(one, explode))
  return { format, bytes, records, shape, expected: modelRows(objects, shape), isUnexploded, spans }
}

/** A line of NDJSON has no line end in it. */
function createSpace(random: Random, format: "json" | "ndjson"): JsonSpace {
  if (random.chance(0.5)) return () => ""
  const some = format === "json" ? [" ", "\n", "\t", "\r\n", "  "] : [" ", "\t", "  "]
  return () => (random.chance(0.6) ? "" : random.pick(some))
}

const mark = "\ufeff"

function joinParts(parts: readonly (string | JsonObject)[]): Pick<GeneratedJson, "bytes" | "spans"> {
  const spans: { from: number; to: number }[] = []
  let from = 0
  for (const part of parts) {
    const to = from + Buffer.byteLength(typeof part === "string" ? part : part.written)
    if (typeof part !== "string") spans.push({ from, to })
    from = to
  }
  const bytes = Buffer.from(parts.map((part) => (typeof part === "string" ? part : part.written)).join(""))
  return { bytes, spans }
}

function writeArray(random: Random, objects: readonly JsonObject[], space: JsonSpace) {
  const parts: (string | JsonObject)[] = [random.chance(0.1) ? mark : "", space(), "[", space()]
  objects.forEach((one, i) => {
    if (i > 0) parts.push(space(), ",", space())
    parts.push(one)
  })
  parts.push(space(), "]")
  const { records, before, after } = random.pick([
    { records: "", before: "", after: "" },
    { records: "", before: "", after: "\n" },
    { records: "/data", before: '{"data":', after: "}" },
    { records: "/data", before: '{"next":null,"n":[1,{"data":[]}], "data" : ', after: ',"total":1.0}\n' },
    { records: "/a~1b/~0", before: '{"a":[],"a/b":{"~0":0,"~":', after: "}}" },
    { records: "/1/rows", before: '[{"rows":[1]},{"rows":', after: '},{"rows":[]}]' },
  ])
  const [head = "", ...rest] = parts
  return { records, ...joinParts([head, before, ...rest, after, space()]) }
}

function writeLines(random: Random, objects: readonly JsonObject[]) {
  const lineEnd = random.pick(["\n", "\r\n"])
  const parts: (string | JsonObject)[] = [random.chance(0.1) ? mark : ""]
  objects.forEach((one, i) => {
    if (i > 0) parts.push(lineEnd)
    if (i > 0 && random.chance(0.05)) parts.push(random.pick(["", "  "]), lineEnd)
    parts.push(one)
  })
  parts.push(random.chance(0.7) ? lineEnd : "")
  return { records: "", ...joinParts(parts) }
}
