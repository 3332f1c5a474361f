import { readdir } from "node:fs/promises"
import { join } from "node:path"
import { commandLine } from "@flatbed/edge"
import { type TemporaryFolder, temporaryFolder } from "@flatbed/testing"
import { afterEach, beforeEach, expect, it } from "vitest"
import { runCommand } from "./command.test-kit.ts"
import { previewCommand } from "./preview.ts"

const csv = 'id,name,price\n1,Ann,1.50\n2\n3,,2\n4,"",3\n5,"a\nb",4\n'
let folder: TemporaryFolder

beforeEach(async () => {
  folder = await temporaryFolder()
})

afterEach(() => folder.remove())

async function preview(options: Record<string, unknown> = {}, content = csv, columns?: number) {
  await folder.write("t.csv", content)
  const dataset = { files: "t.csv", chunk: { rows: 2 } }
  const configFile = await folder.write(
    "source.yaml",
    JSON.stringify({ settle: "0ms", datasets: { t: dataset } }),
  )
  const typed = { args: { dataset: "t" }, options, configFile, ...(columns === undefined ? {} : { columns }) }
  return runCommand(previewCommand, typed)
}

it("prints the rows as a table, NULL and '' told apart, and says what is set aside", async () => {
  const { text, notes } = await preview()
  expect(text.split("\n")).toEqual([
    "id  name  price",
    "1   Ann   1.50",
    "3   NULL  2",
    '4   ""    3',
    "5   a\u240ab   4",
  ])
  const check = commandLine("flatbed-source", "check t", join(folder.path, "source.yaml"))
  expect(notes.join("\n")).toContain(`Of these 5 records 1 is set aside; see: ${check}`)
  expect(notes.join("\n")).toContain("4 of 5 rows")
})

it("prints objects with --json, as many as asked for", async () => {
  const { value } = await preview({ rows: "3" })
  expect(value).toMatchObject({
    dataset: "t",
    records: 5,
    rejects: 1,
    columns: [
      { name: "id", type: "integer" },
      { name: "name", type: "text" },
      { name: "price", type: "numeric" },
    ],
    rows: [
      { id: 1, name: "Ann", price: 1.5 },
      { id: 3, name: null, price: 2 },
    ],
  })
})

it("leaves out the columns that the terminal is too narrow for, and names them", async () => {
  const { text, notes } = await preview({}, csv, 9)
  expect(text.split("\n")[0]).toBe("id  name")
  expect(notes[0]).toBe("Too narrow for: price")
})

it("shows a header alone", async () => {
  const { text, notes } = await preview({}, "id,name\n")
  expect(text).toBe("id  name")
  expect(notes).toEqual(["0 of 0 rows"])
})

it.each(["0", "-1", "1001", "x", "1.5", ""])("refuses --rows %j", async (rows) => {
  await expect(preview({ rows })).rejects.toMatchObject({ code: "usage-invalid", exitCode: 2 })
})

it("raises what the file is refused for", async () => {
  await expect(preview({}, "")).rejects.toMatchObject({ code: "file-empty", exitCode: 5 })
})

it("leaves nothing behind", async () => {
  await preview()
  expect((await readdir(folder.path)).sort()).toEqual(["source.yaml", "t.csv"])
})
