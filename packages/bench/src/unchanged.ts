/** The second `load` of a file that did not change: what is asked of the source, and how long it takes. */
import type { Services, Source } from "./services.ts"
import { medianOf } from "./statistics.ts"

export type Unchanged = {
  /** By route and status, what one load asked. */
  readonly requests: readonly string[]
  readonly loadMs: number
  /** Of `flatbed-loader --version`: the start of the process alone. */
  readonly startMs: number
}

/** Loads once, then again so many times. */
export async function measureUnchanged(
  services: Services,
  source: Source,
  rounds: number,
): Promise<Unchanged> {
  await services.startLoader(["load"]).ended
  const loads: number[] = []
  const starts: number[] = []
  let requests: string[] = []
  for (let round = 0; round < rounds; round++) {
    const before = await countRequests(source)
    loads.push(await timeOf(services, "load"))
    requests = describeGrowth(before, await countRequests(source))
    starts.push(await timeOf(services, "--version"))
  }
  return { requests, loadMs: medianOf(loads), startMs: medianOf(starts) }
}

async function timeOf(services: Services, argument: string): Promise<number> {
  const program = services.startLoader([argument])
  return (await program.ended).at - program.startedAt
}

/** Requests answered so far, by `route status`. */
async function countRequests({ adminUrl }: Source): Promise<Map<string, number>> {
  const text = await (await fetch(new URL("/metrics", adminUrl))).text()
  const counters = text.matchAll(/^flatbed_source_http_request_seconds_count\{([^}]*)\} (\d+)$/gm)
  return new Map(
    [...counters].map(([, labels = "", count]) => {
      const label = (name: string) => new RegExp(`${name}="([^"]*)"`).exec(labels)?.[1]
      return [`${label("route")} ${label("status")}`, Number(count)]
    }),
  )
}

function describeGrowth(before: Map<string, number>, after: Map<string, number>): string[] {
  return [...after].flatMap(([what, count]) =>
    Array.from({ length: count - (before.get(what) ?? 0) }, () => what),
  )
}
