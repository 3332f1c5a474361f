import { symlink } from "node:fs/promises"
import { join } from "node:path"
import { temporaryFolder } from "@flatbed/testing"
import { expect, it, onTestFinished } from "vitest"
import { findOwnFiles } from "./own-files.ts"

async function setup() {
  const folder = await temporaryFolder()
  onTestFinished(folder.remove)
  return folder
}

it("finds files relative to where the command was typed, each once, with its delimiter", async () => {
  const folder = await setup()
  const plain = await folder.write("a.csv", "id,name\n1,x\n")
  const german = await folder.write("below/b.csv", 'id;"name, first"\n1;x\n')
  await symlink(plain, join(folder.path, "link.csv"))
  expect(await findOwnFiles(["a.csv", "below/b.csv", plain, "link.csv"], folder.path)).toEqual([
    { path: plain, delimiter: "," },
    { path: german, delimiter: ";" },
  ])
})

it("tells everything that is wrong with the files at once, and what to do", async () => {
  const folder = await setup()
  await folder.write("good.csv", "id\n1\n")
  await folder.write("empty.csv", "")
  await folder.write("sheet.csv", Buffer.from("504b030414000600", "hex"))
  await folder.write("utf16.csv", Buffer.from("\ufeffid\n1\n", "utf16le"))
  await folder.write("rows.json", "[]")
  await folder.write("nul.csv", "id\n1\0\n")
  await folder.write(".hidden.csv", "id\n1\n")
  const names = [
    "good.csv",
    "missing.csv",
    ".",
    "empty.csv",
    "sheet.csv",
    "utf16.csv",
    "rows.json",
    "nul.csv",
    ".hidden.csv",
  ]
  const wrong = await findOwnFiles(names, folder.path).catch((error: Error) => error)
  expect(wrong).toMatchObject({ code: "usage-invalid", hint: expect.stringContaining("npm start -- ") })
  expect((wrong as Error).message.split("\n  ")).toEqual([
    `missing.csv is not there (looked for ${folder.path}/missing.csv).`,
    `. is a folder; expected the files in it, as in ./*.csv.`,
    "empty.csv is empty; expected at least a header line.",
    "sheet.csv is no CSV but a ZIP archive, as .xlsx and .ods files are; save the sheet as CSV.",
    "utf16.csv is no CSV but text in UTF-16; save it as UTF-8.",
    "rows.json is JSON by its name; only CSV is read so far.",
    "nul.csv is no text: byte 4 is NUL; expected a CSV in UTF-8.",
    ".hidden.csv has a name that begins with a dot; rename it.",
  ])
})
