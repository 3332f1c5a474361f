/** What the first bytes of a file are: whether one that has grown begins with what it was. */
import { finished } from "node:stream"
import { type Beginnings, type ManifestFile, Problem, requestLimits, routes } from "@flatbed/contract"
import type { FastifyInstance } from "fastify"
import { readBeginnings, servedBytes } from "../beginning.ts"
import { counted } from "../counted.ts"
import type { HeldVersion } from "../held-versions.ts"
import type { ByteBudget } from "../http/byte-budget.ts"
import { caching, sendDocument } from "../http/representation.ts"
import { createTurns } from "../turns.ts"
import { parseNumbers, parsePosition } from "./position.ts"

// Hashing takes what a processor has: chunks are to be served beside it.
const atOnce = 1

/** Reads the file chunk by chunk, each proven as any other, for as long as the asker stays. */
export function routeBeginnings(app: FastifyInstance, { budget }: { readonly budget: ByteBudget }): void {
  const turns = createTurns(atOnce)

  app.get<{
    Params: { dataset: string; version: string; file: string }
    Querystring: { bytes?: unknown }
  }>(routes.beginnings, async (request, reply) => {
    const dataset = request.offer.get(request.params.dataset)
    const held = dataset.getVersion(request.params.version)
    const file = findFile(held, parsePosition("file", request.params.file))
    const lengths = parseLengths(request.query.bytes, file)
    const isWanted = () => !reply.raw.destroyed
    const claim = budget.open()
    finished(reply.raw, () => claim.release())
    claim.resize(longestChunk(held, file))
    const beginnings = await turns.take(() => readBeginnings(dataset, held, file, lengths, isWanted))
    const { version } = held.index.manifest
    const answer: Beginnings = { dataset: dataset.name, version, file: file.file, beginnings }
    await sendDocument(request, reply, answer, caching.immutable)
    return reply
  })
}

function findFile({ index: { manifest } }: HeldVersion, number: number): ManifestFile {
  const { files, version, dataset } = manifest
  const file = files[number - 1]
  if (file !== undefined) return file
  throw new Problem(
    "request-invalid",
    `The version has ${counted(files.length, "file")}; there is no file ${number}.`,
    {
      hint: "The number is the file's place in the manifest, from 1.",
      facts: { dataset, version, files: files.length },
    },
  )
}

/** `1000,2000`: rising, so that the file is read once. */
function parseLengths(written: unknown, file: ManifestFile): number[] {
  const lengths = parseNumbers("bytes", written, requestLimits.beginnings)
  const longest = servedBytes(file)
  const most = lengths.at(-1) ?? 0
  if (lengths[0] !== 0 && most <= longest) return lengths
  throw new Problem(
    "request-invalid",
    `A beginning of ${most} bytes was asked for; ${file.file} has ${longest}.`,
    {
      hint: `Ask for 1 to ${longest} bytes.`,
      facts: { file: file.file, bytes: longest },
    },
  )
}

const longestChunk = ({ index: { manifest } }: HeldVersion, { file }: ManifestFile) =>
  manifest.chunks.reduce(
    (most, chunk) => (chunk.file === file ? Math.max(most, chunk.byte_to - chunk.byte_from) : most),
    0,
  )
