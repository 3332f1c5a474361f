/** Pure: a chunk's bytes in the file to its body on the wire. */
import {
  type ChunkHead,
  type ChunkTail,
  hashColumns,
  type ManifestChunk,
  mediaTypes,
} from "@flatbed/contract"
import type { ChunkIndex } from "./chunk-index.ts"
import type { Reader, RowsForm } from "./formats/format.ts"

/** The forms a chunk is offered in, the first being what is answered to those who do not mind. */
export const chunkForms = [
  { name: "json", accepts: mediaTypes.json, contentType: `${mediaTypes.json}; charset=utf-8` },
  { name: "ndjson", accepts: mediaTypes.ndjson, contentType: mediaTypes.ndjson },
] as const

export type ChunkForm = (typeof chunkForms)[number]

/** The body. Raises no Problem: bytes that the pass accepted encode, or it is a bug. */
export function encodeChunk(
  reader: Reader,
  { manifest, layout }: ChunkIndex,
  chunk: ManifestChunk,
  bytes: Buffer,
  form: ChunkForm["name"],
): Buffer {
  const rowsForm: RowsForm = form === "json" ? "objects" : "cells"
  const { body, rows } = reader.encode(bytes, layout, rowsForm)
  if (rows !== chunk.rows) {
    throw new Error(`chunk ${chunk.chunk} of ${manifest.dataset} encodes to ${rows} rows, not ${chunk.rows}`)
  }
  switch (form) {
    case "json":
      return Buffer.concat([Buffer.from("["), body, Buffer.from("]\n")])
    case "ndjson": {
      const head: ChunkHead = {
        dataset: manifest.dataset,
        version: manifest.version,
        chunk: chunk.chunk,
        first_row: chunk.first_row,
        rows: chunk.rows,
        rejects: chunk.rejects,
        columns_sha256: hashColumns(manifest.columns),
        raw_sha256: chunk.sha256,
      }
      const tail: ChunkTail = { rows, rejects: chunk.rejects }
      return Buffer.concat([line(head), body, line(tail)])
    }
  }
}

function line(value: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(value)}\n`)
}
