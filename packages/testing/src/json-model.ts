/**
 * What records become as rows, by plain recursion over trees that are in memory whole: the reader that streams is held
 * against it.
 */
import type { JsonObject, JsonTree } from "./json-tree.ts"

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

/** A value on its way into a cell; or, with `exploded`, the array of which each element makes a row. */
type Piece = {
  /** The keys on the way to it. */
  readonly way: readonly string[]
  readonly value: JsonTree
  readonly exploded?: true
}

/**
 * The rows of records in a shape; undefined where two ways to a value have the same name, so that no table can hold
 * both.
 */
export function modelRows(records: readonly JsonObject[], shape: JsonShape): JsonRows | undefined {
  const pieces = records.map((record) => piecesOf(record, [], shape))
  const ways = new Map<string, string>()
  const nested = new Set<string>()
  for (const { way, value } of pieces.flat().flatMap((piece) => cellsOf(piece, shape))) {
    const name = nameOf(way, shape)
    const known = ways.get(name) ?? JSON.stringify(way)
    if (known !== JSON.stringify(way)) return undefined
    ways.set(name, known)
    if (value.kind === "array" || value.kind === "object") nested.add(name)
  }
  const columns = [...ways.keys()]
  const rows = pieces.map((some) => rowsOf(some, shape))
  return {
    columns,
    nested: columns.filter((name) => nested.has(name)),
    rows: rows.flat().map((row) => columns.map((name) => textOf(row.get(name), nested.has(name)))),
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
  if (explode !== undefined && isSame(way, explode)) return [{ way, value, exploded: true }]
  // The keys that lead to the exploded array are gone through in any case.
  const leads = explode !== undefined && isSame(way, explode.slice(0, way.length))
  const isParted = way.length === 0 || leads || separator !== false
  if (value.kind !== "object" || !isParted) return [{ way, value }]
  return value.members.flatMap(({ key, value }) => piecesOf(value, [...way, key], shape))
}

/** One row, or one for each element. */
function rowsOf(pieces: readonly Piece[], shape: JsonShape): Map<string, JsonTree>[] {
  const array = pieces.find(({ exploded }) => exploded === true)
  const elements = array?.value.kind === "array" ? array.value.items : []
  const rows = elements.length === 0 ? [[]] : elements.map((item) => elementOf(item, array?.way ?? [], shape))
  const parent = pieces.filter(({ exploded }) => exploded !== true)
  return rows.map(
    (element) => new Map([...parent, ...element].map(({ way, value }) => [nameOf(way, shape), value])),
  )
}

/** Every cell that a piece gives, over all its elements. */
function cellsOf(piece: Piece, shape: JsonShape): Piece[] {
  if (piece.exploded !== true) return [piece]
  return piece.value.kind === "array"
    ? piece.value.items.flatMap((item) => elementOf(item, piece.way, shape))
    : []
}

/** An element's cells: an object is parted into its members, anything else stands by itself. */
function elementOf(element: JsonTree, way: readonly string[], shape: JsonShape): Piece[] {
  const { separator } = shape
  if (element.kind !== "object") return [{ way, value: element }]
  return element.members.flatMap(({ key, value }) => piecesOf(value, [...way, key], { separator }))
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((key, i) => key === b[i])
}
