/** Random choices that a seed repeats exactly. */

export type Random = {
  /** A whole number from `from` up to and including `to`. */
  between(from: number, to: number): number
  pick<T>(choices: readonly T[]): T
  /** True in `share` of all cases, 0 to 1. */
  chance(share: number): boolean
}

/** A generator from a seed (mulberry32: 32 bits of state, public domain, good enough to choose test data). */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  const between = (from: number, to: number) => from + Math.floor(next() * (to - from + 1))
  return {
    between,
    pick: (choices) => {
      const choice = choices[between(0, choices.length - 1)]
      if (choice === undefined) throw new RangeError("There is nothing to pick from.")
      return choice
    },
    chance: (share) => next() < share,
  }
}
