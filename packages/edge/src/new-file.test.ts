// If this file fails, a command overwrites a file of its user, or leaves half of one that looks whole.
import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { type TemporaryFolder, temporaryFolder } from "@flatbed/testing"
import { afterEach, beforeEach, expect, it } from "vitest"
import { createNewFile } from "./new-file.ts"

let folder: TemporaryFolder
let path: string

beforeEach(async () => {
  folder = await temporaryFolder()
  path = join(folder.path, "out.csv")
})

afterEach(() => folder.remove())

it("has its name once it is whole, and nothing else is left beside it", async () => {
  const file = await createNewFile(path)
  await file.write("a,b\r\n")
  await file.write(Buffer.from("ä,€\r\n"))
  expect(await readdir(folder.path)).not.toContain("out.csv")
  await file.keep()
  await file.close()
  expect(await readdir(folder.path)).toEqual(["out.csv"])
  expect(await readFile(path, "utf8")).toBe("a,b\r\nä,€\r\n")
})

it("leaves nothing when it is not kept", async () => {
  const file = await createNewFile(path)
  await file.write("half")
  await file.close()
  expect(await readdir(folder.path)).toEqual([])
})

it("does not touch a file that is there, nor one that comes meanwhile", async () => {
  await writeFile(path, "mine")
  await expect(createNewFile(path, "out.csv")).rejects.toMatchObject({
    code: "file-exists",
    message: "out.csv is there already and stays as it is.",
  })
  const other = join(folder.path, "other.csv")
  const file = await createNewFile(other)
  await file.write("ours")
  await writeFile(other, "mine")
  await expect(file.keep()).rejects.toMatchObject({ code: "file-exists" })
  await file.close()
  expect(await readFile(other, "utf8")).toBe("mine")
  expect((await readdir(folder.path)).sort()).toEqual(["other.csv", "out.csv"])
})

it("says which place cannot be written", async () => {
  await expect(createNewFile(join(folder.path, "none", "x.csv"), "none/x.csv")).rejects.toMatchObject({
    code: "usage-invalid",
    message: "none/x.csv cannot be written (ENOENT).",
  })
  if (process.getuid?.() === 0) return
  const closed = join(folder.path, "closed")
  await mkdir(closed)
  await chmod(closed, 0o555)
  await expect(createNewFile(join(closed, "x.csv"))).rejects.toMatchObject({ code: "usage-invalid" })
})
