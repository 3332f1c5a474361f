/** Proves that a body is the chunks that were asked for, before a row of it is sent to the database. Pure. */
import { isUtf8 } from "node:buffer"
import {
  type ChunkHead,
  type ChunkTail,
  chunkHeadSchema,
  chunkTailSchema,
  headers,
  type ManifestChunk,
  mediaTypes,
  Problem,
  paths,
  type Reject,
} from "@flatbed/contract"
import type { TSchema } from "@flatbed/typebox"
import { Check } from "@flatbed/typebox"
import { printable } from "../printable.ts"
import { type ChunkGroup, lastOf, nameGroup, sumOf } from "../staging/chunk-groups.ts"
import { type BodyRules, type Received, unpackBody } from "./unpack-body.ts"

/** Which chunks of which version they have to be. */
export type Expected = {
  readonly dataset: string
  readonly version: string
  readonly columnsSha256: string
  readonly chunks: ChunkGroup
}

const newline = 0x0a

/**
 * Returns the row lines of proven chunks, one chunk's behind the other's, each line ended by a newline. What is proven:
 * media type, what `unpackBody` proves of the body as it was sent, that no header says it is another chunk, then valid
 * UTF-8, and of each chunk in its place the head line equal to the manifest, as many lines as it says, the tail line; and
 * nothing behind the last one.
 *
 * @throws Problem `chunk-damaged` naming the first of these that is off; `source-refused` when it is too large.
 */
export async function proveChunks(received: Received, expected: Expected, rules: BodyRules): Promise<Buffer> {
  const damaged = damageOf(expected)
  const mediaType = String(received.headers["content-type"] ?? "")
    .split(";")[0]
    ?.trim()
    .toLowerCase()
  if (mediaType !== mediaTypes.ndjson)
    throw damaged(`content-type is ${mediaType || "missing"}, not ${mediaTypes.ndjson}`)
  proveHeaders(received.headers, expected)
  const { chunks } = expected
  const body = await unpackBody(received, rules, {
    path: pathOf(expected),
    needsDigest: true,
    damaged,
    chunks,
  })
  if (!isUtf8(body)) throw damaged("it is not valid UTF-8")
  return expected.chunks.length === 1 ? proveLines(body, expected) : proveParts(body, expected)
}

/** What the headers say again may be missing, as something on the way may know none of them; it may not be another thing. */
function proveHeaders(found: Received["headers"], expected: Expected): void {
  const [{ chunk: first, first_row }] = expected.chunks
  const span = expected.chunks.length === 1 ? `${first}` : `${first}-${lastOf(expected.chunks)}`
  const wanted: readonly (readonly [string, string, RegExp?])[] = [
    [headers.version, expected.version],
    [headers.chunk, span, /\/[0-9]+$/],
    [headers.rows, String(sumOf(expected.chunks, ({ rows }) => rows))],
    [headers.rejects, String(sumOf(expected.chunks, ({ rejects }) => rejects))],
    [headers.firstRow, String(first_row)],
  ]
  for (const [name, value, behind] of wanted) {
    const field = found[name]
    if (field === undefined) continue
    const said = behind === undefined ? String(field) : String(field).replace(behind, "")
    if (said !== value) throw damageOf(expected)(`${name} says ${printable(said)}, expected ${value}`)
  }
}

/** Where these chunks are asked for. */
export function pathOf({ dataset, version, chunks }: Expected): string {
  const [{ chunk: first }] = chunks
  return chunks.length === 1
    ? paths.chunk(dataset, version, first)
    : paths.chunkGroup(dataset, version, first, lastOf(chunks))
}

/** The same for each chunk's own part; their rows are moved together to the body's beginning. */
function proveParts(body: Buffer, expected: Expected): Buffer {
  const spans: { from: number; to: number }[] = []
  let from = 0
  for (const [index, chunk] of expected.chunks.entries()) {
    const own = { ...expected, chunks: [chunk] } as const
    const isLast = index === expected.chunks.length - 1
    const to = isLast ? body.length : skipLines(body, from, chunk.rows + 2)
    if (to === undefined) throw damageOf(own)("the body ends within it")
    const rows = proveLines(body.subarray(from, to), own)
    const rowsFrom = rows.byteOffset - body.byteOffset
    spans.push({ from: rowsFrom, to: rowsFrom + rows.length })
    from = to
  }
  // Only now: what is told of a damaged body is told of the body as it came.
  let filled = 0
  for (const { from, to } of spans) {
    body.copyWithin(filled, from, to)
    filled += to - from
  }
  return body.subarray(0, filled)
}

/** The offset behind so many lines; undefined when there are fewer. */
function skipLines(bytes: Buffer, from: number, lines: number): number | undefined {
  let at = from
  for (let line = 0; line < lines; line++) {
    const end = bytes.indexOf(newline, at)
    if (end < 0) return undefined
    at = end + 1
  }
  return at
}

/** Of one chunk; `expected` holds no other. */
function proveLines(body: Buffer, expected: Expected): Buffer {
  const damaged = damageOf(expected)
  const headEnd = body.indexOf(newline)
  const bodyEnd = body.at(-1) === newline ? body.length - 1 : body.length
  const rowsEnd = bodyEnd === 0 ? -1 : body.lastIndexOf(newline, bodyEnd - 1)
  if (headEnd < 0 || rowsEnd < headEnd) throw damaged("it has no head line and tail line")
  proveHead(body.toString("utf8", 0, headEnd), expected)
  proveTail(body.toString("utf8", rowsEnd + 1, bodyEnd), expected)
  const rows = body.subarray(headEnd + 1, rowsEnd + 1)
  const [{ rows: count }] = expected.chunks
  const lines = countLines(rows)
  if (lines !== count) throw damaged(`it has ${lines} row lines, the manifest says ${count}`)
  return rows
}

/**
 * Returns the rejects when each chunk has as many as the manifest says and they lie inside it, in its order.
 *
 * @throws Problem `chunk-damaged` otherwise.
 */
export function proveRejects(rejects: readonly Reject[], expected: Expected): readonly Reject[] {
  let next = 0
  for (const chunk of expected.chunks) {
    const first = next
    while ((rejects[next]?.row ?? Number.POSITIVE_INFINITY) < chunk.first_row + chunk.rows) next += 1
    proveRejectsOf(chunk, rejects.slice(first, next), { ...expected, chunks: [chunk] })
  }
  if (next === rejects.length) return rejects
  throw damageOf(expected)(`it holds a reject of row ${rejects[next]?.row}, which is none of its rows`)
}

function proveRejectsOf(chunk: ManifestChunk, rejects: readonly Reject[], expected: Expected): void {
  if (rejects.length !== chunk.rejects)
    throw damageOf(expected)(`it holds ${rejects.length} rejects, the manifest says ${chunk.rejects}`)
  // A file in another encoding than UTF-8 has a text; rejects name the file's own bytes.
  const { origin_from: from = chunk.byte_from, origin_to: to = chunk.byte_to } = chunk
  let end = from
  for (const { row, file, byte, raw } of rejects) {
    if (file !== chunk.file || byte < end || byte + Buffer.byteLength(raw, "base64") > to)
      throw damageOf(expected)(`its reject of row ${row} lies outside its bytes`)
    end = byte
  }
}

/** Makes the problem of these chunks. Its message begins with which they are. */
export function damageOf({ dataset, version, chunks }: Expected): (what: string) => Problem {
  return (what) => {
    const name = nameGroup(chunks)
    return new Problem(
      "chunk-damaged",
      `${name[0]?.toUpperCase()}${name.slice(1)} of ${dataset} ${version.slice(0, 12)}: ${what}.`,
      {
        hint: "Nothing of it was loaded. If it stays so, look for a proxy between the loader and the source.",
        facts: { dataset, version, chunk: chunks[0].chunk, chunks: chunks.length },
      },
    )
  }
}

function proveHead(line: string, expected: Expected): void {
  const [chunk] = expected.chunks
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
  // What our source writes, word for word: ten thousand heads need not be taken apart.
  if (line === JSON.stringify(wanted)) return
  const head = readLine<ChunkHead>(line, chunkHeadSchema)
  if (head === undefined) throw damageOf(expected)("its head line is malformed")
  for (const key of Object.keys(wanted) as (keyof ChunkHead)[]) {
    if (head[key] !== wanted[key])
      throw damageOf(expected)(`its ${key} is ${head[key]}, expected ${wanted[key]}`)
  }
}

function proveTail(line: string, expected: Expected): void {
  const [{ rows, rejects }] = expected.chunks
  if (line === JSON.stringify({ rows, rejects })) return
  const tail = readLine<ChunkTail>(line, chunkTailSchema)
  if (tail === undefined) throw damageOf(expected)("its tail line is malformed")
  if (tail.rows === rows && tail.rejects === rejects) return
  throw damageOf(expected)(
    `its tail line counts ${tail.rows} rows and ${tail.rejects} rejects, the manifest ${rows} and ${rejects}`,
  )
}

function readLine<T>(line: string, schema: TSchema): T | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return Check(schema, value) ? (value as T) : undefined
  } catch {
    return undefined
  }
}

function countLines(bytes: Buffer): number {
  let lines = 0
  for (let at = bytes.indexOf(newline); at >= 0; at = bytes.indexOf(newline, at + 1)) lines++
  return lines
}
