// If this fails, a cell of a fixed-width text loses characters, or takes some of its neighbour's.
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { temporaryFolder } from "@flatbed/testing"
import { afterEach, beforeEach, expect, test } from "vitest"
import { reportDataset } from "../dataset-report.ts"
import { formatReport } from "../report-text.ts"
import { readSourceSettings } from "../settings.ts"

let folder: Awaited<ReturnType<typeof temporaryFolder>>

beforeEach(async () => {
  folder = await temporaryFolder()
})

afterEach(async () => {
  await folder.remove()
})

const widths = "widths: [{ name: id, width: 4 }, { name: name, width: 6 }, { name: amount, width: 8 }]"

/** What `check` finds in the file. */
async function check(content: string | Buffer, settings = widths) {
  await folder.write("f.txt", content)
  const yaml = `settle: 0ms\ndatasets:\n  d: { files: f.txt, format: fixed, ${settings} }\n`
  const file = await folder.write("source.yaml", yaml)
  const { settings: read } = await readSourceSettings({ file, env: {} })
  const report = await reportDataset(read, "d", new AbortController().signal)
  if (report.state === "refused") throw new Error(`refused: ${report.problem.detail}`, { cause: report })
  const columns = report.columns.map(({ name, type, evidence }) => `${name} ${type} ${evidence.nulls}`)
  const rejects = report.first_rejects.map(({ row, line, code, value }) => [row, line, code, value])
  return { rows: report.rows, columns, rejects, text: formatReport(report) }
}

test("padding is no part of a cell, on either side, and a blank cell is NULL", async () => {
  const found = await check("0001Ada     12.50\n0002          7.00\n   3Zoë   -100.25\n")
  expect(found).toMatchObject({
    rows: 3,
    columns: ["id text 0", "name text 1", "amount numeric 0"],
    rejects: [],
  })
  expect(found.text).toContain("fixed, widths id 4, name 6, amount 8")
})

test("widths count characters, not bytes", async () => {
  const { columns, rejects } = await check(
    "0001ŌeŌeŌe😀😀😀😀😀😀😀😀\n",
    `${widths}, columns: { types: { amount: text } }`,
  )
  expect(rejects).toEqual([])
  expect(columns).toEqual(["id text 0", "name text 0", "amount text 0"])
})

test.each([
  ["LF", "0001Ada     12.50\n0002Bo       1.00\n"],
  ["CRLF", "0001Ada     12.50\r\n0002Bo       1.00\r\n"],
  ["no line end at the end", "0001Ada     12.50\n0002Bo       1.00"],
  ["a byte order mark", "\ufeff0001Ada     12.50\n0002Bo       1.00\n"],
])("lines end with %s", async (_, content) => {
  expect(await check(content)).toMatchObject({
    rows: 2,
    columns: ["id text 0", "name text 0", "amount numeric 0"],
  })
})

test("lines whose blanks at the end were cut off have NULL there; empty and overlong ones are set aside", async () => {
  const found = await check("0001Ada\n\n0002Bo       1.00   \n0003Cy       1.00 x\n0004\n")
  expect(found).toMatchObject({
    rows: 5,
    columns: ["id text 0", "name text 1", "amount numeric 2"],
    rejects: [
      [2, 2, "missing-cell", null],
      [4, 4, "extra-cell", "x"],
    ],
  })
})

test("lines to skip, another encoding and words for NULL are said as for CSV", async () => {
  const latin = Buffer.from("Report\r\nof 2024\r\n0001Zo\xeb        NA\r\n", "latin1")
  const found = await check(
    latin,
    `${widths}, dialect: { skip_lines: 2, encoding: windows-1252, null_values: ["", NA] }`,
  )
  expect(found).toMatchObject({
    rows: 1,
    columns: ["id text 0", "name text 0", "amount text 1"],
    rejects: [],
  })
  expect(found.text).toContain("windows-1252 by settings")
  expect(await readFile(join(folder.path, "f.txt"))).toEqual(latin)
})

test.each([
  ["no widths", "columns: {}", "datasets.d.widths is missing; format fixed needs it"],
  [
    "a delimiter",
    `${widths}, dialect: { delimiter: ";" }`,
    "datasets.d.dialect.delimiter says nothing to fixed",
  ],
  ["a width of nothing", "widths: [{ name: id, width: 0 }]", "datasets.d.widths"],
  ["widths of a CSV", `format: csv, ${widths}`, "datasets.d.widths says nothing to csv"],
])("settings with %s are refused", async (_, settings, expected) => {
  const written = settings.startsWith("format") ? settings : `format: fixed, ${settings}`
  const file = await folder.write("source.yaml", `datasets:\n  d: { files: f.txt, ${written} }\n`)
  await expect(readSourceSettings({ file, env: {} })).rejects.toThrow(expected)
})

test("a file that ends within the lines to skip is refused", async () => {
  await expect(check("one line\n", `${widths}, dialect: { skip_lines: 3 }`)).rejects.toThrow("3 of them")
})
