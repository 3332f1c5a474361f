/** What the cells of a version would be if they were cleaned: each is looked at, as it is served without cleaning. */
import type { ManifestChunk } from "@flatbed/contract"
import { encodeRecords } from "./chunk-body.ts"
import { createColumnCensus, createPointCensus } from "./discover/column-census.ts"
import { draftColumns } from "./discover/proposal.ts"
import type { ReadableVersion } from "./first-records.ts"
import type { CsvLayout } from "./formats/csv-dialect.ts"
import { dissectRecord } from "./formats/csv-record.ts"

/** `about` is `dialect.delimiter`, or `columns.price` for all that is said of a column. */
export type Because = { readonly about: string; readonly because: string }

/** What the cells of text columns would be if they were cleaned. */
export async function lookAtCells(version: ReadableVersion, signal: AbortSignal) {
  const { manifest, layout, firstLines } = version.index
  const columns = layout.fields.flatMap(({ name, type, index }, place) =>
    type === "text" ? [{ name, index, place, census: createColumnCensus(name) }] : [],
  )
  const numbers = layout.fields.flatMap(({ name, type }, place) =>
    type === "numeric" ? [{ place, census: createPointCensus(name) }] : [],
  )
  for (const [i, chunk] of manifest.chunks.entries()) {
    const open = [...columns, ...numbers].filter(({ census }) => !census.isOver())
    if (open.length === 0) break
    signal.throwIfAborted()
    const bytes = await version.read(chunk)
    const firstLine = firstLines[i] ?? 1
    const linesBefore = countLinesBefore(version, chunk, bytes)
    let row = chunk.first_row
    let line = firstLine
    for (const { cells, lines } of readCells(version, chunk, bytes)) {
      const own = linesBefore?.[row - chunk.first_row]
      if (own !== undefined) line = firstLine + own
      if (cells !== undefined)
        for (const { census, place } of open) census.add(cells[place] ?? null, row, line)
      row += 1
      line += lines
    }
  }
  const notes: string[] = []
  const because: Because[] = []
  const found = new Map<
    string,
    NonNullable<ReturnType<ReturnType<typeof createColumnCensus>["finish"]>["proposal"]>
  >()
  const quoted = new Set<string>()
  for (const { name, index, census } of columns) {
    const { proposal, note } = census.finish()
    if (note !== undefined) notes.push(note)
    if (proposal === undefined) continue
    found.set(name, proposal)
    because.push({ about: `columns.${name}`, because: proposal.because })
    for (const { word, first } of proposal.nullWords) {
      if (await isQuoted(version, first.row, index)) quoted.add(JSON.stringify([name, word]))
    }
  }
  const hasCommas = [...found.values()].some(({ spelling }) => spelling?.decimal === ",")
  if (hasCommas || (layout as CsvLayout).dialect.delimiter === ";")
    notes.push(...numbers.flatMap(({ census }) => census.finish()))
  const columnSettings = draftColumns(found, (column, word) => quoted.has(JSON.stringify([column, word])))
  return { columns: columnSettings, because, notes }
}

/** Where lines that are no records stand between them, which cells do not tell of: for each record the lines before it. */
function countLinesBefore(
  { reader, index: { layout } }: ReadableVersion,
  { rows }: ManifestChunk,
  bytes: Buffer,
): (number | undefined)[] | undefined {
  const { comment, blankLines } = (layout as CsvLayout).dialect
  if (comment === undefined && blankLines === undefined) return undefined
  const numbers = Array.from({ length: rows }, (_, i) => i + 1)
  return reader.findRecords(bytes, layout, numbers).map((found) => found?.linesBefore)
}

/** The records of a chunk: their cells, none of a reject, and how many lines they take. */
function* readCells(
  { reader, index }: ReadableVersion,
  chunk: ManifestChunk,
  bytes: Buffer,
): Generator<{ readonly cells: readonly (string | null)[] | undefined; readonly lines: number }> {
  const { body } = encodeRecords(reader, index, chunk, bytes, "ndjson")
  for (const line of body.toString().split("\n")) {
    if (line.startsWith("[")) {
      const cells = JSON.parse(line) as (string | null)[]
      yield { cells, lines: 1 + cells.reduce((sum, cell) => sum + countLineFeeds(cell ?? ""), 0) }
    } else if (line.startsWith("{")) {
      const { raw } = (JSON.parse(line) as { reject: { raw: string } }).reject
      yield { cells: undefined, lines: 1 + countLineFeeds(Buffer.from(raw, "base64").toString("latin1")) }
    }
  }
}

async function isQuoted(
  { index, reader, read }: ReadableVersion,
  row: number,
  column: number,
): Promise<boolean> {
  const { layout, manifest } = index
  const chunk = manifest.chunks.find(({ first_row: first, rows }) => row >= first && row < first + rows)
  if (chunk === undefined) return false
  const bytes = await read(chunk)
  const [place] = reader.findRecords(bytes, layout, [row - chunk.first_row + 1])
  if (place === undefined) return false
  return (
    dissectRecord(bytes.subarray(place.byteFrom, place.byteTo), (layout as CsvLayout).dialect).quoted[
      column
    ] ?? false
  )
}

function countLineFeeds(text: string): number {
  let count = 0
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) count += 1
  return count
}
