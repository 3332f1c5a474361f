/** What a dataset's file looks like at this moment, with whatever stands in its way. */
import {
  asProblem,
  type ColumnType,
  type Evidence,
  emptyLine,
  type Problem,
  type ProblemDocument,
  type Reject,
  toProblemDocument,
} from "@flatbed/contract"
import type { ChosenFiles } from "./await-files.ts"
import { type CellChange, type CellSettings, traceCell } from "./cells/compile-cell.ts"
import { findType } from "./evidence.ts"
import { type ReadableVersion, readFirstRejects, readFirstWritten } from "./first-records.ts"
import { convertHint, convertJsonHint } from "./formats/convert-hint.ts"
import type { Mends, WrittenCells } from "./formats/format.ts"
import { type FormatName, getFormat } from "./formats/formats.ts"
import { noIndexes } from "./index-folder.ts"
import type { LeftOut } from "./list-files.ts"
import { getDeclared, withDeclared } from "./open-declared.ts"
import { readingOf } from "./reading.ts"
import type { SourceSettings } from "./settings.ts"
import { showCell } from "./show-cell.ts"
import type { Encoding } from "./text/encodings.ts"
import type { Compression } from "./text/spelling.ts"

const shownRejects = 5
// Enough to find a cell that is not clean; more would take time that nobody expects.
const lookedAt = 1000

export type ColumnReport = {
  readonly name: string
  /** As it is served. */
  readonly type: ColumnType
  /** What the settings say. */
  readonly declared: ColumnType | null
  /** What the rows that are served would say by themselves. */
  readonly found: ColumnType
  readonly evidence: Evidence
  /** What the settings make of its cells, by the first one that they change; null where they change none that was looked at. */
  readonly example: { readonly written: string; readonly changes: readonly CellChange[] } | null
}

export type DatasetReport = {
  readonly dataset: string
  /** As the settings name it, or them. */
  readonly file: string
  readonly state: "ok" | "rejects" | "refused"
  readonly reader: string
  readonly format: FormatName
  /** How the file is written, every setting written out. */
  readonly dialect: Readonly<Record<string, unknown>>
  /** The same in a line, without what is as usual. */
  readonly written: string
} & (
  | { readonly state: "refused"; readonly problem: ProblemDocument; readonly exit_code: number }
  | {
      readonly state: "ok" | "rejects"
      readonly version: string
      /** How many there are. */
      readonly files: number
      /** Files that are meant and still being written, and what is meant and is no file. */
      readonly waiting: readonly LeftOut[]
      readonly left_out: readonly LeftOut[]
      readonly bytes: number
      /** How the file's bytes are read, and what says so. */
      readonly encoding: Encoding
      readonly encoding_by: "byte order mark" | "settings" | "default"
      readonly compression: Compression | null
      /** Of its text in UTF-8, where it is read through one. */
      readonly text_bytes: number | null
      readonly rows: number
      readonly rejects: number
      /** Records that the filter leaves out. */
      readonly filtered: number
      /** Records that are rows because the dialect has them changed. */
      readonly mends: Mends
      readonly chunks: number
      readonly columns: readonly ColumnReport[]
      /** The first five. */
      readonly first_rejects: readonly Reject[]
      /** What to do about them, where that is known. */
      readonly hint: string | null
    }
)

/** Reads the whole file and keeps nothing. Raises only what is nobody's fault: bugs and failing disks. */
export async function reportDataset(
  settings: SourceSettings,
  name: string,
  signal: AbortSignal,
): Promise<DatasetReport> {
  const { files, reader, shape } = readingOf(settings, getDeclared(settings, name))
  const file = files.join(", ")
  let chosen: ChosenFiles | undefined
  const onChosen = (one: ChosenFiles) => {
    chosen = one
  }
  const { format = "csv", dialect } = shape
  const { writeDialect, describeDialect } = getFormat(format)
  const how = { format, dialect: writeDialect(dialect), written: describeDialect(dialect) }
  const always = { dataset: name, file, reader: reader.name, ...how }
  try {
    return await withDeclared(settings, name, { indexes: noIndexes, signal, onChosen }, async (version) => ({
      ...always,
      ...(await describe(version, format, shape.encoding)),
      ...describeChosen(chosen),
    }))
  } catch (error) {
    signal.throwIfAborted()
    const problem: Problem = asProblem(error)
    if (problem.code === "internal") throw error
    return {
      ...always,
      state: "refused",
      problem: toProblemDocument(problem),
      exit_code: problem.exitCode,
    }
  }
}

/** Of several files: how many, and which are not among them. */
function describeChosen(chosen: ChosenFiles | undefined) {
  if (chosen === undefined) return { files: 1, waiting: [], left_out: [] }
  return { files: chosen.files.length, waiting: chosen.waiting, left_out: chosen.listing.leftOut }
}

async function describe(readable: ReadableVersion, format: FormatName, encodingSet: Encoding = "utf-8") {
  const { manifest, layout, evidence, spelling, mends } = readable.index
  const by = spelling.isMarked ? "byte order mark" : encodingSet === "utf-8" ? "default" : "settings"
  const written = await readFirstWritten(readable, lookedAt)
  const columns = layout.fields.flatMap(({ name, type, declared, cell, index }, i): ColumnReport[] => {
    const own = evidence[i]
    if (own === undefined) return []
    const example = cell === undefined ? null : findExample(cell, index, written)
    return [
      { name, type, declared: declared ? type : null, found: findType(own.forms), evidence: own, example },
    ]
  })
  const firstRejects = await readFirstRejects(readable, shownRejects)
  return {
    state: manifest.rejects === 0 ? ("ok" as const) : ("rejects" as const),
    version: manifest.version,
    bytes: manifest.files.reduce((sum, one) => sum + one.bytes, 0),
    encoding: spelling.encoding,
    encoding_by: by as Extract<DatasetReport, { encoding_by: string }>["encoding_by"],
    compression: spelling.compression ?? null,
    text_bytes: manifest.files[0]?.text_bytes ?? null,
    rows: manifest.rows,
    rejects: manifest.rejects,
    filtered: manifest.filtered,
    mends,
    chunks: manifest.chunks.length,
    columns,
    first_rejects: firstRejects,
    hint: hintOf(firstRejects, format, spelling.encoding),
  }
}

/** The first cell that the settings change, and what each step made of it. */
function findExample(
  cell: CellSettings,
  index: number,
  written: readonly WrittenCells[],
): ColumnReport["example"] {
  for (const { texts, isQuoted } of written) {
    const text = texts[index]
    const changes = text === undefined ? [] : traceCell(cell, text, isQuoted(index))
    if (changes.length > 0) return { written: showCell(text ?? ""), changes }
  }
  return null
}

/** What a person can do about rejects; two kinds have one cause each, everything else is the data's own. */
function hintOf(rejects: readonly Reject[], format: FormatName, encoding: Encoding): string | null {
  const first = rejects.find(({ code }) => code === "encoding-error")
  if (first !== undefined && encoding === "utf-8")
    return format === "json" || format === "ndjson" ? convertJsonHint(first.file) : convertHint(first.file)
  const isBlank =
    format === "csv" &&
    rejects.some(({ code, reason }) => code === "missing-cell" && reason.startsWith(emptyLine))
  return isBlank
    ? "Where empty lines mean nothing, add  dialect: { blank_lines: skip }  to the dataset."
    : null
}
