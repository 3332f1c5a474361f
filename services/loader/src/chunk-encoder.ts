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
    if (to < 0) throw damaged(row, "is cut off")
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
  // In JSON every control character and backslash is an escape, and only an escape can bring in what UTF-8 cannot.
  // So cells of a line without a backslash need none: most lines of most files.
  const escaped = line.includes("\\")
  for (let i = 0; i < columns; i++) {
    const cell = cells[i]
    if (cell === null) cells[i] = "\\N"
    else if (typeof cell !== "string")
      throw damaged(row, `has a cell that is neither text nor null: cell ${i + 1}`)
    else if (escaped) cells[i] = encodeCell(cell, row, i)
  }
  return `${cells.join("\t")}\n`
}

function encodeCell(cell: string, row: number, index: number): string {
  if (cell.includes("\0") || loneSurrogate.test(cell)) {
    const detail = `Row ${row}, cell ${index + 1} holds a NUL or half a surrogate pair, which Postgres text cannot.`
    throw new Problem("data-refused", detail, {
      hint: "Mend the cell in the file.",
      facts: { row, cell: index + 1 },
    })
  }
  return cell.replace(specials, (character) => escapes[character] ?? character)
}

function damaged(row: number, what: string): Problem {
  return new Problem("chunk-damaged", `Row ${row} ${what}.`, { facts: { row } })
}
