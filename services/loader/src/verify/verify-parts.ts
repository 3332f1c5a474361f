/** What is asked of the source while a table is compared with a version: digests of rows, and rows. */
import {
  addDigests,
  createRowDigester,
  digestOfRow,
  hashColumns,
  type Manifest,
  type ManifestChunk,
  noRows,
  parseDigest,
  type RowsDigest,
  requestLimits,
  subtractDigest,
} from "@flatbed/contract"
import { type AskParts, askForChunks, askForDigests } from "../fetch/ask-source.ts"
import type { Database } from "../postgres/database.ts"
import { planGroups } from "../staging/chunk-groups.ts"
import type { ComparedColumn } from "./canonical-columns.ts"

export type VerifyParts = AskParts & { readonly database: Database }

/** A version as the table is compared with it. */
export type ComparedVersion = {
  readonly manifest: Manifest
  readonly columns: readonly ComparedColumn[]
  /** Rows that the loader set aside, so that the table does not have them. */
  readonly refused: ReadonlySet<number>
}

/** The digests of these chunks' rows by the chunks' numbers, less the rows that were refused. */
export async function digestChunks(
  version: ComparedVersion,
  chunks: readonly ManifestChunk[],
  parts: AskParts,
): Promise<Map<number, RowsDigest>> {
  const { manifest } = version
  const query = takenAs("text", version, "text") + takenAs("without", version, "left-out")
  const found = new Map<number, RowsDigest>()
  for (const group of planGroups(chunks, requestLimits.digestBytes)) {
    for (const { chunk, rows, digest } of await askForDigests(manifest, group, query, parts))
      found.set(chunk, parseDigest(rows, digest))
  }
  for (const chunk of chunks.filter((one) => hasRefused(version, one))) {
    const all = found.get(chunk.chunk)
    const { refused } = await readRows(version, chunk, parts)
    if (all !== undefined) found.set(chunk.chunk, subtractDigest(all, refused))
  }
  return found
}

/** The columns that the source would take for something else than they are compared as. */
function takenAs(name: string, { manifest, columns }: ComparedVersion, type: ComparedColumn["type"]): string {
  const places = columns.flatMap((column, i) =>
    column.type === type && manifest.columns[i]?.type !== type ? [i + 1] : [],
  )
  return places.length === 0 ? "" : `&${name}=${places.join(",")}`
}

function hasRefused({ refused }: ComparedVersion, { first_row: first, rows }: ManifestChunk): boolean {
  for (const row of refused) if (row >= first && row < first + rows) return true
  return false
}

export type ReadRows = {
  /** Row lines as the source serves them, one per record. */
  readonly lines: Buffer
  /** Numbers and digests of the rows that the table is to have, in their order. */
  readonly rows: readonly { readonly row: number; readonly digest: Buffer }[]
  /** Of those that were refused. */
  readonly refused: RowsDigest
}

/** The rows of one chunk with their digests, hashed here. */
export async function readRows(
  { manifest, columns, refused }: ComparedVersion,
  chunk: ManifestChunk,
  parts: AskParts,
): Promise<ReadRows> {
  const { dataset, version } = manifest
  const columnsSha256 = hashColumns(manifest.columns)
  const lines = await askForChunks({ dataset, version, columnsSha256, chunks: [chunk] }, parts)
  const rows: { row: number; digest: Buffer }[] = []
  let left = noRows
  createRowDigester(columns.map(({ type }) => type)).digest(lines, (index, digest) => {
    const row = chunk.first_row + index
    if (refused.has(row)) left = addDigests(left, digestOfRow(digest))
    else rows.push({ row, digest })
  })
  return { lines, rows, refused: left }
}

/** The line of one row of the chunk, without its end. */
export function lineOfRow(lines: Buffer, chunk: ManifestChunk, row: number): string {
  let from = 0
  for (let at = chunk.first_row; at < row; at++) from = lines.indexOf("\n", from) + 1
  return lines.toString("utf8", from, lines.indexOf("\n", from))
}

/** The chunk that has this row; undefined when the version has no such row. */
export function chunkWithRow({ chunks }: Manifest, row: number): ManifestChunk | undefined {
  return chunks.find(({ first_row: first, rows }) => row >= first && row < first + rows)
}
