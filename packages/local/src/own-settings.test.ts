// If this fails, who goes on from the settings of `npm start -- a.csv` has a copy that finds no file.
import { copyFile } from "node:fs/promises"
import { join } from "node:path"
import { readSourceSettings } from "@flatbed/source"
import { temporaryFolder } from "@flatbed/testing"
import { expect, it, onTestFinished } from "vitest"
import { writeOwnSettings } from "./own-settings.ts"

it("writes source.yaml so that a copy in another folder means the same files and the same cache", async () => {
  const folder = await temporaryFolder()
  onTestFinished(folder.remove)
  const paths = [
    await folder.write("mine/a.csv", "id\n1\n"),
    await folder.write("mine/deep/b.csv", "id\n1\n"),
  ]
  const made = await writeOwnSettings(
    paths.map((path) => ({ path })),
    join(folder.path, "state", "start"),
  )
  const copy = await folder.write("elsewhere/source.yaml", "")
  await copyFile(made.source, copy)
  const { settings } = await readSourceSettings({ file: copy, env: {} })
  expect(settings).toMatchObject({
    root: join(folder.path, "mine"),
    cache: join(folder.path, "state/start/.flatbed/source"),
    datasets: { a: { files: "a.csv" }, b: { files: "deep/b.csv" } },
  })
  const { settings: original } = await readSourceSettings({ file: made.source, env: {} })
  expect(settings).toEqual(original)
})
