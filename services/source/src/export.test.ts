// If this file fails, who exports gets other rows than a loader would, half of them, or loses a file of their own.
import { createHash } from "node:crypto"
import { readdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { type TemporaryFolder, temporaryFolder } from "@flatbed/testing"
import { afterEach, beforeEach, expect, it } from "vitest"
import { runCommand } from "./command.test-kit.ts"
import { exportCommand } from "./export.ts"

let folder: TemporaryFolder

beforeEach(async () => {
  folder = await temporaryFolder()
})

afterEach(() => folder.remove())

type Result = {
  readonly file: string
  readonly bytes: number
  readonly sha256: string
  readonly rows: number
  readonly rejects: number
  readonly filtered: number
}

async function exportTo(out: string, content: string, dataset: object = {}, signal?: AbortSignal) {
  await folder.write("t.csv", content)
  const configFile = await folder.write(
    "source.yaml",
    JSON.stringify({
      settle: "0ms",
      datasets: { t: { files: "t.csv", chunk: { rows: 2 }, ...dataset } },
    }),
  )
  return await runCommand<Result>(exportCommand, {
    args: { dataset: "t", folder: join(folder.path, out) },
    configFile,
    ...(signal === undefined ? {} : { signal }),
  })
}

const csv = [
  "id;note;price",
  "1;plain;1.50",
  "2;'two\nlines; and a ''quote''';-0",
  "3",
  "4;;2",
  "5;'';3",
  "6;'=SUM(A1)';4",
  "",
].join("\n")
const dialect = { delimiter: ";", quote_char: "'" }

it("writes the served rows as canonical CSV, as written and without rejects, and says what is missing with 6", async () => {
  const columns = { rename: { note: "Anmerkung" }, types: { id: "integer" } }
  const { code, value, text, notes } = await exportTo("new/folder", csv, { dialect, columns })
  const file = join(folder.path, "new/folder", "t.csv")
  const content = await readFile(file, "utf8")
  expect(content.split("\r\n")).toEqual([
    "id,Anmerkung,price",
    "1,plain,1.50",
    "2,\"two\nlines; and a 'quote'\",-0",
    "4,,2",
    '5,"",3',
    "6,=SUM(A1),4",
    "",
  ])
  expect(text).toBe(file)
  expect(code).toBe(6)
  expect(value).toMatchObject({
    file,
    rows: 5,
    rejects: 1,
    bytes: Buffer.byteLength(content),
    sha256: createHash("sha256").update(content).digest("hex"),
  })
  expect(notes.join("\n")).toContain("1 record set aside and not in the file; see: ")
})

it("writes what is left of the rows, cleaned, and counts what the filter leaves out", async () => {
  const columns = { clean: { note: ["trim", { case: "upper" }] }, types: { id: "integer" } }
  const { code, value } = await exportTo("out", "id,note\n1, a \n2,b\n30,c\n", {
    columns,
    filter: { id: { lt: 10 } },
  })
  expect(await readFile(join(folder.path, "out", "t.csv"), "utf8")).toBe("id,note\r\n1,A\r\n2,B\r\n")
  expect([code, value]).toMatchObject([0, { rows: 2, rejects: 0, filtered: 1 }])
})

it("writes the header alone when there are no rows", async () => {
  const { code, value } = await exportTo("out", "id,note\n")
  expect([code, value.rows]).toEqual([0, 0])
  expect(await readFile(join(folder.path, "out", "t.csv"), "utf8")).toBe("id,note\r\n")
})

it("does not overwrite", async () => {
  await folder.write("out/t.csv", "mine")
  await expect(exportTo("out", "id\n1\n")).rejects.toMatchObject({ code: "file-exists", exitCode: 2 })
  expect(await readFile(join(folder.path, "out", "t.csv"), "utf8")).toBe("mine")
})

it("leaves no file behind when the dataset is refused or the command is stopped", async () => {
  await expect(exportTo("out", "")).rejects.toMatchObject({ code: "file-empty" })
  const stopped = AbortSignal.abort(new DOMException("stopped", "AbortError"))
  await expect(exportTo("out", "id\n1\n", {}, stopped)).rejects.toThrow("stopped")
  expect(await readdir(join(folder.path, "out"))).toEqual([])
})

it("refuses a place that is no folder, and a dataset that is not declared", async () => {
  await writeFile(join(folder.path, "taken"), "")
  await expect(exportTo("taken", "id\n1\n")).rejects.toMatchObject({ code: "usage-invalid" })
  const configFile = await folder.write("other.yaml", JSON.stringify({ datasets: { t: { files: "t.csv" } } }))
  const args = { dataset: "tt", folder: join(folder.path, "out") }
  await expect(runCommand(exportCommand, { args, configFile })).rejects.toThrow('no dataset "tt"')
})
