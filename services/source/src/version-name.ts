/** Pure: what a version's name is made of. Whatever is not in here may change without making another version. */
import { createHash } from "node:crypto"
import type { Column, ManifestFile } from "@flatbed/contract"
import { canonicalRules } from "./cell-rules.ts"
import type { ChunkRule } from "./chunk-cut.ts"
import type { Dialect } from "./formats/format.ts"
import { type FormatName, getFormat } from "./formats/formats.ts"
import { type ColumnSettings, hasDigests } from "./served-columns.ts"
import type { Encoding } from "./text/encodings.ts"

/** Raised when the same file and settings come to mean other rows or other bytes on the wire. */
export const wireNumber = 1

/** Raised when an index that was kept says less than the program has come to need; the versions stay. */
const indexNumber = 7

/** The record limit unless the settings name another. */
export const standardRecordBytes = 16 * 1024 * 1024

/** The effective settings that shape a dataset's rows. Which reader reads them is not among them. */
export type Shape = {
  /** CSV unless told. */
  readonly format?: FormatName
  readonly dialect: Dialect
  readonly columns: ColumnSettings
  readonly chunk: ChunkRule
  /** Of files that no byte order mark tells of; UTF-8 unless told. */
  readonly encoding?: Encoding
}

/**
 * SHA-256, hex, over the wire's number, the dataset's name, the files' digests, the shape, the columns and the record
 * limit: how far behind damage a record is looked for decides what is set aside.
 */
export function nameVersion(
  dataset: string,
  files: readonly Pick<ManifestFile, "file" | "sha256">[],
  shape: Shape,
  columns: readonly Column[],
  maxRecordBytes: number,
): string {
  const served = columns.map(({ name, type }) => [name, type])
  const limit = canonicalLimit(maxRecordBytes)
  const digests = files.map((one) => one.sha256)
  // Where rows say which file they are of, another name makes other rows.
  const names = shape.columns.add?.includes("_file") ? [["files", files.map(({ file }) => file)]] : []
  return sha256([wireNumber, dataset, digests, canonicalShape(shape), served, ...limit, ...names])
}

/** SHA-256, hex: which settings a chunk index was made with. */
export function nameShape(dataset: string, file: string, shape: Shape, maxRecordBytes: number): string {
  const limit = canonicalLimit(maxRecordBytes)
  // Strictness changes no row, but what was read without it may be refused with it.
  const strict = shape.columns.strict === true
  return sha256([wireNumber, indexNumber, dataset, file, canonicalShape(shape), strict, ...limit])
}

// Lists, so that neither the order in which a person wrote the keys nor a default written out plays a part.
function canonicalShape({ format = "csv", dialect, columns, chunk, encoding = "utf-8" }: Shape): unknown {
  const sortedWords = (record: Readonly<Record<string, string>>) =>
    Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1))
  const cells = canonicalRules(columns)
  return [
    ...(format === "csv" ? [] : [["format", format]]),
    getFormat(format).canonicalDialect(dialect),
    [
      columns.select ?? null,
      [...columns.drop].sort(),
      sortedWords(columns.rename),
      sortedWords(columns.types),
    ],
    "rows" in chunk ? ["rows", chunk.rows] : ["bytes", chunk.bytes],
    ...(encoding === "utf-8" ? [] : [["encoding", encoding]]),
    ...(cells.length === 0 ? [] : [cells]),
    ...(columns.add === undefined || columns.add.length === 0 ? [] : [["add", ...columns.add]]),
    ...(hasDigests(columns) ? [["digests", Object.entries(columns.digests)]] : []),
  ]
}

const canonicalLimit = (maxRecordBytes: number) =>
  maxRecordBytes === standardRecordBytes ? [] : [maxRecordBytes]

function sha256(parts: readonly unknown[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex")
}
