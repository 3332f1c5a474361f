/** The beginning of a version, from no more chunks than it takes. */
import type { ManifestChunk, Reject } from "@flatbed/contract"
import { encodeRecords, type FormName } from "./chunk-body.ts"
import { type ChunkIndex, layoutOf } from "./chunk-index.ts"
import type { Reader, WrittenCells } from "./formats/format.ts"

/** A version whose chunks can be read, wherever they come from. */
export type ReadableVersion = {
  readonly index: ChunkIndex
  readonly reader: Reader
  readonly read: (chunk: ManifestChunk) => Promise<Buffer>
}

export type FirstRecords = {
  /** One for each chunk, without what surrounds the rows. */
  readonly bodies: readonly Buffer[]
  /** How many records these are, rejects included. */
  readonly rows: number
  readonly rejects: number
}

/** The first so many records in a form; fewer where the version has no more. */
export async function readFirstRecords(
  { index, reader, read }: ReadableVersion,
  limit: number,
  form: FormName,
): Promise<FirstRecords> {
  const bodies: Buffer[] = []
  let rows = 0
  let rejects = 0
  for (const chunk of index.manifest.chunks) {
    if (rows >= limit) break
    const encoded = encodeRecords(reader, index, chunk, await read(chunk), form, limit - rows)
    bodies.push(encoded.body)
    rows += encoded.rows
    rejects += encoded.rejects
  }
  return { bodies, rows, rejects }
}

/** The first so many rejects of the whole version; chunks without any are not read. */
export async function readFirstRejects(
  { index, reader, read }: ReadableVersion,
  limit: number,
): Promise<Reject[]> {
  const found: Reject[] = []
  for (const chunk of index.manifest.chunks) {
    if (found.length >= limit) break
    if (chunk.rejects === 0) continue
    const { body } = encodeRecords(reader, index, chunk, await read(chunk), "ndjson")
    found.push(...rejectsIn(body))
  }
  return found.slice(0, limit)
}

/** The cells of the first so many records as they are written, of the first chunk at most. */
export async function readFirstWritten(
  { index, reader, read }: ReadableVersion,
  limit: number,
): Promise<WrittenCells[]> {
  const [chunk] = index.manifest.chunks
  return chunk === undefined ? [] : reader.readWritten(await read(chunk), layoutOf(index, chunk), limit)
}

function rejectsIn(body: Buffer): Reject[] {
  const lines = body.toString().split("\n")
  return lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line).reject)
}
