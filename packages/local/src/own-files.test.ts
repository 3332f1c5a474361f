import { symlink } from "node:fs/promises"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { temporaryFolder } from "@flatbed/testing"
import { expect, it, onTestFinished } from "vitest"
import { findOwnFiles } from "./own-files.ts"

const signal = () => AbortSignal.timeout(10_000)

async function setup() {
  const folder = await temporaryFolder()
  onTestFinished(folder.remove)
  return folder
}

it("finds files relative to where the command was typed, each once, with how it is to be read", async () => {
  const folder = await setup()
  const plain = await folder.write("a.csv", "id,name\n1,x\n")
  const german = await folder.write("below/b.csv", 'id;"name, first"\n1;x\n')
  await symlink(plain, join(folder.path, "link.csv"))
  expect(
    await findOwnFiles(["a.csv", "below/b.csv", plain, "link.csv"], folder.path, signal()),
  ).toMatchObject([
    { path: plain, dialect: {} },
    { path: german, dialect: { delimiter: ";" } },
  ])
})

it("finds how a file is to be read that is packed or in UTF-16", async () => {
  const folder = await setup()
  const packed = await folder.write("a.csv.gz", gzipSync("id;name\n1;x\n"))
  const wide = await folder.write("b.csv", Buffer.from("\ufeffid\tname\n1\tx\n", "utf16le"))
  expect(await findOwnFiles(["a.csv.gz", "b.csv"], folder.path, signal())).toMatchObject([
    { path: packed, dialect: { delimiter: ";" } },
    { path: wide, dialect: { delimiter: "tab" } },
  ])
})

it("tells everything that is wrong with the files at once, and what to do", async () => {
  const folder = await setup()
  await folder.write("good.csv", "id\n1\n")
  await folder.write("empty.csv", "")
  await folder.write("sheet.csv", Buffer.from("504b030414000600", "hex"))
  await folder.write("cut.csv.gz", gzipSync("id\n1\n").subarray(0, 20))
  await folder.write("rows.json", "[]")
  await folder.write("nul.csv", "i\0d\n1\n")
  await folder.write(".hidden.csv", "id\n1\n")
  const names = [
    "good.csv",
    "missing.csv",
    ".",
    "empty.csv",
    "sheet.csv",
    "cut.csv.gz",
    "rows.json",
    "nul.csv",
    ".hidden.csv",
  ]
  const wrong = await findOwnFiles(names, folder.path, signal()).catch((error: Error) => error)
  expect(wrong).toMatchObject({ code: "usage-invalid", hint: expect.stringContaining("npm start -- ") })
  expect((wrong as Error).message.split("\n  ")).toEqual([
    `missing.csv is not there (looked for ${folder.path}/missing.csv).`,
    `. is a folder; expected the files in it, as in ./*.csv.`,
    "empty.csv is empty; expected at least a header line.",
    "sheet.csv is no CSV but a ZIP archive, as .xlsx and .ods files are; save the sheet as CSV.",
    "cut.csv.gz cannot be unpacked from byte 20 on (gzip): the file ends inside a member's checksum.",
    "rows.json cannot be served: rows.json holds no record, and JSON names its columns nowhere else. Write a record with its keys into it; null is enough for a value. Until then a version before stays served, and tables keep its rows.",
    expect.stringMatching(
      /^nul\.csv cannot be served: The header of nul\.csv holds a NUL at byte 1, on line 1\. /,
    ),
    ".hidden.csv has a name that begins with a dot; rename it.",
  ])
})
