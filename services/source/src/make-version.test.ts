import { appendFileSync, renameSync, utimesSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { type TemporaryFolder, temporaryFolder } from "@flatbed/testing"
import { afterEach, describe, expect, it } from "vitest"
import { csvParseReader } from "./formats/csv-parse.ts"
import { createIndexFolder } from "./index-folder.ts"
import { makeVersion } from "./make-version.ts"

let folder: TemporaryFolder | undefined

afterEach(async () => {
  await folder?.remove()
})

/** Makes a version while `disturb` may touch the file: it is called at every step of every pass. */
async function make(csv: string, disturb: (path: string, pass: number) => void, settleMs = 0) {
  folder = await temporaryFolder()
  const path = await folder.write("t.csv", csv)
  let pass = 0
  const made = await makeVersion({
    dataset: "t",
    root: folder.path,
    file: "t.csv",
    shape: {
      dialect: { delimiter: ",", quote: '"' },
      columns: { drop: [], rename: {}, types: {} },
      chunk: { rows: 10 },
    },
    reader: csvParseReader,
    settleMs,
    maxRecordBytes: 1000,
    maxTextBytes: 1000,
    indexes: createIndexFolder(join(folder.path, "cache")),
    signal: AbortSignal.timeout(20_000),
    onProgress: (bytes) => {
      if (bytes === 0) pass += 1
      disturb(path, pass)
    },
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

  it("is given up after three disturbed passes", async () => {
    const writing = make("a\n1\n", (path) => appendFileSync(path, "2\n"))
    await expect(writing).rejects.toMatchObject({ code: "file-unsettled", retryable: true })
  })

  it("is waited for no longer than the settle window when the file's times lie in the future", async () => {
    const future = new Date(Date.now() + 3_600_000)
    const made = await make("a\n1\n", (path) => utimesSync(path, future, new Date(0)), 30).catch((e) => e)
    expect(made).toMatchObject({ code: "file-unsettled" })
    const settled = await make("a\n1\n", () => {}, 30)
    expect(settled.rows).toBe(1)
  })
})
