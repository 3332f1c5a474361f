/** When to try again, and after how long. Random and sleep are passed in, so every decision can be tested. */
import { setTimeout as sleepFor } from "node:timers/promises"
import { Problem, type ProblemCode, problems } from "@flatbed/contract"

export type RetryPolicy = {
  /** Tries in all, the first included. */
  readonly attempts: number
  /** The longest pause between two tries, milliseconds; also the most that a Retry-After may ask for. */
  readonly capMs: number
}

/** What waiting needs from the outside. */
export type Patience = {
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<unknown>
  /** From 0 up to 1. */
  readonly random: () => number
}

/** Real time and real chance. */
export const patience: Patience = {
  sleep: (ms, signal) => sleepFor(ms, undefined, signal === undefined ? {} : { signal }),
  random: Math.random,
}

const firstPauseMs = 250

// Codes that the contract calls retryable but that the same request cannot mend: the run starts over instead.
const startOver: ReadonlySet<ProblemCode> = new Set(["version-gone", "version-not-found"])

/** Whether the version is lost, so that only a fresh run on the newest one helps. */
export function isVersionLost(error: unknown): error is Problem {
  return error instanceof Problem && startOver.has(error.code)
}

/** Whether chunks that had arrived are gone, so that the run goes on with those. */
export function areChunksLost(error: unknown): error is Problem {
  return error instanceof Problem && error.code === "chunks-lost"
}

/** Whether the same request to the source may be tried again: the contract's table, less what needs a fresh run. */
export function mayRepeatRequest(error: unknown): error is Problem {
  return error instanceof Problem && problems[error.code].retryable && !startOver.has(error.code)
}

/**
 * Milliseconds before the next try: full jitter under a doubling, capped ceiling ("Exponential Backoff And
 * Jitter", AWS Architecture Blog), never less than what the other side asked for with Retry-After, itself capped.
 * `attempt` is the try that failed, from 1.
 */
export function pauseAfter(
  attempt: number,
  policy: RetryPolicy,
  random: () => number,
  retryAfterSeconds?: number,
): number {
  const ceiling = Math.min(policy.capMs, firstPauseMs * 2 ** (attempt - 1))
  const floor = Math.min(policy.capMs, Math.max(0, (retryAfterSeconds ?? 0) * 1000))
  return Math.max(floor, Math.round(random() * ceiling))
}

/**
 * Calls `attempt` until it succeeds, throws what may not be repeated, or the tries are used up; then its last
 * error comes out as it is. An aborted signal ends the waiting at once with the signal's reason.
 */
export async function withRetries<T>(
  attempt: (number: number) => Promise<T>,
  options: {
    readonly policy: RetryPolicy
    readonly patience: Patience
    readonly mayRepeat: (error: unknown) => boolean
    readonly signal?: AbortSignal | undefined
    /** Told before each pause: the error, the try that failed, from 1, and the pause in milliseconds. */
    readonly onRetry?: ((error: unknown, attempt: number, pauseMs: number) => void) | undefined
  },
): Promise<T> {
  for (let number = 1; ; number++) {
    options.signal?.throwIfAborted()
    try {
      return await attempt(number)
    } catch (error) {
      options.signal?.throwIfAborted()
      if (number >= options.policy.attempts || !options.mayRepeat(error)) throw error
      const asked = error instanceof Problem ? error.retryAfterSeconds : undefined
      const pauseMs = pauseAfter(number, options.policy, options.patience.random, asked)
      options.onRetry?.(error, number, pauseMs)
      await pause(options.patience, pauseMs, options.signal)
    }
  }
}

/** Waits, or throws the signal's reason as soon as it is aborted. */
export async function pause({ sleep }: Patience, ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await sleep(ms, signal)
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  }
}
