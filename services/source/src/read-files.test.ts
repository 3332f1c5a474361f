// If this fails, a version over many files has one that was half written, or one that was another already when the
// version was made known.
import { createHash } from "node:crypto"
import {
  appendFileSync,
  closeSync,
  linkSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs"
import { join } from "node:path"
import { type TemporaryFolder, temporaryFolder } from "@flatbed/testing"
import { afterEach, describe, expect, it } from "vitest"
import { awaitFiles } from "./await-files.ts"
import { createIndexFolder } from "./index-folder.ts"
import { createKnownFiles } from "./known-files.ts"
import { createFileList } from "./list-files.ts"
import { makeVersion } from "./make-version.ts"
import { identifyFile } from "./open-file.ts"
import { csvReading } from "./reading.test-kit.ts"

let folder: TemporaryFolder

let known: ReturnType<typeof createKnownFiles> | undefined

afterEach(async () => {
  await known?.close()
  known = undefined
  await folder.remove()
})

// Longer than the clock of a file system takes for a tick.
const settleMs = 60

/** The moment when all is settled and nothing is read yet, or when this file was read and others may be under way. */
type Moment = "chosen" | `d/${string}`

/** Makes versions over `d`, one after the other; what lies there is touched at most once in each, at its moment. */
async function setup(files: Readonly<Record<string, string>>) {
  folder = await temporaryFolder()
  for (const [file, content] of Object.entries(files)) await folder.write(file, content)
  const signal = AbortSignal.timeout(30_000)
  const reading = csvReading({ root: folder.path, files: ["d/*.csv"], settleMs })
  const all = createKnownFiles(reading, signal)
  known = all
  const proven = new Map<string, string>()

  /** Each file of the version, with the SHA-256 that it says. */
  return async (moment?: Moment, touch = () => {}): Promise<Readonly<Record<string, string>>> => {
    let isTouched = false
    const at = (now: string) => {
      if (isTouched || now !== moment) return
      isTouched = true
      touch()
    }
    const made = await makeVersion({
      ...{ dataset: "t", reading, known: all, proven, signal },
      isFormatNamed: false,
      indexes: createIndexFolder(join(folder.path, "cache")),
      inTurn: (work) => work(),
      onProgress: () => {},
      onWritten: () => {},
      onChosen: () => at("chosen"),
      onRead: ({ file }) => at(file),
      onCacheTrouble: (error) => {
        throw error
      },
    })
    await made.open.close()
    if (moment !== undefined) expect(isTouched).toBe(true)
    return Object.fromEntries(made.index.manifest.files.map(({ file, sha256 }) => [file, sha256]))
  }
}

const path = (file: string) => join(folder.path, file)
const a = "d/a.csv"

/** Over the first bytes that are there, whatever follows them. */
function writeOver(file: string, text: string): void {
  const open = openSync(path(file), "r+")
  writeSync(open, text, 0)
  closeSync(open)
}

/** What may happen to `d/a.csv`, which holds `id\n1\n`, and the files beside `d/b.csv` that there are then. */
const touches: readonly [string, () => void, Readonly<Record<string, string>>][] = [
  [
    "is written over with as many other bytes, and given its old times",
    () => {
      writeOver(a, "id\n9\n")
      utimesSync(path(a), 1_700_000_000, 1_700_000_000)
    },
    { [a]: "id\n9\n" },
  ],
  ["grows", () => appendFileSync(path(a), "3\n"), { [a]: "id\n1\n3\n" }],
  [
    "is emptied and written anew",
    () => {
      truncateSync(path(a))
      writeOver(a, "id\n7\n8\n")
    },
    { [a]: "id\n7\n8\n" },
  ],
  [
    "is written through another name of it, outside",
    () => {
      linkSync(path(a), path("aside"))
      writeOver("aside", "id\n4\n")
    },
    { [a]: "id\n4\n" },
  ],
  [
    "is replaced by another one, renamed over it",
    () => {
      writeFileSync(path("aside"), "id\n5\n")
      renameSync(path("aside"), path(a))
    },
    { [a]: "id\n5\n" },
  ],
  [
    "is replaced by a link to another one",
    () => {
      writeFileSync(path("aside"), "id\n6\n")
      rmSync(path(a))
      symlinkSync("../aside", path(a))
    },
    { [a]: "id\n6\n" },
  ],
  ["gets another name", () => renameSync(path(a), path("d/z.csv")), { "d/z.csv": "id\n1\n" }],
  ["is taken away", () => rmSync(path(a)), {}],
]

const digests = (files: Readonly<Record<string, string>>) =>
  Object.fromEntries(
    Object.entries(files).map(([file, text]) => [file, createHash("sha256").update(text).digest("hex")]),
  )

describe("no version has a file as it was before", () => {
  const before = { [a]: "id\n1\n", "d/b.csv": "id\n2\n" }

  it.each(touches)(
    "when the file %s once it was read, before the version is made",
    async (_, touch, after) => {
      const make = await setup(before)
      expect(await make(a, touch)).toEqual(digests({ ...after, "d/b.csv": "id\n2\n" }))
    },
  )

  it.each(touches)(
    "when a file known from the version before %s while a new one is read",
    async (_, touch, after) => {
      const make = await setup(before)
      expect(await make()).toEqual(digests(before))
      await folder.write("d/c.csv", "id\n3\n")
      const files = { ...after, "d/b.csv": "id\n2\n", "d/c.csv": "id\n3\n" }
      expect(await make("chosen", touch)).toEqual(digests(files))
    },
  )

  it("and none is made without one that is back, which would take its rows away for a while", async () => {
    const make = await setup(before)
    await make()
    rmSync(path(a))
    const back = () => writeFileSync(path(a), "id\n11\n")
    expect(await make("chosen", back)).toEqual(digests({ [a]: "id\n11\n", "d/b.csv": "id\n2\n" }))
  })
})

describe("a file of which one half is written is not chosen to be read", () => {
  const whole = 'id,n\n1,"a quite long cell"\n'
  it.each<[string, () => void, () => void]>([
    [
      "a new one",
      () => writeFileSync(path(a), whole.slice(0, 12)),
      () => appendFileSync(path(a), whole.slice(12)),
    ],
    ["one that is emptied first", () => truncateSync(path(a)), () => writeOver(a, whole)],
    ["one that grows", () => appendFileSync(path(a), "2,tw"), () => appendFileSync(path(a), "o\n")],
    [
      "one that is written over, as long as before",
      () => writeOver(a, "id,n\n3"),
      () => writeOver(a, 'id,n\n3,"another long cell"\n'),
    ],
    [
      "one that is written through another name of it",
      () => {
        linkSync(path(a), path("aside"))
        writeOver("aside", "id,n\n4")
      },
      () => writeOver("aside", 'id,n\n4,"another long cell"\n'),
    ],
  ])("%s", async (_, begin, end) => {
    folder = await temporaryFolder()
    await folder.write("d/b.csv", "id,n\n2,two\n")
    await folder.write(a, whole)
    begin()
    const { signal } = new AbortController()
    const request = {
      root: folder.path,
      files: ["d/*.csv"],
      endings: [".csv"],
      sidecars: [],
      settleMs,
      signal,
    }
    const { list, patterns } = createFileList(request)
    let looks = 0
    const listAndEnd = async () => {
      const listing = await list()
      looks += 1
      if (looks > 1) return listing
      // However long the look took: its half was written just now.
      const ctimeNs = String(BigInt(Date.now()) * 1_000_000n)
      const now = listing.files.map((one) => ({ ...one, identity: { ...one.identity, ctimeNs } }))
      end()
      return { ...listing, files: now }
    }
    const isServed = () => false
    const rules = {
      patterns,
      isFormatNamed: false,
      settleMs,
      signal,
      isServed,
      served: () => [],
      onWritten: () => {},
    }
    const { files } = await awaitFiles(listAndEnd, rules)
    const there = await Promise.all(
      [a, "d/b.csv"].map(async (file) => ({ file, identity: await identifyFile(folder.path, file) })),
    )
    expect(files).toEqual(there)
  })
})
