/** The records behind a header, by the codec's scan: which of them are rows, and what their cells say of the columns. */
import { isUtf8 } from "node:buffer"
import { type CellNote, openRecordScanner, type RecordScanner, type RecordSink } from "@flatbed/codec"
import { Problem } from "@flatbed/contract"
import type { Filter } from "../cells/filter.ts"
import type { ServedField } from "../served-columns.ts"
import { findTextFault } from "../text-guard.ts"
import { createCellReader } from "./byte-cells.ts"
import { allowedForms, createByteEvidence } from "./byte-evidence.ts"
import { refuseMalformed } from "./csv-refusals.ts"
import type { BorderSink, RecordFate, ScanRequest, ScanResult } from "./format.ts"
import { createRowGatherer, describeColumns } from "./gather-rows.ts"
import { isPlain } from "./shape-row.ts"

const lf = 0x0a

type RecordScanRequest = Pick<ScanRequest, "file" | "dialect" | "maxRecordBytes" | "onRow"> & {
  readonly filter?: Filter | undefined
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
  const { file, dialect, maxRecordBytes, fields, filter, onRow, width, offset } = request
  // Cells that are served as they are written need never be text.
  const isShaped = !isPlain(fields, filter) || onRow !== undefined
  const scanner = openRecordScanner({
    width,
    delimiter: dialect.delimiter.charCodeAt(0),
    quote: dialect.quote.charCodeAt(0),
    maxRecordBytes,
    fields: isShaped ? [] : fields.map(({ index, declared }) => ({ index, allowed: allowedForms(declared) })),
  })
  const judgement = isShaped ? judgeTexts(request) : judgeBytes(request, scanner)
  let areClean = true
  let { row, line } = request
  const told: Record<RecordFate, number> = { row: 0, reject: 0, filtered: 0 }
  let settledTo = offset
  let judged: RecordFate = "row"

  const sink: RecordSink = {
    record(end, lines, isReject) {
      const fate = isReject ? "reject" : judged
      // The next one may be judged by nobody: a row with nothing new.
      judged = "row"
      told[fate] += 1
      if (fate !== "filtered") row += 1
      line += lines
      settledTo = offset + end
      borders.record(settledTo, line, fate)
    },
    judge(notes, bytes) {
      judged = judgement.take(notes, bytes, { row, line }, areClean)
      return judged !== "reject"
    },
  }

  function push(bytes: Buffer, isLast: boolean): void {
    scanner.hold(bytes)
    const held = scanner.held()
    const whole = held.subarray(0, isLast ? held.length : held.lastIndexOf(lf) + 1)
    areClean = isUtf8(whole) && !whole.includes(0)
    const stop = scanner.scan(isLast, areClean && !isShaped, sink)
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
      const { reject: rejects, filtered } = told
      return { ...judgement.finish(), rows: told.row + rejects, rejects, filtered }
    },
  }
}

/** What becomes of records that are well-formed and of the right width, and what they said in the end. */
type Judgement = {
  take(
    notes: readonly CellNote[],
    bytes: Buffer,
    place: { readonly row: number; readonly line: number },
    areClean: boolean,
  ): RecordFate
  finish(): Pick<ScanResult, "layout" | "evidence">
}

function judgeBytes(request: RecordScanRequest, scanner: RecordScanner): Judgement {
  const evidence = createByteEvidence(request.fields, request.dialect.quote, scanner)
  return {
    take: (notes, bytes, place, areClean) =>
      (areClean || findTextFault(bytes) === undefined) && evidence.take(notes, place) ? "row" : "reject",
    finish: () => describeColumns(request, evidence.finish()),
  }
}

function judgeTexts(request: RecordScanRequest): Judgement {
  const gatherer = createRowGatherer(request)
  const readCells = createCellReader(request.dialect)
  return {
    take: (_, bytes, place) => gatherer.add(readCells(bytes), bytes, place),
    finish: gatherer.finish,
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
