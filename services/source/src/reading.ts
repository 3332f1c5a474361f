/** From a dataset's settings to how its file is read, the same for the server and for the commands. */
import { addColumns } from "./formats/added-columns.ts"
import type { Reader } from "./formats/format.ts"
import { type FormatName, formatOf, getFormat } from "./formats/formats.ts"
import { hasDigests } from "./served-columns.ts"
import type { DatasetSettings, SourceSettings } from "./settings.ts"
import { type Encoding, findEncoding } from "./text/encodings.ts"
import type { Shape } from "./version-name.ts"

const defaultChunkBytes = 1024 * 1024
const packings = [".gz", ".zst"]

/** Whatever a version is made of beside the file itself. */
export type Reading = {
  readonly root: string
  /** Paths, folders and patterns, relative to the root. */
  readonly files: readonly string[]
  /** What of a folder is meant. */
  readonly endings: readonly string[]
  /** Names of what stands beside a file that is complete, see sidecars.ts. */
  readonly doneMarker: string | undefined
  readonly checksum: string | undefined
  /** Whether files of different columns are served together. */
  readonly isUnion: boolean
  readonly shape: Shape
  readonly reader: Reader
  readonly settleMs: number
  readonly maxRecordBytes: number
  readonly maxTextBytes: number
}

/** How this dataset's files are read. */
export function readingOf(settings: SourceSettings, dataset: DatasetSettings): Reading {
  const files = [dataset.files].flat()
  const format = formatOf(files[0] ?? "", dataset.format)
  const { endings, writtenDialect } = getFormat(format)
  const shape = shapeOf(format, dataset, settings.hash_key)
  const reader = getFormat(format).chooseReader(shape.dialect, dataset)
  return {
    root: rootOf(settings, dataset),
    files,
    endings: endings.flatMap((ending) => ["", ...packings].map((packing) => ending + packing)),
    doneMarker: dataset.done_marker,
    checksum: dataset.checksum,
    // Where every record names its columns, each may have others.
    isUnion: (dataset.shape ?? (writtenDialect === undefined ? "union" : "same")) === "union",
    shape,
    reader: dataset.columns.add.length > 0 || hasDigests(dataset.columns) ? addColumns(reader) : reader,
    settleMs: settings.settle,
    maxRecordBytes: settings.record_limit,
    maxTextBytes: settings.expand_limit,
  }
}

/** The folder below which the dataset's files lie, absolute: nothing outside it is served under this name. */
export function rootOf(settings: SourceSettings, { root }: DatasetSettings): string {
  return root ?? settings.root
}

/** The settings that shape a dataset's rows. */
function shapeOf(format: FormatName, dataset: DatasetSettings, hashKey: string | undefined): Shape {
  const { columns, filter, chunk, dialect } = dataset
  return {
    format,
    columns: { ...columns, filter, nullWords: dialect.null_values, hashKey, strict: dialect.strict },
    chunk: chunk.rows === undefined ? { bytes: chunk.bytes ?? defaultChunkBytes } : { rows: chunk.rows },
    dialect: getFormat(format).dialectOf(dataset),
    encoding: encodingOf(dialect.encoding),
  }
}

/** Labels that mean nothing are refused with the settings. */
function encodingOf(label: string): Encoding {
  const found = findEncoding(label)
  return found !== undefined && "encoding" in found ? found.encoding : "utf-8"
}
