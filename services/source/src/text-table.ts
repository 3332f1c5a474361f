/** Pure: a table for people, on a terminal or in a file. */

const gap = "  "
const maxCellCharacters = 40

type TableOptions = { readonly width?: number | undefined; readonly padLast?: boolean }

/**
 * Aligned lines; cells of more than 40 characters are cut, and what would move the cursor is shown as the letter
 * that stands for it. With a `width` the columns that do not fit are left out, the first never. `padLast`: something
 * follows each line.
 */
export function textTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  { width = Number.POSITIVE_INFINITY, padLast = false }: TableOptions = {},
): { readonly lines: readonly string[]; readonly shownColumns: number } {
  const cells = [head, ...rows].map((row) => row.map(showInLine))
  const widths = head.map((_, i) => Math.max(...cells.map((row) => lengthOf(row[i] ?? ""))))
  const shownColumns = countFitting(widths, width)
  const lines = cells.map((row) =>
    row
      .slice(0, shownColumns)
      .map((cell, i) => cell + " ".repeat(Math.max(0, (widths[i] ?? 0) - lengthOf(cell))))
      .join(gap),
  )
  return { lines: padLast ? lines : lines.map((line) => line.trimEnd()), shownColumns }
}

/** The text on one line, cut after 40 characters; control characters could do anything to a terminal. */
export function showInLine(text: string): string {
  const characters = [...text]
  const cut = characters.length > maxCellCharacters
  const kept = cut ? [...characters.slice(0, maxCellCharacters - 1), "…"] : characters
  return kept.join("").replace(/\p{Cc}/gu, showControl)
}

// Unicode has a picture for each of the first 32 and for DEL; C1 controls get one for all.
function showControl(character: string): string {
  const code = character.codePointAt(0) ?? 0
  if (code < 0x20) return String.fromCodePoint(0x2400 + code)
  return code === 0x7f ? "\u2421" : "\ufffd"
}

function countFitting(widths: readonly number[], width: number): number {
  let used = 0
  for (const [i, one] of widths.entries()) {
    used += one + (i === 0 ? 0 : gap.length)
    if (used > width) return Math.max(1, i)
  }
  return widths.length
}

const lengthOf = (text: string) => [...text].length
