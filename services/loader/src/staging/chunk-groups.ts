/** Chunks that travel and commit together. Pure. */
import { type ManifestChunk, requestLimits } from "@flatbed/contract"
import type { PartialChunk } from "../version-part.ts"

/**
 * Chunks that follow each other, as they stand in the manifest; a group of one is a chunk as it is. Of the first the
 * beginning may be left out.
 */
export type ChunkGroup = readonly [PartialChunk, ...ManifestChunk[]]

/**
 * Puts chunks together in their order, in groups of at most so many bytes of the file and as many chunks as a source
 * answers at once. Only neighbours are put together, so a chunk that is there already divides a group; so does one of
 * which the beginning is left out.
 */
export function planGroups(chunks: readonly PartialChunk[], mostBytes: number): ChunkGroup[] {
  const groups: ChunkGroup[] = []
  for (let at = 0; at < chunks.length; ) {
    const first = chunks[at] as PartialChunk
    const group: [PartialChunk, ...ManifestChunk[]] = [first]
    let bytes = first.byte_to - first.byte_from
    for (at += 1; at < chunks.length && group.length < requestLimits.chunks; at += 1) {
      const chunk = chunks[at] as PartialChunk
      bytes += chunk.byte_to - chunk.byte_from
      const isNext = chunk.chunk === (chunks[at - 1]?.chunk ?? 0) + 1 && chunk.whole === undefined
      if (!isNext || bytes > mostBytes) break
      group.push(chunk)
    }
    groups.push(group)
  }
  return groups
}

/** The chunks as the source serves them. */
export function servedGroup([first, ...others]: ChunkGroup): ChunkGroup {
  return [first.whole ?? first, ...others]
}

/** Of the lines of all rows that the source serves, one per row, those that are wanted. */
export function wantedLines(lines: Buffer, [first]: ChunkGroup): Buffer {
  let from = 0
  for (let row = first.whole?.first_row ?? first.first_row; row < first.first_row; row += 1)
    from = lines.indexOf("\n", from) + 1
  return lines.subarray(from)
}

/** The chunk of the group to which a row of the version belongs. */
export function chunkOfRow(group: ChunkGroup, row: number): ManifestChunk {
  let [low, high] = [0, group.length - 1]
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((group[middle]?.first_row ?? 0) <= row) low = middle
    else high = middle - 1
  }
  return group[low] ?? group[0]
}

/** `chunk 3`, or `chunks 3 to 7`. */
export function nameGroup(group: ChunkGroup): string {
  const [{ chunk: first }] = group
  return group.length === 1 ? `chunk ${first}` : `chunks ${first} to ${lastOf(group)}`
}

/** The number of the group's last chunk. */
export function lastOf(group: ChunkGroup): number {
  return group.at(-1)?.chunk ?? group[0].chunk
}

/** The sum of one count over the group's chunks. */
export function sumOf(group: ChunkGroup, count: (chunk: ManifestChunk) => number): number {
  return group.reduce((sum, chunk) => sum + count(chunk), 0)
}

/** How many bytes of the file the group has. */
export function bytesOf(group: ChunkGroup): number {
  return sumOf(group, ({ byte_from, byte_to }) => byte_to - byte_from)
}
