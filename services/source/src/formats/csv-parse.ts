/**
 * The general CSV reader: every dialect. Where a record begins and ends, and where a damaged one does, comes from the
 * bytes (csv-frames.ts); what stands in the cells of the well-formed ones from csv-parse.
 */
import type { TakeBuffer } from "@flatbed/codec"
import type { InfoRecord } from "csv-parse"
import { parse as parseWhole } from "csv-parse/sync"
import { resolveServedColumns } from "../served-columns.ts"
import { judgeDamage } from "./csv-faults.ts"
import { type Frame, type FrameMeasure, nextFrame } from "./csv-frames.ts"
import { noHead, readHead } from "./csv-head.ts"
import { parseOptions } from "./csv-options.ts"
import { countLines, dissectRecord, signsOf } from "./csv-record.ts"
import { malformed, type RecordPlace, tooLong } from "./csv-refusals.ts"
import type {
  BorderSink,
  Dialect,
  EncodedRows,
  Layout,
  Reader,
  RecordFate,
  Records,
  RowsForm,
  Scan,
  ScanRequest,
} from "./format.ts"
import { createRowGatherer } from "./gather-rows.ts"
import { describeReject } from "./rejected-record.ts"
import { createRowWriter } from "./row-writer.ts"
import { createShaperOf, type WrittenCells } from "./shape-row.ts"

/** Framing by bytes, csv-parse for the cells: RFC 4180 and its relatives. */
export const csvParseReader: Reader = { name: "csv-parse", startScan, encode, findRecord }

function startScan(request: ScanRequest, borders: BorderSink): Scan {
  const { file, dialect, maxRecordBytes } = request
  const { lineEnd } = signsOf(dialect)
  const teller = createBorderTeller(borders)
  let columns: ReturnType<typeof createRowGatherer> | undefined
  let width = 0
  let row = 1
  let line = 1
  // The bytes from the record under way on, and where they begin in the file.
  let held: Buffer = Buffer.alloc(0)
  let heldFrom = 0
  let tryAt = 0

  function read(isLast: boolean): void {
    if (columns === undefined) {
      const head = readHead(held, isLast, request)
      if (head === undefined) return
      width = head.names.length
      const fields = resolveServedColumns(head.names, request.columns, { file, line: head.line })
      columns = createRowGatherer({ dialect, width, maxRecordBytes, fields })
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
    held = held.subarray(to)
    heldFrom += to
  }

  const placeOf = (from: number): RecordPlace => ({ file, row, line, byte: heldFrom + from })

  return {
    async push(bytes) {
      // A copy in any case: the bytes are lent.
      held = Buffer.concat([held, bytes])
      read(false)
    },
    async end() {
      read(true)
      if (columns === undefined) throw noHead(file, dialect)
      teller.finish()
      return columns.finish()
    },
    abandon: () => {
      held = Buffer.alloc(0)
    },
  }
}

/** Comments belong to the record before them, or to the header: a chunk begins with a record. */
function createBorderTeller(borders: BorderSink) {
  let tell: ((end: number, nextLine: number) => void) | undefined
  let recordEnd = 0
  let end = 0
  let nextLine = 1

  function settle(next: typeof tell, at: number, line: number): void {
    tell?.(end, nextLine)
    tell = next
    recordEnd = at
    end = at
    nextLine = line
  }

  return {
    header: (at: number, line: number, names: readonly string[]) =>
      settle((to, next) => borders.header(to, next, names), at, line),
    record: (at: number, line: number, fate: RecordFate) =>
      settle((to, next) => borders.record(to, next, fate), at, line),
    /** Answers how many bytes of comments follow the record. */
    comment(at: number, line: number): number {
      end = at
      nextLine = line
      return end - recordEnd
    },
    finish: () => settle(undefined, 0, 0),
  }
}

/** The bytes are looked at only where somebody asks for quotes. */
function writtenCells(texts: readonly string[], bytes: Buffer, dialect: Dialect): WrittenCells {
  let quoted: readonly boolean[] | undefined
  return {
    texts,
    isQuoted(index) {
      quoted ??= dissectRecord(bytes, dialect).quoted
      return quoted[index] === true
    },
  }
}

function encode(
  records: Records,
  layout: Layout,
  form: RowsForm,
  limit?: number,
  take?: TakeBuffer,
): EncodedRows {
  const { bytes, file, firstRow, byteFrom } = records
  const { dialect } = layout
  const { lineEnd } = signsOf(dialect)
  const writer = createRowWriter(layout, form)
  const accepted = records.rejects === 0
  const shape = createShaperOf(layout, accepted)
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

function findRecord(bytes: Buffer, layout: Layout, n: number) {
  const { dialect } = layout
  const { lineEnd } = signsOf(dialect)
  const shape = createShaperOf(layout, false)
  let row = 0
  let found: { byteFrom: number; byteTo: number; linesBefore: number } | undefined
  const count = (byteFrom: number, byteTo: number) => {
    row += 1
    if (row === n) found = { byteFrom, byteTo, linesBefore: countLines(bytes, lineEnd, 0, byteFrom) }
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
  readRecords(bytes, layout, true, sink, n)
  return found
}

/** Offsets in the bytes. A record's texts are its cells; what becomes of it is answered. */
type RecordSink = {
  record(texts: string[], from: number, to: number): RecordFate
  damage(from: number, to: number): void
  comment(from: number, to: number): void
}

// So many records are framed before csv-parse reads them: few calls, and little is held.
const recordsAtOnce = 1024

/**
 * Calls for each frame that is whole, until so many records were not filtered. Answers where it stopped, and what it
 * stopped at.
 */
function readRecords(
  bytes: Buffer,
  layout: Pick<Layout, "dialect" | "width" | "maxRecordBytes">,
  isLast: boolean,
  sink: RecordSink,
  limit = Number.POSITIVE_INFINITY,
): { readonly at: number; readonly frame?: Frame["kind"] } {
  const measure: FrameMeasure = { ...layout, signs: signsOf(layout.dialect) }
  let left = limit
  let at = 0
  // Well-formed records that lie one behind the other, not told of yet.
  let runFrom = 0
  let ends: number[] = []

  function tellRun(): void {
    const run = bytes.subarray(runFrom, ends.at(-1))
    let from = runFrom
    let told = 0
    if (ends.length > 0) {
      parseRun(run, layout, (texts) => {
        const to = ends[told] ?? from
        told += 1
        if (left > 0 && sink.record(texts, from, to) !== "filtered") left -= 1
        from = to
      })
      if (told !== ends.length) throw new Error(`csv-parse finds ${told} records where ${ends.length} are`)
    }
    runFrom = at
    ends = []
  }

  while (at < bytes.length && left > 0) {
    const frame = nextFrame(bytes, at, isLast, measure)
    if (frame.kind === "record") {
      at = frame.to
      ends.push(at)
      if (ends.length >= Math.min(left, recordsAtOnce)) tellRun()
      continue
    }
    tellRun()
    if (frame.kind !== "damage" && frame.kind !== "comment") return { at, frame: frame.kind }
    if (left > 0) sink[frame.kind](at, frame.to)
    if (frame.kind === "damage") left -= 1
    at = frame.to
    runFrom = at
  }
  tellRun()
  return { at }
}

/** Calls for each record of bytes that hold nothing else, well-formed. */
function parseRun(
  run: Buffer,
  { dialect, width }: Pick<Layout, "dialect" | "width">,
  onRecord: (texts: string[]) => void,
): void {
  // csv-parse measures records against the first and makes a costly error of each that differs, which nobody
  // looks at; so the first is one of the right width.
  const first = Buffer.from(dialect.delimiter.repeat(width - 1) + (dialect.lineEnd === "cr" ? "\r" : "\n"))
  parseWhole(Buffer.concat([first, run]), {
    ...parseOptions(dialect),
    on_record: (texts: string[], { records }: InfoRecord) => {
      if (records > 1) onRecord(texts)
      return null
    },
  })
}
