/** From a dataset's settings to how its file is read, the same for the server and for the commands. */
import type { Reader } from "./formats/format.ts"
import { type FormatName, formatOf, getFormat } from "./formats/formats.ts"
import type { DatasetSettings, SourceSettings } from "./settings.ts"
import { type Encoding, findEncoding } from "./text/encodings.ts"
import type { Shape } from "./version-name.ts"

const defaultChunkBytes = 1024 * 1024

/** Whatever a version is made of beside the file itself. */
export type Reading = {
  readonly root: string
  readonly file: string
  readonly shape: Shape
  readonly reader: Reader
  readonly settleMs: number
  readonly maxRecordBytes: number
  readonly maxTextBytes: number
}

/** How this dataset's file is read. */
export function readingOf(settings: SourceSettings, dataset: DatasetSettings): Reading {
  const format = formatOf(dataset.files, dataset.format)
  const shape = shapeOf(format, dataset, settings.hash_key)
  return {
    root: settings.root,
    file: dataset.files,
    shape,
    reader: getFormat(format).chooseReader(shape.dialect, dataset),
    settleMs: settings.settle,
    maxRecordBytes: settings.record_limit,
    maxTextBytes: settings.expand_limit,
  }
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
