/** Waiting until the source that was just started answers. */
import { createConnection } from "node:net"
import { setTimeout as wait } from "node:timers/promises"
import { Problem, paths } from "@flatbed/contract"
import type { Service } from "./service.ts"

const limitMs = 30_000
const lookEveryMs = 50
const requestLimitMs = 5000

/** Whether somebody listens at the address's port, so that a source started now cannot. */
export function isTaken(url: string): Promise<boolean> {
  const { hostname, port, protocol } = new URL(url)
  return new Promise((resolve) => {
    const socket = createConnection({
      host: hostname,
      port: Number(port) || (protocol === "https:" ? 443 : 80),
    })
    const answer = (taken: boolean) => {
      socket.destroy()
      resolve(taken)
    }
    socket.setTimeout(requestLimitMs, () => answer(false))
    socket.on("connect", () => answer(true))
    socket.on("error", () => answer(false))
  })
}

/**
 * Waits until the source answers, at most half a minute, and gives the names of its datasets. Answers the exit
 * code instead when the service ends first, which is then what went wrong. `taken` says that somebody else
 * listened at the address before: then an answer proves nothing until our own source had time to notice.
 */
export async function waitForSource(
  url: string,
  source: Service,
  taken: boolean,
  signal: AbortSignal,
): Promise<{ datasets: string[] } | { exitCode: number }> {
  let exitCode: number | undefined
  const ended = source.ended.then((code) => {
    exitCode = code
  })
  if (taken) await Promise.race([ended, wait(limitMs / 3, undefined, { signal, ref: false })])
  const deadline = Date.now() + limitMs
  while (Date.now() < deadline) {
    if (exitCode !== undefined) return { exitCode }
    const datasets = await findDatasets(url, signal)
    if (datasets !== undefined && exitCode === undefined) return { datasets }
    await Promise.race([ended, wait(lookEveryMs, undefined, { signal, ref: false })])
  }
  throw new Problem(
    "source-unreachable",
    `The source runs, but nothing answers at ${url} within ${limitMs / 1000} s.`,
    {
      hint: "source.url in loader.yaml must name the address that listen in source.yaml gives.",
    },
  )
}

async function findDatasets(url: string, signal: AbortSignal): Promise<string[] | undefined> {
  try {
    const response = await fetch(new URL(paths.datasets(), url), {
      signal: AbortSignal.any([signal, AbortSignal.timeout(requestLimitMs)]),
    })
    if (!response.ok) return undefined
    const body = (await response.json()) as { datasets?: { name: string }[] }
    return body.datasets?.map(({ name }) => name)
  } catch {
    signal.throwIfAborted()
    return undefined
  }
}
