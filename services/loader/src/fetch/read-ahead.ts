/** Fetches ahead of those who take, never more than the limit. */

export type Ahead<Item, Result> = { readonly item: Item; readonly result: Promise<Result> }

/**
 * `nextItem` is asked for one after the other, until it has none. `take` gives them in order, each with the promise of its result, and undefined after the last. At most
 * `limit` items are fetched or being fetched that nobody has taken; with 0 each is fetched when it is taken.
 */
export function createReadAhead<Item, Result>(
  nextItem: () => Item | undefined,
  fetch: (item: Item) => Promise<Result>,
  limit: number,
): { take(): Ahead<Item, Result> | undefined } {
  const waiting: Ahead<Item, Result>[] = []
  fill()
  return {
    take() {
      const taken = waiting.shift() ?? begin()
      fill()
      return taken
    },
  }

  function fill(): void {
    while (waiting.length < limit) {
      const ahead = begin()
      if (ahead === undefined) return
      waiting.push(ahead)
    }
  }

  function begin(): Ahead<Item, Result> | undefined {
    const item = nextItem()
    if (item === undefined) return undefined
    const result = fetch(item)
    // Whoever takes it sees the failure; if nobody does, it must not count as unhandled.
    result.catch(() => undefined)
    return { item, result }
  }
}
