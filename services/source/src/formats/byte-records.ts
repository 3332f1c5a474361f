/** The records behind a header, by the codec's scan: which of them are rows, and what their cells say of the columns. */
import { isUtf8 } from "node:buffer"
import { openRecordScanner, type RecordSink, type ScanStop } from "@flatbed/codec"
import type { ServedField } from "../served-columns.ts"
import { findTextFault } from "../text-guard.ts"
import { allowedForms, createByteEvidence } from "./byte-evidence.ts"
import { type FrameMeasure, nextFrame } from "./csv-frames.ts"
import { countLines, signsOf } from "./csv-record.ts"
import { malformed, tooLong } from "./csv-refusals.ts"
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
  let tryAt = 0
  const measure: FrameMeasure = { signs: signsOf(dialect), width, maxRecordBytes }

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
    // A long record is not scanned again from its beginning until twice as much of it is there.
    if (!isLast && held.length < tryAt) return
    const whole = held.subarray(0, isLast ? held.length : held.lastIndexOf(lf) + 1)
    areClean = isUtf8(whole) && !whole.includes(0)
    let stop = scanner.scan(isLast, areClean, sink)
    while (mayBeDamage(stop, isLast) && passDamage(isLast)) stop = scanner.scan(isLast, areClean, sink)
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
        rejects += 1
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
    finish(): ScanResult {
      const columns = describeColumns({ dialect, width, maxRecordBytes, fields }, evidence.finish())
      return { ...columns, rows: row - request.row, rejects, filtered: 0, mends: {} }
    },
  }
}
