/** How many records may be set aside, or rows deleted, before a load is refused. Pure. */

/** `max_rejects` as the settings write it: a count, or a share of the version's records. */
export type RejectLimit = number | string

/** A share as `1%` or `0.25%`. */
export const sharePattern = "^(100|[0-9]{1,2})(\\.[0-9]{1,4})?%$"

/**
 * The most that may be, of so many `records` or rows. A share is rounded down: 1% of 150 allows 1.
 * Counted in whole numbers, since 0.29 * 10000 is less than 2900 as a double.
 */
export function allowedCount(limit: RejectLimit, records: number): number {
  if (typeof limit === "number") return limit
  const [whole = "", fraction = ""] = limit.slice(0, -1).split(".")
  return Number((BigInt(records) * BigInt(whole + fraction)) / 10n ** BigInt(fraction.length + 2))
}
