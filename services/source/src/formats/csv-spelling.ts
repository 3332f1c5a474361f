/**
 * Pure: cells to canonical CSV (RFC 4180): comma, double quotes only where they are needed, CRLF. NULL is
 * unquoted empty, '' is quoted empty, so a row of one column that is NULL is an empty line.
 */

// A mark at the beginning of a file is taken for a byte order mark unless it is quoted.
const needsQuotes = /[",\r\n]|^$|^\ufeff/

/** One record with its line end. */
export function spellCsvRecord(cells: readonly (string | null)[]): string {
  return `${cells.map(spellCell).join(",")}\r\n`
}

function spellCell(cell: string | null): string {
  if (cell === null) return ""
  return needsQuotes.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell
}
