/** Row lines of a chunk become COPY's text format. Pure; the hot path of a load. */
import { Problem } from "@flatbed/contract"

// Postgres manual, COPY, "Text Format": a backslash begins an escape, tab and newline end cells and rows. An
// escaped backslash also keeps the texts \N (NULL) and \. (end of data) from being read as such.
const escapes: Readonly<Record<string, string>> = {
  "\\": "\\\\",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
}
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that COPY's text format escapes.
const special = /[\\\x08-\x0d]/
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above.
const specials = /[\\\x08-\x0d]/g

// With the u flag, halves that make a pair are one character; only a single one has this property.
const loneSurrogate = /\p{Surrogate}/u

/**
 * `lines` are NDJSON, each an array of `columns` cells, text or null, and ended by a newline. Returns one COPY
 * line per row, in order. `firstRow` counts from 1 and names rows in messages.
 *
 * @throws Problem `chunk-damaged` when a line is anything else; `data-refused` for text that Postgres cannot hold.
 */
export function encodeChunk(lines: Buffer, columns: number, firstRow: number): Buffer {
  const parts: string[] = []
  const text = lines.toString("utf8")
  let row = firstRow
  for (let from = 0; from < text.length; row++) {
    const to = text.indexOf("\n", from)
    parts.push(encodeRow(text.slice(from, to), columns, row))
    from = to + 1
  }
  return Buffer.from(parts.join(""), "utf8")
}

function encodeRow(line: string, columns: number, row: number): string {
  let cells: unknown
  try {
    cells = JSON.parse(line)
  } catch {
    throw damaged(row, "is not JSON")
  }
  if (!Array.isArray(cells)) throw damaged(row, "is not an array of cells")
  if (cells.length !== columns)
    throw damaged(row, `has ${cells.length} cells, the version has ${columns} columns`)
  // Only an escape can bring in what UTF-8 cannot: a surrogate without its other half, or NUL.
  const escaped = line.includes("\\u")
  for (let i = 0; i < columns; i++) cells[i] = encodeCell(cells[i], escaped, row, i)
  return `${cells.join("\t")}\n`
}

function encodeCell(cell: unknown, escaped: boolean, row: number, index: number): string {
  if (cell === null) return "\\N"
  if (typeof cell !== "string")
    throw damaged(row, `has a cell that is neither text nor null: cell ${index + 1}`)
  if (escaped && (cell.includes("\0") || loneSurrogate.test(cell))) {
    throw new Problem(
      "data-refused",
      `Row ${row}, cell ${index + 1} holds a NUL or half a surrogate pair, which Postgres text cannot.`,
      {
        hint: "Mend the cell in the file.",
        facts: { row, cell: index + 1 },
      },
    )
  }
  return special.test(cell) ? cell.replace(specials, (character) => escapes[character] ?? character) : cell
}

function damaged(row: number, what: string): Problem {
  return new Problem("chunk-damaged", `Row ${row} ${what}.`, { facts: { row } })
}
