/** Pure: how a CSV is written, as its readers know it. */
import type { Layout, Reader, ScanRequest } from "./format.ts"

/** How a CSV is written. Signs are one ASCII character each; what is left out is as RFC 4180 has it. */
export type CsvDialect = {
  readonly delimiter: string
  /** Empty where cells are never quoted. */
  readonly quote: string
  /** What makes a quote inside quotes text; left out, a second quote does; empty, nothing does. */
  readonly escapedBy?: string
  /** A line that begins with it is no record. */
  readonly comment?: string
  /** Physical lines before the header. */
  readonly skipLines?: number
  /** False where the first record is a record. */
  readonly hasHeader?: false
  /** The columns' names, instead of the header's. */
  readonly fields?: readonly string[]
  /** Lines end with a carriage return alone. */
  readonly lineEnd?: "cr"
  /** What becomes of a record of another width than the header's; left out, it is set aside. */
  readonly ragged?: "pad" | "truncate" | "error"
  /** Lines with nothing on them are no records; left out, each is a record of one empty cell. */
  readonly blankLines?: "skip"
  /** NUL characters are left out of cells instead of making a reject. */
  readonly nul?: "strip"
}

export type CsvLayout = Layout<CsvDialect>
export type CsvScanRequest = ScanRequest<CsvDialect>
export type CsvReader = Reader<CsvDialect>
