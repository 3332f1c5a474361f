// If this file fails, a file is loaded twice under another name, or one that was rewritten passes for one that grew.
import { createHash } from "node:crypto"
import type { Manifest } from "@flatbed/contract"
import { expect, test } from "vitest"
import { compareFiles } from "./compare-files.ts"
import type { KnownFile } from "./ledger/file-ledger.ts"

/** A folder: what stands at each path. A record is a line. */
type Folder = Readonly<Record<string, string>>

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex")
const linesIn = (text: string) => text.split("\n").filter((line) => line !== "").length

function manifestOf(folder: Folder): Manifest {
  const files = Object.entries(folder).map(([file, text]) => ({
    file,
    bytes: text.length,
    sha256: sha256(text),
  }))
  const nothing = { columns: [], rows: 0, rejects: 0, filtered: 0, chunks: [] }
  return { dataset: "d", version: "f".repeat(64), files, ...nothing }
}

/** The folder as it was appended by run 1; `gone` are contents of before. */
const knownOf = (folder: Folder, gone: Folder = {}): KnownFile[] =>
  [
    ...Object.entries(gone).map((one) => [one, false] as const),
    ...Object.entries(folder).map((one) => [one, true] as const),
  ].map(([[file, text], isCurrent]) => ({
    file,
    content: { bytes: text.length, sha256: sha256(text) },
    counts: { rows: linesIn(text), rejects: 0, filtered: 0 },
    runId: isCurrent ? 2 : 1,
    isCurrent,
    publishedAt: new Date("2026-11-21T08:00:00Z"),
  }))

/** Each file's state, a path it was known at, and how often the source was asked. */
async function compare(known: readonly KnownFile[], folder: Folder, isHashed = false) {
  const texts = Object.values(folder)
  let asked = 0
  const planned = await compareFiles(manifestOf(folder), known, async (place, lengths) => {
    asked += 1
    const text = texts[place - 1] ?? ""
    return lengths.map((bytes) => ({
      bytes,
      sha256: isHashed ? null : sha256(text.slice(0, bytes)),
      whole: text[bytes - 1] === "\n" || text[bytes] === "\n",
      rows: linesIn(text.slice(0, bytes)),
      rejects: 0,
      filtered: 0,
    }))
  })
  return {
    asked,
    files: planned.map(({ state, from, beginning }) =>
      [
        state,
        ...(beginning === undefined ? [] : [beginning.bytes]),
        ...(from === undefined ? [] : [from]),
      ].join(" "),
    ),
  }
}

const refusal = async (known: readonly KnownFile[], folder: Folder, isHashed = false) =>
  await compare(known, folder, isHashed).then(
    () => undefined,
    (error) => error,
  )

const [one, two, three] = ["1\n2\n", "3\n", "4\n5\n6\n"] as [string, string, string]

test("nothing is asked about files that are new or known, whatever they are called", async () => {
  expect(await compare([], { a: one, b: two })).toEqual({ asked: 0, files: ["new", "new"] })
  expect(await compare(knownOf({ a: one, b: two }), { b: one, c: two, d: three })).toEqual({
    asked: 0,
    files: ["known", "known", "new"],
  })
})

test("content that stands in a version twice is loaded once", async () => {
  expect((await compare([], { a: one, b: one, c: two })).files).toEqual(["new", "twice", "new"])
  expect((await compare(knownOf({ a: one }), { a: one, b: one })).files).toEqual(["known", "twice"])
})

test("a file that has grown by whole lines begins where it ended", async () => {
  expect(await compare(knownOf({ a: one, b: two }), { a: one + two, b: two })).toEqual({
    asked: 1,
    files: ["grown 4", "known"],
  })
  // The last line had no line end, and has got it.
  expect((await compare(knownOf({ a: "1\n2" }), { a: "1\n2\n3" })).files).toEqual(["grown 3"])
})

test("the latest state of a path counts, not an older one", async () => {
  const known = knownOf({ a: one + two }, { a: one })
  expect((await compare(known, { a: one + two + three })).files).toEqual(["grown 6"])
  expect((await compare(known, { a: one })).files).toEqual(["known"])
  expect(await refusal(known, { a: one + three })).toMatchObject({ code: "file-changed" })
})

test("a path that was gone for a while is remembered, and may be that of a new file", async () => {
  expect((await compare(knownOf({ b: two }, { a: one }), { a: three, b: two })).files).toEqual([
    "new",
    "known",
  ])
  expect((await compare(knownOf({ b: two }, { a: one }), { a: "9\n", b: two })).files).toEqual([
    "new",
    "known",
  ])
  expect(await refusal(knownOf({ b: two }, { a: "1\n2" }), { a: "1\n23\n", b: two })).toMatchObject({
    code: "file-changed",
  })
  expect((await compare(knownOf({ b: two }, { a: one }), { a: one + three, b: two })).files).toEqual([
    "grown 4",
    "known",
  ])
})

test.each([
  ["shorter", "1\n", "it has 2 bytes and other content"],
  ["other content of the same length", "1\n3\n", "it has 4 bytes and other content"],
  ["longer and not the same at the beginning", "1\n3\n2\n", "it has 6 bytes and other content"],
])("a file that is %s stops the load", async (_, text, found) => {
  const problem = await refusal(knownOf({ "d/a.csv": one }), { "d/a.csv": text, "d/new.csv": two })
  expect(problem).toMatchObject({
    code: "file-changed",
    exitCode: 5,
    facts: { file: "d/a.csv", bytes: 4, run: 2 },
  })
  expect(problem.message).toBe(
    `d/a.csv does not begin with the 4 bytes that were appended from it (run 2, 2026-11-21T08:00:00.000Z): ${found}.`,
  )
  expect(problem.hint).toContain("give the new content a name of its own")
})

test("a last line that went on stops the load", async () => {
  const { message } = await refusal(knownOf({ a: "1\n2" }), { a: "1\n23\n" })
  expect(message).toContain("their last record was not ended by a line end, and now it goes on")
})

test("a file from which no record came yet may become anything: nothing of it is in the table", async () => {
  expect(await compare(knownOf({ a: "", b: two }), { a: one, b: two })).toEqual({
    asked: 0,
    files: ["new", "known"],
  })
  expect((await compare(knownOf({ a: "\n" }), { a: `\n${one}` })).files).toEqual(["grown 1"])
  expect((await compare(knownOf({ a: "\n\n\n" }), { a: one })).files).toEqual(["new"])
  expect((await compare(knownOf({ a: "\n\n" }), { a: one }, true)).files).toEqual(["new"])
  // Of files that are gone, one without records is not what another was.
  expect((await compare(knownOf({ a: "\n" }), { b: `\n${one}` })).files).toEqual(["new"])
})

test("where the source tells no digests a file that has grown stops the load", async () => {
  const { message } = await refusal(knownOf({ a: one }), { a: one + two }, true)
  expect(message).toContain("the source hashes a column of it")
})

test("a file that was renamed and has grown goes on where it ended", async () => {
  expect((await compare(knownOf({ a: one, b: two }), { b: two, c: one + three, d: three })).files).toEqual([
    "known",
    "grown 4 a",
    "new",
  ])
  expect(await refusal(knownOf({ a: "1\n2" }), { c: "1\n23\n" })).toMatchObject({ code: "file-changed" })
})

test("a copy goes its own way: it grows, is renamed and is missed like any file", async () => {
  const known = knownOf({ a: one, b: one })
  expect((await compare(known, { a: one, b: one + two })).files).toEqual(["known", "grown 4"])
  expect((await compare(known, { a: one, c: one + two })).files).toEqual(["known", "grown 4 b"])
  expect((await compare(known, { a: one, c: one })).files).toEqual(["known", "twice"])
  expect(await refusal(known, { a: one, b: two })).toMatchObject({ code: "file-changed" })
})

test("of several that are gone, the longest with which a file begins is what it was", async () => {
  const known = knownOf({ a: "1\n", b: "1\n2\n", c: "1\n3\n" })
  expect((await compare(known, { d: "1\n2\n4\n" })).files).toEqual(["grown 4 b"])
})

test("logs that are rotated are each loaded once: the old ones are known, the first is a new file", async () => {
  const known = knownOf({ log: two, "log.1": one })
  expect((await compare(known, { log: three, "log.1": two, "log.2": one })).files).toEqual([
    "new",
    "known",
    "known",
  ])
  expect((await compare(known, { log: "7\n", "log.1": two + three, "log.2": one })).files).toEqual([
    "new",
    "grown 2 log",
    "known",
  ])
})

test("a file that a source of an older kind packed, and that has grown, is not what it was", async () => {
  const manifest = manifestOf({ a: one + two })
  const packed = { ...manifest, files: manifest.files.map((file) => ({ ...file, text_bytes: 60 })) }
  const asks = compareFiles(packed, knownOf({ a: one }), async () => [
    { bytes: 4, sha256: sha256("x"), whole: true, rows: 1, rejects: 0, filtered: 0 },
  ])
  await expect(asks).rejects.toMatchObject({ code: "file-changed" })
})
