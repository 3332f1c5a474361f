/**
 * The general CSV reader: every dialect. Where a record begins and ends, and where a damaged one does, comes from the
 * bytes (csv-frames.ts); what stands in the cells of the well-formed ones from csv-parse.
 */
import type { TakeBuffer } from "@flatbed/codec"
import { resolveServedColumns } from "../served-columns.ts"
import { createBorderTeller } from "./csv-borders.ts"
import type { CsvDialect, CsvLayout, CsvReader, CsvScanRequest } from "./csv-dialect.ts"
import { judgeDamage } from "./csv-faults.ts"
import { noHead, readHead } from "./csv-head.ts"
import { createCsvGatherer, createCsvShaper } from "./csv-judge.ts"
import { countLines, signsOf } from "./csv-record.ts"
import { malformed, tooLong } from "./csv-refusals.ts"
import { readRecords, writtenCells } from "./csv-runs.ts"
import type {
  BorderSink,
  EncodedRows,
  FoundRecord,
  RecordFate,
  Records,
  RowsForm,
  Scan,
  WrittenCells,
} from "./format.ts"
import { createHeldBytes } from "./held-bytes.ts"
import type { RecordPlace } from "./rejected-record.ts"
import { describeReject } from "./rejected-record.ts"
import { createRowWriter } from "./row-writer.ts"

/** Framing by bytes, csv-parse for the cells: RFC 4180 and its relatives. */
export const csvParseReader: CsvReader = { name: "csv-parse", startScan, encode, readWritten, findRecords }

function startScan(request: CsvScanRequest, borders: BorderSink): Scan<CsvDialect> {
  const { file, dialect, maxRecordBytes } = request
  const { lineEnd } = signsOf(dialect)
  const teller = createBorderTeller(borders)
  let columns: ReturnType<typeof createCsvGatherer> | undefined
  let width = 0
  let row = 1
  let line = 1
  // The bytes from the record under way on, and where they begin in the file.
  const kept = createHeldBytes(maxRecordBytes + 1)
  let held: Buffer = kept.bytes()
  let heldFrom = 0
  let tryAt = 0

  function read(isLast: boolean): void {
    if (columns === undefined) {
      const head = readHead(held, isLast, request)
      if (head === undefined) return
      width = head.names.length
      const fields = resolveServedColumns(head.names, request.columns, { file, line: head.line })
      columns = createCsvGatherer({ ...request, filter: request.columns.filter, width, fields })
      line = head.nextLine
      teller.header(head.end, line, head.names)
      letGo(head.end)
    }
    if (!isLast && held.length < tryAt) return
    const { add, addDamaged } = columns
    const { at, frame } = readRecords(held, { dialect, width, maxRecordBytes }, isLast, {
      record(texts, from, to) {
        const bytes = held.subarray(from, to)
        const fate = add(writtenCells(texts, bytes, dialect), bytes, placeOf(from))
        settle(bytes, to, fate)
        return fate
      },
      damage(from, to) {
        addDamaged()
        settle(held.subarray(from, to), to, "reject")
      },
      comment(from, to) {
        line += countLines(held, lineEnd, from, to)
        const length = teller.comment(heldFrom + to, line)
        if (length > maxRecordBytes) throw tooLong(maxRecordBytes, placeOf(from))
      },
    })
    if (frame === "too-long") throw tooLong(maxRecordBytes, placeOf(at))
    if (frame === "no-border") {
      throw malformed(held.subarray(at, at + maxRecordBytes), dialect, placeOf(at), maxRecordBytes)
    }
    letGo(at)
    // A long record is not followed again from its beginning until twice as much of it is there.
    tryAt = Math.min(2 * held.length, maxRecordBytes + 1)
  }

  function settle(bytes: Buffer, to: number, fate: RecordFate): void {
    line += countLines(bytes, lineEnd)
    if (fate !== "filtered") row += 1
    teller.record(heldFrom + to, line, fate)
  }

  function letGo(to: number): void {
    kept.letGo(to)
    held = kept.bytes()
    heldFrom += to
  }

  const placeOf = (from: number): RecordPlace => ({ file, row, line, byte: heldFrom + from })

  return {
    async push(bytes) {
      kept.add(bytes)
      held = kept.bytes()
      read(false)
    },
    async end() {
      read(true)
      if (columns === undefined) throw noHead(file, dialect)
      teller.finish()
      return columns.finish()
    },
    abandon: () => {
      kept.clear()
      held = kept.bytes()
    },
  }
}

function encode(
  records: Records,
  layout: CsvLayout,
  form: RowsForm,
  limit?: number,
  take?: TakeBuffer,
): EncodedRows {
  const { bytes, file, firstRow, byteFrom } = records
  const { dialect } = layout
  const { lineEnd } = signsOf(dialect)
  const writer = createRowWriter(layout, form)
  const accepted = records.rejects === 0
  const shape = createCsvShaper(layout, accepted)
  let row = firstRow
  let line = records.firstLine
  const placeOf = (from: number) => ({ row, file, line, byte: byteFrom + from })
  const sink = {
    record(texts: string[], from: number, to: number): RecordFate {
      const record = bytes.subarray(from, to)
      const shaped = shape(writtenCells(texts, record, dialect), record)
      if (shaped.fate === "row") writer.add(shaped.cells)
      else if (shaped.fate === "reject")
        writer.addReject(describeReject(shaped.verdict, placeOf(from), record, lineEnd))
      if (!accepted) line += countLines(record, lineEnd)
      if (shaped.fate !== "filtered") row += 1
      return shaped.fate
    },
    damage(from: number, to: number): void {
      const span = bytes.subarray(from, to)
      writer.addReject(describeReject(judgeDamage(span, layout, line), placeOf(from), span, lineEnd))
      line += countLines(span, lineEnd)
      row += 1
    },
    comment(from: number, to: number): void {
      line += countLines(bytes, lineEnd, from, to)
    },
  }
  readRecords(bytes, layout, true, sink, limit)
  return writer.finish(take)
}

function readWritten(bytes: Buffer, layout: CsvLayout, limit: number): WrittenCells[] {
  const found: WrittenCells[] = []
  const sink = {
    record(texts: string[], from: number, to: number): RecordFate {
      found.push(writtenCells(texts, bytes.subarray(from, to), layout.dialect))
      return "row"
    },
    damage: () => {},
    comment: () => {},
  }
  readRecords(bytes, layout, true, sink, limit)
  return found
}

function findRecords(
  bytes: Buffer,
  layout: CsvLayout,
  numbers: readonly number[],
): (FoundRecord | undefined)[] {
  const { dialect } = layout
  const { lineEnd } = signsOf(dialect)
  const shape = createCsvShaper(layout, false)
  const found: FoundRecord[] = []
  let row = 0
  let lines = 0
  let countedTo = 0
  const count = (byteFrom: number, byteTo: number) => {
    row += 1
    if (row !== numbers[found.length]) return
    lines += countLines(bytes, lineEnd, countedTo, byteFrom)
    countedTo = byteFrom
    found.push({ byteFrom, byteTo, linesBefore: lines })
  }
  const sink = {
    record(texts: string[], from: number, to: number): RecordFate {
      const record = bytes.subarray(from, to)
      const { fate } = shape(writtenCells(texts, record, dialect), record)
      if (fate !== "filtered") count(from, to)
      return fate
    },
    damage: count,
    comment: () => {},
  }
  readRecords(bytes, layout, true, sink, numbers.at(-1) ?? 0)
  return numbers.map((_, i) => found[i])
}
