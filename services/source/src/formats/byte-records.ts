/** The records behind a header, by the codec's scan: which of them are rows, and what their cells say of the columns. */
import { isUtf8 } from "node:buffer"
import { openRecordScanner, type RecordSink } from "@flatbed/codec"
import { Problem } from "@flatbed/contract"
import type { ServedField } from "../served-columns.ts"
import { findTextFault } from "../text-guard.ts"
import { allowedForms, createByteEvidence } from "./byte-evidence.ts"
import { refuseMalformed } from "./csv-refusals.ts"
import type { BorderSink, ScanRequest, ScanResult } from "./format.ts"
import { describeColumns } from "./gather-rows.ts"

const lf = 0x0a

type RecordScanRequest = Pick<ScanRequest, "file" | "dialect" | "maxRecordBytes"> & {
  readonly fields: readonly ServedField[]
  /** Cells in each record, dropped ones included. */
  readonly width: number
  /** Of the first record: its number, its line, and where it begins in the file. */
  readonly row: number
  readonly line: number
  readonly offset: number
}

export type RecordScan = ReturnType<typeof createRecordScan>

/** Reads records as their bytes come and tells their borders. Raises what `Scan.push` does; `close` ends it. */
export function createRecordScan(request: RecordScanRequest, borders: Pick<BorderSink, "record">) {
  const { file, dialect, maxRecordBytes, fields, width, offset } = request
  const scanner = openRecordScanner({
    width,
    delimiter: dialect.delimiter.charCodeAt(0),
    quote: dialect.quote.charCodeAt(0),
    maxRecordBytes,
    fields: fields.map(({ index, declared }) => ({ index, allowed: allowedForms(declared) })),
  })
  const evidence = createByteEvidence(fields, dialect.quote, scanner)
  let areClean = true
  let { row, line } = request
  let rejects = 0
  let settledTo = offset

  const sink: RecordSink = {
    record(end, lines, isReject) {
      row += 1
      line += lines
      settledTo = offset + end
      if (isReject) rejects += 1
      borders.record(settledTo, line, isReject ? "reject" : "row")
    },
    judge: (notes, bytes) =>
      (areClean || findTextFault(bytes) === undefined) && evidence.take(notes, { row, line }),
  }

  function push(bytes: Buffer, isLast: boolean): void {
    scanner.hold(bytes)
    const held = scanner.held()
    const whole = held.subarray(0, isLast ? held.length : held.lastIndexOf(lf) + 1)
    areClean = isUtf8(whole) && !whole.includes(0)
    const stop = scanner.scan(isLast, areClean, sink)
    const left = scanner.held()
    const place = { file, row, line, byte: settledTo }
    if (stop === "malformed") refuseMalformed(left, dialect, place)
    if (stop === "too-long" || left.length > maxRecordBytes) throw tooLong(maxRecordBytes, place)
    // A fault beside the last byte held may be none once more bytes have come.
    if (isLast && left.length > 0) throw new Error(`${stop} at byte ${settledTo} of ${file}, without a fault`)
  }

  return {
    push,
    close: scanner.close,
    finish(): ScanResult {
      const columns = describeColumns({ dialect, width, fields }, evidence.finish())
      return { ...columns, rows: row - request.row, rejects, filtered: 0 }
    },
  }
}

export type RecordPlace = {
  readonly file: string
  readonly row: number
  readonly line: number
  readonly byte: number
}

/** The problem of a record past the limit. */
export function tooLong(maxRecordBytes: number, place: RecordPlace): Problem {
  return new Problem(
    "record-malformed",
    `The record that begins on line ${place.line} is longer than ${maxRecordBytes} bytes.`,
    {
      hint: "Close the quote it opens, or raise record_limit if records really are that long.",
      facts: place,
    },
  )
}
