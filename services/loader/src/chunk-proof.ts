/** Proves that a body is the chunk that was asked for, before a row of it is sent to the database. Pure. */
import { isUtf8 } from "node:buffer"
import {
  type ChunkHead,
  type ChunkTail,
  chunkHeadSchema,
  chunkTailSchema,
  type ManifestChunk,
  mediaTypes,
  Problem,
  paths,
  type Reject,
} from "@flatbed/contract"
import type { TSchema } from "@flatbed/typebox"
import { Check } from "@flatbed/typebox"
import { type BodyRules, type Received, unpackBody } from "./unpack-body.ts"

/** Which chunk of which version it has to be. */
export type Expected = {
  readonly dataset: string
  readonly version: string
  readonly columnsSha256: string
  readonly chunk: ManifestChunk
}

const newline = 0x0a

/**
 * Returns the row lines of a proven chunk, each ended by a newline. What is proven: media type, what `unpackBody`
 * proves of the body as it was sent, then valid UTF-8, the head line equal to the manifest, as many lines as it says,
 * the tail line.
 *
 * @throws Problem `chunk-damaged` naming the first of these that is off; `source-refused` when it is too large.
 */
export async function proveChunk(received: Received, expected: Expected, rules: BodyRules): Promise<Buffer> {
  const damaged = damageOf(expected)
  const mediaType = String(received.headers["content-type"] ?? "")
    .split(";")[0]
    ?.trim()
    .toLowerCase()
  if (mediaType !== mediaTypes.ndjson)
    throw damaged(`content-type is ${mediaType || "missing"}, not ${mediaTypes.ndjson}`)
  const { dataset, version, chunk } = expected
  const path = paths.chunk(dataset, version, chunk.chunk)
  return proveLines(await unpackBody(received, rules, { path, needsDigest: true, damaged }), expected)
}

function proveLines(body: Buffer, expected: Expected): Buffer {
  const damaged = damageOf(expected)
  if (!isUtf8(body)) throw damaged("it is not valid UTF-8")
  const headEnd = body.indexOf(newline)
  const bodyEnd = body.at(-1) === newline ? body.length - 1 : body.length
  const rowsEnd = bodyEnd === 0 ? -1 : body.lastIndexOf(newline, bodyEnd - 1)
  if (headEnd < 0 || rowsEnd < headEnd) throw damaged("it has no head line and tail line")
  proveHead(
    readLine<ChunkHead>(body.subarray(0, headEnd), chunkHeadSchema, damaged("its head line is malformed")),
    expected,
  )
  const tail = readLine<ChunkTail>(
    body.subarray(rowsEnd + 1, bodyEnd),
    chunkTailSchema,
    damaged("its tail line is malformed"),
  )
  const rows = body.subarray(headEnd + 1, rowsEnd + 1)
  const { rows: count, rejects } = expected.chunk
  if (tail.rows !== count || tail.rejects !== rejects) {
    throw damaged(
      `its tail line counts ${tail.rows} rows and ${tail.rejects} rejects, the manifest ${count} and ${rejects}`,
    )
  }
  const lines = countLines(rows)
  if (lines !== count) throw damaged(`it has ${lines} row lines, the manifest says ${count}`)
  return rows
}

/**
 * Returns the chunk's rejects when they are as many as the manifest says and lie inside the chunk, in its order.
 *
 * @throws Problem `chunk-damaged` otherwise.
 */
export function proveRejects(rejects: readonly Reject[], expected: Expected): readonly Reject[] {
  const { chunk } = expected
  const damaged = damageOf(expected)
  if (rejects.length !== chunk.rejects)
    throw damaged(`it holds ${rejects.length} rejects, the manifest says ${chunk.rejects}`)
  // A file in another encoding than UTF-8 has a text; rejects name the file's own bytes.
  const { origin_from: from = chunk.byte_from, origin_to: to = chunk.byte_to } = chunk
  let end = from
  for (const { row, file, byte, raw } of rejects) {
    if (file !== chunk.file || byte < end || byte + Buffer.byteLength(raw, "base64") > to)
      throw damaged(`its reject of row ${row} lies outside its bytes`)
    end = byte
  }
  return rejects
}

/** Makes the problem of one chunk. Its message begins with which chunk it is. */
export function damageOf({ dataset, version, chunk }: Expected): (what: string) => Problem {
  return (what) =>
    new Problem("chunk-damaged", `Chunk ${chunk.chunk} of ${dataset} ${version.slice(0, 12)}: ${what}.`, {
      hint: "Nothing of it was loaded. If it stays so, look for a proxy between the loader and the source.",
      facts: { dataset, version, chunk: chunk.chunk },
    })
}

function proveHead(head: ChunkHead, expected: Expected): void {
  const { chunk } = expected
  const wanted: ChunkHead = {
    dataset: expected.dataset,
    version: expected.version,
    chunk: chunk.chunk,
    first_row: chunk.first_row,
    rows: chunk.rows,
    rejects: chunk.rejects,
    columns_sha256: expected.columnsSha256,
    raw_sha256: chunk.sha256,
  }
  for (const key of Object.keys(wanted) as (keyof ChunkHead)[]) {
    if (head[key] !== wanted[key])
      throw damageOf(expected)(`its ${key} is ${head[key]}, expected ${wanted[key]}`)
  }
}

function readLine<T>(line: Buffer, schema: TSchema, problem: Problem): T {
  let value: unknown
  try {
    value = JSON.parse(line.toString("utf8"))
  } catch {
    throw problem
  }
  if (!Check(schema, value)) throw problem
  return value as T
}

function countLines(bytes: Buffer): number {
  let lines = 0
  for (let at = bytes.indexOf(newline); at >= 0; at = bytes.indexOf(newline, at + 1)) lines++
  return lines
}
