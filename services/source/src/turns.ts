/** So many at once, the others in the order they came. */

export type Turns = { take<T>(work: () => Promise<T>): Promise<T> }

/** At most `limit` works run at the same time. */
export function createTurns(limit: number): Turns {
  const waiting: (() => void)[] = []
  let running = 0

  return {
    async take(work) {
      if (running >= limit) await new Promise<void>((resolve) => waiting.push(resolve))
      else running += 1
      try {
        return await work()
      } finally {
        // The turn is handed on, not given back, so that nobody can slip in between.
        const next = waiting.shift()
        if (next === undefined) running -= 1
        else next()
      }
    },
  }
}
