/** Pure: `1 row`, `2 rows`. */

/** The count with its noun, in the singular or with an s. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`
}
