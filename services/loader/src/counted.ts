/** Numbers in sentences. Pure. */

/** A number of things: `1 row`, `3,333 rows`. */
export function counted(number: number, word: string): string {
  return `${count(number)} ${word}${number === 1 ? "" : "s"}`
}

/** A whole number with commas between thousands. */
export function count(number: number): string {
  // Not toLocaleString: its first call reads the locale data, ten milliseconds and more at the end of every load.
  return String(Math.round(number)).replace(/\B(?=(\d{3})+$)/g, ",")
}
