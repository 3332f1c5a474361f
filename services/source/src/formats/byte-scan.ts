/**
 * A whole file through the byte reader: reads the header, and hands the rest to byte-records.ts. A header goes to the
 * functions that the general reader uses, so that both say the same.
 */
import { Problem } from "@flatbed/contract"
import { parse as parseWhole } from "csv-parse/sync"
import { resolveServedColumns } from "../served-columns.ts"
import { createRecordScan, type RecordScan, tooLong } from "./byte-records.ts"
import { refuseMalformed, refuseText } from "./csv-refusals.ts"
import type { BorderSink, Scan, ScanRequest } from "./format.ts"

const lf = 0x0a
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf])

type Header = { readonly names: string[]; readonly end: number; readonly nextLine: number }

/** Starts a reading of a whole file; see `Scan`. */
export function startByteScan(request: ScanRequest, borders: BorderSink): Scan {
  const { file, dialect, maxRecordBytes } = request
  let records: RecordScan | undefined
  // Until the header is whole: the file from its first byte.
  let beginning: Buffer = Buffer.alloc(0)

  function push(bytes: Buffer, isLast: boolean): void {
    if (records !== undefined) {
      records.push(bytes, isLast)
      return
    }
    beginning = Buffer.concat([beginning, bytes])
    // A mark of UTF-16 begins with this byte, which UTF-8 never has.
    if (beginning[0] === 0xff) refuseText(beginning, file)
    const header = readHeader(isLast)
    if (header === undefined) return
    const { names, end, nextLine } = header
    const fields = resolveServedColumns(names, request.columns, { file, line: 1 })
    const first = { row: 1, line: nextLine, offset: end }
    records = createRecordScan(
      { ...request, ...first, filter: request.columns.filter, fields, width: names.length },
      borders,
    )
    borders.header(end, nextLine)
    const rest = beginning.subarray(end)
    beginning = Buffer.alloc(0)
    records.push(rest, isLast)
  }

  /** The header, once its record is whole. */
  function readHeader(isLast: boolean): Header | undefined {
    const bom = beginning.subarray(0, 3).equals(byteOrderMark) ? byteOrderMark.length : 0
    const end = findRecordEnd(beginning, bom, dialect.quote.charCodeAt(0), isLast)
    const place = { file, row: 0, line: 1, byte: bom }
    if (end === undefined) {
      if (beginning.length > maxRecordBytes) throw tooLong(maxRecordBytes, place)
      if (isLast && beginning.length > bom) {
        refuseText(beginning, file)
        refuseMalformed(beginning.subarray(bom), dialect, place)
      }
      return undefined
    }
    const bytes = beginning.subarray(0, end)
    refuseText(bytes, file)
    refuseMalformed(bytes.subarray(bom), dialect, place)
    const [names = []] = parseWhole(bytes, {
      bom: true,
      delimiter: dialect.delimiter,
      quote: dialect.quote,
      escape: dialect.quote,
      record_delimiter: ["\r\n", "\n"],
      skip_empty_lines: false,
    })
    return { names, end, nextLine: 1 + bytes.filter((byte) => byte === lf).length }
  }

  return {
    push: async (bytes) => push(bytes, false),
    async end() {
      push(Buffer.alloc(0), true)
      if (records === undefined) {
        throw new Problem("file-empty", `${file} holds no header.`, {
          hint: "Write the column names into its first line.",
          facts: { file },
        })
      }
      return records.finish()
    },
    abandon() {
      records?.close()
      beginning = Buffer.alloc(0)
    },
  }
}

/** The offset behind the first record's line feed, or behind its last byte when nothing follows. */
function findRecordEnd(bytes: Buffer, from: number, quote: number, isLast: boolean): number | undefined {
  const end = bytes.length
  let inQuotes = false
  for (let at = from; at < end; at += 1) {
    const byte = bytes[at]
    if (byte === quote) inQuotes = !inQuotes
    else if (byte === lf && !inQuotes) return at + 1
  }
  return isLast && !inQuotes && end > from ? end : undefined
}
