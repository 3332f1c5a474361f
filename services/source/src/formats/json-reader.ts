/** The reader of JSON and NDJSON: records by their bytes (json-scan.ts), their rows by the layout. */
import type { TakeBuffer } from "@flatbed/codec"
import type {
  BorderSink,
  EncodedRows,
  FoundRecord,
  Layout,
  Reader,
  Records,
  RowsForm,
  Scan,
  ScanRequest,
  WrittenCells,
} from "./format.ts"
import { jsonOf } from "./json-cells.ts"
import type { JsonDialect } from "./json-dialect.ts"
import { encodeJsonCells } from "./json-encode.ts"
import { createRecordReader, kinds } from "./json-record.ts"
import { countLines, judgeRecord, noArrayOf, noObject } from "./json-refusals.ts"
import { writtenCellsOf } from "./json-rows.ts"
import { eachRecord } from "./json-runs.ts"
import { scanLines, scanText } from "./json-scan.ts"
import { describeReject, type RecordVerdict } from "./rejected-record.ts"
import { createRowWriter } from "./row-writer.ts"
import { absentIndex, createRowShaper, measureOf } from "./shape-row.ts"

/** RFC 8259, as one text or a line a record. */
export const jsonReader: Reader<JsonDialect> = { name: "json", startScan, encode, readWritten, findRecords }

function startScan(request: ScanRequest<JsonDialect>, borders: BorderSink): Scan<JsonDialect> {
  return request.dialect.lines === true ? scanLines(request, borders) : scanText(request, borders)
}

/** One row of a chunk: where it lies in the bytes, and its cells or why there are none. */
type Row = {
  readonly from: number
  readonly to: number
} & (
  | { readonly fate: "row"; readonly cells: (string | null)[] }
  | { readonly fate: "reject"; readonly verdict: RecordVerdict }
  | { readonly fate: "filtered" }
)

/** Tells the rows one by one until the answer is false. */
function eachRow(
  bytes: Buffer,
  layout: Layout<JsonDialect>,
  accepted: boolean,
  tell: (row: Row) => boolean,
): void {
  const { dialect, fields } = layout
  const { separator, explode, places = [] } = dialect
  const reader = createRecordReader({ flatten: separator !== false, explode, places })
  const shape = createRowShaper(measureOf(layout), undefined, accepted)
  const columns = fields.map(({ index, declared, type, cell }) => ({
    ...{ id: index, type, cell },
    declared: declared ? type : undefined,
  }))
  // Cells of a column that became JSON because of some: declared JSON comes as it is written.
  const mixed = columns.flatMap(({ id, type, declared }, at) =>
    type === "jsonb" && declared === undefined ? [{ id, at }] : [],
  )

  function rowOf(from: number, to: number): Row {
    const { cells, kindAt } = reader
    const written = writtenCellsOf(reader, bytes, columns)
    const shaped = shape(written, bytes)
    if (shaped.fate !== "row") return { ...shaped, from, to }
    for (const { id, at } of mixed) {
      const after = shaped.cells[at]
      if (after === null || after === undefined) continue
      const kind = id === absentIndex ? kinds.none : kindAt(id)
      const json = kind <= kinds.null ? "" : bytes.toString("utf8", cells.starts[id], cells.ends[id])
      shaped.cells[at] = jsonOf(kind, json, written.texts[id] ?? null, after)
    }
    return { fate: "row", cells: shaped.cells, from, to }
  }

  eachRecord(bytes, dialect, accepted, reader, (outcome, from, to) => {
    const aside = (verdict: RecordVerdict) => tell({ fate: "reject", verdict, from, to })
    switch (outcome) {
      case "faulty":
        return aside(judgeRecord(bytes.subarray(from, to)))
      case "not-object":
        return aside(noObject(bytes.subarray(from, to)))
      case "not-array":
        return aside(noArrayOf(dialect))
      case "fine":
        break
    }
    const elements = reader.elements()
    if (elements === 0) return tell(rowOf(from, to))
    for (let i = 0; i < elements; i += 1) {
      const span = reader.select(bytes, i)
      if (!tell(rowOf(span.from, span.to))) return false
    }
    return true
  })
}

function encode(
  records: Records,
  layout: Layout<JsonDialect>,
  form: RowsForm,
  limit?: number,
  take?: TakeBuffer,
): EncodedRows {
  const isCopied = form === "cells" && limit === undefined && records.rejects === 0 && isCopyable(layout)
  return isCopied
    ? encodeJsonCells(records.bytes, layout, take)
    : encodeRows(records, layout, form, limit, take)
}

/** Whether every row is the cells as they are written. */
function isCopyable({ fields, filter }: Layout<JsonDialect>): boolean {
  return fields.every(({ cell }) => cell === undefined) && Object.keys(filter ?? {}).length === 0
}

function encodeRows(
  { bytes, file, firstRow, firstLine, byteFrom, rejects }: Records,
  layout: Layout<JsonDialect>,
  form: RowsForm,
  limit = Number.POSITIVE_INFINITY,
  take?: TakeBuffer,
): EncodedRows {
  const writer = createRowWriter(layout, form)
  let row = firstRow
  // Lines are counted up to the last reject only.
  let line = firstLine
  let countedTo = 0
  let told = 0
  eachRow(bytes, layout, rejects === 0, (one) => {
    if (told >= limit) return false
    if (one.fate === "filtered") return true
    if (one.fate === "row") writer.add(one.cells)
    else {
      line += countLines(bytes, countedTo, one.from)
      countedTo = one.from
      const place = { row, file, line, byte: byteFrom + one.from }
      writer.addReject(describeReject(one.verdict, place, bytes.subarray(one.from, one.to)))
    }
    row += 1
    told += 1
    return told < limit
  })
  return writer.finish(take)
}

function readWritten(bytes: Buffer, layout: Layout<JsonDialect>, limit: number): WrittenCells[] {
  const { dialect, fields } = layout
  const { separator, explode, places = [] } = dialect
  const reader = createRecordReader({ flatten: separator !== false, explode, places })
  const columns = fields.map(({ index, declared, type, cell }) => ({
    ...{ id: index, cell },
    declared: declared ? type : undefined,
  }))
  const found: WrittenCells[] = []
  eachRecord(bytes, dialect, false, reader, (outcome) => {
    if (outcome !== "fine") return true
    const elements = reader.elements()
    if (elements === 0) found.push(writtenCellsOf(reader, bytes, columns))
    for (let i = 0; i < elements && found.length < limit; i += 1) {
      reader.select(bytes, i)
      found.push(writtenCellsOf(reader, bytes, columns))
    }
    return found.length < limit
  })
  return found
}

function findRecords(
  bytes: Buffer,
  layout: Layout<JsonDialect>,
  numbers: readonly number[],
): (FoundRecord | undefined)[] {
  const found: FoundRecord[] = []
  let row = 0
  let lines = 0
  let countedTo = 0
  eachRow(bytes, layout, false, ({ fate, from, to }) => {
    if (fate === "filtered") return true
    row += 1
    if (row !== numbers[found.length]) return true
    lines += countLines(bytes, countedTo, from)
    countedTo = from
    found.push({ byteFrom: from, byteTo: to, linesBefore: lines })
    return found.length < numbers.length
  })
  return numbers.map((_, i) => found[i])
}
