/**
 * The general CSV reader, on csv-parse. It understands every dialect; where a record begins and ends comes from
 * its byte offsets, what is NULL from the record's own bytes.
 */
import type { TakeBuffer } from "@flatbed/codec"
import { Problem } from "@flatbed/contract"
import { parse as createParser, type InfoRecord, type Options } from "csv-parse"
import { parse as parseWhole } from "csv-parse/sync"
import { createEvidence } from "../evidence.ts"
import { resolveServedColumns } from "../served-columns.ts"
import { countLines, dissectRecord, type RecordAnatomy } from "./csv-record.ts"
import { refuseMalformed, refuseText } from "./csv-refusals.ts"
import type {
  BorderSink,
  Dialect,
  EncodedRows,
  Layout,
  Reader,
  Records,
  RowsForm,
  Scan,
  ScanRequest,
} from "./format.ts"
import { createJudge, createJudgeOf, describeReject } from "./judge-record.ts"
import { createRowWriter } from "./row-writer.ts"

const maxCharacterBytes = 4
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf])

/** csv-parse as a reader of RFC 4180 and its relatives. */
export const csvParseReader: Reader = { name: "csv-parse", startScan, encode, findRecord }

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
  let columns: ReturnType<typeof createColumns> | undefined
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
      columns = createColumns(cells, request)
      borders.header(end, nextLine)
    } else {
      const isReject = columns.add(cells, bytes, place)
      borders.record(end, nextLine, isReject)
    }
    row += 1
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
      return { ...columns.finish(), rows: row - 1 }
    },
    abandon: () => {
      parser.destroy()
    },
  }
}

type Place = { readonly file: string; readonly row: number; readonly line: number; readonly byte: number }

/** What is gathered over all rows, once the header is known. */
function createColumns(header: string[], { file, dialect, columns }: ScanRequest) {
  const fields = resolveServedColumns(header, columns, { file, line: 1 })
  const evidence = fields.map(({ name, declared }) => createEvidence(name, declared))
  const judge = createJudge({ dialect, width: header.length, fields })
  let rejects = 0
  return {
    /** Whether the record is set aside; then its cells say nothing about the columns. */
    add(lexemes: string[], bytes: Buffer, place: Place): boolean {
      const anatomy = lexemes.some(needsBytes) ? dissectRecord(bytes, dialect) : undefined
      if (anatomy?.fault !== undefined) refuseMalformed(bytes, dialect, place)
      const cells = readCells(lexemes, anatomy)
      if (judge(cells, bytes) !== undefined) {
        rejects += 1
        return true
      }
      fields.forEach(({ index }, i) => {
        evidence[i]?.add(cells[index] ?? null, place.row, place.line)
      })
      return false
    },
    finish() {
      const finished = evidence.map((one) => one.finish())
      const layout: Layout = {
        dialect,
        width: header.length,
        fields: fields.map(({ name, index, declared }, i) => ({
          name,
          index,
          type: finished[i]?.type ?? "text",
          declared: declared !== undefined,
        })),
      }
      return { layout, evidence: finished.map((one) => one.evidence), rejects }
    },
  }
}

/**
 * '' may be NULL, a carriage return outside quotes ends no record, and csv-parse takes a NUL behind a closing quote
 * for the end of the file: all three show in the bytes only.
 */
function needsBytes(cell: string): boolean {
  return cell === "" || cell.includes("\r") || cell.includes("\0")
}

/** NULL is empty without quotes. */
function readCells(lexemes: readonly string[], anatomy: RecordAnatomy | undefined): (string | null)[] {
  return lexemes.map((lexeme, i) => (lexeme === "" && !anatomy?.quoted[i] ? null : lexeme))
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
  // Where nothing was set aside, every record has been judged already.
  const judge = records.rejects > 0 ? createJudgeOf(layout) : undefined
  let row = firstRow
  let line = records.firstLine
  readRecords(bytes, layout, limit, (lexemes, from, to) => {
    const record = bytes.subarray(from, to)
    const anatomy = lexemes.includes("") ? dissectRecord(record, layout.dialect) : undefined
    const cells = readCells(lexemes, anatomy)
    const verdict = judge?.(cells, record)
    if (verdict === undefined) writer.add(cells)
    else writer.addReject(describeReject(verdict, { row, file, line, byte: byteFrom + from }, record))
    if (judge !== undefined) line += countLines(record)
    row += 1
  })
  return writer.finish(take)
}

function findRecord(bytes: Buffer, layout: Layout, n: number) {
  let row = 0
  let found: { byteFrom: number; byteTo: number; linesBefore: number } | undefined
  readRecords(bytes, layout, n, (_, byteFrom, byteTo) => {
    row += 1
    if (row === n) found = { byteFrom, byteTo, linesBefore: countLines(bytes, 0, byteFrom) }
  })
  return found
}

/** Calls for each record, all or the first so many, with its place in the bytes. */
function readRecords(
  bytes: Buffer,
  { dialect, width }: Layout,
  limit: number | undefined,
  onRecord: (lexemes: string[], from: number, to: number) => void,
): void {
  // csv-parse measures records against the first and makes a costly error of each that differs, which nobody
  // looks at; so the first is one of the right width.
  const measure = Buffer.from(`${dialect.delimiter.repeat(width - 1)}\n`)
  let from = -measure.length
  parseWhole(Buffer.concat([measure, bytes]), {
    ...optionsFor(dialect),
    // A cell may begin with U+FEFF; only the file's first bytes are a mark.
    bom: false,
    ...(limit === undefined ? {} : { to: limit + 1 }),
    on_record: (lexemes: string[], info: InfoRecord) => {
      const to = info.bytes - measure.length
      if (from >= 0) onRecord(lexemes, from, to)
      from = to
      return null
    },
  })
}

function startsWithMark(bytes: Buffer): boolean {
  return bytes.subarray(0, byteOrderMark.length).equals(byteOrderMark)
}
