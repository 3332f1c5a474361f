/** Waiting until the source that was just started answers. */
import { createConnection } from "node:net"
import { setTimeout as wait } from "node:timers/promises"
import { Problem, paths } from "@flatbed/contract"
import type { Service } from "./service.ts"

const limitMs = 30_000
const lookEveryMs = 50
const requestLimitMs = 5000

/** @throws Problem `port-in-use` when somebody listens at the address's port, so that a source started now cannot. */
export async function refuseTaken(url: string): Promise<void> {
  if (!(await isTaken(url))) return
  throw new Problem("port-in-use", `Another program listens at ${url} already.`, {
    hint:
      "Stop it, or choose another port: " +
      "FLATBED_SOURCE__LISTEN__PORT=4010 FLATBED_LOADER__SOURCE__URL=http://127.0.0.1:4010 npm start",
  })
}

function isTaken(url: string): Promise<boolean> {
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
 * code instead when the service ends first, which is then what went wrong.
 */
export async function waitForSource(
  url: string,
  source: Service,
  signal: AbortSignal,
): Promise<{ datasets: string[] } | { exitCode: number }> {
  let exitCode: number | undefined
  const ended = source.ended.then((code) => {
    exitCode = code
  })
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
