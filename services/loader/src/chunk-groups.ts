/** Chunks that travel and commit together. Pure. */
import { type ManifestChunk, requestLimits } from "@flatbed/contract"

/** Chunks that follow each other, as they stand in the manifest; a group of one is a chunk as it is. */
export type ChunkGroup = readonly [ManifestChunk, ...ManifestChunk[]]

/**
 * The chunks in their order, in groups of at most so many bytes of the file and as many chunks as a source answers at
 * once. Only neighbours are put together, so a chunk that is there already divides a group.
 */
export function planGroups(chunks: readonly ManifestChunk[], mostBytes: number): ChunkGroup[] {
  const groups: [ManifestChunk, ...ManifestChunk[]][] = []
  let bytes = 0
  for (const chunk of chunks) {
    const group = groups.at(-1)
    const own = chunk.byte_to - chunk.byte_from
    const isNext = group?.at(-1)?.chunk === chunk.chunk - 1
    bytes += own
    if (group !== undefined && isNext && bytes <= mostBytes && group.length < requestLimits.chunks) {
      group.push(chunk)
    } else {
      groups.push([chunk])
      bytes = own
    }
  }
  return groups
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
