/** Pure: what is wrong with a malformed record, in words; and the verdict on a damaged span. */
import { counted } from "../counted.ts"
import { showCell } from "../show-cell.ts"
import type { CsvDialect } from "./csv-dialect.ts"
import { countLines, dissectRecord, type FaultKind, signsOf } from "./csv-record.ts"
import { longestDamagedRaw, type RecordVerdict } from "./rejected-record.ts"

/** For each fault what was found, where the sentence goes on with a place, and what to do. */
const faultSentences: Readonly<Record<FaultKind, { readonly found: string; readonly hint: string }>> = {
  "bare-cr": {
    found: "a carriage return without a line feed stands outside quotes",
    hint: "Quote the cell that holds it, end the lines with LF or CRLF, or declare dialect.line_terminator: cr if all end so.",
  },
  "bare-lf": {
    found: "a line feed stands outside quotes in a file whose lines end with carriage returns",
    hint: "Quote the cell that holds it, or leave dialect.line_terminator out if the lines end with LF or CRLF.",
  },
  "quote-inside": {
    found: "a quote stands inside a cell that is not quoted",
    hint: "Quote the whole cell and %.",
  },
  "after-quote": {
    found: "something follows a closing quote where the delimiter or the line's end should be",
    hint: "In a quoted cell, %.",
  },
  "quote-open": {
    found: "a quote is opened and never closed",
    hint: "Close the quote; a file that is still being written is read again when it has changed.",
  },
}

/** What is wrong, and what to do about it in this dialect. */
export function tellFault(
  kind: FaultKind,
  { escapedBy }: CsvDialect,
): { readonly found: string; readonly hint: string } {
  const { found, hint } = faultSentences[kind]
  return { found, hint: hint.replace("%", guardOf(escapedBy)) }
}

function guardOf(escapedBy: string | undefined): string {
  if (escapedBy === undefined) return "write the quote inside it twice"
  return escapedBy === ""
    ? "leave the quote inside it out, or declare how it is escaped"
    : `write ${escapedBy} before the quote inside it`
}

// A cell is shown with at most 100 characters, of four bytes at most.
const shownBytes = 400

/**
 * Why a span was set aside: what is wrong with its first record and how far reading went on. `line` is where the span
 * begins. Says the same whatever stands behind the span.
 */
export function judgeDamage(span: Buffer, { dialect, fields }: FaultMeasure, line: number): RecordVerdict {
  const { fault, starts } = dissectRecord(span, dialect)
  if (fault === undefined)
    throw new Error(`a span of ${span.length} bytes on line ${line} is set aside without a fault`)
  const { lineEnd } = signsOf(dialect)
  const index = fault.column - 1
  const cellFrom = starts[index] ?? 0
  const { found, hint } = tellFault(fault.kind, dialect)
  const lines = countLines(span, lineEnd) + (span.at(-1) === lineEnd ? 0 : 1)
  const where = `line ${line + countLines(span, lineEnd, 0, fault.byte)}, byte ${fault.byte + 1} of the record`
  const cut = span.length > longestDamagedRaw ? ` raw holds the first ${longestDamagedRaw} of them.` : ""
  return {
    code: "quote-error",
    column: fields.find((field) => field.index === index)?.name ?? null,
    value: showCell(span.toString("utf8", cellFrom, cellFrom + shownBytes)),
    reason:
      `${found.charAt(0).toUpperCase()}${found.slice(1)}: ${where}. Set aside: ${counted(span.length, "byte")} on ` +
      `${counted(lines, "line")}, up to where the next record surely begins.${cut} ${hint}`,
  }
}

type FaultMeasure = {
  readonly dialect: CsvDialect
  readonly fields: readonly { readonly name: string; readonly index: number }[]
}
