import { chmod } from "node:fs/promises"
import { type TemporaryFolder, temporaryFolder } from "@flatbed/testing"
import { afterEach, describe, expect, it } from "vitest"
import { sameIdentity } from "./file-identity.ts"
import { openFile } from "./open-file.ts"

let folder: TemporaryFolder | undefined

afterEach(async () => {
  await folder?.remove()
})

describe("an open file", () => {
  it("reads at an offset what is there, and less at the end", async () => {
    folder = await temporaryFolder()
    await folder.write("a.csv", "0123456789")
    const file = await openFile(folder.path, "a.csv")
    const buffer = Buffer.alloc(4)
    expect(await file.read(buffer, 3)).toBe(4)
    expect(buffer.toString()).toBe("3456")
    expect(await file.read(buffer, 8)).toBe(2)
    await file.close()
    await file.close()
  })

  it("tells another identity after any change, also by its change time alone", async () => {
    folder = await temporaryFolder()
    const path = await folder.write("a.csv", "x")
    const file = await openFile(folder.path, "a.csv")
    expect(sameIdentity(await file.identify(), file.identity)).toBe(true)
    await chmod(path, 0o640)
    expect(sameIdentity(await file.identify(), file.identity)).toBe(false)
    await file.close()
  })

  it("is refused to whom it is forbidden", async () => {
    folder = await temporaryFolder()
    await chmod(folder.path, 0o755)
    await chmod(await folder.write("a.csv", "x"), 0o000)
    // Root may read everything, so it becomes nobody for a moment.
    const isRoot = process.geteuid?.() === 0
    if (isRoot) process.seteuid?.(65_534)
    try {
      await expect(openFile(folder.path, "a.csv")).rejects.toMatchObject({ code: "file-forbidden" })
    } finally {
      if (isRoot) process.seteuid?.(0)
    }
  })
})
