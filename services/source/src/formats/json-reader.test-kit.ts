/** A whole JSON file through the reader: its borders, what it says of the columns, and its rows. */
import type { Reject } from "@flatbed/contract"
import type { ColumnSettings } from "../served-columns.ts"
import type { Layout, RecordCounts, RecordFate, RowsForm } from "./format.ts"
import type { JsonDialect } from "./json-dialect.ts"
import { jsonReader } from "./json-reader.ts"

export type Border = {
  readonly end: number
  readonly nextLine: number
  readonly fate?: RecordFate
  readonly counts?: RecordCounts | undefined
}

export type GivenJson = {
  readonly bytes: string | Buffer
  readonly dialect?: Partial<JsonDialect>
  readonly columns?: Partial<ColumnSettings>
  /** How many bytes are pushed at once; or where they are cut once. */
  readonly step?: number
  readonly cut?: number
  readonly maxRecordBytes?: number
}

export const plainJson: JsonDialect = { records: [], separator: "_" }
export const plainLines: JsonDialect = { lines: true, records: [], separator: "_" }

/** Scans the file; raises what it is refused for. */
export async function scanJson(given: GivenJson) {
  const bytes = Buffer.from(given.bytes as string)
  const borders: Border[] = []
  const scan = jsonReader.startScan(
    {
      file: "f.json",
      dialect: { ...plainJson, ...given.dialect },
      columns: { drop: [], rename: {}, types: {}, ...given.columns },
      maxRecordBytes: given.maxRecordBytes ?? 1 << 20,
    },
    {
      header: (end, nextLine) => borders.push({ end, nextLine }),
      record: (end, nextLine, fate, counts) => borders.push({ end, nextLine, fate, counts }),
    },
  )
  const { cut, step = 65_536 } = given
  try {
    if (cut !== undefined) {
      await scan.push(bytes.subarray(0, cut))
      await scan.push(bytes.subarray(cut))
    } else for (let at = 0; at < bytes.length; at += step) await scan.push(bytes.subarray(at, at + step))
    return { ...(await scan.end()), borders, bytes }
  } finally {
    scan.abandon()
  }
}

type Scanned = Awaited<ReturnType<typeof scanJson>>

/** The records between two borders (0 is the header) in a form. */
export function encodeJson(
  { bytes, borders, layout }: Scanned,
  form: RowsForm,
  from = 0,
  to = borders.length - 1,
  limit?: number,
) {
  const some = borders.slice(from + 1, to + 1)
  const begin = borders[from] ?? { end: 0, nextLine: 1 }
  return jsonReader.encode(
    {
      bytes: bytes.subarray(begin.end, borders[to]?.end),
      file: "f.json",
      firstRow: 1 + borders.slice(1, from + 1).reduce((sum, one) => sum + (one.counts?.rows ?? 0), 0),
      firstLine: begin.nextLine,
      byteFrom: begin.end,
      rejects: some.reduce((sum, one) => sum + (one.counts?.rejects ?? 0), 0),
    },
    layout as Layout<JsonDialect>,
    form,
    limit,
  )
}

/** The lines of cells, rejects among them. */
export function linesOf(body: Buffer): ((string | null)[] | { readonly reject: Reject })[] {
  return body
    .toString()
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line))
}

/** The file's rows, once scanned. */
export async function readJson(given: GivenJson) {
  const scanned = await scanJson(given)
  return { ...scanned, lines: linesOf(encodeJson(scanned, "cells").body) }
}
