/** Pure: what a version's name is made of. Whatever is not in here may change without making another version. */
import { createHash } from "node:crypto"
import type { Column } from "@flatbed/contract"
import type { ChunkRule } from "./chunk-cut.ts"
import type { Dialect } from "./formats/format.ts"
import type { ColumnSettings } from "./served-columns.ts"

/** Raised when the same file and settings come to mean other rows or other bytes on the wire. */
export const wireNumber = 1

/** Raised when an index that was kept says less than the program has come to need; the versions stay. */
const indexNumber = 3

/** The effective settings that shape a dataset's rows. Which reader reads them is not among them. */
export type Shape = {
  readonly dialect: Dialect
  readonly columns: ColumnSettings
  readonly chunk: ChunkRule
}

/** SHA-256, hex, over the wire's number, the dataset's name, the files' digests, the shape and the columns. */
export function nameVersion(
  dataset: string,
  fileDigests: readonly string[],
  shape: Shape,
  columns: readonly Column[],
): string {
  const served = columns.map(({ name, type }) => [name, type])
  return sha256([wireNumber, dataset, fileDigests, canonicalShape(shape), served])
}

/** SHA-256, hex: which settings a chunk index was made with. */
export function nameShape(dataset: string, file: string, shape: Shape): string {
  return sha256([wireNumber, indexNumber, dataset, file, canonicalShape(shape)])
}

// Lists, so that neither the order in which a person wrote the keys nor a default written out plays a part.
function canonicalShape({ dialect, columns, chunk }: Shape): unknown {
  const { nullWords, null_values, formats, booleans, clean, filter, hashKey } = columns
  const isPlainNull = nullWords === undefined || (nullWords.length === 1 && nullWords[0] === "")
  const key = hashKey === undefined ? undefined : sha256(["hash_key", hashKey])
  const cells = {
    ...{ null_values, formats, booleans, clean, filter, key },
    nullWords: isPlainNull ? undefined : nullWords,
  }
  const told = Object.entries(cells).filter(
    ([, rules]) => rules !== undefined && Object.keys(rules).length > 0,
  )
  return [
    [dialect.delimiter, dialect.quote],
    [columns.select ?? null, [...columns.drop].sort(), sorted(columns.rename), sorted(columns.types)],
    "rows" in chunk ? ["rows", chunk.rows] : ["bytes", chunk.bytes],
    // Most datasets have none of these, and keep the names that they had before there were any.
    ...(told.length === 0 ? [] : [told.map(([name, rules]) => [name, canonical(rules)])]),
  ]
}

function sorted(record: Readonly<Record<string, unknown>>): [string, unknown][] {
  return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1))
}

// Objects become sorted lists; a list keeps its order, which may mean something: steps are taken in turn.
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical)
  if (typeof value !== "object" || value === null) return value
  return sorted(value as Record<string, unknown>).map(([key, one]) => [key, canonical(one)])
}

function sha256(parts: readonly unknown[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex")
}
