/** Pure: which reader serves a dataset. Both give the same version; the settings may name one. */
import { byteReader } from "./byte-reader.ts"
import { findUnread, isByteDialect } from "./byte-table.ts"
import type { CsvDialect, CsvReader } from "./csv-dialect.ts"
import { csvParseReader } from "./csv-parse.ts"

/** Readers by the name that the settings, the log and `check` know them by, the preferred first. */
export const readers = { bytes: byteReader, "csv-parse": csvParseReader } as const satisfies Record<
  string,
  CsvReader
>

export type ReaderName = keyof typeof readers
export const readerNames = Object.keys(readers) as ReaderName[]

/** Whether the reader understands the dialect. */
export function readsDialect(name: ReaderName, dialect: CsvDialect): boolean {
  return name === "csv-parse" || isByteDialect(dialect)
}

/** What of the dialect the reader does not understand; empty where it does. */
export function findForeign(name: ReaderName, dialect: CsvDialect): (keyof CsvDialect)[] {
  return name === "csv-parse" ? [] : findUnread(dialect)
}

/** The reader that was named, otherwise the fastest that understands the dialect. */
export function chooseReader(dialect: CsvDialect, named?: ReaderName): CsvReader {
  return readers[named ?? readerNames.find((name) => readsDialect(name, dialect)) ?? "csv-parse"]
}
