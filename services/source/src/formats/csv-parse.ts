/**
 * The general CSV reader, on csv-parse. It understands every dialect; where a record begins and ends comes from
 * its byte offsets, what is NULL from the record's own bytes.
 */
import type { TakeBuffer } from "@flatbed/codec"
import { Problem } from "@flatbed/contract"
import { parse as createParser, type InfoRecord, type Options } from "csv-parse"
import { parse as parseWhole } from "csv-parse/sync"
import { resolveServedColumns } from "../served-columns.ts"
import { countLines, dissectRecord, type RecordAnatomy } from "./csv-record.ts"
import { refuseMalformed, refuseText } from "./csv-refusals.ts"
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
  WrittenCells,
} from "./format.ts"
import { createRowGatherer } from "./gather-rows.ts"
import { describeReject } from "./rejected-record.ts"
import { createRowWriter } from "./row-writer.ts"
import { createShaperOf } from "./shape-row.ts"

const maxCharacterBytes = 4
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf])

/** csv-parse as a reader of RFC 4180 and its relatives. */
export const csvParseReader: Reader = { name: "csv-parse", startScan, encode, readWritten, findRecord }

function optionsFor(dialect: Dialect): Options {
  return {
    delimiter: dialect.delimiter,
    quote: dialect.quote,
    escape: dialect.quote,
    record_delimiter: ["\r\n", "\n"],
    // Counted here, where the message can place the record.
    relax_column_count: true,
    skip_empty_lines: false,
  }
}

function startScan(request: ScanRequest, borders: BorderSink): Scan {
  const { file, dialect } = request
  let columns: ReturnType<typeof createRowGatherer> | undefined
  let row = 0
  let line = 1
  // The bytes from the record under way on: csv-parse tells where a record ends, not how it was written.
  let held: Buffer = Buffer.alloc(0)
  let heldFrom = 0
  let recordFrom = 0

  const parser = createParser({
    ...optionsFor(dialect),
    bom: true,
    max_record_size: request.maxRecordBytes,
    on_record: (cells: string[], info: InfoRecord) => {
      take(cells, info.bytes)
      return null
    },
  })
  // Every error also comes back through write and end; without a listener it would end the process.
  parser.on("error", () => {})

  function take(cells: string[], end: number): void {
    const bytes = held.subarray(recordFrom - heldFrom, end - heldFrom)
    const nextLine = line + countLines(bytes)
    const place = { file, row, line, byte: recordFrom }
    if (columns === undefined) {
      refuseText(bytes, file)
      const bom = startsWithMark(bytes) ? byteOrderMark.length : 0
      if (cells.some((name) => name.includes("\r"))) {
        refuseMalformed(bytes.subarray(bom), dialect, { ...place, byte: bom })
      }
      const fields = resolveServedColumns(cells, request.columns, { file, line: 1 })
      columns = createRowGatherer({ ...request, filter: request.columns.filter, width: cells.length, fields })
      borders.header(end, nextLine)
      row = 1
    } else {
      const anatomy = cells.some(needsBytes) ? dissectRecord(bytes, dialect) : undefined
      if (anatomy?.fault !== undefined) refuseMalformed(bytes, dialect, place)
      const fate = columns.add(writtenCells(cells, bytes, dialect, anatomy), bytes, place)
      borders.record(end, nextLine, fate)
      if (fate !== "filtered") row += 1
    }
    line = nextLine
    recordFrom = end
  }

  async function push(bytes: Buffer): Promise<void> {
    const rest = held.subarray(recordFrom - heldFrom)
    // A copy in any case: csv-parse too keeps what is not a whole record.
    held = Buffer.concat([rest, bytes])
    heldFrom = recordFrom
    const own = held.subarray(rest.length)
    // csv-parse reads synchronously inside write; the wait is for its answer only.
    const error = await new Promise<Error | null | undefined>((resolve) => parser.write(own, resolve))
    if (error) throw explain(error)
  }

  function explain(error: Error): Error {
    if (error instanceof Problem || !("code" in error)) return error
    const record = held.subarray(recordFrom - heldFrom)
    const bom = recordFrom === 0 && startsWithMark(record) ? byteOrderMark.length : 0
    const place = { file, row, line, byte: recordFrom + bom }
    try {
      // What is no text at all looks malformed too; the last character may not be whole yet.
      if (row === 0) refuseText(record.subarray(0, Math.max(0, record.length - maxCharacterBytes)), file)
      if (error.code === "CSV_MAX_RECORD_SIZE") throw tooLong(place)
      refuseMalformed(record.subarray(bom), dialect, place)
    } catch (problem) {
      return problem as Error
    }
    return error
  }

  function tooLong(place: Place): Problem {
    return new Problem(
      "record-malformed",
      `The record that begins on line ${line} is longer than ${request.maxRecordBytes} bytes.`,
      {
        hint: "Close the quote it opens, or raise record_limit if records really are that long.",
        facts: place,
      },
    )
  }

  return {
    push,
    async end() {
      const error = await new Promise<Error | undefined>((resolve) => {
        parser.once("error", resolve)
        parser.end(() => resolve(undefined))
      })
      if (error) throw explain(error)
      if (columns === undefined) {
        throw new Problem("file-empty", `${file} holds no header.`, {
          hint: "Write the column names into its first line.",
          facts: { file },
        })
      }
      return columns.finish()
    },
    abandon: () => {
      parser.destroy()
    },
  }
}

type Place = { readonly file: string; readonly row: number; readonly line: number; readonly byte: number }

/**
 * '' may be NULL, a carriage return outside quotes ends no record, and csv-parse takes a NUL behind a closing quote
 * for the end of the file: all three show in the bytes only.
 */
function needsBytes(cell: string): boolean {
  return cell === "" || cell.includes("\r") || cell.includes("\0")
}

/** The bytes are looked at only where somebody asks for quotes. */
function writtenCells(
  texts: readonly string[],
  bytes: Buffer,
  dialect: Dialect,
  known?: RecordAnatomy,
): WrittenCells {
  let anatomy = known
  return {
    texts,
    isQuoted(index) {
      anatomy ??= dissectRecord(bytes, dialect)
      return anatomy.quoted[index] === true
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
  const writer = createRowWriter(layout, form)
  const accepted = records.rejects === 0
  const shape = createShaperOf(layout, accepted)
  let row = firstRow
  let line = records.firstLine
  readRecords(bytes, layout, limit, (texts, from, to) => {
    const record = bytes.subarray(from, to)
    const shaped = shape(writtenCells(texts, record, layout.dialect), record)
    if (shaped.fate === "row") writer.add(shaped.cells)
    else if (shaped.fate === "reject")
      writer.addReject(describeReject(shaped.verdict, { row, file, line, byte: byteFrom + from }, record))
    if (!accepted) line += countLines(record)
    if (shaped.fate !== "filtered") row += 1
    return shaped.fate
  })
  return writer.finish(take)
}

function readWritten(bytes: Buffer, layout: Layout, limit: number): WrittenCells[] {
  const found: WrittenCells[] = []
  readRecords(bytes, layout, limit, (texts, from, to) => {
    found.push(writtenCells(texts, bytes.subarray(from, to), layout.dialect))
    return "row"
  })
  return found
}

function findRecord(bytes: Buffer, layout: Layout, n: number) {
  const shape = createShaperOf(layout, false)
  let row = 0
  let found: { byteFrom: number; byteTo: number; linesBefore: number } | undefined
  readRecords(bytes, layout, n, (texts, byteFrom, byteTo) => {
    const record = bytes.subarray(byteFrom, byteTo)
    const { fate } = shape(writtenCells(texts, record, layout.dialect), record)
    if (fate !== "filtered") row += 1
    if (row === n) found ??= { byteFrom, byteTo, linesBefore: countLines(bytes, 0, byteFrom) }
    return fate
  })
  return found
}

/**
 * Calls for each record with its place in the bytes, until so many were not filtered: `onRecord` answers what became
 * of it.
 */
function readRecords(
  bytes: Buffer,
  { dialect, width, filter }: Layout,
  limit: number | undefined,
  onRecord: (texts: string[], from: number, to: number) => RecordFate,
): void {
  // csv-parse measures records against the first and makes a costly error of each that differs, which nobody
  // looks at; so the first is one of the right width.
  const measure = Buffer.from(`${dialect.delimiter.repeat(width - 1)}\n`)
  let from = -measure.length
  let left = limit ?? Number.POSITIVE_INFINITY
  parseWhole(Buffer.concat([measure, bytes]), {
    ...optionsFor(dialect),
    // A cell may begin with U+FEFF; only the file's first bytes are a mark.
    bom: false,
    // Where none is filtered, so many records are enough.
    ...(limit === undefined || filter !== undefined ? {} : { to: limit + 1 }),
    on_record: (texts: string[], info: InfoRecord) => {
      const to = info.bytes - measure.length
      if (from >= 0 && left > 0 && onRecord(texts, from, to) !== "filtered") left -= 1
      from = to
      return null
    },
  })
}

function startsWithMark(bytes: Buffer): boolean {
  return bytes.subarray(0, byteOrderMark.length).equals(byteOrderMark)
}
