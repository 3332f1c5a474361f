import { readFile, symlink } from "node:fs/promises"
import { dirname, join } from "node:path"
import { gzipSync } from "node:zlib"
import { commandLine } from "@flatbed/edge"
import { type TemporaryFolder, temporaryFolder, waitFor } from "@flatbed/testing"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { parse } from "yaml"
import { runCommand } from "./command.test-kit.ts"
import { initCommand } from "./init.ts"
import { readSourceSettings } from "./settings.ts"
import { schemaText } from "./settings-schema.ts"
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
  it("says at once what only a person can decide about a file", async () => {
    await folder.write("data/visits.csv", "id,day\n1,01/02/2024\n2,03/04/2024\n")
    const { text } = await init()
    expect(text).toMatch(
      /visits: visits\.csv, 2 rows, 2 columns\n {4}Column "day" seems to hold dates and stays text/,
    )
  })

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
    const yaml = await readFile(value.file, "utf8")
    const [, schema = ""] = /^# yaml-language-server: \$schema=(\S+)\n/.exec(yaml) ?? []
    expect(await readFile(join(dirname(value.file), schema), "utf8")).toBe(schemaText())
    expect(text).toContain("empty: empty.csv, 0 rows, 1 column\n")
    expect(notes.at(-1)).toContain(`${commandLine("flatbed-source", "serve", value.file)}\n`)

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

  it("serves packed files and UTF-16 as they are", async () => {
    await folder.write("data/a.csv.gz", gzipSync("id;name\n1;Ann\n"))
    await folder.write("data/b.tsv", Buffer.from("\ufeffid\tname\n1\tÄnn\n", "utf16le"))
    await folder.write("data/cut.csv.gz", gzipSync("id\n1\n").subarray(0, 20))
    const { value, text } = await init()
    expect(value.datasets.map(({ name, file, rows }) => [name, file, rows])).toEqual([
      ["a", "a.csv.gz", 1],
      ["b", "b.tsv", 1],
      ["cut", "cut.csv.gz", null],
    ])
    expect(text).toContain("cut.csv.gz cannot be served as it is")
    const { settings } = await readSourceSettings({ file: value.file, env: {} })
    expect(settings.datasets).toMatchObject({
      a: { dialect: { delimiter: ";" } },
      b: { dialect: { delimiter: "tab" } },
    })
  })

  it("says how many records of a file will be set aside, and why the first", async () => {
    const latin = Buffer.from("id,name\n1,caf\u00e9\n2\n3,x\n", "latin1")
    await folder.write("data/latin.csv", latin)
    const { text, value } = await init()
    const found =
      /latin: latin\.csv, 2 rows, 2 columns\n +1 record will be set aside; the first: line 3: missing-cell: /
    expect(text).toMatch(found)
    expect(value.datasets).toMatchObject([{ rows: 2, rejects: { count: 1 } }])
    const yaml = await readFile(join(folder.path, "source.yaml"), "utf8")
    expect(yaml).toMatch(/# 1 record will be set aside; the first: line 3: missing-cell: /)
    expect(yaml).toContain("    dialect: { encoding: windows-1252 }\n")
  })

  it("writes a file that cannot be served into a comment, with the reason and what to do", async () => {
    await folder.write("data/a*.csv", "id\n1\n")
    await folder.write("data/bad.csv", 'a,"b\n1,2\n')
    await folder.write("data/nothing.csv", "")
    const { text, notes } = await init()
    expect(text).toMatch(
      / {2}bad\.csv cannot be served as it is and stands in a comment: .*line 1.* Close the quote/,
    )
    const yaml = await readFile(join(folder.path, "source.yaml"), "utf8")
    expect(yaml).toMatch(/^ {2}# bad\.csv cannot be served as it is: .*bad\.csv/m)
    const { settings } = await readSourceSettings({ file: join(folder.path, "source.yaml"), env: {} })
    expect(settings.datasets).toEqual({})
    expect(notes.at(-1)).toContain("Nothing can be served yet")
    expect(yaml).toContain("nothing.csv holds no bytes")
    expect(yaml).not.toContain(folder.path)
  })

  it("overwrites nothing", async () => {
    await folder.write("data/a.csv", "id\n1\n")
    await folder.write("source.yaml", "mine\n")
    await expect(init()).rejects.toMatchObject({
      code: "file-exists",
      exitCode: 2,
      hint: expect.stringMatching(/flatbed-source init .*data --config .*new\.yaml$/),
    })
    expect(await readFile(join(folder.path, "source.yaml"), "utf8")).toBe("mine\n")
  })

  it.each([
    [
      "a folder without CSV files",
      "source.yaml",
      "data/sub",
      "holds no file whose name ends in .csv",
      "folder",
    ],
    ["a folder above them", "source.yaml", ".", "holds no file whose name ends in .csv", "data holds some"],
    ["what is not there", "source.yaml", "none", "none is not there", "Name the folder"],
    ["a file", "source.yaml", "data/a.csv", "a.csv is a file", "/data"],
    ["a settings file in no folder", "none/source.yaml", "data", "ENOENT", "--config"],
  ])("refuses %s", async (_, config, name, found, hint) => {
    await folder.write("data/a.csv", "id\n1\n")
    await folder.write("data/sub/notes.txt", "")
    await expect(init(config, name)).rejects.toMatchObject({
      code: "usage-invalid",
      message: expect.stringContaining(found),
      hint: expect.stringContaining(hint),
    })
  })

  it("declares JSON files, each with where its records are", async () => {
    await folder.write("data/a.json", '{"page":{"n":1},"rows":[{"id":1,"m":{"x":2}}]}')
    await folder.write("data/b.jsonl", '{"id":1}\n')
    await init("source.yaml", "data")
    const yaml = await readFile(join(folder.path, "source.yaml"), "utf8")
    expect(parse(yaml).datasets).toEqual({
      a: { files: "a.json", records: "/rows" },
      b: { files: "b.jsonl" },
    })
    expect(yaml).toContain("#   m_x: integer")
  })
})
