/**
 * A whole file through the byte reader: holds the bytes of the record under way, reads the header, and hands the rest
 * to byte-records.ts. No string or object per cell or row.
 *
 * A record under way is scanned again from its first byte when more bytes have come. Whatever is out of the ordinary
 * (a malformed record, ill-formed text, a header) goes to the functions that the general reader uses, so that both
 * say the same.
 */
import { Problem } from "@flatbed/contract"
import { parse as parseWhole } from "csv-parse/sync"
import { resolveServedColumns } from "../served-columns.ts"
import { createRecordScan, type RecordScan, tooLong } from "./byte-records.ts"
import { createByteTables } from "./byte-table.ts"
import { refuseMalformed, refuseText } from "./csv-refusals.ts"
import type { BorderSink, Scan, ScanRequest } from "./format.ts"

const lf = 0x0a
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf])

/** Starts a reading of a whole file; see `Scan`. */
export function startByteScan(request: ScanRequest, borders: BorderSink): Scan {
  const { file, dialect, maxRecordBytes } = request
  const { quote } = createByteTables(dialect)
  let columns: RecordScan | undefined
  // The bytes held begin with the record under way; `heldFrom` is its offset in the file.
  let held: Buffer = Buffer.allocUnsafe(512 * 1024)
  let end = 0
  let heldFrom = 0

  function hold(bytes: Buffer): void {
    if (end + bytes.length + 2 > held.length) {
      const larger = Buffer.allocUnsafe(Math.max(held.length * 2, end + bytes.length + 2))
      held.copy(larger, 0, 0, end)
      held = larger
    }
    bytes.copy(held, end)
    end += bytes.length
    held[end] = lf
    held[end + 1] = quote
  }

  function letGo(to: number): void {
    held.copyWithin(0, to, end + 2)
    end -= to
    heldFrom += to
  }

  function read(isLast: boolean): void {
    if (columns === undefined) {
      // A mark of UTF-16 begins with this byte, which UTF-8 never has.
      if (held[0] === 0xff && end > 0) refuseText(held.subarray(0, end), file)
      const header = takeHeader(isLast)
      if (header === undefined) return
      const fields = resolveServedColumns(header.names, request.columns, { file, line: 1 })
      const width = header.names.length
      columns = createRecordScan({ ...request, fields, width, row: 1, line: header.nextLine })
      borders.header(heldFrom, columns.line())
    }
    letGo(columns.scan(held, end, isLast, heldFrom, borders))
    if (end > maxRecordBytes) columns.refuseLong(heldFrom)
  }

  /** The header's names, once its record is whole; lets go of its bytes. */
  function takeHeader(isLast: boolean): { names: string[]; nextLine: number } | undefined {
    const bom = end >= 3 && held.subarray(0, 3).equals(byteOrderMark) ? byteOrderMark.length : 0
    const to = findRecordEnd(held, bom, end, quote, isLast)
    const place = { file, row: 0, line: 1, byte: bom }
    if (to === undefined) {
      if (end > maxRecordBytes) throw tooLong(maxRecordBytes, place)
      if (isLast && end > bom) {
        refuseText(held.subarray(0, end), file)
        refuseMalformed(held.subarray(bom, end), dialect, place)
      }
      return undefined
    }
    const bytes = held.subarray(0, to)
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
    const lines = bytes.filter((byte) => byte === lf).length
    letGo(to)
    return { names, nextLine: 1 + lines }
  }

  return {
    async push(bytes) {
      hold(bytes)
      read(false)
    },
    async end() {
      read(true)
      if (columns === undefined) {
        throw new Problem("file-empty", `${file} holds no header.`, {
          hint: "Write the column names into its first line.",
          facts: { file },
        })
      }
      return columns.finish()
    },
    abandon: () => {
      held = Buffer.alloc(0)
    },
  }
}

/** The offset behind the first record's line feed, or behind its last byte when nothing follows. */
function findRecordEnd(
  bytes: Buffer,
  from: number,
  end: number,
  quote: number,
  isLast: boolean,
): number | undefined {
  let inQuotes = false
  for (let at = from; at < end; at += 1) {
    const byte = bytes[at]
    if (byte === quote) inQuotes = !inQuotes
    else if (byte === lf && !inQuotes) return at + 1
  }
  return isLast && !inQuotes && end > from ? end : undefined
}
