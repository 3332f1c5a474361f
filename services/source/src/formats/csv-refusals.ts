/** Pure: the problems for which a CSV is refused, placed and with what to do about them. */
import { type ColumnType, grammars, Problem } from "@flatbed/contract"
import { countLines, dissectRecord, type RecordFault } from "./csv-record.ts"
import type { Dialect } from "./format.ts"

/** Where a record begins: row 0 is the header; bytes are offsets in the file. */
type RecordPlace = {
  readonly file: string
  readonly row: number
  readonly line: number
  readonly byte: number
}

const maxShownCharacters = 100

/** A record whose number of cells is not the header's. */
export function raggedRecord(found: number, expected: number, place: RecordPlace, dialect: Dialect): Problem {
  const cells = found === 1 ? "1 cell" : `${found} cells`
  return new Problem(
    "record-ragged",
    `Row ${place.row} on line ${place.line} of ${place.file} has ${cells}, the header has ${expected}.`,
    {
      hint:
        found > expected
          ? `Quote cells that hold the delimiter ${JSON.stringify(dialect.delimiter)}.`
          : "Write the missing cells, or take the line out if it is not a record.",
      facts: { ...place, found, expected },
    },
  )
}

const faultSentences: Readonly<
  Record<RecordFault["kind"], { readonly found: string; readonly hint: string }>
> = {
  "bare-cr": {
    found: "a carriage return without a line feed stands outside quotes",
    hint: "Quote the cell that holds it, or end the lines with LF or CRLF.",
  },
  "quote-inside": {
    found: "a quote stands inside a cell that is not quoted",
    hint: "Quote the whole cell and write the quote inside it twice.",
  },
  "after-quote": {
    found: "something follows a closing quote where the delimiter or the line's end should be",
    hint: "Write a quote inside a quoted cell twice.",
  },
  "quote-open": {
    found: "a quote is opened and never closed",
    hint: "Close the quote; a file that is still being written is read again when it has changed.",
  },
}

/** Throws record-malformed for the first fault in a record's bytes; returns when there is none. */
export function refuseMalformed(record: Buffer, dialect: Dialect, place: RecordPlace): void {
  const { fault } = dissectRecord(record, dialect)
  if (fault === undefined) return
  const { found, hint } = faultSentences[fault.kind]
  const line = place.line + countLines(record, 0, fault.byte)
  const where = place.row === 0 ? "The header" : `Row ${place.row}`
  throw new Problem(
    "record-malformed",
    `${where} of ${place.file} is malformed: ${found}, on line ${line}.`,
    {
      hint,
      facts: {
        ...place,
        line,
        byte: place.byte + fault.byte,
        column: fault.column,
        value: cut(record.subarray(Math.max(0, fault.byte - 20), fault.byte + 20).toString()),
      },
    },
  )
}

/** Throws cell-type for a cell that is not in an accepted form of its declared type. */
export function refuseCell(
  field: { readonly name: string; readonly index: number; readonly declared: ColumnType | undefined },
  cell: string,
  record: Buffer,
  dialect: Dialect,
  place: RecordPlace,
): void {
  const { declared } = field
  if (declared === undefined || grammars[declared].accepts(cell)) return
  const start = dissectRecord(record, dialect).starts[field.index] ?? 0
  const line = place.line + countLines(record, 0, start)
  throw new Problem(
    "cell-type",
    `Row ${place.row} on line ${line} of ${place.file}: column ${JSON.stringify(field.name)} is declared ` +
      `${declared}, which takes ${grammars[declared].forms}; the cell is ${JSON.stringify(cut(cell))}.`,
    {
      hint: `Mend the cell, or declare ${JSON.stringify(field.name)} as text in columns.types.`,
      facts: { ...place, line, byte: place.byte + start, column: field.name, value: cut(cell) },
    },
  )
}

function cut(value: string): string {
  return value.length <= maxShownCharacters ? value : `${value.slice(0, maxShownCharacters)}…`
}
