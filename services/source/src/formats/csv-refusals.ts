/** Pure: the problems for which a CSV is refused, placed and with what to do about them. */
import { Problem } from "@flatbed/contract"
import { showCell } from "../show-cell.ts"
import { findTextFault } from "../text-guard.ts"
import { convertHint } from "./convert-hint.ts"
import { countLines, dissectRecord, type RecordFault } from "./csv-record.ts"
import type { Dialect } from "./format.ts"

/** Where a record begins: row 0 is the header; bytes are offsets in the file. */
type RecordPlace = {
  readonly file: string
  readonly row: number
  readonly line: number
  readonly byte: number
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
        value: showCell(record.subarray(Math.max(0, fault.byte - 20), fault.byte + 20).toString()),
      },
    },
  )
}

/** Throws file-encoding or file-nul for a header that is not text; returns when it is. */
export function refuseText(header: Buffer, file: string): void {
  const fault = findTextFault(header)
  if (fault === undefined) return
  const { byte } = fault
  const line = 1 + countLines(header, 0, byte)
  const value = `0x${fault.value.toString(16).padStart(2, "0")}`
  const facts = { file, row: 0, line, byte, value }
  switch (fault.kind) {
    case "nul":
      throw new Problem("file-nul", `The header of ${file} holds a NUL at byte ${byte}, on line ${line}.`, {
        hint: "Take the NUL out; if every other byte is one, the file is UTF-16: add  dialect: { encoding: utf-16le }, or utf-16be.",
        facts,
      })
    case "encoding":
      throw new Problem(
        "file-encoding",
        `The header of ${file} is not UTF-8: byte ${byte} (${value}) on line ${line} begins no valid character.`,
        {
          hint: convertHint(file),
          facts,
        },
      )
  }
}
