/** Pure: which character a CSV's first line is parted by. A draft for a person to see, never used for serving. */

const candidates = [",", ";", "\t", "|"] as const

/** The candidate that stands most often in the first line outside of quotes; a comma when none does. */
export function sniffDelimiter(head: string): string {
  const counts = new Map<string, number>(candidates.map((sign) => [sign, 0]))
  let quoted = false
  for (const sign of head) {
    if (sign === '"') quoted = !quoted
    else if (quoted) continue
    else if (sign === "\n" || sign === "\r") break
    else if (counts.has(sign)) counts.set(sign, (counts.get(sign) ?? 0) + 1)
  }
  return [...counts].reduce((most, one) => (one[1] > most[1] ? one : most))[0]
}
