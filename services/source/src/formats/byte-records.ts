/** The records behind a header, by the codec's scan: which of them are rows, and what their cells say of the columns. */
import { isUtf8 } from "node:buffer"
import {
  type CellNote,
  openRecordScanner,
  type RecordScanner,
  type RecordSink,
  type ScanStop,
} from "@flatbed/codec"
import type { Filter } from "../cells/filter.ts"
import type { ServedField } from "../served-columns.ts"
import { findTextFault } from "../text-guard.ts"
import { createCellReader } from "./byte-cells.ts"
import { allowedForms, createByteEvidence } from "./byte-evidence.ts"
import type { CsvDialect, CsvScanRequest } from "./csv-dialect.ts"
import { type FrameMeasure, nextFrame } from "./csv-frames.ts"
import { createCsvGatherer } from "./csv-judge.ts"
import { countLines, signsOf } from "./csv-record.ts"
import { malformed, tooLong } from "./csv-refusals.ts"
import type { BorderSink, RecordFate, ScanResult } from "./format.ts"
import { describeColumns } from "./gather-rows.ts"
import type { RecordPlace } from "./rejected-record.ts"
import { isPlain } from "./shape-row.ts"

const lf = 0x0a

type RecordScanRequest = Pick<CsvScanRequest, "file" | "dialect" | "maxRecordBytes" | "onRow"> & {
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
  let tryAt = 0
  const measure: FrameMeasure = { signs: signsOf(dialect), width, maxRecordBytes }

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
      judged = judgement.take(notes, bytes, { file, row, line, byte: settledTo }, areClean)
      return judged !== "reject"
    },
  }

  function push(bytes: Buffer, isLast: boolean): void {
    scanner.hold(bytes)
    const held = scanner.held()
    // A long record is not scanned again from its beginning until twice as much of it is there.
    if (!isLast && held.length < tryAt) return
    const whole = held.subarray(0, isLast ? held.length : held.lastIndexOf(lf) + 1)
    areClean = isUtf8(whole) && !whole.includes(0)
    let stop = scanner.scan(isLast, areClean && !isShaped, sink)
    while (mayBeDamage(stop, isLast) && passDamage(isLast))
      stop = scanner.scan(isLast, areClean && !isShaped, sink)
    const left = scanner.held().length
    tryAt = Math.min(2 * left, maxRecordBytes + 1)
    if (isLast && left > 0) throw new Error(`${stop} at byte ${settledTo} of ${file}, without a fault`)
  }

  function mayBeDamage(stop: ScanStop, isLast: boolean): boolean {
    const left = scanner.held().length
    return left > 0 && (stop !== "needs-more" || isLast || left > maxRecordBytes)
  }

  /** Passes over the damaged record that the scan stopped at; false while bytes are missing to tell its border. */
  function passDamage(isLast: boolean): boolean {
    const held = scanner.held()
    const frame = nextFrame(held, 0, isLast, measure)
    const place = { file, row, line, byte: settledTo }
    switch (frame.kind) {
      case "damage":
        scanner.skip(frame.to)
        row += 1
        told.reject += 1
        line += countLines(held, lf, 0, frame.to)
        settledTo += frame.to
        borders.record(settledTo, line, "reject")
        return true
      case "more":
        return false
      case "too-long":
        throw tooLong(maxRecordBytes, place)
      case "no-border":
        throw malformed(held.subarray(0, maxRecordBytes), dialect, place, maxRecordBytes)
      case "record":
      case "comment":
        throw new Error(`the scan stops at byte ${settledTo} of ${file}, where a ${frame.kind} is whole`)
    }
  }

  return {
    push,
    close: scanner.close,
    finish(): ScanResult<CsvDialect> {
      const { reject: rejects, filtered } = told
      return { ...judgement.finish(), rows: told.row + rejects, rejects, filtered, mends: {} }
    },
  }
}

/** What becomes of records that are well-formed and of the right width, and what they said in the end. */
type Judgement = {
  take(notes: readonly CellNote[], bytes: Buffer, place: RecordPlace, areClean: boolean): RecordFate
  finish(): Pick<ScanResult<CsvDialect>, "layout" | "evidence">
}

function judgeBytes(request: RecordScanRequest, scanner: RecordScanner): Judgement {
  const evidence = createByteEvidence(request.fields, request.dialect.quote, scanner)
  return {
    take: (notes, bytes, { row, line }, areClean) =>
      (areClean || findTextFault(bytes) === undefined) && evidence.take(notes, { row, line })
        ? "row"
        : "reject",
    finish: () => describeColumns(request, evidence.finish()),
  }
}

function judgeTexts(request: RecordScanRequest): Judgement {
  const gatherer = createCsvGatherer(request)
  const readCells = createCellReader(request.dialect)
  return {
    take: (_, bytes, place) => gatherer.add(readCells(bytes), bytes, place),
    finish: gatherer.finish,
  }
}
