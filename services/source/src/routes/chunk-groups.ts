/** Several chunks of a version in one answer: who loads ten thousand small ones need not ask ten thousand times. */
import { finished } from "node:stream"
import { createBufferPool } from "@flatbed/codec"
import { headers, type ManifestChunk, Problem, requestLimits, routes } from "@flatbed/contract"
import type { FastifyInstance, FastifyReply } from "fastify"
import { chunkForms, encodeChunk } from "../chunk-body.ts"
import { readRun, splitRuns } from "../chunk-reader.ts"
import { counted } from "../counted.ts"
import type { SourceDataset } from "../dataset.ts"
import { createGrowingBuffer } from "../growing-buffer.ts"
import type { HeldVersion } from "../held-versions.ts"
import { createBodyEstimate } from "../http/body-estimate.ts"
import type { ByteClaim } from "../http/byte-budget.ts"
import { negotiateForm } from "../http/negotiate.ts"
import { caching, sendRepresentation } from "../http/representation.ts"
import { type ChunkParts, findChunk } from "./chunks.ts"
import { parsePosition } from "./position.ts"

/** Consecutive chunks, the first and the last included. */
type Group = {
  readonly chunks: readonly ManifestChunk[]
  /** `3-5`. */
  readonly span: string
  /** Together, in the file. */
  readonly bytes: number
}

const ndjson = chunkForms.filter(({ name }) => name === "ndjson")

// Only loaders ask for groups, a few at once.
const keptBuffers = 4
const roomAtFirst = 1024 * 1024
const smallRun = 32 * 1024
const readsAtOnce = 16

/** The chunks' bodies as NDJSON one after the other, each with its head and tail line. */
export function routeChunkGroups(app: FastifyInstance, { budget, metrics, log }: ChunkParts): void {
  const estimate = createBodyEstimate(1.5)
  const filePool = createBufferPool(keptBuffers)
  const bodyPool = createBufferPool(keptBuffers)

  app.get<{ Params: { dataset: string; version: string; first: string; last: string } }>(
    routes.chunkGroup,
    async (request, reply) => {
      const dataset = request.offer.get(request.params.dataset)
      const held = dataset.getVersion(request.params.version)
      const { manifest } = held.index
      const group = findGroup(held, request.params.first, request.params.last)
      const form = negotiateForm(request.headers.accept, ndjson)
      const claim = budget.open()
      const { raw } = reply
      const { socket } = raw
      let complete = false
      // Node says "finish" as well when a connection is cut with the answer half sent.
      raw.once("finish", () => {
        complete = socket?.destroyed !== true
      })
      finished(raw, () => {
        claim.release()
        tellServed(reply, held, group, complete)
      })
      await sendRepresentation(request, reply, {
        contentType: form.contentType,
        cacheControl: caching.immutable,
        seed: [manifest.version, group.span, form.name],
        headers: describeGroup(held, group),
        claim,
        body: async () => await encodeGroup(dataset, held, group, claim),
        reuse: bodyPool.give,
      })
      return reply
    },
  )

  async function encodeGroup(
    dataset: SourceDataset,
    held: HeldVersion,
    { chunks, bytes }: Group,
    claim: ByteClaim,
  ): Promise<Buffer> {
    const expected = estimate.expect(dataset, bytes)
    claim.resize(expected)
    // It grows; what is expected may be far more than comes.
    const body = createGrowingBuffer(Math.min(expected, roomAtFirst), bodyPool)
    for (const runs of batchRuns(splitRuns(chunks))) {
      const isAlone = runs.length === 1
      const read = await Promise.all(
        runs.map((run) => readRun(dataset, held, run, isAlone ? filePool.take : undefined)),
      )
      for (const [i, run] of runs.entries()) {
        const inFile = read[i] as Buffer
        const from = run[0]?.byte_from ?? 0
        for (const chunk of run) {
          const own = inFile.subarray(chunk.byte_from - from, chunk.byte_to - from)
          encodeChunk(dataset.reader, held.index, chunk, own, "ndjson", body.add)
        }
        if (isAlone) filePool.give(inFile)
      }
      claim.resize(Math.max(expected, body.bytes().length))
    }
    estimate.learn(dataset, bytes, body.bytes().length)
    claim.resize(body.bytes().length)
    return body.bytes()
  }

  function tellServed(reply: FastifyReply, held: HeldVersion, group: Group, complete: boolean): void {
    const { manifest } = held.index
    const status = reply.statusCode
    const bytes = Number(reply.getHeader("content-length") ?? 0)
    const { dataset } = manifest
    if (status === 200 && complete) metrics.served(dataset, "ndjson", rowsOf(group), bytes)
    log.info(
      {
        event: "chunk.served",
        dataset,
        version: manifest.version.slice(0, 12),
        chunk: group.chunks[0]?.chunk,
        chunks: group.chunks.length,
        form: "ndjson",
        coding: reply.getHeader("content-encoding") ?? "identity",
        status,
        bytes,
        complete,
      },
      `${dataset}: chunks ${group.span} of ${manifest.chunks.length} as ndjson: ${status}`,
    )
  }
}

/** Small runs, each of a file of its own, are read several at once: opening a file is waiting. */
function batchRuns(runs: readonly ManifestChunk[][]): ManifestChunk[][][] {
  const batches: ManifestChunk[][][] = []
  let isOpen = false
  for (const run of runs) {
    const isSmall = (run.at(-1)?.byte_to ?? 0) - (run[0]?.byte_from ?? 0) <= smallRun
    const last = batches.at(-1)
    if (isSmall && isOpen && last !== undefined && last.length < readsAtOnce) last.push(run)
    else batches.push([run])
    isOpen = isSmall
  }
  return batches
}

function findGroup(held: HeldVersion, writtenFirst: string, writtenLast: string): Group {
  const first = parsePosition("chunk", writtenFirst)
  const last = parsePosition("chunk", writtenLast)
  if (first > last) throw refuse(`Chunks ${first} to ${last} are none.`, "Name the smaller number first.", {})
  findChunk(held, first)
  findChunk(held, last)
  const chunks = held.index.manifest.chunks.slice(first - 1, last)
  const bytes = chunks.reduce((sum, chunk) => sum + chunk.byte_to - chunk.byte_from, 0)
  const { chunks: mostChunks, bytes: mostBytes } = requestLimits
  if (chunks.length > mostChunks || (bytes > mostBytes && chunks.length > 1)) {
    throw refuse(
      `Chunks ${first} to ${last} are ${counted(chunks.length, "chunk")} of ${bytes} bytes in the file.`,
      `Ask for at most ${mostChunks} chunks of at most ${mostBytes} bytes together.`,
      { chunks: chunks.length, bytes, most_chunks: mostChunks, most_bytes: mostBytes },
    )
  }
  return { chunks, bytes, span: `${first}-${last}` }
}

function refuse(detail: string, hint: string, facts: Readonly<Record<string, number>>): Problem {
  return new Problem("request-invalid", detail, { hint, facts })
}

const rowsOf = ({ chunks }: Group) => chunks.reduce((sum, { rows }) => sum + rows, 0)

function describeGroup({ index: { manifest } }: HeldVersion, group: Group): Record<string, string | number> {
  return {
    [headers.version]: manifest.version,
    [headers.chunk]: `${group.span}/${manifest.chunks.length}`,
    [headers.rows]: rowsOf(group),
    [headers.firstRow]: group.chunks[0]?.first_row ?? 1,
    [headers.rejects]: group.chunks.reduce((sum, { rejects }) => sum + rejects, 0),
  }
}
