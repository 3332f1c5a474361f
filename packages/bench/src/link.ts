/** Loads over a line of 100 Mbit/s and 50 ms, by each compression that this Node has on both sides. */
import * as zlib from "node:zlib"
import type { DataFile } from "./data-files.ts"
import { startDelayProxy } from "./delay-proxy.ts"
import { takeFlatbedTurn } from "./flatbed-turn.ts"
import { readServed, type Served, withServices } from "./services.ts"
import { findObstacle, openShapedLink, type ShapedLink } from "./shaped-link.ts"
import type { Bench } from "./throughput.ts"

export const megabits = 100
export const roundTripMs = 50

export type LinkTurn = {
  readonly commitSeconds: number
  /** Frames and headers included. */
  readonly wireBytes: number
  /** Share of the line's bytes, between the first and the last hundredth of what came. */
  readonly used: number
  readonly sourceCpu: number | undefined
  readonly loaderCpu: number | undefined
}

export type LinkResult = Served & { readonly compression: string; readonly turns: readonly LinkTurn[] }

const compressions = ["none", "gzip", ...("zstdCompress" in zlib ? ["zstd"] : [])]
const sampleEveryMs = 20

/** The version is published beforehand: what is measured is the line. Raises an Error where there can be none. */
export async function measureLink(file: DataFile, rounds: number, bench: Bench): Promise<LinkResult[]> {
  const obstacle = findObstacle()
  if (obstacle !== undefined) throw new Error(`--link cannot run here: ${obstacle}.`)
  const { server, env, note, signal } = bench
  const link = await openShapedLink(megabits)
  const { host, under } = link
  const input = {
    folder: `${bench.folder}/link`,
    databaseUrl: server.url,
    env,
    signal,
    remote: { host, under },
  }
  try {
    return await withServices(input, async (services) => {
      const source = await services.startPublished(file.path)
      const served = readServed(await source.published())
      const proxy = await startDelayProxy({ host, port: Number(new URL(source.url).port), roundTripMs })
      try {
        const results: LinkResult[] = []
        for (const compression of compressions) {
          const turns: LinkTurn[] = []
          for (let round = 1; round <= rounds; round++) {
            const options = { sourceUrl: `http://127.0.0.1:${proxy.port}`, compression }
            const samples = sample(link)
            const turn = await takeFlatbedTurn({ server, services, source, options })
            const traffic = measureTraffic(samples.stop())
            const { commitSeconds, cpu } = turn
            turns.push({ ...traffic, commitSeconds, sourceCpu: cpu.source, loaderCpu: cpu.loader })
            const used = `${(100 * traffic.used).toFixed(1)} % of the line`
            note(`link, ${compression}, load ${round} of ${rounds}: ${commitSeconds.toFixed(2)} s, ${used}`)
          }
          results.push({ compression, turns, ...served })
        }
        return results
      } finally {
        await proxy.close()
      }
    })
  } finally {
    await link.close()
  }
}

export type Sample = { readonly ms: number; readonly bytes: number }

function sample(link: ShapedLink): { stop(): Sample[] } {
  const samples: Sample[] = []
  const look = () => void samples.push({ ms: performance.now(), bytes: link.received() })
  look()
  const timer = setInterval(look, sampleEveryMs)
  return {
    stop() {
      clearInterval(timer)
      look()
      return samples
    },
  }
}

/** Pure: what came over the line, and how much of it was used while the middle 98 % came. */
export function measureTraffic(samples: readonly Sample[]): Pick<LinkTurn, "wireBytes" | "used"> {
  const start = samples[0]?.bytes ?? 0
  const wireBytes = (samples.at(-1)?.bytes ?? 0) - start
  const reached = (share: number) => samples.find(({ bytes }) => bytes - start >= share * wireBytes) as Sample
  const [from, to] = [reached(0.01), reached(0.99)]
  const capacity = ((to.ms - from.ms) / 1000) * ((megabits * 1e6) / 8)
  return { wireBytes, used: capacity === 0 ? 0 : (to.bytes - from.bytes) / capacity }
}
