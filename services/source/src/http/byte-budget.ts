/** How many bytes of chunks may be in memory at once: a hundred slow readers must not cost a gigabyte. */
import { Problem } from "@flatbed/contract"

export type ByteClaim = {
  /**
   * So many bytes from now on. Raises too-busy when they do not fit; somebody alone always fits. After the
   * release it does nothing.
   */
  resize(bytes: number): void
  /** Gives everything back; twice is once. */
  release(): void
}

export type ByteBudget = {
  /** A claim of no bytes yet. */
  open(): ByteClaim
}

/** `onChange` hears the bytes claimed. */
export function createByteBudget(limit: number, onChange: (claimed: number) => void): ByteBudget {
  let claimed = 0

  function take(bytes: number, others: number): void {
    if (others > 0 && others + bytes > limit) {
      throw new Problem("too-busy", `${others} of ${limit} bytes are in flight; ${bytes} more do not fit.`, {
        hint: "Ask again after Retry-After, or raise buffer_budget.",
        facts: { in_flight: others, budget: limit },
        retryAfterSeconds: 1,
      })
    }
    claimed = others + bytes
    onChange(claimed)
  }

  return {
    open() {
      let own = 0
      let released = false
      return {
        resize(bytes) {
          if (released) return
          take(bytes, claimed - own)
          own = bytes
        },
        release() {
          released = true
          claimed -= own
          own = 0
          onChange(claimed)
        },
      }
    },
  }
}
