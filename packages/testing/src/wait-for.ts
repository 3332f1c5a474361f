/** Waiting for a condition, with a limit: tests never sleep. */
import { setTimeout as wait } from "node:timers/promises"

type WaitOptions = {
  /** How long at most; 10 s unless told. */
  readonly limitMs?: number
  /** Named in the message when the limit is reached. */
  readonly what?: string
}

const lookEveryMs = 10

/**
 * Asks until the answer is neither undefined, null nor false, and answers it. A throwing question counts as
 * "not yet"; past the limit the last error is the cause.
 */
export async function waitFor<T>(
  ask: () => T | Promise<T>,
  options: WaitOptions = {},
): Promise<NonNullable<Exclude<T, false>>> {
  const limitMs = options.limitMs ?? 10_000
  const deadline = Date.now() + limitMs
  let cause: unknown
  for (;;) {
    try {
      const answer = await ask()
      if (answer !== undefined && answer !== null && answer !== false) {
        return answer as NonNullable<Exclude<T, false>>
      }
      cause = undefined
    } catch (error) {
      cause = error
    }
    if (Date.now() >= deadline) {
      throw new Error(`Waited ${limitMs} ms in vain for ${options.what ?? "a condition"}.`, { cause })
    }
    await wait(lookEveryMs)
  }
}
