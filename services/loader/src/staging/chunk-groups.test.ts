// If this fails, ten thousand small files take ten thousand transactions; or chunks are loaded together that are not
// neighbours.
import { type ManifestChunk, requestLimits } from "@flatbed/contract"
import { createRandom } from "@flatbed/testing"
import { expect, test } from "vitest"
import {
  type ChunkGroup,
  chunkOfRow,
  nameGroup,
  planGroups,
  servedGroup,
  wantedLines,
} from "./chunk-groups.ts"

/** Chunks of these sizes, numbered from 1, with `rows` rows each. */
function chunksOf(sizes: readonly number[], rows = 2): ManifestChunk[] {
  let from = 0
  return sizes.map((size, i) => {
    from += size
    return {
      chunk: i + 1,
      first_row: i * rows + 1,
      rows,
      rejects: 0,
      filtered: 0,
      file: `${i}.csv`,
      byte_from: from - size,
      byte_to: from,
      sha256: "0".repeat(64),
    }
  })
}

const plan = (sizes: readonly number[], most: number, without: readonly number[] = []) =>
  planGroups(
    chunksOf(sizes).filter(({ chunk }) => !without.includes(chunk)),
    most,
  ).map((group) => group.map(({ chunk }) => chunk))

test.each<[string, number[], number, number[], number[][]]>([
  ["nothing", [], 10, [], []],
  ["what fits", [4, 4, 2], 10, [], [[1, 2, 3]]],
  ["one byte more", [4, 4, 3], 10, [], [[1, 2], [3]]],
  ["a chunk that is large alone", [2, 50, 2, 2], 10, [], [[1], [2], [3, 4]]],
  [
    "a chunk that is there already",
    [1, 1, 1, 1, 1],
    10,
    [3],
    [
      [1, 2],
      [4, 5],
    ],
  ],
  ["each by itself", [1, 1, 1], 0, [], [[1], [2], [3]]],
  ["chunks of no bytes, each by itself all the same", [0, 3, 3], 0, [], [[1], [2], [3]]],
])("%s", (_name, sizes, most, without, groups) => {
  expect(plan(sizes, most, without)).toEqual(groups)
})

test("a group has no more chunks than a source answers at once", () => {
  const { chunks } = requestLimits
  const lengths = plan(Array(2 * chunks + 1).fill(1), 2 ** 20).map(({ length }) => length)
  expect(lengths).toEqual([chunks, chunks, 1])
})

test("whatever the sizes, every chunk is in one group, in order, and no group could take the next", () => {
  const random = createRandom(20261121)
  for (let round = 0; round < 300; round++) {
    const sizes = Array.from({ length: random.between(0, 60) }, () => random.between(0, 40))
    const groups = plan(sizes, 50)
    expect(groups.flat()).toEqual(sizes.map((_, i) => i + 1))
    const bytes = groups.map((group) => group.reduce((sum, chunk) => sum + (sizes[chunk - 1] ?? 0), 0))
    for (const [i, group] of groups.entries()) {
      expect(group.length === 1 || (bytes[i] ?? 0) <= 50).toBe(true)
      const next = groups[i + 1]?.[0]
      if (next !== undefined) expect((bytes[i] ?? 0) + (sizes[next - 1] ?? 0)).toBeGreaterThan(50)
    }
  }
})

test("a row belongs to the last chunk that begins at it or before", () => {
  const [group] = planGroups(chunksOf([1, 1, 1, 1, 1], 3).slice(1), 100)
  if (group === undefined) throw new Error("no group")
  expect(Array.from({ length: 12 }, (_, i) => chunkOfRow(group, i + 4).chunk)).toEqual([
    2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5,
  ])
  expect(nameGroup(group)).toBe("chunks 2 to 5")
})

test("a chunk of which the beginning is left out begins a group, and is asked for whole", () => {
  const [first, second, third] = chunksOf([1, 1, 1], 4) as [ManifestChunk, ManifestChunk, ManifestChunk]
  const rest = { ...second, first_row: second.first_row + 2, rows: second.rows - 2, whole: second }
  const groups = planGroups([first, rest, third], 1_000_000)
  expect(groups).toEqual([[first], [rest, third]])
  const [, group] = groups as [ChunkGroup, ChunkGroup]
  expect(servedGroup(group)).toEqual([second, third])
  expect(wantedLines(Buffer.from("1\n2\n3\n4\n"), group).toString()).toBe("3\n4\n")
  expect(wantedLines(Buffer.from("1\n2\n"), groups[0] as ChunkGroup).toString()).toBe("1\n2\n")
})
