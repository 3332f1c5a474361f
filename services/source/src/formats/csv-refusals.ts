/** Pure: the problems for which a CSV is refused, placed and with what to do about them. */
import { Problem } from "@flatbed/contract"
import { showCell } from "../show-cell.ts"
import { findTextFault } from "../text-guard.ts"
import { convertHint } from "./convert-hint.ts"
import type { CsvDialect } from "./csv-dialect.ts"
import { tellFault } from "./csv-faults.ts"
import { countLines, dissectRecord, signsOf } from "./csv-record.ts"
import type { RecordPlace, RecordVerdict } from "./rejected-record.ts"

/**
 * The problem of a malformed record that reading cannot go on behind: of a header, or of one without a sure border
 * within so many bytes.
 */
export function malformed(
  record: Buffer,
  dialect: CsvDialect,
  place: RecordPlace,
  maxRecordBytes?: number,
): Problem {
  const { fault } = dissectRecord(record, dialect)
  if (fault === undefined) throw new Error(`the record on line ${place.line} of ${place.file} has no fault`)
  const { found, hint } = tellFault(fault.kind, dialect)
  const line = place.line + countLines(record, signsOf(dialect).lineEnd, 0, fault.byte)
  const where = place.row === 0 ? "The header" : `Row ${place.row}`
  const beyond =
    maxRecordBytes === undefined
      ? ""
      : `, and no line of the ${maxRecordBytes} bytes from line ${place.line} on surely begins a record`
  return new Problem(
    "record-malformed",
    `${where} of ${place.file} is malformed: ${found}, on line ${line}${beyond}.`,
    {
      hint: maxRecordBytes === undefined ? hint : `${hint} record_limit says how far is looked.`,
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

/** The problem of a record past the limit. */
export function tooLong(maxRecordBytes: number, place: RecordPlace): Problem {
  return new Problem(
    "record-malformed",
    `The record that begins on line ${place.line} of ${place.file} is longer than ${maxRecordBytes} bytes.`,
    {
      hint: "Close the quote it opens, or raise record_limit if records really are that long.",
      facts: place,
    },
  )
}

/** The problem of a record of another width where the dialect says `ragged: error`. */
export function ragged({ reason, column, value }: RecordVerdict, place: RecordPlace): Problem {
  return new Problem("record-malformed", `Row ${place.row} of ${place.file}, line ${place.line}: ${reason}`, {
    hint: "Mend the record, or let dialect.ragged set such records aside (reject), fill them up (pad) or cut them (truncate).",
    facts: { ...place, column, value },
  })
}

/** Throws file-encoding or file-nul for a header that is not text; returns when it is. `place` is where it begins. */
export function refuseText(
  header: Buffer,
  place: Pick<RecordPlace, "file" | "line" | "byte">,
  lineEnd: number,
): void {
  const fault = findTextFault(header)
  if (fault === undefined) return
  const { file } = place
  const byte = place.byte + fault.byte
  const line = place.line + countLines(header, lineEnd, 0, fault.byte)
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
