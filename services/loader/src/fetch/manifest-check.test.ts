// If this file fails, a manifest that contradicts itself decides which rows are missing.
import { makeScriptedVersion } from "@flatbed/testing"
import { expect, test } from "vitest"
import { people } from "../loader.test-kit.ts"
import { checkManifest } from "./manifest-check.ts"

const { manifest, version } = makeScriptedVersion(people(10, 3))
const asked = { dataset: "people", version }
const [first, second] = manifest.chunks as [(typeof manifest.chunks)[0], (typeof manifest.chunks)[0]]
const rest = manifest.chunks.slice(2)

test("a manifest in agreement with itself comes back as it is", () => {
  expect(checkManifest(manifest, asked)).toBe(manifest)
})

test.each([
  ["of another dataset", { dataset: "other" }, "of dataset other"],
  ["of another version", { version: "f".repeat(64) }, "of version ffff"],
  ["without columns", { columns: [] }, "no columns"],
  ["with a name twice", { columns: [...manifest.columns, ...manifest.columns] }, "one name"],
  ["with chunks out of order", { chunks: [second, first, ...rest] }, "chunk 2 stands where 1 belongs"],
  ["with a chunk left out", { chunks: [first, ...rest] }, "chunk 3 stands where 2 belongs"],
  [
    "with a gap between rows",
    { chunks: [first, { ...second, first_row: 5 }, ...rest] },
    "begins at row 5, not 4",
  ],
  ["whose total is another", { rows: 11 }, "10 rows, its total is 11"],
  [
    "with a gap between bytes",
    { chunks: [first, { ...second, byte_from: second.byte_from + 1 }, ...rest] },
    "the one before ends at",
  ],
  ["whose last chunk was taken out", withoutLast(), "its last chunk of people.csv ends at byte"],
  ["with a chunk of no file", { files: [] }, "none of its files"],
  ["with rejects that no chunk has", { rejects: 1 }, "0 rejects, its total is 1"],
])("a manifest %s is refused", (_name, change, words) => {
  expect(() => checkManifest({ ...manifest, ...change }, asked)).toThrow(
    expect.objectContaining({ code: "chunk-damaged", message: expect.stringContaining(words) }),
  )
})

/** The totals are right for what is left. */
function withoutLast() {
  const chunks = manifest.chunks.slice(0, -1)
  return { chunks, rows: chunks.reduce((sum, { rows }) => sum + rows, 0) }
}

test("a manifest with rejects comes back as it is", () => {
  const chunks = [{ ...first, rejects: 1 }, second, ...rest]
  const withReject = { ...manifest, rejects: 1, chunks }
  expect(checkManifest(withReject, asked)).toBe(withReject)
})
