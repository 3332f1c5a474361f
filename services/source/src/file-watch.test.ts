import { mkdir, rename, rm, symlink, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { type TemporaryFolder, temporaryFolder, waitFor } from "@flatbed/testing"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { createFileWatch, type FileWatch } from "./file-watch.ts"
import { createTestLog } from "./source.test-kit.ts"

let folder: TemporaryFolder
const watches: FileWatch[] = []

beforeEach(async () => {
  folder = await temporaryFolder()
})

afterEach(async () => {
  for (const watch of watches.splice(0)) watch.close()
  await folder.remove()
})

async function setup(...names: string[]) {
  const files = names.map((name) => join(folder.path, name))
  const heard: string[] = []
  const { log, logged } = createTestLog()
  const onChange = (file: string) => void heard.push(file.slice(folder.path.length + 1))
  const watch = createFileWatch({ files, onChange, gatherMs: 5, log })
  watches.push(watch)
  await watch.renew()
  return { watch, heard, logged }
}

describe("a watch", () => {
  it("hears of a file that is written, replaced by a rename, removed and there again", async () => {
    await folder.write("a.csv", "1")
    const { heard } = await setup("a.csv")
    const file = join(folder.path, "a.csv")
    for (const change of [
      () => writeFile(file, "2"),
      async () => {
        await writeFile(`${file}.new`, "3")
        await rename(`${file}.new`, file)
      },
      () => rm(file),
      () => writeFile(file, "4"),
    ]) {
      heard.length = 0
      await change()
      await waitFor(() => heard.includes("a.csv"))
    }
  })

  it("says nothing of the files beside it", async () => {
    await folder.write("a.csv", "1")
    const { heard } = await setup("a.csv")
    await folder.write("b.csv", "1")
    await folder.write("a.csv", "2")
    await waitFor(() => heard.length > 0)
    expect(new Set(heard)).toEqual(new Set(["a.csv"]))
  })

  it("hears of a change behind a symbolic link, and of the link", async () => {
    await folder.write("there/a.csv", "1")
    await folder.write("there/b.csv", "1")
    await mkdir(join(folder.path, "here"))
    await symlink(join(folder.path, "there/a.csv"), join(folder.path, "here/a.csv"))
    const { heard } = await setup("here/a.csv")
    await folder.write("there/a.csv", "2")
    await waitFor(() => heard.includes("here/a.csv"))
    heard.length = 0
    await symlink(join(folder.path, "there/b.csv"), join(folder.path, "here/new"))
    await rename(join(folder.path, "here/new"), join(folder.path, "here/a.csv"))
    await waitFor(() => heard.includes("here/a.csv"))
  })

  it("says once of a folder that it cannot be watched, and watches it when it can", async () => {
    const { watch, heard, logged } = await setup("later/a.csv")
    await watch.renew()
    expect(logged).toMatchObject([
      { event: "watch.failed", folder: join(folder.path, "later"), code: "ENOENT" },
    ])
    await mkdir(join(folder.path, "later"))
    await watch.renew()
    await folder.write("later/a.csv", "1")
    await waitFor(() => heard.includes("later/a.csv"))
    expect(logged).toHaveLength(1)
  })

  it("follows a folder that another one took the place of", async () => {
    await folder.write("now/a.csv", "1")
    const { watch, heard } = await setup("now/a.csv")
    await folder.write("next/a.csv", "2")
    await rename(join(folder.path, "now"), join(folder.path, "before"))
    await rename(join(folder.path, "next"), join(folder.path, "now"))
    await watch.renew()
    heard.length = 0
    await folder.write("now/a.csv", "3")
    await waitFor(() => heard.includes("now/a.csv"))
  })

  it("watches a thousand folders, and says once that there are more", async () => {
    const folders = Array.from({ length: 1_002 }, (_, i) => join(folder.path, String(i)))
    await Promise.all(folders.map((path) => mkdir(path)))
    const heard: string[] = []
    const { log, logged } = createTestLog()
    const onChange = (path: string) => void heard.push(path.slice(folder.path.length + 1))
    let some = folders.slice(0, 1_001)
    const watch = createFileWatch({ files: [], folders: () => some, onChange, gatherMs: 5, log })
    watches.push(watch)
    expect(await watch.renew()).toHaveLength(1_000)
    await folder.write("1000/unheard.csv", "1")
    await folder.write("999/a.csv", "1")
    await waitFor(() => heard.includes("999"))
    expect(new Set(heard)).toEqual(new Set(["999"]))
    // Once there is room again, it is used.
    some = folders.slice(1)
    expect(await watch.renew()).toEqual([folders[1_000]])
    await folder.write("1000/b.csv", "1")
    await waitFor(() => heard.includes("1000"))
    expect(logged).toMatchObject([{ event: "watch.limited", folders: 1_001, limit: 1_000 }])
  })

  it("hears nothing once it is closed", async () => {
    await folder.write("a.csv", "1")
    const { watch, heard } = await setup("a.csv")
    const other = await setup("a.csv")
    watch.close()
    await folder.write("a.csv", "2")
    await waitFor(() => other.heard.length > 0)
    await watch.renew()
    expect(heard).toEqual([])
  })
})
