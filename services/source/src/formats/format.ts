/**
 * What a reader of a file format must do. It speaks of bytes, borders and evidence, never of cells or rows,
 * so that a reader may work without making either.
 */
import type { TakeBuffer } from "@flatbed/codec"
import type { ColumnType, Evidence } from "@flatbed/contract"
import type { CellSettings } from "../cells/compile-cell.ts"
import type { Filter } from "../cells/filter.ts"
import type { AddedColumn, ColumnSettings } from "../served-columns.ts"

/** How a file is written: each format has its own. Plain JSON, so that it can be kept beside an index and compared. */
export type Dialect = object

/** What a reader needs to know to turn records into rows of the served columns. */
export type Layout<D extends Dialect = Dialect> = {
  readonly dialect: D
  /** Cells in each record, dropped ones included. */
  readonly width: number
  /** Of the pass: where a damaged record ends depends on it. */
  readonly maxRecordBytes: number
  readonly fields: readonly {
    readonly name: string
    readonly type: ColumnType
    readonly index: number
    /** Whether the settings name the type, so that records that break it are set aside. */
    readonly declared: boolean
    /** What happens to its cells; left out where that is nothing but NULL for an unquoted empty one. */
    readonly cell?: CellSettings | undefined
    /** Of a column that no file has; see added-columns.ts. */
    readonly added?: AddedColumn
  }[]
  /** Which rows are served; left out where all are. */
  readonly filter?: Filter | undefined
}

/** Bodies of a chunk without what surrounds the rows: objects joined by commas, one array a line, or CSV. */
export type RowsForm = "objects" | "cells" | "csv"

/** What becomes of a record: served, set aside, or left out because the settings' filter says so. */
export type RecordFate = "row" | "reject" | "filtered"

/** What became of the rows of a record that gives several: `rows` counts those that are not filtered, rejects included. */
export type RecordCounts = { readonly rows: number; readonly rejects: number; readonly filtered: number }

/** The ends of the header and of each record, as offsets in the file, and the line that follows (from 1). */
export type BorderSink = {
  /** `names` stand for all cells of a record, as the header or the dialect says them; none where the records do. */
  header(end: number, nextLine: number, names: readonly string[]): void
  /** Without `counts` the record is one row, or none. */
  record(end: number, nextLine: number, fate: RecordFate, counts?: RecordCounts): void
}

export type ScanResult<D extends Dialect = Dialect> = {
  readonly layout: Layout<D>
  /** Over the rows that are served. */
  readonly evidence: readonly Evidence[]
  /** Records that are not filtered, rejects included. */
  readonly rows: number
  readonly rejects: number
  readonly filtered: number
  /** What the settings had changed so that records could be rows; absent where nothing was. */
  readonly mends: Mends
  /** The names of all that the records hold, served or not, where no header says them. */
  readonly names?: readonly string[]
}

/** Kinds of change to a record that the settings ask for, each with its count and the first record's line. */
export const mendKinds = ["padded", "truncated", "nul-stripped"] as const
export type MendKind = (typeof mendKinds)[number]
export type Mends = Readonly<Partial<Record<MendKind, { readonly records: number; readonly line: number }>>>

/** One reading of a whole file from its first byte. */
export type Scan<D extends Dialect = Dialect> = {
  /**
   * The next bytes, whatever they are; a border may fall anywhere. They are lent until this resolves. Raises what
   * the file is refused for: a header that cannot be used, a record beyond the limit, and a damaged one without a
   * sure border within it.
   */
  push(bytes: Buffer): Promise<void>
  /** After the last byte: what all rows said. */
  end(): Promise<ScanResult<D>>
  /** Lets go of everything when a reading is given up. */
  abandon(): void
}

/** Row and line count from 1; `names` are the cells' columns, where these are not the served ones in their order. */
export type RowWatch = (
  cells: readonly (string | null)[],
  place: { readonly row: number; readonly line: number },
  names?: readonly string[],
) => void

export type ScanRequest<D extends Dialect = Dialect> = {
  /** The file's name in problems. */
  readonly file: string
  readonly dialect: D
  readonly columns: ColumnSettings
  /** Told the served cells of each row, and where it stands. */
  readonly onRow?: RowWatch | undefined
  /** The longest record in bytes, and how far is looked for a border behind a damaged one. */
  readonly maxRecordBytes: number
}

/** Whole records that a scan has accepted, and where the first of them stands in its file. */
export type Records = {
  readonly bytes: Buffer
  readonly file: string
  readonly firstRow: number
  readonly firstLine: number
  readonly byteFrom: number
  /** How many of them the scan set aside. */
  readonly rejects: number
}

/** A record as it was written: what stands in its cells, and whether that stands in quotes. */
export type WrittenCells = {
  readonly texts: readonly string[]
  readonly isQuoted: (index: number) => boolean
}

/** What became of records: `rows` counts those that are not filtered, rejects included. */
export type EncodedRows = { readonly body: Buffer; readonly rows: number; readonly rejects: number }

export type Reader<D extends Dialect = Dialect> = {
  readonly name: string
  startScan(request: ScanRequest<D>, borders: BorderSink): Scan<D>
  /**
   * Records as rows in a form, all or the first so many; a reject stands in its place among cells only. The body is
   * the buffer that `take` makes, called once.
   */
  encode(records: Records, layout: Layout<D>, form: RowsForm, limit?: number, take?: TakeBuffer): EncodedRows
  /** The cells of the first so many records as they are written: what happens to them is not done. */
  readWritten(bytes: Buffer, layout: Layout<D>, limit: number): WrittenCells[]
  /**
   * Where the records of rows lie in a chunk's bytes, by the rows' numbers in it (from 1, rising; what is filtered has
   * none); undefined for a number that the chunk does not have.
   */
  findRecords(bytes: Buffer, layout: Layout<D>, numbers: readonly number[]): (FoundRecord | undefined)[]
}

/** Offsets in the bytes of a chunk, and how many of its lines come before the record. */
export type FoundRecord = { readonly byteFrom: number; readonly byteTo: number; readonly linesBefore: number }
