/**
 * What a reader of a file format must do. It speaks of bytes, borders and evidence, never of cells or rows,
 * so that a reader may work without making either.
 */
import type { ColumnType, Evidence } from "@flatbed/contract"
import type { ColumnSettings } from "../served-columns.ts"

/** How a CSV is written: both are one ASCII character. */
export type Dialect = { readonly delimiter: string; readonly quote: string }

/** What a reader needs to know to turn records into rows of the served columns. */
export type Layout = {
  readonly dialect: Dialect
  /** Cells in each record, dropped ones included. */
  readonly width: number
  readonly fields: readonly { readonly name: string; readonly type: ColumnType; readonly index: number }[]
}

/** Bodies of a chunk without what surrounds the rows: objects joined by commas, or one array a line. */
export type RowsForm = "objects" | "cells"

/** The ends of the header and of each record, as offsets in the file, and the line that follows (from 1). */
export type BorderSink = {
  header(end: number, nextLine: number): void
  record(end: number, nextLine: number): void
}

export type ScanResult = {
  readonly layout: Layout
  readonly evidence: readonly Evidence[]
  readonly rows: number
}

/** One reading of a whole file from its first byte. */
export type Scan = {
  /** The next bytes, which are UTF-8 without NUL; a border may fall anywhere. Raises what the file is refused for. */
  push(bytes: Buffer): Promise<void>
  /** After the last byte: what all rows said. */
  end(): Promise<ScanResult>
  /**
   * Instead of the rest, when others have found a fault at this byte, before which everything was pushed: the
   * fault's row (0 for the header) and line. Raises what the file is refused for before it.
   */
  locate(byte: number): Promise<{ readonly row: number; readonly line: number }>
  /** Lets go of everything when a reading is given up. */
  abandon(): void
}

export type ScanRequest = {
  /** The file's name in problems. */
  readonly file: string
  readonly dialect: Dialect
  readonly columns: ColumnSettings
  /** The longest record in bytes, about: a quote that is never closed must not eat the memory. */
  readonly maxRecordBytes: number
}

export type Reader = {
  readonly name: string
  startScan(request: ScanRequest, borders: BorderSink): Scan
  /** A chunk's records as rows in a form; the bytes are whole records that a scan has accepted. */
  encode(bytes: Buffer, layout: Layout, form: RowsForm): { readonly body: Buffer; readonly rows: number }
  /** Where the nth record (from 1) of a chunk lies in its bytes, and how many lines come before it. */
  findRecord(
    bytes: Buffer,
    layout: Layout,
    n: number,
  ): { readonly byteFrom: number; readonly byteTo: number; readonly linesBefore: number } | undefined
}
