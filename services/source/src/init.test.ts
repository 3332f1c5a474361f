import { readFile, symlink } from "node:fs/promises"
import { join } from "node:path"
import { type TemporaryFolder, temporaryFolder, waitFor } from "@flatbed/testing"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { runCommand } from "./command.test-kit.ts"
import { initCommand } from "./init.ts"
import { readSourceSettings } from "./settings.ts"
import { createTestLog } from "./source.test-kit.ts"
import { startSource } from "./start-source.ts"

let folder: TemporaryFolder

beforeEach(async () => {
  folder = await temporaryFolder()
})

afterEach(() => folder.remove())

type Written = {
  readonly file: string
  readonly datasets: readonly { readonly name: string; readonly file: string; readonly rows: number | null }[]
}

async function init(configFile = "source.yaml", name = "data") {
  const file = join(folder.path, configFile)
  return runCommand<Written>(initCommand, { args: { folder: join(folder.path, name) }, configFile: file })
}

describe("init", () => {
  it("writes settings that serve every CSV of the folder, as they are", async () => {
    await folder.write("data/My File (2).csv", "id,name\n1,Ann\n2,Bob\n")
    await folder.write("data/semi.CSV", "id;name\n1;Ann\n")
    await folder.write("data/empty.csv", "id\n")
    await folder.write("data/.hidden.csv", "id\n1\n")
    await folder.write("data/notes.txt", "id\n1\n")
    await folder.write("data/sub/deep.csv", "id\n1\n")
    await symlink("semi.CSV", join(folder.path, "data/link.csv"))
    const { value, code, text, notes } = await init()
    expect(code).toBe(0)
    expect(value.datasets.map(({ name, rows }) => [name, rows])).toEqual([
      ["my_file_2", 2],
      ["empty", 0],
      ["link", 1],
      ["semi", 1],
    ])
    expect(text).toContain("my_file_2: My File (2).csv, 2 rows, 2 columns")
    expect(notes.at(-1)).toContain("flatbed-source serve --config")

    const env = {
      FLATBED_SOURCE__LISTEN__PORT: "0",
      FLATBED_SOURCE__ADMIN__PORT: "0",
      FLATBED_SOURCE__SETTLE: "0ms",
    }
    const { settings } = await readSourceSettings({ file: value.file, env })
    const source = await startSource(settings, createTestLog())
    try {
      const rows = await waitFor(async () => {
        const answer = await fetch(`${source.url}/v1/datasets/semi/chunks/1`)
        return answer.status === 200 && answer.json()
      })
      expect(rows).toEqual([{ id: 1, name: "Ann" }])
    } finally {
      await source.close()
    }
  })

  it("writes a file down all the same when it cannot be served, with the reason", async () => {
    await folder.write("data/bad.csv", 'a,b\n"1,2\n')
    await folder.write("data/nothing.csv", "")
    const { text } = await init()
    expect(text).toMatch(/bad: bad\.csv cannot be served as it is: .*line 2/)
    const yaml = await readFile(join(folder.path, "source.yaml"), "utf8")
    expect(yaml).toMatch(/# It cannot be served as it is: .*bad\.csv/)
    expect(yaml).toContain("nothing.csv holds no bytes")
    expect(yaml).not.toContain(folder.path)
  })

  it("overwrites nothing", async () => {
    await folder.write("data/a.csv", "id\n1\n")
    await folder.write("source.yaml", "mine\n")
    await expect(init()).rejects.toMatchObject({ code: "file-exists", exitCode: 2 })
    expect(await readFile(join(folder.path, "source.yaml"), "utf8")).toBe("mine\n")
  })

  it.each([
    ["a folder without CSV files", "source.yaml", "data/sub", "holds no .csv file"],
    ["what is not there", "source.yaml", "none", "ENOENT"],
    ["a file", "source.yaml", "data/a.csv", "ENOTDIR"],
    ["a settings file in no folder", "none/source.yaml", "data", "ENOENT"],
  ])("refuses %s", async (_, config, name, found) => {
    await folder.write("data/a.csv", "id\n1\n")
    await folder.write("data/sub/notes.txt", "")
    await expect(init(config, name)).rejects.toMatchObject({
      code: "usage-invalid",
      message: expect.stringContaining(found),
    })
  })
})
