/**
 * The fast CSV reader: RFC 4180 in UTF-8 with a one-byte delimiter and quote, as bytes from end to end. What is
 * rare is left to the general reader: a single row's place, a preview, and what to say of a record set aside.
 *
 * Subtle, so mind four things. (1) The scan judges the records (the codec's `assembly/scan.ts`, byte-records.ts); all that
 * writes rows trusts it and looks for no fault. (2) There are four ways to write them, and they give the same rows: the
 * codec's `row-lines.ts`; byte-encode.ts, where columns are left out or change places; byte-rows.ts, for objects and CSV;
 * byte-cells.ts, where cells have rules or rows a filter, and text has to be made of them. (3) What is said of a reject is
 * the general reader's: so both readers set aside the same records. (4) In the codec and in byte-encode.ts no inner loop
 * tests for the end: behind the bytes stand sentinels and room for the widest load.
 *
 * These change together. The signs that byte-table.ts allows, with those of numbers and dates (`assembly/scan.ts`,
 * `cell-form.ts`) and with what JSON escapes (`row-lines.ts`, byte-encode.ts). `behindInput` of the codec, with its widest
 * load. `cellForms` and `stops` of its `record-scan.ts`, with the numbers in `assembly/`; the sizes of its tables are told by
 * the module itself. What holds them together: readers-agree.test.ts, byte-evidence.test.ts and `record-scan.test.ts`.
 */
import { joinBuffers, type TakeBuffer } from "@flatbed/codec"
import { createCellReader } from "./byte-cells.ts"
import { encodeCells } from "./byte-encode.ts"
import { createRecordScan } from "./byte-records.ts"
import { encodeRows } from "./byte-rows.ts"
import { startByteScan } from "./byte-scan.ts"
import { type ByteTables, createByteTables } from "./byte-table.ts"
import type { CsvLayout, CsvReader } from "./csv-dialect.ts"
import { createCsvShaper } from "./csv-judge.ts"
import { csvParseReader } from "./csv-parse.ts"
import type { EncodedRows, Records, RowsForm } from "./format.ts"
import { createRowWriter } from "./row-writer.ts"
import { isPlain } from "./shape-row.ts"

export const byteReader: CsvReader = {
  name: "bytes",
  startScan: startByteScan,
  encode,
  readWritten: csvParseReader.readWritten,
  findRecords: csvParseReader.findRecords,
}

function encode(
  records: Records,
  layout: CsvLayout,
  form: RowsForm,
  limit?: number,
  take?: TakeBuffer,
): EncodedRows {
  if (limit !== undefined) return csvParseReader.encode(records, layout, form, limit, take)
  const tables = createByteTables(layout.dialect)
  if (records.rejects === 0) return { ...encodeClean(records.bytes, layout, form, tables, take), rejects: 0 }
  const parts = splitAtRejects(records, layout).map(({ run, reject }) =>
    reject === undefined
      ? { ...encodeClean(run, layout, form, tables), rejects: 0 }
      : csvParseReader.encode(reject, layout, form),
  )
  const bodies = parts.map(({ body }) => body).filter((body) => body.length > 0)
  return {
    body: joinBuffers(form === "objects" ? bodies.flatMap(separated) : bodies, take),
    rows: parts.reduce((sum, { rows }) => sum + rows, 0),
    rejects: parts.reduce((sum, { rejects }) => sum + rejects, 0),
  }
}

const separator = Buffer.from(",\n")
const separated = (body: Buffer, i: number) => (i === 0 ? [body] : [separator, body])

/** Records of which none is a reject. */
function encodeClean(
  bytes: Buffer,
  layout: CsvLayout,
  form: RowsForm,
  tables: ByteTables,
  take?: TakeBuffer,
): { body: Buffer; rows: number } {
  if (!isPlain(layout.fields, layout.filter)) return encodeShaped(bytes, layout, form, take)
  return form === "cells"
    ? encodeCells(bytes, layout, tables, take)
    : encodeRows(bytes, layout, tables, form, take)
}

function encodeShaped(bytes: Buffer, layout: CsvLayout, form: RowsForm, take?: TakeBuffer) {
  const writer = createRowWriter(layout, form)
  const shape = createCsvShaper(layout, true)
  const readCells = createCellReader(layout.dialect)
  let from = 0
  const scan = createRecordScan(
    {
      ...layout,
      fields: [],
      filter: undefined,
      file: "",
      row: 1,
      line: 1,
      offset: 0,
    },
    {
      record(to) {
        const record = bytes.subarray(from, to)
        const shaped = shape(readCells(record), record)
        if (shaped.fate === "row") writer.add(shaped.cells)
        from = to
      },
    },
  )
  scan.push(bytes, true)
  scan.close()
  return writer.finish(take)
}

type Part = { readonly run: Buffer; readonly reject?: Records }

/** Runs of rows, and between them the rejects one by one, in their order. */
function splitAtRejects(records: Records, layout: CsvLayout): Part[] {
  const { bytes, file, firstRow, firstLine } = records
  const { dialect, width, filter, maxRecordBytes } = layout
  const fields = layout.fields.map(({ name, index, type, declared, cell }) => ({
    ...{ name, index, cell },
    declared: declared ? type : undefined,
  }))
  const parts: Part[] = []
  let runFrom = 0
  let from = 0
  let row = firstRow
  let line = firstLine
  const place = { row, line, offset: 0 }
  const scan = createRecordScan(
    { file, dialect, fields, filter, width, maxRecordBytes, ...place },
    {
      record(to, nextLine, fate) {
        if (fate === "reject") {
          if (from > runFrom) parts.push({ run: bytes.subarray(runFrom, from) })
          const run = bytes.subarray(from, to)
          const byteFrom = records.byteFrom + from
          parts.push({
            run,
            reject: { bytes: run, file, firstRow: row, firstLine: line, byteFrom, rejects: 1 },
          })
          runFrom = to
        }
        from = to
        if (fate !== "filtered") row += 1
        line = nextLine
      },
    },
  )
  scan.push(bytes, true)
  scan.close()
  if (from > runFrom) parts.push({ run: bytes.subarray(runFrom, from) })
  return parts
}
