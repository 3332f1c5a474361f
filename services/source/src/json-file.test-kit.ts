/** For tests: one pass over JSON that is in memory, and what is served of it. */
import { createHash } from "node:crypto"
import { type Column, type Manifest, Problem } from "@flatbed/contract"
import { expect } from "vitest"
import { chunkForms, encodeRecords, type FormName } from "./chunk-body.ts"
import type { ChunkRule } from "./chunk-cut.ts"
import type { ChunkIndex } from "./chunk-index.ts"
import type { Reader } from "./formats/format.ts"
import { jsonFormat, ndjsonFormat } from "./formats/json-format.ts"
import type { ColumnSettings } from "./served-columns.ts"
import { passOverFile } from "./version-pass.ts"

export type JsonCase = {
  readonly format: "json" | "ndjson"
  readonly bytes: Buffer
  readonly records?: string
  readonly flatten?: false | { readonly separator: string }
  readonly explode?: string | undefined
  readonly columns?: Partial<ColumnSettings>
  readonly maxRecordBytes?: number
}

export type ReadJson = {
  readonly index: ChunkIndex
  readonly manifest: Manifest
  readonly columns: readonly Column[]
  /** Chunk by chunk. */
  readonly bodies: Readonly<Record<FormName, readonly string[]>>
}
export type RefusedJson = { readonly code: string; readonly message: string; readonly facts: object }

/** Reads a file in chunks of a rule; `cuts` are offsets at which a read ends although more bytes are there. */
export async function readJson(
  one: JsonCase,
  chunk: ChunkRule = { rows: 1_000 },
  cuts: readonly number[] = [],
): Promise<ReadJson | RefusedJson> {
  const { format, bytes, records = "", flatten = { separator: "_" }, explode, maxRecordBytes = 1 << 20 } = one
  const settings = { flatten, ...(explode === undefined ? {} : { explode }) }
  const dialect =
    format === "json" ? jsonFormat.dialectOf({ ...settings, records }) : ndjsonFormat.dialectOf(settings)
  const reader: Reader = jsonFormat.chooseReader() as Reader
  const identity = { dev: "1", ino: "1", bytes: bytes.length, mtimeNs: "0", ctimeNs: "0" }
  let next = 0
  const read = async (buffer: Buffer, offset: number) => {
    while ((cuts[next] ?? bytes.length) <= offset && next < cuts.length) next += 1
    return bytes.copy(buffer, 0, offset, Math.min(cuts[next] ?? bytes.length, offset + buffer.length))
  }
  try {
    const index = await passOverFile({
      ...{ dataset: "d", file: `f.${format}`, open: { identity, read }, reader, maxRecordBytes },
      shape: { format, chunk, dialect, columns: { drop: [], rename: {}, types: {}, ...one.columns } },
      signal: new AbortController().signal,
      onProgress: () => {},
    })
    return {
      index,
      manifest: index.manifest,
      columns: index.manifest.columns,
      bodies: readBodies(one, reader, index),
    }
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    // What is shown around a fault is as much as had been read.
    return { code: error.code, message: error.message, facts: { ...error.facts, value: null } }
  }
}

/** The bodies of all chunks in each form, without what surrounds them; the chunks' digests and counts are looked at. */
function readBodies({ bytes }: JsonCase, reader: Reader, index: ChunkIndex): ReadJson["bodies"] {
  const bodies = chunkForms.map(({ name }) => [
    name,
    index.manifest.chunks.map((chunk) => {
      const inFile = bytes.subarray(chunk.byte_from, chunk.byte_to)
      expect(createHash("sha256").update(inFile).digest("hex")).toBe(chunk.sha256)
      const { body, rows, rejects } = encodeRecords(reader, index, chunk, inFile, name)
      expect({ rows, rejects }).toEqual({ rows: chunk.rows, rejects: chunk.rejects })
      return body.toString()
    }),
  ])
  return Object.fromEntries(bodies)
}

/** The rows and rejects of all chunks, in order. */
export function rowsOf({
  bodies,
}: ReadJson): ((string | null)[] | { readonly reject: { readonly code: string } })[] {
  return bodies.ndjson.flatMap((body) =>
    body
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line)),
  )
}
