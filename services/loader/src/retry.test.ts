// If this file fails, a short outage ends a load, or a long one is hammered without end.
import { Problem, type ProblemCode, problems } from "@flatbed/contract"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import {
  areChunksLost,
  isVersionLost,
  mayRepeatRequest,
  patience,
  pause,
  pauseAfter,
  withRetries,
} from "./retry.ts"

const policy = { attempts: 4, capMs: 5000 }

describe("a pause", () => {
  test("is jittered under a doubling ceiling that ends at the cap", () => {
    const ceilings = [1, 2, 3, 4, 5, 6, 7].map((attempt) => pauseAfter(attempt, policy, () => 1))
    expect(ceilings).toEqual([250, 500, 1000, 2000, 4000, 5000, 5000])
    expect(pauseAfter(3, policy, () => 0)).toBe(0)
  })

  test("is never shorter than Retry-After, and never longer than the cap", () => {
    expect(pauseAfter(1, policy, () => 0, 2)).toBe(2000)
    expect(pauseAfter(1, policy, () => 0, 86_400)).toBe(5000)
    expect(pauseAfter(1, policy, () => 0, -5)).toBe(0)
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1100 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        fc.nat(),
        (attempt, random, asked) => {
          const ms = pauseAfter(attempt, policy, () => random, asked)
          return ms >= Math.min(asked * 1000, policy.capMs) && ms <= policy.capMs
        },
      ),
    )
  })

  test("ends at once with the signal's reason", async () => {
    const stop = new AbortController()
    const waiting = pause(patience, 60_000, stop.signal)
    stop.abort(new Error("enough"))
    await expect(waiting).rejects.toThrow("enough")
  })
})

test("what may be asked again is what the contract calls retryable, but a lost version starts over", () => {
  for (const code of Object.keys(problems) as ProblemCode[]) {
    const problem = new Problem(code, "x")
    const lost = code === "version-gone" || code === "version-not-found"
    expect(isVersionLost(problem), code).toBe(lost)
    expect(areChunksLost(problem), code).toBe(code === "chunks-lost")
    expect(mayRepeatRequest(problem), code).toBe(problems[code].retryable && !lost)
  }
  expect(mayRepeatRequest(new TypeError("a bug"))).toBe(false)
})

describe("tries", () => {
  const quiet = { sleep: async () => undefined, random: () => 0.5 }
  const failing = (times: number, error: Error) => {
    let calls = 0
    return {
      calls: () => calls,
      attempt: async () => {
        calls += 1
        if (calls <= times) throw error
        return calls
      },
    }
  }
  const again = new Problem("source-unreachable", "down")

  test("go on until one succeeds", async () => {
    const { attempt } = failing(3, again)
    expect(await withRetries(attempt, { policy, patience: quiet, mayRepeat: mayRepeatRequest })).toBe(4)
  })

  test("end with the last error when they are used up", async () => {
    const { attempt, calls } = failing(9, again)
    await expect(withRetries(attempt, { policy, patience: quiet, mayRepeat: mayRepeatRequest })).rejects.toBe(
      again,
    )
    expect(calls()).toBe(4)
  })

  test("end at once with what may not be repeated", async () => {
    const { attempt, calls } = failing(9, new Problem("source-refused", "no"))
    await expect(
      withRetries(attempt, { policy, patience: quiet, mayRepeat: mayRepeatRequest }),
    ).rejects.toThrow("no")
    expect(calls()).toBe(1)
  })

  test("end with the signal's reason when it aborts meanwhile", async () => {
    const stop = new AbortController()
    const { attempt } = failing(9, again)
    const onRetry = () => stop.abort(new Error("stopped"))
    const trying = withRetries(attempt, {
      policy,
      patience,
      mayRepeat: mayRepeatRequest,
      signal: stop.signal,
      onRetry,
    })
    await expect(trying).rejects.toThrow("stopped")
  })
})
