/** Pure: how many records a preview shows. */

/** How many records are shown to who does not say. */
export const standardLimit = 20
/** More than so many are no preview. */
export const maxLimit = 1000

/** A number of records as written by a person; the standard when it is left out, undefined when it is none. */
export function parseLimit(written: unknown): number | undefined {
  if (written === undefined) return standardLimit
  const limit = typeof written === "string" && /^[1-9][0-9]{0,3}$/.test(written) ? Number(written) : 0
  return limit >= 1 && limit <= maxLimit ? limit : undefined
}
