/** How long any chunk of a published version takes as NDJSON, one after another over one connection. */
import { Agent } from "node:http"
import { createRandom } from "@flatbed/testing"
import { listChunks, requestChunk } from "./chunk-request.ts"
import type { Source } from "./services.ts"
import { type Spread, spreadOf } from "./statistics.ts"

export type ChunkTimes = {
  readonly chunks: number
  readonly asked: number
  readonly firstToLastMs: Spread
  readonly wholeMs: Spread
}

const asks = 300

/** Asks for chunks all over the file, after a first round that wakes everything up. */
export async function timeChunks(source: Source, signal: AbortSignal): Promise<ChunkTimes> {
  const urls = await listChunks(source)
  const random = createRandom(asks)
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const ask = () => requestChunk({ url: random.pick(urls), accept: "ndjson", agent, signal })
  try {
    for (let warm = 0; warm < asks / 10; warm++) await ask()
    const answers: Awaited<ReturnType<typeof ask>>[] = []
    for (let asked = 0; asked < asks; asked++) answers.push(await ask())
    const failed = answers.find(({ status }) => status !== 200)
    if (failed !== undefined) throw new Error(`A chunk was answered with ${failed.status}.`)
    return {
      chunks: urls.length,
      asked: asks,
      firstToLastMs: spreadOf(answers.map(({ firstToLastMs }) => firstToLastMs)),
      wholeMs: spreadOf(answers.map(({ wholeMs }) => wholeMs)),
    }
  } finally {
    agent.destroy()
  }
}
