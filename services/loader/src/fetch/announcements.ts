/** Listens to which versions the source announces, for as long as the loader runs, however often the line breaks. */
import { asProblem, Problem } from "@flatbed/contract"
import type { Logger } from "pino"
import { type Patience, pause, pauseAfter } from "../retry.ts"
import type { SourceClient } from "./source-client.ts"

export type ListenParts = {
  readonly log: Logger
  readonly patience: Patience
  readonly signal: AbortSignal
  /** A client for one connection: made anew each time, so that a renewed authority is read. */
  readonly openSource: () => Promise<SourceClient>
  /** Told each time the source can be heard again; its current versions follow. */
  readonly onConnected: () => void
  readonly onVersion: (dataset: string, version: string) => void
}

/** The source's heartbeat comes every 15 s: three missing ones are a line that is dead. */
export const silenceMs = 45_000
/** How often a source without events is asked instead. */
export const askEveryMs = 30_000
/** Longest pause between two tries to connect; a line that held this long begins with short pauses again. */
const longestPauseMs = 30_000

/**
 * Resolves when the signal is aborted. Every wait has a limit, their number has none: a source that is away for a
 * day is heard on its return. Each outage is one warning, however many tries it takes.
 */
export async function listenForVersions(datasets: readonly string[], parts: ListenParts): Promise<void> {
  const { log, patience, signal } = parts
  const unknown = new Set<string>()
  let toldWithoutEvents = false
  let failures = 0
  let outage: string | undefined

  while (!signal.aborted) {
    const began = performance.now()
    const problem = await connect().then(
      () => undefined,
      (error) => asProblem(error),
    )
    if (signal.aborted) return
    if (problem === undefined) continue
    failures = performance.now() - began > longestPauseMs ? 1 : failures + 1
    const policy = { attempts: Number.POSITIVE_INFINITY, capMs: longestPauseMs }
    const pauseMs = pauseAfter(failures, policy, patience.random, problem.retryAfterSeconds)
    tellOutage(problem, pauseMs)
    await pause(patience, pauseMs, signal).catch(() => undefined)
  }

  /** One connection from beginning to end; ends by throwing, or when the signal is aborted. */
  async function connect(): Promise<void> {
    const source = await parts.openSource()
    try {
      const events = await openEvents(source)
      if (events === undefined) return await askAgainAndAgain(source)
      connected("the source announces new versions")
      for await (const { dataset, version } of events) {
        if (datasets.includes(dataset)) parts.onVersion(dataset, version)
      }
    } finally {
      await source.close()
    }
  }

  async function openEvents(source: SourceClient) {
    try {
      return await source.openEvents(silenceMs, signal)
    } catch (error) {
      if (error instanceof Problem && error.code === "route-not-found") return undefined
      throw error
    }
  }

  async function askAgainAndAgain(source: SourceClient): Promise<void> {
    const how = `the source has no events, so it is asked every ${askEveryMs / 1000} s`
    if (!toldWithoutEvents) log.warn({ event: "follow.without_events" }, how)
    toldWithoutEvents = true
    connected(how)
    for (;;) {
      for (const dataset of datasets) await askFor(dataset, source)
      await pause(patience, askEveryMs, signal)
    }
  }

  async function askFor(dataset: string, source: SourceClient): Promise<void> {
    try {
      const { version } = await source.getDataset(dataset, signal)
      if (version !== null) parts.onVersion(dataset, version)
      unknown.delete(dataset)
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== "dataset-not-found") throw error
      if (!unknown.has(dataset))
        log.warn({ event: "follow.failed", dataset, code: error.code }, error.message)
      unknown.add(dataset)
    }
  }

  function connected(how: string): void {
    const again = outage === undefined ? "" : " again"
    outage = undefined
    log.info({ event: "follow.connected" }, `listening${again}: ${how}`)
    parts.onConnected()
  }

  function tellOutage(problem: Problem, pauseMs: number): void {
    const { code, message, hint } = problem
    const fields = { code, pause_ms: pauseMs, hint }
    if (outage === code) log.debug({ event: "follow.retried", ...fields }, message)
    else {
      const rest = "new versions are not seen until it answers; it is tried again and again"
      log.warn({ event: "follow.disconnected", ...fields }, `${message} ${rest}`)
    }
    outage = code
  }
}
