/**
 * What records become as rows, by plain recursion over trees that are in memory whole: the reader that streams is held
 * against it.
 */
import { type JsonObject, type JsonTree, jsonNull } from "./json-tree.ts"

export type JsonShape = {
  /** What stands between the keys on the way to a value; false where objects stay as they are. */
  readonly separator: string | false
  /** The keys on the way to an array of which each element is a row of its own. */
  readonly explode?: readonly string[] | undefined
}

export type JsonRows = {
  /** In the order in which the records first have them. */
  readonly columns: readonly string[]
  /** The columns whose cells are JSON: somewhere an array, or an object that is not flattened. */
  readonly nested: readonly string[]
  readonly rows: readonly (readonly (string | null)[])[]
  /** How many rows each record gives. */
  readonly counts: readonly number[]
}

/** What stands at the end of a way: a cell's value, an object that is parted, or the array that is exploded. */
type Piece = {
  /** The keys on the way to it. */
  readonly way: readonly string[]
  readonly value: JsonTree
  readonly role: "cell" | "object" | "exploded"
}

/**
 * The rows of records in a shape; undefined where two ways to a value have the same name, so that no table can hold
 * both. What is an object in some records and else null or missing makes no column of its own: its members do.
 */
export function modelRows(records: readonly JsonObject[], shape: JsonShape): JsonRows | undefined {
  const pieces = records.map((record) => piecesOf(record, [], shape))
  const all = pieces.flat().flatMap((piece) => withElements(piece, shape))
  const objects = new Set(all.filter(({ role }) => role === "object").map(({ way }) => JSON.stringify(way)))
  const cells = all.filter(({ role }) => role === "cell")
  const filled = cells.filter(({ value }) => value.kind !== "null")
  const valued = new Set(filled.map(({ way }) => JSON.stringify(way)))
  const ways = new Map<string, string>()
  const nested = new Set<string>()
  for (const { way, value } of cells) {
    const name = nameOf(way, shape)
    const own = JSON.stringify(way)
    if (objects.has(own) && !valued.has(own)) continue
    if ((ways.get(name) ?? own) !== own) return undefined
    ways.set(name, own)
    if (value.kind === "array" || value.kind === "object") nested.add(name)
  }
  const columns = [...ways.keys()]
  const rows = pieces.map((some) => rowsOf(some, shape))
  return {
    columns,
    nested: columns.filter((name) => nested.has(name)),
    rows: rows
      .flat()
      .map((row) => columns.map((name) => textOf(row.get(ways.get(name) ?? ""), nested.has(name)))),
    counts: rows.map(({ length }) => length),
  }
}

const nameOf = (way: readonly string[], { separator }: JsonShape) => way.join(separator || "_")

/** Text where it is a string among scalars; JSON as it is written anywhere else. */
function textOf(value: JsonTree | undefined, isJson: boolean): string | null {
  if (value === undefined || value.kind === "null") return null
  return value.kind === "string" && !isJson ? value.text : value.written
}

/** What a record holds, in the order in which it is written. */
function piecesOf(value: JsonTree, way: readonly string[], shape: JsonShape): Piece[] {
  const { separator, explode } = shape
  if (explode !== undefined && isSame(way, explode)) return [{ way, value, role: "exploded" }]
  // The keys that lead to the exploded array are gone through in any case.
  const leads = explode !== undefined && isSame(way, explode.slice(0, way.length))
  const isParted = way.length === 0 || leads || separator !== false
  if (value.kind !== "object" || !isParted) return [{ way, value, role: "cell" }]
  return [
    { way, value, role: "object" },
    ...value.members.flatMap((member) => piecesOf(member.value, [...way, member.key], shape)),
  ]
}

/** One row, or one for each element. */
function rowsOf(pieces: readonly Piece[], shape: JsonShape): Map<string, JsonTree>[] {
  const array = pieces.find(({ role }) => role === "exploded")
  const rows = array === undefined ? [[]] : elementsOf(array, shape)
  const parent = pieces.filter(({ role }) => role === "cell")
  return rows.map((element) => {
    const cells = [...parent, ...element.filter(({ role }) => role === "cell")]
    return new Map(cells.map(({ way, value }) => [JSON.stringify(way), value]))
  })
}

function withElements(piece: Piece, shape: JsonShape): Piece[] {
  return piece.role === "exploded" ? elementsOf(piece, shape).flat() : [piece]
}

/** What each element holds: an object is parted into its members, anything else stands by itself. */
function elementsOf({ way, value }: Piece, { separator }: JsonShape): Piece[][] {
  const elements = value.kind === "array" && value.items.length > 0 ? value.items : [jsonNull]
  return elements.map((element) => {
    if (element.kind !== "object") return [{ way, value: element, role: "cell" }]
    const members = element.members.flatMap(({ key, value }) => piecesOf(value, [...way, key], { separator }))
    return [{ way, value: element, role: "object" }, ...members]
  })
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((key, i) => key === b[i])
}
