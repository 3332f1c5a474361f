/** Pure: a chunk's bytes in the file to its body on the wire. */
import { joinBuffers, type TakeBuffer } from "@flatbed/codec"
import {
  type ChunkHead,
  type ChunkTail,
  hashColumns,
  type Manifest,
  type ManifestChunk,
  mediaTypes,
} from "@flatbed/contract"
import { type ChunkIndex, layoutOf } from "./chunk-index.ts"
import { spellCsvRecord } from "./formats/csv-spelling.ts"
import type { EncodedRows, Layout, Reader, RowsForm } from "./formats/format.ts"
import { mapRejects } from "./reject-lines.ts"
import { encodings } from "./text/encodings.ts"
import { createOrigin, type Origin } from "./text/origin.ts"
import { placeInOrigin } from "./text/origin-rejects.ts"
import { hashedColumns, withholdCells } from "./withheld.ts"

const json = {
  name: "json",
  accepts: mediaTypes.json,
  contentType: `${mediaTypes.json}; charset=utf-8`,
} as const
const ndjson = { name: "ndjson", accepts: mediaTypes.ndjson, contentType: mediaTypes.ndjson } as const
const csv = {
  name: "csv",
  accepts: mediaTypes.csv,
  contentType: mediaTypes.csv.replace(";", "; charset=utf-8;"),
} as const

/** The forms a chunk is offered in, the first being what is answered to those who do not mind. */
export const chunkForms = [json, ndjson, csv] as const

/** The forms of rows that are no chunk. */
export const rowsForms = [json, csv] as const

export type FormName = (typeof chunkForms)[number]["name"]
type RowsFormName = (typeof rowsForms)[number]["name"]

const rowsFormOf = { json: "objects", ndjson: "cells", csv: "csv" } as const satisfies Record<
  FormName,
  RowsForm
>

/**
 * The body, in a buffer that `take` makes: what surrounds the rows is written around them, so that nothing is copied
 * again. Raises no Problem: bytes that the pass accepted encode, or it is a bug.
 */
export function encodeChunk(
  reader: Reader,
  index: ChunkIndex,
  chunk: ManifestChunk,
  bytes: Buffer,
  form: FormName,
  take: TakeBuffer = Buffer.allocUnsafeSlow,
): Buffer {
  const { dataset } = index.manifest
  const [head, tail] = surround(index, chunk, form)
  let whole: Buffer = head
  const between: TakeBuffer = (length) => {
    whole = take(head.length + length + tail.length)
    return whole.subarray(head.length, head.length + length)
  }
  const { rows, rejects } = encodeRecords(reader, index, chunk, bytes, form, undefined, between)
  if (rows !== chunk.rows || rejects !== chunk.rejects) {
    throw new Error(
      `chunk ${chunk.chunk} of ${dataset} encodes to ${rows} rows with ${rejects} rejects, ` +
        `not ${chunk.rows} with ${chunk.rejects}`,
    )
  }
  head.copy(whole)
  tail.copy(whole, whole.length - tail.length)
  return whole
}

/** What stands before the rows and behind them. */
function surround({ manifest, layout }: ChunkIndex, chunk: ManifestChunk, form: FormName): [Buffer, Buffer] {
  if (form !== "ndjson") return wrappings(layout, form)
  const { rows, rejects } = chunk
  const head: ChunkHead = {
    dataset: manifest.dataset,
    version: manifest.version,
    chunk: chunk.chunk,
    first_row: chunk.first_row,
    rows,
    rejects,
    columns_sha256: columnsDigest(manifest),
    raw_sha256: chunk.sha256,
  }
  const tail: ChunkTail = { rows, rejects }
  return [line(head), line(tail)]
}

// It stands in the head of every chunk, and there may be ten thousand.
const columnsDigests = new WeakMap<Manifest, string>()

function columnsDigest(manifest: Manifest): string {
  const known = columnsDigests.get(manifest) ?? hashColumns(manifest.columns)
  columnsDigests.set(manifest, known)
  return known
}

/** A chunk's records, all or the first so many, without what surrounds them. */
export function encodeRecords(
  reader: Reader,
  index: ChunkIndex,
  chunk: ManifestChunk,
  bytes: Buffer,
  form: FormName,
  limit?: number,
  take?: TakeBuffer,
): EncodedRows {
  const { manifest, firstLines } = index
  const layout = layoutOf(index, chunk)
  const records = {
    bytes,
    file: chunk.file,
    firstRow: chunk.first_row,
    firstLine: firstLines[chunk.chunk - 1] ?? 1,
    byteFrom: chunk.byte_from,
    rejects: chunk.rejects,
  }
  const encode = (into?: TakeBuffer) => reader.encode(records, layout, rowsFormOf[form], limit, into)
  // Only among cells do rejects stand in their places.
  if (chunk.rejects === 0 || form !== "ndjson") return encode(take)
  const origin = originOf(manifest, chunk, bytes)
  const hashed = hashedColumns(layout)
  if (origin === undefined && hashed.length === 0) return encode(take)
  const encoded = encode()
  const body = mapRejects(encoded.body, (reject) => {
    const placed = origin === undefined ? reject : placeInOrigin(reject, origin)
    return hashed.length === 0 ? placed : withholdCells(placed, hashed)
  })
  return { ...encoded, body: joinBuffers([body], take) }
}

/** Where a chunk's bytes stand in the file; undefined where they are the file's own. */
export function originOf(
  { files }: Pick<Manifest, "files">,
  chunk: ManifestChunk,
  bytes: Buffer,
): Origin | undefined {
  if (chunk.origin_from === undefined) return undefined
  const written = files.find(({ file }) => file === chunk.file)?.encoding
  const encoding = encodings.find((one) => one === written)
  if (encoding === undefined) return undefined
  return createOrigin(encoding, { bytes, textFrom: chunk.byte_from, originFrom: chunk.origin_from })
}

/** Rows from one chunk or several as one body. */
export function wrapRows(layout: Layout, bodies: readonly Buffer[], form: RowsFormName): Buffer {
  const [head, tail] = wrappings(layout, form)
  const written = bodies.filter((body) => body.length > 0)
  const comma = Buffer.from(",\n")
  const parts = form === "json" ? written.flatMap((body) => [comma, body]).slice(1) : written
  return Buffer.concat([head, ...parts, tail])
}

function wrappings({ fields }: Layout, form: RowsFormName): [Buffer, Buffer] {
  switch (form) {
    case "csv":
      return [Buffer.from(spellCsvRecord(fields.map(({ name }) => name))), Buffer.alloc(0)]
    case "json":
      return [Buffer.from("["), Buffer.from("]\n")]
  }
}

function line(value: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(value)}\n`)
}
