import { existsSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { expect, it } from "vitest"
import { temporaryFolder } from "./files.ts"

it("writes files below a folder of its own and removes all of it", async () => {
  const folder = await temporaryFolder()
  const file = await folder.write("a/b/c.csv", "x\n1\n")
  expect(file.startsWith(folder.path)).toBe(true)
  expect(await readFile(file, "utf8")).toBe("x\n1\n")
  await folder.remove()
  expect(existsSync(folder.path)).toBe(false)
})
