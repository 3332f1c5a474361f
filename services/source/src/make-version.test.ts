import { randomBytes } from "node:crypto"
import { appendFileSync, renameSync, utimesSync, writeFileSync } from "node:fs"
import { utimes } from "node:fs/promises"
import { join } from "node:path"
import { setImmediate } from "node:timers/promises"
import { gzipSync } from "node:zlib"
import { type TemporaryFolder, temporaryFolder } from "@flatbed/testing"
import { afterEach, describe, expect, it } from "vitest"
import { createIndexFolder } from "./index-folder.ts"
import { createKnownFiles } from "./known-files.ts"
import { makeVersion } from "./make-version.ts"
import { csvReading } from "./reading.test-kit.ts"

let folder: TemporaryFolder | undefined
let written: string[] = []

afterEach(async () => {
  await folder?.remove()
  folder = undefined
  written = []
})

/** Makes a version while `disturb` may touch the file: it is called at every step of every pass. */
async function make(
  csv: string | Buffer,
  disturb: (path: string, pass: number, bytes: number, of: number) => void,
  settleMs = 0,
) {
  folder = await temporaryFolder()
  const path = await folder.write("t.csv", csv)
  let pass = 0
  const reading = csvReading({ root: folder.path, files: ["t.csv"], settleMs })
  const signal = AbortSignal.timeout(20_000)
  const made = await makeVersion({
    dataset: "t",
    reading,
    isFormatNamed: false,
    indexes: createIndexFolder(join(folder.path, "cache")),
    known: createKnownFiles(reading, signal),
    proven: new Map(),
    signal,
    inTurn: (work) => work(),
    onProgress: (bytes, of) => {
      if (bytes === 0) pass += 1
      disturb(path, pass, bytes, of)
    },
    onWritten: (files) => void written.push(...files),
    onChosen: () => {},
    onRead: () => {},
    onCacheTrouble: (error) => {
      throw error
    },
  })
  await made.open.close()
  return { ...made.index.manifest, passes: pass }
}

describe("a version", () => {
  it("is made of another pass when the file grew during one", async () => {
    const made = await make("a\n1\n", (path, pass) => {
      if (pass === 1) appendFileSync(path, "2\n")
    })
    expect(made.passes).toBe(2)
    expect(made.rows).toBeGreaterThan(1)
  })

  it("is made of the new file when one took its place during a pass", async () => {
    const made = await make("a\n1\n", (path, pass) => {
      if (pass !== 1) return
      writeFileSync(`${path}.new`, "b\n2\n3\n")
      renameSync(`${path}.new`, path)
    })
    expect(made.columns.map(({ name }) => name)).toEqual(["b"])
    expect(made.rows).toBe(2)
  })

  it("does not blame a file for what it looked like while it was written", async () => {
    const made = await make('a\n"half', (path, pass) => {
      if (pass === 1) writeFileSync(path, 'a\n"half and whole"\n')
    })
    expect(made.rows).toBe(1)
  })

  it("of a packed file is made of another pass when the file grew, and its progress counts the file's bytes", async () => {
    // Of little that repeats, so that it is read in several parts.
    const rows = Array.from({ length: 20_000 }, () => `${randomBytes(20).toString("hex")}\n`)
    const packed = gzipSync(`a\n${rows.join("")}`)
    let grown = false
    const told: [number, number][] = []
    const made = await make(packed, (path, pass, bytes, of) => {
      told.push([pass, bytes / of])
      if (!grown) appendFileSync(path, gzipSync("2\n"))
      grown = true
    })
    expect(made).toMatchObject({ passes: 2, rows: 20_001 })
    const shares = told.filter(([pass]) => pass === 2).map(([, share]) => share)
    expect(shares).toEqual([...shares].sort((a, b) => a - b))
    expect([shares[0], shares.at(-1)]).toEqual([0, 1])
    expect(shares.some((share) => share > 0.1 && share < 0.5)).toBe(true)
  })

  it("is given up after three disturbed passes", async () => {
    const writing = make("a\n1\n", (path) => appendFileSync(path, "2\n"))
    await expect(writing).rejects.toMatchObject({ code: "file-unsettled", retryable: true })
  })

  it("is given up for a file that never settles, which is named after each window", async () => {
    let writes = 0
    let isOver = false
    const making = make("a\n1\n", () => {}, 40).finally(() => {
      isOver = true
    })
    const failed = expect(making).rejects.toMatchObject({
      code: "file-unsettled",
      message: "t.csv is still being written: it changed within the settle window of 40ms.",
    })
    while (!isOver) {
      writes += 1
      if (folder !== undefined) await utimes(join(folder.path, "t.csv"), 1, writes).catch(() => {})
      await setImmediate()
    }
    await failed
    expect(new Set(written)).toEqual(new Set(["t.csv"]))
  })

  it("is waited for no longer than the settle window when the file's times lie in the future", async () => {
    const future = new Date(Date.now() + 3_600_000)
    const made = await make("a\n1\n", (path) => utimesSync(path, future, new Date(0)), 30).catch((e) => e)
    expect(made).toMatchObject({ code: "file-unsettled" })
    const settled = await make("a\n1\n", () => {}, 30)
    expect(settled.rows).toBe(1)
  })
})
