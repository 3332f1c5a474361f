/**
 * Pure: columns that no file has: from which file and from which line of it a row is, and digests of its cells. They
 * stand behind the others, whatever the format; its own reader knows nothing of them.
 */
import { createHash } from "node:crypto"
import { type ColumnType, type Evidence, Problem } from "@flatbed/contract"
import type { AddedColumn, ColumnSettings } from "../served-columns.ts"
import type { EncodedRows, Layout, Reader, Records, RowsForm, ScanResult } from "./format.ts"
import { createRowWriter } from "./row-writer.ts"
import { absentIndex } from "./shape-row.ts"

const typeOf = (kind: AddedColumn): ColumnType => (kind === "_line" ? "bigint" : "text")

const digestOf = (cells: readonly (string | null)[]) =>
  createHash("sha256").update(JSON.stringify(cells)).digest("hex")
const someDigest = digestOf([])

type Added = { readonly kind: AddedColumn; readonly name: string }

/** In the order in which they stand behind the file's own. */
function addedBy({ add = [], rename, digests = {} }: ColumnSettings): Added[] {
  const names = new Map(Object.entries(rename))
  return [
    ...add.map((kind) => ({ kind, name: names.get(kind) ?? kind })),
    ...Object.entries(digests).map(([name, digest]) => ({ kind: { digest }, name })),
  ]
}

/** The columns' settings without what speaks of added ones. */
export function withoutAdded(columns: ColumnSettings): ColumnSettings {
  const { add = [], rename } = columns
  const others = Object.entries(rename).filter(([name]) => !add.some((one) => one === name))
  return { ...columns, add: [], rename: Object.fromEntries(others) }
}

/** The reader, with these columns behind its own. Each row is taken apart once more, so it takes its time. */
export function addColumns(reader: Reader): Reader {
  return {
    name: reader.name,
    startScan(request, borders) {
      const asked = addedBy(request.columns)
      let row = 1
      let line = 1
      let first: { readonly row: number; readonly line: number } | undefined
      const scan = reader.startScan(
        { ...request, columns: withoutAdded(request.columns) },
        {
          header(end, nextLine, written) {
            line = nextLine
            borders.header(end, nextLine, written)
          },
          record(end, nextLine, fate, counts) {
            if (fate === "row") first ??= { row, line }
            row += counts?.rows ?? (fate === "filtered" ? 0 : 1)
            line = nextLine
            borders.record(end, nextLine, fate, counts)
          },
        },
      )
      return {
        ...scan,
        async end() {
          const result = await scan.end()
          const rows = result.rows - result.rejects
          const added = asked.map(({ kind, name }) => {
            refuseDouble(result, name, kind, request.file)
            const value = addedCell(kind, request.file, String(first?.line ?? line), () => someDigest)
            const longest = addedCell(kind, request.file, String(line), () => someDigest)
            const type = typeOf(kind)
            return {
              field: { name, type, index: absentIndex, declared: true, added: kind },
              evidence: evidenceOf(name, type, rows, longest, first && { ...first, value }),
            }
          })
          const { layout, evidence } = result
          return {
            ...result,
            layout: { ...layout, fields: [...layout.fields, ...added.map(({ field }) => field)] },
            evidence: [...evidence, ...added.map((one) => one.evidence)],
          }
        },
      }
    },
    encode: (records, layout, form, limit, take) => {
      const encoded = encode(reader, records, layout, form, limit)
      const body = take?.(encoded.body.length)
      if (body === undefined) return encoded
      encoded.body.copy(body)
      return { ...encoded, body }
    },
    readWritten: (bytes, layout, limit) => reader.readWritten(bytes, ownOf(layout), limit),
    findRecords: (bytes, layout, numbers) => reader.findRecords(bytes, ownOf(layout), numbers),
  }
}

// Asked for with every chunk.
const known = new WeakMap<Layout, Layout>()

/** The layout that the format's own reader made. */
function ownOf(layout: Layout): Layout {
  const own = known.get(layout) ?? {
    ...layout,
    fields: layout.fields.filter(({ added }) => added === undefined),
  }
  known.set(layout, own)
  return own
}

function encode(
  reader: Reader,
  records: Records,
  layout: Layout,
  form: RowsForm,
  limit?: number,
): EncodedRows {
  const own = ownOf(layout)
  const { body, rows } = reader.encode(records, own, "cells", limit)
  const lines = body.toString().split("\n").slice(0, -1)
  const added = layout.fields.flatMap((field) => (field.added === undefined ? [] : [field.added]))
  const at = new Map(own.fields.map(({ name }, i) => [name, i]))
  const numbers = added.includes("_line") ? lines.map((_, i) => i + 1) : []
  const places = numbers.length === 0 ? [] : reader.findRecords(records.bytes, own, numbers)
  const writer = createRowWriter(layout, form)
  lines.forEach((line, i) => {
    const told = JSON.parse(line)
    const lineNumber = String(records.firstLine + (places[i]?.linesBefore ?? 0))
    const digest = (names: readonly string[]) =>
      digestOf(names.map((name) => told[at.get(name) ?? -1] ?? null))
    if (Array.isArray(told))
      writer.add([...told, ...added.map((kind) => addedCell(kind, records.file, lineNumber, digest))])
    else writer.addReject(told.reject)
  })
  const encoded = writer.finish()
  if (encoded.rows !== rows) throw new Error(`${encoded.rows} rows of ${rows} have got their columns`)
  return encoded
}

function addedCell(
  kind: AddedColumn,
  file: string,
  line: string,
  digest: (names: readonly string[]) => string,
): string {
  if (typeof kind === "object") return digest(kind.digest)
  return kind === "_file" ? file : line
}

function evidenceOf(
  column: string,
  form: ColumnType,
  rows: number,
  longest: string,
  first: Evidence["forms"][number]["first"] | undefined,
): Evidence {
  return {
    column,
    declared: true,
    nulls: 0,
    empties: 0,
    max_bytes: Buffer.byteLength(longest),
    max_integer_digits: form === "bigint" ? longest.length : 0,
    max_scale: 0,
    forms: first === undefined ? [] : [{ form, cells: rows, first }],
    ruled_out: null,
  }
}

function refuseDouble({ layout }: ScanResult, name: string, kind: AddedColumn, file: string): void {
  if (!layout.fields.some((field) => field.name === name)) return
  throw new Problem("header-invalid", `${file} has a column ${JSON.stringify(name)} of its own.`, {
    hint:
      typeof kind === "object"
        ? `Give the one of columns.digests another name.`
        : `Give the added one another name, as in  columns: { rename: { ${kind}: source${kind} } }`,
    facts: { file, value: name },
  })
}
