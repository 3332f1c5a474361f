// If this file fails, rows of a file that has grown are loaded twice, or not at all.
import type { Beginning, Manifest } from "@flatbed/contract"
import { expect, test } from "vitest"
import { contentOf, newPart, type PlannedFile, wholeVersion } from "./version-part.ts"

const digest = (letter: string) => letter.repeat(64)

/** Chunks as `[file, rows, rejects, filtered, byte_from, byte_to]`. */
function manifestOf(...chunks: [string, number, number, number, number, number][]): Manifest {
  let row = 1
  const listed = chunks.map(([file, rows, rejects, filtered, byte_from, byte_to], i) => {
    const chunk = { chunk: i + 1, first_row: row, rows, rejects, filtered, file, byte_from, byte_to }
    row += rows
    return { ...chunk, sha256: digest("c") }
  })
  const files = [...new Set(chunks.map(([file]) => file))].map((file, i) => ({
    file,
    bytes: listed.filter((chunk) => chunk.file === file).at(-1)?.byte_to ?? 0,
    sha256: digest(String(i)),
  }))
  const sum = (place: 1 | 2 | 3) => chunks.reduce((all, chunk) => all + chunk[place], 0)
  return {
    ...{ dataset: "d", version: digest("f"), columns: [], files, chunks: listed },
    ...{ rows: sum(1), rejects: sum(2), filtered: sum(3) },
  }
}

const none = { rows: 0, rejects: 0, filtered: 0 }
const plan = (file: string, change: Partial<PlannedFile> = {}): PlannedFile => ({
  ...{ file, content: { bytes: 1, sha256: digest("0") }, state: "new", before: none },
  ...change,
})
const beginning = (change: Partial<Beginning>): Beginning => ({
  ...{ bytes: 1, sha256: digest("b"), whole: true, ...none },
  ...change,
})
const chunksOf = ({ manifest }: ReturnType<typeof newPart>) =>
  manifest.chunks.map(({ chunk, first_row, rows, rejects, filtered }) => [
    chunk,
    first_row,
    rows,
    rejects,
    filtered,
  ])

test("of known files nothing is fetched, new ones come whole, and all keep the version's numbers", () => {
  const manifest = manifestOf(
    ["a", 10, 1, 0, 5, 100],
    ["b", 7, 0, 2, 5, 80],
    ["c", 4, 0, 0, 5, 50],
    ["d", 3, 0, 0, 5, 40],
  )
  const part = newPart(manifest, [
    plan("a", { state: "known", before: { rows: 9, rejects: 1, filtered: 0 } }),
    plan("b"),
    plan("c", { state: "twice" }),
    plan("d"),
  ])
  expect(chunksOf(part)).toEqual([
    [2, 11, 7, 0, 2],
    [4, 22, 3, 0, 0],
  ])
  expect(part.manifest).toMatchObject({ rows: 10, rejects: 0, filtered: 2 })
  expect(part.manifest.files.map(({ file, bytes }) => [file, bytes])).toEqual([
    ["b", 80],
    ["d", 40],
  ])
  expect(part.counts).toEqual({ new: 2, grown: 0, known: 2 })
  expect(part.knownRows).toBe(9)
})

test("of a file that has grown, the chunk in which the old end lies is wanted from the next row on", () => {
  const manifest = manifestOf(
    ["z", 2, 0, 0, 5, 40],
    ["a", 5, 1, 1, 5, 100],
    ["a", 6, 3, 2, 100, 200],
    ["a", 4, 1, 0, 200, 300],
  )
  const grown = (change: Partial<Beginning>) =>
    newPart(manifest, [
      plan("z", { state: "known", before: { rows: 2, rejects: 0, filtered: 0 } }),
      plan("a", {
        state: "grown",
        before: { rows: 7, rejects: 2, filtered: 2 },
        beginning: beginning(change),
      }),
    ])
  const part = grown({ bytes: 150, rows: 9, rejects: 2, filtered: 2 })
  expect(chunksOf(part)).toEqual([
    [3, 12, 2, 2, 1],
    [4, 14, 4, 1, 0],
  ])
  expect(part.manifest).toMatchObject({ rows: 6, rejects: 3, filtered: 1 })
  expect(part.manifest.files).toMatchObject([{ file: "a", bytes: 150 }])
  expect(part.knownRows).toBe(9)
  expect(chunksOf(grown({ bytes: 200, rows: 11, rejects: 4, filtered: 3 }))).toEqual([[4, 14, 4, 1, 0]])
  expect(chunksOf(grown({ bytes: 5 })).map(([chunk]) => chunk)).toEqual([2, 3, 4])
})

test("a chunk of which nothing but white space is new is not fetched, one of filtered records is", () => {
  const manifest = manifestOf(["a", 5, 0, 1, 5, 100])
  const grown = (filtered: number) =>
    newPart(manifest, [
      plan("a", { state: "grown", beginning: beginning({ bytes: 90, rows: 5, rejects: 0, filtered }) }),
    ])
  expect(chunksOf(grown(1))).toEqual([])
  expect(chunksOf(grown(0))).toEqual([[1, 6, 0, 0, 1]])
})

test("a whole version is all of it", () => {
  const manifest = manifestOf(["a", 5, 0, 1, 5, 100])
  expect(wholeVersion(manifest)).toMatchObject({ manifest, counts: undefined, knownRows: 0 })
})

test("a packed file is known by its text", () => {
  const own = { file: "a.gz", bytes: 10, sha256: digest("1"), text_bytes: 100 }
  expect(contentOf({ ...own, text_sha256: digest("2") })).toEqual({ bytes: 100, sha256: digest("2") })
  expect(contentOf(own)).toEqual({ bytes: 10, sha256: digest("1") })
})
