/** Pure: which file each row of a group of chunks is from, as COPY gets it. */

import { toStorable } from "../rejects/refusal.ts"
import { escapeCell } from "./chunk-encoder.ts"
import { type ChunkGroup, chunkOfRow } from "./chunk-groups.ts"
import type { FileCells } from "./copy-lines.ts"

/** The cells for rows of these chunks; fastest when they are asked for in rising order. */
export function fileCells(chunks: ChunkGroup): FileCells {
  // A name may hold what Postgres text cannot: a POSIX file name is bytes.
  const cells = new Map(
    chunks.map(({ file }) => [file, Buffer.from(`${escapeCell(toStorable(file))}\t`)] as const),
  )
  let chunk = chunks[0]
  return {
    longest: Math.max(...[...cells.values()].map(({ length }) => length)),
    of: (row) => {
      if (row < chunk.first_row || row >= chunk.first_row + chunk.rows) chunk = chunkOfRow(chunks, row)
      const cell = cells.get(chunk.file)
      if (cell === undefined) throw new Error(`no chunk of the group has row ${row}`)
      return cell
    },
  }
}
