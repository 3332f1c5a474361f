// If this file fails, a file that was written slowly is never read, and its rows are missing for as long as nothing else
// happens in its folder.
import { expect, test } from "vitest"
import { awaitFiles, type ChoiceRules } from "./await-files.ts"
import { createPattern } from "./file-patterns.ts"
import { type Listing, sameListing } from "./list-files.ts"

const rules: ChoiceRules = {
  patterns: [createPattern("d/*.csv", [])],
  isFormatNamed: false,
  settleMs: 5,
  isServed: () => false,
  served: () => [],
  onWritten: () => {},
  signal: new AbortController().signal,
}

/** d/a.csv, and d/b.csv as it is after so many writes, of which the last was long ago. */
function listingAfter(writes: number): Listing {
  const identityOf = (bytes: number) => ({ dev: "1", ino: "1", bytes, mtimeNs: String(bytes), ctimeNs: "0" })
  return {
    files: [
      { file: "d/a.csv", identity: identityOf(1) },
      { file: "d/b.csv", identity: identityOf(writes) },
    ],
    beside: new Map(),
    leftOut: [],
    folders: new Map([["/d", Date.now()]]),
    belowRoot: ["d"],
  }
}

test("what a file is left out for is not taken for what was looked at: the next look finds it changed", async () => {
  let writes = 0
  const list = async () => {
    writes = Math.min(writes + 1, 4)
    return listingAfter(writes)
  }
  const chosen = await awaitFiles(list, rules)
  expect(chosen.files.map(({ file }) => file)).toEqual(["d/a.csv"])
  expect(chosen.waiting).toEqual([{ file: "d/b.csv", reason: "is being written: it keeps changing" }])
  // It is written no more, and nothing else happens.
  expect(sameListing(chosen.listing, listingAfter(writes))).toBe(false)
  const next = await awaitFiles(async () => listingAfter(writes), rules)
  expect(next.files.map(({ file }) => file)).toEqual(["d/a.csv", "d/b.csv"])
  expect(sameListing(next.listing, listingAfter(writes))).toBe(true)
})
