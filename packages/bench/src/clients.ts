/** A hundred clients at once, half of them slow, half of them with JSON: what that costs the source in memory. */
import { setMaxListeners } from "node:events"
import { Agent } from "node:http"
import { setTimeout as wait } from "node:timers/promises"
import { listChunks, requestChunk } from "./chunk-request.ts"
import { peakOf } from "./processes.ts"
import type { Source } from "./services.ts"

export type ClientsResult = {
  readonly clients: number
  readonly slow: number
  /** Bodies that came whole, by their digests. */
  readonly bodies: number
  readonly bytes: number
  /** Answers that put a client off with 503. */
  readonly putOff: number
  readonly seconds: number
  /** Of the source since its start, the indexing included. */
  readonly peak: number | undefined
}

const clients = 100
const chunksEach = 4
const slowBytesPerSecond = 1024 * 1024

/** Each client asks for a few chunks one after another, and again when it is put off. */
export async function measureClients(source: Source, signal: AbortSignal): Promise<ClientsResult> {
  const urls = await listChunks(source)
  // Every client listens to it.
  setMaxListeners(0, signal)
  const started = performance.now()
  let [bodies, bytes, putOff] = [0, 0, 0]

  async function run(client: number): Promise<void> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const accept = client % 2 === 0 ? "json" : "ndjson"
    const bytesPerSecond = isSlow(client) ? slowBytesPerSecond : undefined
    try {
      for (let left = chunksEach; left > 0; ) {
        const url = urls[(client * chunksEach + left) % urls.length] as string
        const answer = await requestChunk({ url, accept, agent, bytesPerSecond, signal })
        if (answer.status === 503) {
          putOff += 1
          // As Retry-After asks, and not all of them at the same moment.
          await wait(answer.retryAfterMs + client * 5, undefined, { signal })
          continue
        }
        if (answer.status !== 200) throw new Error(`${url} was answered with ${answer.status}.`)
        bodies += 1
        bytes += answer.bytes
        left -= 1
      }
    } finally {
      agent.destroy()
    }
  }

  await Promise.all(Array.from({ length: clients }, (_, client) => run(client)))
  return {
    clients,
    slow: Array.from({ length: clients }, (_, client) => client).filter(isSlow).length,
    bodies,
    bytes,
    putOff,
    seconds: (performance.now() - started) / 1000,
    peak: peakOf(source.program.pid),
  }
}

// Half of either form.
const isSlow = (client: number) => client % 4 < 2
