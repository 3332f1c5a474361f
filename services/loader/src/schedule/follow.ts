/** Pipelines with `follow: true` run when the source announces a version. The lease decides between loaders. */
import { exitCodes } from "@flatbed/contract"
import type { Logger } from "pino"
import { type ListenParts, listenForVersions } from "../fetch/announcements.ts"
import { pause, pauseAfter } from "../retry.ts"
import type { Pipeline } from "../settings/pipeline-settings.ts"
import type { RunOutcome } from "../summary.ts"

export type FollowParts = Pick<ListenParts, "log" | "patience" | "openSource"> & {
  /** Runs the pipeline on the newest version; never throws. */
  readonly run: (pipeline: Pipeline) => Promise<RunOutcome>
  /** Whether the ledger says that this version is in the pipeline's table. */
  readonly isPublished: (pipeline: Pipeline, version: string) => Promise<boolean>
}

/** Runs at once: each holds connections to Postgres of its own. */
const runsAtOnce = 4
const longestPauseMs = 30_000

// What only another version, or somebody's help, can mend: trying the same again would fail the same.
const waitsForNext: ReadonlySet<number> = new Set([
  exitCodes.unexpected,
  exitCodes.usage,
  exitCodes.contract,
  exitCodes.receipt,
])

type Follower = {
  readonly pipeline: Pipeline
  /** The version that was announced last and not dealt with; `newest`: whichever the source has. */
  wanted: string | undefined
  /** The version that was dealt with last. */
  settled: string | undefined
  working: Promise<void> | undefined
  /** Ends the pause between two tries. */
  nudge: AbortController
}

/**
 * The first time the source is heard, each pipeline runs once: the source's newest version is compared with the
 * ledger, which costs little when nothing is new. After that, what is announced runs. Announcements during a run
 * become one run after it. A pipeline that another loader holds is looked at again until the version is published.
 */
export function createFollow(pipelines: readonly Pipeline[], parts: FollowParts) {
  const { log, patience } = parts
  const stopping = new AbortController()
  const { signal } = stopping
  const gate = createGate(runsAtOnce)
  const followers: Follower[] = pipelines
    .filter(({ follow }) => follow)
    .map((pipeline) => ({
      pipeline,
      wanted: undefined,
      settled: undefined,
      working: undefined,
      nudge: new AbortController(),
    }))
  let listening: Promise<void> | undefined
  let heard = false

  function onConnected(): void {
    if (heard) return
    heard = true
    for (const follower of followers) want(follower, "newest")
  }

  function onVersion(dataset: string, version: string): void {
    for (const follower of followers) {
      const { pipeline, settled, working } = follower
      if (pipeline.dataset !== dataset || follower.wanted === version) continue
      if (version === settled && working === undefined) continue
      tellAnnounced(log, follower, version)
      want(follower, version)
    }
  }

  function want(follower: Follower, version: string): void {
    follower.wanted = version
    follower.nudge.abort()
    follower.working ??= work(follower).finally(() => {
      follower.working = undefined
    })
  }

  async function work(follower: Follower): Promise<void> {
    let failures = 0
    let held = false
    while (follower.wanted !== undefined && !signal.aborted) {
      const { pipeline, wanted } = follower
      if (held && wanted !== "newest" && (await isPublishedElsewhere(pipeline, wanted))) {
        settle(follower, wanted, wanted)
        continue
      }
      const outcome = await gate(() => parts.run(pipeline), signal)
      if (outcome === undefined || outcome.outcome === "stopped") return
      held = outcome.outcome === "skipped"
      if (isDealtWith(outcome)) {
        failures = 0
        settle(follower, wanted, outcome.version ?? wanted)
        continue
      }
      failures += 1
      const policy = { attempts: Number.POSITIVE_INFINITY, capMs: longestPauseMs }
      const pauseMs = pauseAfter(failures, policy, patience.random, outcome.problem?.retryAfterSeconds)
      log.info(
        { event: "follow.retried", pipeline: pipeline.name, code: outcome.problem?.code, pause_ms: pauseMs },
        `${pipeline.name} is tried again in ${(pauseMs / 1000).toFixed(1)} s`,
      )
      follower.nudge = new AbortController()
      await pause(patience, pauseMs, AbortSignal.any([signal, follower.nudge.signal])).catch(() => undefined)
    }
  }

  async function isPublishedElsewhere(pipeline: Pipeline, version: string): Promise<boolean> {
    // Postgres away: then the run says so.
    const published = await parts.isPublished(pipeline, version).catch(() => false)
    if (published) {
      log.info(
        { event: "follow.up_to_date", pipeline: pipeline.name, version },
        `${pipeline.name}: up to date, another loader published version ${version.slice(0, 12)}`,
      )
    }
    return published
  }

  return {
    /** Begins to listen. */
    start(): void {
      if (followers.length === 0) return
      const datasets = [...new Set(followers.map(({ pipeline }) => pipeline.dataset))]
      listening = listenForVersions(datasets, { ...parts, signal, onConnected, onVersion })
    },

    /** Listens no more; resolves when the runs under way have ended. */
    async stop(): Promise<void> {
      stopping.abort(new DOMException("the loader was stopped", "AbortError"))
      await listening
      await Promise.all(followers.map(({ working }) => working))
    },
  }
}

/** Notes what a run dealt with. What was announced meanwhile stays wanted, unless the run has it already. */
function settle(follower: Follower, wanted: string, version: string): void {
  follower.settled = version
  if (follower.wanted === wanted || follower.wanted === version) follower.wanted = undefined
}

function isDealtWith({ outcome, problem }: RunOutcome): boolean {
  if (problem === undefined) return true
  return outcome === "failed" && waitsForNext.has(problem.exitCode)
}

function tellAnnounced(log: Logger, { pipeline, working }: Follower, version: string): void {
  const fields = { event: "version.announced", pipeline: pipeline.name, dataset: pipeline.dataset, version }
  const when = working === undefined ? "" : ", after the run under way"
  log.info(fields, `${pipeline.name}: the source announces version ${version.slice(0, 12)}${when}`)
}

/** Lets so many works be under way at once, in the order they came. Undefined once the signal is aborted. */
function createGate(limit: number) {
  const waiting: (() => void)[] = []
  let underWay = 0
  return async <T>(work: () => Promise<T>, signal: AbortSignal): Promise<T | undefined> => {
    if (underWay >= limit) await new Promise<void>((resolve) => waiting.push(resolve))
    else underWay += 1
    try {
      return signal.aborted ? undefined : await work()
    } finally {
      const next = waiting.shift()
      if (next === undefined) underWay -= 1
      else next()
    }
  }
}
