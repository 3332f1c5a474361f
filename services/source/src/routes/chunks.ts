/** A version's chunks, at their immutable address and at the one people curl. */
import { finished } from "node:stream"
import { createBufferPool } from "@flatbed/codec"
import { headers, type ManifestChunk, Problem, paths, routes } from "@flatbed/contract"
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify"
import type { Logger } from "pino"
import { chunkForms, encodeChunk } from "../chunk-body.ts"
import { readChunk } from "../chunk-reader.ts"
import { counted } from "../counted.ts"
import type { SourceDataset } from "../dataset.ts"
import type { HeldVersion } from "../held-versions.ts"
import { createBodyEstimate } from "../http/body-estimate.ts"
import type { ByteBudget } from "../http/byte-budget.ts"
import { negotiateForm } from "../http/negotiate.ts"
import { caching, sendRepresentation } from "../http/representation.ts"
import type { SourceMetrics } from "../metrics.ts"
import { parsePosition } from "./position.ts"

export type ChunkParts = {
  readonly budget: ByteBudget
  readonly metrics: SourceMetrics
  readonly log: Logger
}

// More than these are rarely free at once; what is free beyond them is left to the collector.
const keptBuffers = 4

/** Bodies are made for each request and live no longer than its answer. */
export function routeChunks(app: FastifyInstance, { budget, metrics, log }: ChunkParts): void {
  const estimates = {
    json: createBodyEstimate(5),
    ndjson: createBodyEstimate(1.5),
    csv: createBodyEstimate(1.2),
  }
  const filePool = createBufferPool(keptBuffers)
  const bodyPool = createBufferPool(keptBuffers)

  app.get<{ Params: { dataset: string; version: string; chunk: string } }>(
    routes.chunk,
    async (request, reply) => {
      const dataset = request.offer.get(request.params.dataset)
      const held = dataset.getVersion(request.params.version)
      return answer(request, reply, dataset, held, request.params.chunk, { cacheControl: caching.immutable })
    },
  )

  app.get<{ Params: { dataset: string; chunk: string } }>(routes.currentChunk, async (request, reply) => {
    const dataset = request.offer.get(request.params.dataset)
    await dataset.look()
    return answer(request, reply, dataset, dataset.getCurrent(), request.params.chunk, {
      cacheControl: caching.current,
      isAlias: true,
    })
  })

  async function answer(
    request: FastifyRequest,
    reply: FastifyReply,
    dataset: SourceDataset,
    held: HeldVersion,
    written: string,
    { cacheControl, isAlias = false }: { cacheControl: string; isAlias?: boolean },
  ): Promise<FastifyReply> {
    const { manifest } = held.index
    const chunk = findChunk(held, parsePosition("chunk", written))
    const form = negotiateForm(request.headers.accept, chunkForms)
    const bytesInFile = chunk.byte_to - chunk.byte_from
    const address = paths.chunk(dataset.name, manifest.version, chunk.chunk)
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
      tellServed(reply, dataset.name, held, chunk, form.name, complete)
    })
    await sendRepresentation(request, reply, {
      contentType: form.contentType,
      cacheControl,
      seed: [manifest.version, chunk.chunk, form.name],
      headers: { ...describeChunk(held, chunk), ...(isAlias ? { "content-location": address } : {}) },
      claim,
      body: async () => {
        const estimate = estimates[form.name]
        claim.resize(estimate.expect(dataset, bytesInFile))
        const inFile = await readChunk(dataset, held, chunk, filePool.take)
        const body = encodeChunk(dataset.reader, held.index, chunk, inFile, form.name, bodyPool.take)
        filePool.give(inFile)
        estimate.learn(dataset, bytesInFile, body.length)
        claim.resize(body.length)
        return body
      },
      reuse: bodyPool.give,
    })
    return reply
  }

  function tellServed(
    reply: FastifyReply,
    dataset: string,
    held: HeldVersion,
    chunk: ManifestChunk,
    form: string,
    complete: boolean,
  ): void {
    const status = reply.statusCode
    const bytes = Number(reply.getHeader("content-length") ?? 0)
    if (status === 200 && complete) metrics.served(dataset, form, chunk.rows, bytes)
    log.info(
      {
        event: "chunk.served",
        dataset,
        version: held.index.manifest.version.slice(0, 12),
        chunk: chunk.chunk,
        form,
        coding: reply.getHeader("content-encoding") ?? "identity",
        status,
        bytes,
        complete,
      },
      `${dataset}: chunk ${chunk.chunk} of ${held.index.manifest.chunks.length} as ${form}: ${status}`,
    )
  }
}

/** Chunk n of the version; raises chunk-out-of-range, naming how many there are. */
export function findChunk({ index: { manifest } }: HeldVersion, n: number): ManifestChunk {
  const chunk = manifest.chunks[n - 1]
  if (chunk !== undefined) return chunk
  const { length } = manifest.chunks
  throw new Problem(
    "chunk-out-of-range",
    `The version has ${counted(length, "chunk")}; there is no chunk ${n}.`,
    {
      hint: length === 0 ? "The file holds a header and no rows." : `Ask for a chunk from 1 to ${length}.`,
      facts: { dataset: manifest.dataset, version: manifest.version, chunk: n, chunks: length },
    },
  )
}

function describeChunk(
  { index: { manifest } }: HeldVersion,
  chunk: ManifestChunk,
): Record<string, string | number> {
  const { length } = manifest.chunks
  const link = (n: number, rel: string) =>
    `<${paths.chunk(manifest.dataset, manifest.version, n)}>; rel="${rel}"`
  const links = [
    link(1, "first"),
    ...(chunk.chunk > 1 ? [link(chunk.chunk - 1, "prev")] : []),
    ...(chunk.chunk < length ? [link(chunk.chunk + 1, "next")] : []),
    link(length, "last"),
  ]
  return {
    link: links.join(", "),
    [headers.version]: manifest.version,
    [headers.chunk]: `${chunk.chunk}/${length}`,
    [headers.rows]: chunk.rows,
    [headers.firstRow]: chunk.first_row,
    [headers.rejects]: chunk.rejects,
  }
}
