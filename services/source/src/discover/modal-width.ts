/** Pure: how many cells the records of a sample have for the most part. */
import type { SampledRecord } from "./form.ts"

/** The commonest number of cells above one, where as many as one record in three has it; else one. */
export function modalWidth(records: readonly SampledRecord[]): number {
  const counts = new Map<number, number>()
  for (const { cells } of records) counts.set(cells.length, (counts.get(cells.length) ?? 0) + 1)
  const [width = 1, count = 0] = [...counts].filter(([one]) => one > 1).sort((a, b) => b[1] - a[1])[0] ?? []
  return count * 3 >= records.length ? width : 1
}
