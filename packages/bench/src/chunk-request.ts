/** One chunk asked for as a client would, read fast or slowly, and held against its digest. */
import { createHash } from "node:crypto"
import { type Agent, get, type IncomingMessage } from "node:http"
import { setTimeout as wait } from "node:timers/promises"
import { headers, mediaTypes, parseReprDigest, paths } from "@flatbed/contract"
import type { Source } from "./services.ts"

export type ChunkAnswer = {
  readonly status: number
  readonly bytes: number
  /** From sending the request to the last byte. */
  readonly wholeMs: number
  readonly firstToLastMs: number
  /** What `Retry-After` asks to wait; 0 without it. */
  readonly retryAfterMs: number
}

export type ChunkRequest = {
  readonly url: string
  readonly accept: keyof typeof mediaTypes
  readonly agent: Agent
  /** How fast the client reads; as fast as it comes, unless told. */
  readonly bytesPerSecond?: number | undefined
  readonly signal: AbortSignal
}

// A client that reads slowly must not let Node read on for it.
const readBytes = 64 * 1024

/** The addresses of a published version's chunks, the first one at index 0. */
export async function listChunks({ url }: Pick<Source, "url">): Promise<string[]> {
  const answer = await fetch(new URL(paths.dataset("bench"), url))
  const { version, chunks } = (await answer.json()) as { version: string; chunks: number }
  return Array.from({ length: chunks }, (_, i) => new URL(paths.chunk("bench", version, i + 1), url).href)
}

/** Asks and reads to the end. Raises an Error when a 200's body is not what its length and digest say. */
export async function requestChunk(request: ChunkRequest): Promise<ChunkAnswer> {
  const { url, accept, agent, bytesPerSecond, signal } = request
  const started = performance.now()
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const options = { agent, signal, headers: { accept: mediaTypes[accept] }, highWaterMark: readBytes }
    get(url, options, resolve).on("error", reject)
  })
  const digest = createHash("sha256")
  let first: number | undefined
  let bytes = 0
  for await (const part of response as AsyncIterable<Buffer>) {
    first ??= performance.now()
    bytes += part.length
    digest.update(part)
    if (bytesPerSecond !== undefined) await wait((1000 * part.length) / bytesPerSecond, undefined, { signal })
  }
  const last = performance.now()
  const status = response.statusCode ?? 0
  if (status === 200) {
    const said = parseReprDigest(response.headers[headers.reprDigest])
    const isWhole = Number(response.headers["content-length"]) === bytes
    if (!isWhole || said?.equals(digest.digest()) !== true) throw new Error(`${url} answered a damaged body.`)
  }
  return {
    status,
    bytes,
    wholeMs: last - started,
    firstToLastMs: last - (first ?? last),
    retryAfterMs: 1000 * Number(response.headers["retry-after"] ?? 0),
  }
}
