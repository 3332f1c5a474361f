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
import { encodeJsonCells, encodePlainly } from "./json-encode.ts"
import { scanLines } from "./json-lines.ts"
import { createRecordReader, kinds } from "./json-record.ts"
import { countLines, judgeRecord, noArrayOf, noObject } from "./json-refusals.ts"
import { writtenCellsOf } from "./json-rows.ts"
import { eachRecord, eachRecordByShape, type RecordWalk } from "./json-runs.ts"
import { scanText } from "./json-scan.ts"
import { describeReject, type RecordVerdict } from "./rejected-record.ts"
import { createRowWriter } from "./row-writer.ts"
import { absentIndex, createRowShaper, measureOf } from "./shape-row.ts"

/** RFC 8259, as one text or a line a record. */
export const jsonReader: Reader<JsonDialect> = createReader(true)

/** The same without the codec: what the other is held against. */
export const plainJsonReader: Reader<JsonDialect> = createReader(false)

/** With `learns` the codec reads the lines that look like one before them. */
function createReader(learns: boolean): Reader<JsonDialect> {
  const walk = learns ? eachRecordByShape : eachRecord
  return {
    name: learns ? "json" : "plain json",
    startScan: (request: ScanRequest<JsonDialect>, borders: BorderSink): Scan<JsonDialect> =>
      request.dialect.lines === true ? scanLines(request, borders, learns) : scanText(request, borders),
    encode(records, layout, form, limit, take) {
      const isCopied = form === "cells" && limit === undefined && records.rejects === 0 && isCopyable(layout)
      if (!isCopied) return encodeRows(walk, records, layout, form, limit, take)
      return (learns ? encodeJsonCells : encodePlainly)(records.bytes, layout, take)
    },
    readWritten: (bytes, layout, limit) => readWritten(walk, bytes, layout, limit),
    findRecords: (bytes, layout, numbers) => findRecords(walk, bytes, layout, numbers),
  }
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
  walk: RecordWalk,
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

  walk(bytes, dialect, accepted, reader, (outcome, from, to) => {
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

/** Whether every row is the cells as they are written. */
function isCopyable({ fields, filter }: Layout<JsonDialect>): boolean {
  return fields.every(({ cell }) => cell === undefined) && Object.keys(filter ?? {}).length === 0
}

function encodeRows(
  walk: RecordWalk,
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
  eachRow(walk, bytes, layout, rejects === 0, (one) => {
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

function readWritten(
  walk: RecordWalk,
  bytes: Buffer,
  layout: Layout<JsonDialect>,
  limit: number,
): WrittenCells[] {
  const { dialect, fields } = layout
  const { separator, explode, places = [] } = dialect
  const reader = createRecordReader({ flatten: separator !== false, explode, places })
  const columns = fields.map(({ index, declared, type, cell }) => ({
    ...{ id: index, cell },
    declared: declared ? type : undefined,
  }))
  const found: WrittenCells[] = []
  walk(bytes, dialect, false, reader, (outcome) => {
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
  walk: RecordWalk,
  bytes: Buffer,
  layout: Layout<JsonDialect>,
  numbers: readonly number[],
): (FoundRecord | undefined)[] {
  const found: FoundRecord[] = []
  let row = 0
  let lines = 0
  let countedTo = 0
  eachRow(walk, bytes, layout, false, ({ fate, from, to }) => {
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
