/** Digests of the rows of chunks: whether a table holds what was served, without serving it again. */
import { finished } from "node:stream"
import { setImmediate as letOthersGo } from "node:timers/promises"
import { createBufferPool } from "@flatbed/codec"
import {
  addDigests,
  type ChunkDigest,
  type Column,
  createRowDigester,
  type Digests,
  type DigestType,
  formatDigest,
  type ManifestChunk,
  maxColumns,
  noRows,
  Problem,
  requestLimits,
  routes,
} from "@flatbed/contract"
import type { FastifyInstance } from "fastify"
import { encodeRecords } from "../chunk-body.ts"
import { readChunk } from "../chunk-reader.ts"
import { counted } from "../counted.ts"
import type { SourceDataset } from "../dataset.ts"
import type { HeldVersion } from "../held-versions.ts"
import type { ByteBudget } from "../http/byte-budget.ts"
import { caching, sendDocument } from "../http/representation.ts"
import { createTurns } from "../turns.ts"
import { findChunk } from "./chunks.ts"
import { parseNumbers, parsePosition } from "./position.ts"

type Query = { chunks?: unknown; text?: unknown; without?: unknown }

// Hashing takes what a processor has: chunks are to be served beside it.
const atOnce = 1
// A chunk's bytes in the file, and its rows as they are hashed.
const heldPerByte = 2.5
// Some milliseconds of hashing.
const pieceBytes = 256 * 1024

/** Reads chunk by chunk, each proven and encoded as when it is served, for as long as the asker stays. */
export function routeDigests(app: FastifyInstance, { budget }: { readonly budget: ByteBudget }): void {
  const turns = createTurns(atOnce)
  const filePool = createBufferPool(atOnce)
  const rowsPool = createBufferPool(atOnce)

  app.get<{ Params: { dataset: string; version: string }; Querystring: Query }>(
    routes.digests,
    async (request, reply) => {
      const dataset = request.offer.get(request.params.dataset)
      const held = dataset.getVersion(request.params.version)
      const { version, columns } = held.index.manifest
      const types = parseTypes(columns, request.query)
      const wanted = parseChunks(held, request.query.chunks)
      const claim = budget.open()
      finished(reply.raw, () => claim.release())
      claim.resize(Math.round(longestOf(wanted) * heldPerByte))
      const chunks = await turns.take(async () => {
        const { digest } = createRowDigester(types)
        const found: ChunkDigest[] = []
        for (const chunk of wanted) {
          if (reply.raw.destroyed) break
          found.push(await digestChunk(dataset, held, chunk, digest))
        }
        return found
      })
      const names = columns.filter((_, i) => types[i] !== "left-out").map(({ name }) => name)
      const answer: Digests = { dataset: dataset.name, version, columns: names, chunks }
      await sendDocument(request, reply, answer, caching.immutable)
      return reply
    },
  )

  async function digestChunk(
    dataset: SourceDataset,
    held: HeldVersion,
    chunk: ManifestChunk,
    digest: ReturnType<typeof createRowDigester>["digest"],
  ): Promise<ChunkDigest> {
    const bytes = await readChunk(dataset, held, chunk, filePool.take)
    const { body } = encodeRecords(
      dataset.reader,
      held.index,
      chunk,
      bytes,
      "ndjson",
      undefined,
      rowsPool.take,
    )
    let found = noRows
    for (const piece of splitLines(body)) {
      found = addDigests(found, digest(piece))
      await letOthersGo()
    }
    filePool.give(bytes)
    rowsPool.give(body)
    const expected = chunk.rows - chunk.rejects
    if (found.rows !== expected)
      throw new Error(
        `chunk ${chunk.chunk} of ${dataset.name} has ${found.rows} rows to hash, not ${expected}`,
      )
    return {
      chunk: chunk.chunk,
      first_row: chunk.first_row,
      rows: found.rows,
      digest: formatDigest(found),
    }
  }
}

/** Whole lines, some at once. */
function* splitLines(lines: Buffer): Generator<Buffer> {
  for (let from = 0; from < lines.length; ) {
    const end = lines.indexOf("\n", Math.min(from + pieceBytes, lines.length - 1))
    const to = end === -1 ? lines.length : end + 1
    yield lines.subarray(from, to)
    from = to
  }
}

/** `text=2,5&without=3`: columns by their place in the manifest, from 1. */
function parseTypes(columns: readonly Column[], { text, without }: Query): DigestType[] {
  const types: DigestType[] = columns.map(({ type }) => type)
  const take = (name: "text" | "without", written: unknown, as: DigestType) => {
    if (written === undefined) return
    for (const number of parseNumbers(name, written, maxColumns)) {
      if (types[number - 1] === undefined) throw noColumn(columns.length, number)
      types[number - 1] = as
    }
  }
  take("text", text, "text")
  take("without", without, "left-out")
  return types
}

function noColumn(columns: number, number: number): Problem {
  return new Problem(
    "request-invalid",
    `The version has ${counted(columns, "column")}; there is no column ${number}.`,
    {
      hint: "The number is the column's place in the manifest, from 1.",
      facts: { columns, column: number },
    },
  )
}

/** `3-40`, or one number; all of them unless it is said. */
function parseChunks(held: HeldVersion, written: unknown): readonly ManifestChunk[] {
  const { manifest } = held.index
  const [from, to] = written === undefined ? [1, manifest.chunks.length] : parseSpan(held, String(written))
  const chunks = manifest.chunks.slice(from - 1, to)
  const bytes = chunks.reduce((sum, chunk) => sum + chunk.byte_to - chunk.byte_from, 0)
  const { chunks: mostChunks, digestBytes } = requestLimits
  if (chunks.length <= mostChunks && (bytes <= digestBytes || chunks.length === 1)) return chunks
  throw refuse(
    `Chunks ${from} to ${to} are ${counted(chunks.length, "chunk")} of ${bytes} bytes in the file.`,
    `Ask for at most ${mostChunks} chunks of at most ${digestBytes} bytes together, as in ?chunks=1-${Math.min(8, chunks.length)}.`,
    { chunks: chunks.length, bytes, most_chunks: mostChunks, most_bytes: digestBytes },
  )
}

function parseSpan(held: HeldVersion, written: string): [from: number, to: number] {
  const [first = "", last = first, ...more] = written.split("-")
  const [from, to] = [parsePosition("chunk", first), parsePosition("chunk", last)]
  if (more.length > 0 || from > to)
    throw refuse(`Chunks ${written} are none.`, "Write the smaller number first, as in ?chunks=3-40.", {})
  findChunk(held, from)
  findChunk(held, to)
  return [from, to]
}

function refuse(detail: string, hint: string, facts: Readonly<Record<string, number>>): Problem {
  return new Problem("request-invalid", detail, { hint, facts })
}

const longestOf = (chunks: readonly ManifestChunk[]) =>
  chunks.reduce((most, { byte_from: from, byte_to: to }) => Math.max(most, to - from), 0)
