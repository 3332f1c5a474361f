/** Pure: what several measurements of one thing come to. */

export type Spread = { readonly min: number; readonly median: number; readonly max: number }

/** Smallest, middle and largest value; the middle of an even count is the mean of its two middle values. */
export function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0) throw new RangeError("There is no spread of nothing.")
  const sorted = [...values].sort((a, b) => a - b)
  const at = (i: number) => sorted[i] as number
  const half = sorted.length / 2
  return {
    min: at(0),
    median: Number.isInteger(half) ? (at(half - 1) + at(half)) / 2 : at(Math.floor(half)),
    max: at(sorted.length - 1),
  }
}

export function medianOf(values: readonly number[]): number {
  return spreadOf(values).median
}
