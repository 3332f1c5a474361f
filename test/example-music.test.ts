// If this fails, the files of data/music are no longer those that its README speaks of.
import { execFile } from "node:child_process"
import { readFile } from "node:fs/promises"
import { join, resolve } from "node:path"
import { promisify } from "node:util"
import { temporaryFolder } from "@flatbed/testing"
import { expect, test } from "vitest"

const data = resolve(import.meta.dirname, "../data/music")
const samples = ["songs.csv", "users.csv", ...[1, 2, 3].map((n) => `streams/streams${n}.csv`)]

test("the samples are byte for byte what the generator makes", async () => {
  const folder = await temporaryFolder()
  try {
    await promisify(execFile)(process.execPath, [join(data, "generate.mjs"), "--folder", folder.path])
    const read = (from: string, file: string) => readFile(join(from, file), "utf8")
    for (const file of [...samples, "arriving/streams4.csv"])
      expect(await read(folder.path, file), file).toBe(await read(data, file))
  } finally {
    await folder.remove()
  }
})
