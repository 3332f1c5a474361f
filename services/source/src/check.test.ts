import { readdir } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { type TemporaryFolder, temporaryFolder } from "@flatbed/testing"
import { afterEach, beforeEach, expect, it } from "vitest"
import { checkCommand } from "./check.ts"
import { runCommand } from "./command.test-kit.ts"
import type { DatasetReport } from "./dataset-report.ts"

type Printed = { settings: string; datasets: DatasetReport[] }

let folder: TemporaryFolder

beforeEach(async () => {
  folder = await temporaryFolder()
})

afterEach(() => folder.remove())

/** Checks the datasets named, over files and the datasets' part of source.yaml. */
async function check(
  files: Readonly<Record<string, string | Buffer>>,
  datasets: Readonly<Record<string, unknown>>,
  named: string[] = [],
) {
  for (const [name, content] of Object.entries(files)) await folder.write(name, content)
  const configFile = await folder.write("source.yaml", JSON.stringify({ settle: "0ms", datasets }))
  return runCommand<Printed>(checkCommand, { args: { dataset: named }, configFile })
}

it("tells of a file that can be served whole how it is read and why each column has its type", async () => {
  const csv = "id;zip;note;n\n1;02134;;7\n2;12345;x;8\n"
  const types = { n: "bigint" }
  const { code, value, text } = await check(
    { "t.csv": csv },
    { t: { files: "t.csv", dialect: { delimiter: ";" }, columns: { types } } },
  )
  expect(code).toBe(0)
  const [report] = value.datasets
  expect(report).toMatchObject({
    dataset: "t",
    file: "t.csv",
    state: "ok",
    reader: "bytes",
    dialect: { delimiter: ";", quote_char: '"', header: true, ragged: "reject" },
    bytes: csv.length,
    rows: 2,
    rejects: 0,
    chunks: 1,
    first_rejects: [],
    columns: [
      { name: "id", type: "integer", declared: null, found: "integer" },
      { name: "zip", type: "text", declared: null, found: "text", evidence: { nulls: 0 } },
      { name: "note", type: "text", evidence: { nulls: 1 } },
      { name: "n", type: "bigint", declared: "bigint", found: "integer" },
    ],
  })
  expect(text).toContain("settings: ok, 1 dataset")
  expect(text).toContain("t: ok")
  expect(text).toContain('delimiter ";"')
  expect(text).toMatch(/zip +— +text +0 +"02134" in row 1, line 2, is no integer/)
  expect(text).toMatch(/n +bigint +integer +0 +every value is integer/)
})

it("says how the file is written, and what it has to change so that records are rows", async () => {
  const csv = "made by hand\n#\nid\tnote\n1\n2\tx\0\n3\n'4\n"
  const written = { quote_char: "'", comment_char: "#", skip_lines: 1, ragged: "pad", nul: "strip" }
  const { code, value, text } = await check(
    { "t.tsv": csv },
    { t: { files: "t.tsv", dialect: { delimiter: "tab", ...written } } },
  )
  expect(code).toBe(6)
  const [report] = value.datasets
  expect(report).toMatchObject({
    reader: "csv-parse",
    dialect: {
      delimiter: "\t",
      double_quote: true,
      escape_char: null,
      header: true,
      fields: null,
      ...written,
    },
    rows: 4,
    rejects: 1,
    mends: { padded: { records: 2, line: 4 }, "nul-stripped": { records: 1, line: 5 } },
    first_rejects: [{ row: 4, line: 7, code: "quote-error" }],
  })
  expect(text).toContain(
    'csv-parse, delimiter "\\t", quote_char "\'", comment_char "#", skip_lines 1, ragged "pad", nul "strip"',
  )
  expect(text).toContain("mended   2 records filled up with NULL, the first on line 4")
  expect(text).toContain("mended   1 record served without NUL, the first on line 5")
})

it("says how lines with nothing on them become no records, and takes them for none then", async () => {
  const files = { "t.csv": "a,b\r\n1,2\r\n\r\n\r\n" }
  const plain = await check(files, { t: { files: "t.csv" } })
  expect(plain.code).toBe(6)
  expect(plain.text).toContain("add  dialect: { blank_lines: skip }")
  const told = await check(files, { t: { files: "t.csv", dialect: { blank_lines: "skip" } } })
  expect(told.code).toBe(0)
  expect(told.value.datasets).toMatchObject([
    { rows: 1, rejects: 0, reader: "csv-parse", dialect: { blank_lines: "skip" }, hint: null },
  ])
})

it("ends with 6 when records are set aside, and shows the first five with their places", async () => {
  const bad = "x\n".repeat(7)
  const { code, value, text } = await check({ "t.csv": `a,b\n1,2\n${bad}` }, { t: { files: "t.csv" } })
  expect(code).toBe(6)
  const [report] = value.datasets
  if (report === undefined || report.state === "refused") throw new Error("refused")
  expect(report).toMatchObject({ state: "rejects", rows: 8, rejects: 7 })
  expect(report.first_rejects.map(({ row, line, byte }) => [row, line, byte])).toEqual([
    [2, 3, 8],
    [3, 4, 10],
    [4, 5, 12],
    [5, 6, 14],
    [6, 7, 16],
  ])
  expect(text).toContain('row 2, line 3, byte 8, column "b": missing-cell: The record has 1 cell; expected 2')
  expect(text).toContain("… and 2 more")
})

it("ends with 5 when a file is refused, and tells of the others all the same", async () => {
  const { code, value, text } = await check(
    { "bad.csv": 'a"b\nx\n', "t.csv": "a,b\n1\n" },
    { bad: { files: "bad.csv" }, gone: { files: "gone.csv" }, t: { files: "t.csv" } },
  )
  expect(code).toBe(5)
  expect(value.datasets).toMatchObject([
    { dataset: "bad", state: "refused", problem: { code: "record-malformed", facts: { line: 1 } } },
    { dataset: "gone", state: "refused", problem: { code: "file-missing" } },
    { dataset: "t", state: "rejects", rejects: 1 },
  ])
  expect(text).toContain("record-malformed: The header of bad.csv is malformed")
  expect(text).toContain(`file-missing: gone.csv is not there; looked at ${join(folder.path, "gone.csv")}.`)
})

it("checks only the datasets that are named, and refuses a name that is not declared", async () => {
  const files = { "t.csv": "a\n1\n", "u.csv": "a\n1\n" }
  const datasets = { tea: { files: "t.csv" }, coffee: { files: "u.csv" } }
  const { value, text } = await check(files, datasets, ["coffee"])
  expect(value.datasets.map(({ dataset }) => dataset)).toEqual(["coffee"])
  expect(text).toContain("settings: ok, 2 datasets, 1 of them read\n")
  await expect(check(files, datasets, ["cofee"])).rejects.toMatchObject({
    code: "usage-invalid",
    exitCode: 2,
    hint: "Did you mean coffee?",
  })
})

it("says that no dataset is declared, and how one is", async () => {
  await expect(check({}, {})).rejects.toMatchObject({
    code: "settings-invalid",
    exitCode: 2,
    message: `No dataset is declared in ${join(folder.path, "source.yaml")}.`,
    hint: expect.stringContaining("flatbed-source init FOLDER"),
  })
})

it("shows each column whose name could not stay: what stood there, what it is called, and why", async () => {
  const csv = `id,,ID,a\u200bb,"x\ny"\n1,2,3,4,5\n`
  const { code, value, text } = await check({ "t.csv": csv }, { t: { files: "t.csv" } })
  expect(code).toBe(0)
  expect(text.match(/^ +header .*$/gm)).toEqual([
    '  header   column 2, "" is called "column_2": it is blank',
    '  header   column 3, "ID" is called "ID_2": column 1 is called "id", which differs in case, spaces or composition only',
    '  header   column 4, "a\\u{200b}b" is called "ab": it held U+200B, which cannot be seen',
  ])
  const [report] = value.datasets
  if (report === undefined || report.state === "refused") throw new Error("refused")
  expect(report.columns[1]?.evidence.renamed).toEqual({ column: 2, written: "", because: "it is blank" })
  expect(report.columns.map(({ name }) => name)).toEqual(["id", "column_2", "ID_2", "ab", "x\ny"])
})

it("refuses with strict: true a header whose names cannot stay, and tells of every one", async () => {
  const { code, text } = await check(
    { "t.csv": "id,,ID\n1,2,3\n" },
    { t: { files: "t.csv", dialect: { strict: true } } },
  )
  expect(code).toBe(5)
  expect(text).toContain(
    'header-invalid: Names in the header of t.csv cannot stay: column 2, "": it is blank. column 3, "ID": ',
  )
})

it("spells out what cannot be seen in the names that strict refuses", async () => {
  const { text } = await check(
    { "t.csv": "id,a\u200bb\n1,2\n" },
    { t: { files: "t.csv", dialect: { strict: true } } },
  )
  expect(text).toContain('column 2, "a\\u{200b}b": it held U+200B')
})

it("says how a column is called where the settings call it as the file does", async () => {
  const files = { "t.csv": "id,ts\n1,1540919166\n" }
  const clean = { ts: [{ epoch: "s" }] }
  const renamed = await check(files, { t: { files: "t.csv", columns: { rename: { ts: "at" }, clean } } })
  expect(renamed.code).toBe(5)
  expect(renamed.text).toContain('columns.clean names "ts", which is not served under that name.')
  expect(renamed.text).toContain('It is served as "at": name it so.')
  const dropped = await check(files, { t: { files: "t.csv", columns: { drop: ["ts"], clean } } })
  expect(dropped.text).toContain(
    "The settings leave the column out: take the name away, or serve the column.",
  )
})

it("says which setting makes text of records that are not UTF-8", async () => {
  const { code, text } = await check(
    {
      "latin.csv": Buffer.from("a,b\n1,\u00e9\n", "latin1"),
      "t.csv": "a,b\n1\n",
      "latin.json": Buffer.from('[{"a":"\u00e9"},{"a":"e"}]', "latin1"),
    },
    { latin: { files: "latin.csv" }, t: { files: "t.csv" }, json: { files: "latin.json" } },
  )
  expect(code).toBe(6)
  expect(text.match(/^ +next .*$/gm)).toEqual([
    expect.stringContaining("If latin.csv comes from Windows, add  dialect: { encoding: windows-1252 }"),
    expect.stringContaining("JSON is UTF-8, and no setting changes that."),
  ])
})

it("says of an empty document that it holds no bytes", async () => {
  const { code, text } = await check({ "empty.json": "" }, { empty: { files: "empty.json" } })
  expect(code).toBe(5)
  expect(text).toContain("empty.json holds no bytes.")
})

it.each<[string, object, string[]]>([
  [
    "a folder without a file of the format, with the endings that were looked for",
    { files: "one", format: "ndjson" },
    [
      "one is a folder without a file that ends in .ndjson, .jsonl, packed or not, as those of format ndjson do",
      'files: "one/*"',
    ],
  ],
  [
    "a folder of which the format is told by nothing",
    { files: "one" },
    [".csv, .tsv, .txt", "format csv", "csv, where nothing else is told"],
  ],
  [
    "a folder with a format that has no endings",
    { files: "one/", format: "fixed", widths: [{ name: "a", width: 1 }] },
    ["one/ is a folder, and format fixed has no endings that tell which of its files are meant", '"one/*"'],
  ],
  ["what is not there, among others", { files: ["one/a.json", "two"], format: "json" }, ["two is not there"]],
])("says what is the matter with %s", async (_what, dataset, expected) => {
  const { code, text } = await check({ "one/a.json": '[{"a":1}]' }, { t: dataset })
  expect(code).toBe(5)
  for (const words of expected) expect(text).toContain(words)
})

it("says of a packed or transcoded file what it is read as, and what says so", async () => {
  const { code, value, text } = await check(
    {
      "a.csv.gz": gzipSync(Buffer.from("id,name\n1,caf\u00e9\n", "latin1")),
      "b.csv": Buffer.from("\ufeffid\n1\n", "utf16le"),
      "c.csv": "\ufeffid\n1\n",
    },
    {
      a: { files: "a.csv.gz", dialect: { encoding: "latin1" } },
      b: { files: "b.csv" },
      c: { files: "c.csv", dialect: { encoding: "windows-1252" } },
    },
  )
  expect(code).toBe(0)
  expect(value.datasets).toMatchObject([
    { encoding: "windows-1252", encoding_by: "settings", compression: "gzip", text_bytes: 16 },
    { encoding: "utf-16le", encoding_by: "byte order mark", compression: null, text_bytes: 8, bytes: 12 },
    { encoding: "utf-8", encoding_by: "byte order mark", compression: null, text_bytes: null },
  ])
  expect(text).toContain("text     windows-1252 by settings, gzip, 16 bytes in UTF-8")
  expect(text).toContain("text     utf-8 by byte order mark\n")
})

it("leaves nothing behind, not even the text of a packed file", async () => {
  const before = (await readdir(tmpdir())).filter((name) => /^flatbed-(?!test-)/.test(name))
  await check({ "p.csv": gzipSync("a\n1\n") }, { p: { files: "p.csv" } })
  expect((await readdir(folder.path)).sort()).toEqual(["p.csv", "source.yaml"])
  const after = (await readdir(tmpdir())).filter((name) => /^flatbed-(?!test-)/.test(name))
  expect(after.filter((name) => !before.includes(name))).toEqual([])
})

it("leaves nothing behind", async () => {
  await check({ "t.csv": "a\n1\n" }, { t: { files: "t.csv" } })
  expect((await readdir(folder.path)).sort()).toEqual(["source.yaml", "t.csv"])
})

it("shows nothing of a cell that could steer a terminal", async () => {
  const { text } = await check(
    { "t.csv": "a,b\n1,2\n\u001b[2J\u009bx,\n3,4,\u001b\u009b\n" },
    { t: { files: "t.csv", columns: { types: { a: "integer" } } } },
  )
  expect(text.replaceAll("\n", "")).not.toMatch(/\p{Cc}/u)
})
