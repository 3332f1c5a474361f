/**
 * A whole file through the byte reader: reads what stands before the first record as the general reader does, and hands
 * the rest to byte-records.ts.
 */
import { resolveServedColumns } from "../served-columns.ts"
import { createRecordScan, type RecordScan } from "./byte-records.ts"
import type { CsvDialect, CsvScanRequest } from "./csv-dialect.ts"
import { noHead, readHead } from "./csv-head.ts"
import type { BorderSink, Scan } from "./format.ts"

/** Starts a reading of a whole file; see `Scan`. */
export function startByteScan(request: CsvScanRequest, borders: BorderSink): Scan<CsvDialect> {
  const { file, dialect } = request
  let records: RecordScan | undefined
  // Until the header is whole: the file from its first byte.
  let beginning: Buffer = Buffer.alloc(0)

  function push(bytes: Buffer, isLast: boolean): void {
    if (records !== undefined) {
      records.push(bytes, isLast)
      return
    }
    beginning = Buffer.concat([beginning, bytes])
    const head = readHead(beginning, isLast, request)
    if (head === undefined) return
    const { names, end, nextLine } = head
    const fields = resolveServedColumns(names, request.columns, { file, line: head.line })
    const first = { row: 1, line: nextLine, offset: end }
    records = createRecordScan(
      { ...request, ...first, filter: request.columns.filter, fields, width: names.length },
      borders,
    )
    borders.header(end, nextLine, names)
    const rest = beginning.subarray(end)
    beginning = Buffer.alloc(0)
    records.push(rest, isLast)
  }

  return {
    push: async (bytes) => push(bytes, false),
    async end() {
      push(Buffer.alloc(0), true)
      if (records === undefined) throw noHead(file, dialect)
      return records.finish()
    },
    abandon() {
      records?.close()
      beginning = Buffer.alloc(0)
    },
  }
}
