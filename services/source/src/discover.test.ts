import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { type TemporaryFolder, temporaryFolder } from "@flatbed/testing"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { parse } from "yaml"
import { checkCommand } from "./check.ts"
import { runCommand } from "./command.test-kit.ts"
import { discoverCommand } from "./discover.ts"
import { readSourceSettings } from "./settings.ts"

let folder: TemporaryFolder

beforeEach(async () => {
  folder = await temporaryFolder()
})

afterEach(() => folder.remove())

type Found = {
  readonly settings: object
  readonly dialect: object
  readonly columns: object
  readonly because: readonly { readonly about: string; readonly because: string }[]
  readonly notes: readonly string[]
  readonly rows: number | null
  readonly rejects: { readonly count: number } | null
  readonly found: readonly { readonly name: string; readonly type: string }[] | null
  readonly trouble: string | null
  readonly yaml: string
}

async function discover(content: string | Buffer, name = "t.csv") {
  const path = await folder.write(name, content)
  return runCommand<Found>(discoverCommand, { args: { file: path } })
}

const latin = (text: string) => Buffer.from(text, "latin1")
const wide = (text: string) => Buffer.from(text, "utf16le")

type Expected = {
  readonly dialect?: object
  readonly columns?: object
  readonly rows: number
  readonly rejects?: number
  readonly types: Readonly<Record<string, string>>
}

describe("discover proposes", () => {
  it.each<[string, string | Buffer, Expected]>([
    [
      "nothing for a plain CSV",
      "id,name\n1,Ann\n2,Bob\n",
      { rows: 2, types: { id: "integer", name: "text" } },
    ],
    [
      "a semicolon",
      "id;name\n1;Ann\n",
      { dialect: { delimiter: ";" }, rows: 1, types: { id: "integer", name: "text" } },
    ],
    [
      "a tab, by its name",
      "id\tname\n1\tAnn\n",
      { dialect: { delimiter: "tab" }, rows: 1, types: { id: "integer", name: "text" } },
    ],
    [
      "to pass over the empty lines that many tools write at the end",
      "id,name\r\n1,Ann\r\n2,Bob\r\n\r\n\r\n",
      { dialect: { blank_lines: "skip" }, rows: 2, rejects: 0, types: { id: "integer", name: "text" } },
    ],
    [
      "an apostrophe as quote",
      "id,name\n1,'Ann, B'\n2,'Bob'\n",
      { dialect: { quote_char: "'" }, rows: 2, types: { id: "integer", name: "text" } },
    ],
    [
      "no quotes",
      'id;size\n1;5"\n2;7"\n',
      { dialect: { delimiter: ";", quote_char: "" }, rows: 2, types: { id: "integer", size: "text" } },
    ],
    [
      "a backslash before quotes",
      'id,note\n1,"a \\"b\\", c"\n2,"d"\n',
      { dialect: { escape_char: "\\" }, rows: 2, types: { id: "integer", note: "text" } },
    ],
    [
      "to skip a title",
      "Report\n\nid,n\n1,2\n3,4\n",
      { dialect: { skip_lines: 2 }, rows: 2, types: { id: "integer", n: "integer" } },
    ],
    [
      "to skip a title that has a cell for each column",
      "Report;;\nid;n;m\n1;2;3\n3;4;5\n",
      {
        dialect: { delimiter: ";", skip_lines: 1 },
        rows: 2,
        types: { id: "integer", n: "integer", m: "integer" },
      },
    ],
    [
      "to skip Excel's word on the delimiter",
      "sep=;\r\nid;n\r\n1;2\r\n3;4\r\n",
      { dialect: { delimiter: ";", skip_lines: 1 }, rows: 2, types: { id: "integer", n: "integer" } },
    ],
    [
      "words for true and false",
      "id,paid,sent\n1,yes,J\n2,no,N\n3,NA,\n",
      {
        columns: {
          types: { paid: "boolean", sent: "boolean" },
          booleans: { paid: { true: ["yes"], false: ["no"] }, sent: { true: ["J"], false: ["N"] } },
          null_values: { paid: ["", "NA"] },
        },
        rows: 3,
        types: { id: "integer", paid: "boolean", sent: "boolean" },
      },
    ],
    [
      "how dates are written whose year comes first",
      "id,day\n1,2024/01/31\n2,2024/02/01\n",
      {
        columns: { types: { day: "date" }, formats: { day: "yyyy/MM/dd" } },
        rows: 2,
        types: { id: "integer", day: "date" },
      },
    ],
    [
      "comments",
      "id,n\n1,2\n# x\n3,4\n",
      { dialect: { comment_char: "#" }, rows: 2, types: { id: "integer", n: "integer" } },
    ],
    [
      "carriage returns",
      "id,n\r1,2\r3,4\r",
      { dialect: { line_terminator: "cr" }, rows: 2, types: { id: "integer", n: "integer" } },
    ],
    [
      "names where no header is",
      "1,2024-01-31,Ann\n2,2024-02-01,Bob\n",
      {
        dialect: { header: false, fields: ["column_1", "column_2", "column_3"] },
        rows: 2,
        types: { column_1: "integer", column_2: "date", column_3: "text" },
      },
    ],
    [
      "windows-1252",
      latin("id,name\n1,René\n"),
      { dialect: { encoding: "windows-1252" }, rows: 1, types: { id: "integer", name: "text" } },
    ],
    [
      "nothing for UTF-16 with a mark",
      wide("\ufeffid,name\n1,é\n"),
      { rows: 1, types: { id: "integer", name: "text" } },
    ],
    [
      "UTF-16 without a mark",
      wide("id,name\n1,é\n2,Ann\n"),
      { dialect: { encoding: "utf-16le" }, rows: 2, types: { id: "integer", name: "text" } },
    ],
    [
      "nothing for a byte order mark",
      "\ufeffid,name\n1,é\n",
      { rows: 1, types: { id: "integer", name: "text" } },
    ],
    [
      "nothing for a packed file",
      gzipSync("id,name\n1,é\n"),
      { rows: 1, types: { id: "integer", name: "text" } },
    ],
    [
      "what a packed file holds",
      gzipSync(latin("id;name\n1;é\n")),
      {
        dialect: { delimiter: ";", encoding: "windows-1252" },
        rows: 1,
        types: { id: "integer", name: "text" },
      },
    ],
    [
      "decimal commas",
      "a;b\n1,5;x\n2;y\n",
      {
        dialect: { delimiter: ";" },
        columns: { types: { a: "numeric" }, clean: { a: [{ decimal: "," }] } },
        rows: 2,
        types: { a: "numeric", b: "text" },
      },
    ],
    [
      "thousands",
      'a;b\n"1.234,50";x\n2;y\n',
      {
        dialect: { delimiter: ";" },
        columns: { types: { a: "numeric" }, clean: { a: [{ decimal: ",", group: "." }] } },
        rows: 2,
        types: { a: "numeric", b: "text" },
      },
    ],
    [
      "thousands in English",
      'a,b\n"1,234,567",x\n89,y\n',
      {
        columns: { types: { a: "integer" }, clean: { a: [{ decimal: ".", group: "," }] } },
        rows: 2,
        types: { a: "integer", b: "text" },
      },
    ],
    [
      "words for nothing",
      "a,b\n1,NA\nNA,x\n3,y\n",
      {
        columns: { types: { a: "integer" }, null_values: { a: ["", "NA"] } },
        rows: 3,
        types: { a: "integer", b: "text" },
      },
    ],
    [
      "words for nothing that are quoted",
      '"a","b"\n"1","x"\n"NA","y"\n',
      {
        columns: { types: { a: "integer" }, clean: { a: [{ null_if: ["NA"] }] } },
        rows: 2,
        types: { a: "integer", b: "text" },
      },
    ],
    [
      "to trim numbers",
      "a, b\nx, 1\ny, 2\n",
      {
        columns: { types: { " b": "integer" }, clean: { " b": ["trim"] } },
        rows: 2,
        types: { a: "text", " b": "integer" },
      },
    ],
    [
      "a format for days",
      "d,n\n31.01.2024,1\n01.02.2024,2\n",
      {
        columns: { types: { d: "date" }, formats: { d: "dd.MM.yyyy" } },
        rows: 2,
        types: { d: "date", n: "integer" },
      },
    ],
    [
      "a format for months",
      "d,n\n1/31/2024,1\n2/1/2024,2\n",
      {
        columns: { types: { d: "date" }, formats: { d: "M/d/yyyy" } },
        rows: 2,
        types: { d: "date", n: "integer" },
      },
    ],
    [
      "a format for times, and words for nothing among them",
      "d;n\n31.01.2024 10:30;1\n-;2\n01.02.2024 00:00;3\n",
      {
        dialect: { delimiter: ";" },
        columns: {
          types: { d: "timestamp" },
          formats: { d: "dd.MM.yyyy H:mm" },
          null_values: { d: ["", "-"] },
        },
        rows: 3,
        types: { d: "timestamp", n: "integer" },
      },
    ],
    [
      "no format where days are written in two ways that both are sure",
      "d,n\n31.01.2024,1\n2024-02-01,2\n",
      { columns: { types: { d: "date" } }, rows: 2, types: { d: "date", n: "integer" } },
    ],
    ["nothing about codes", "zip,n\n02134,1\n12345,2\n", { rows: 2, types: { zip: "text", n: "integer" } }],
    [
      "nothing about words that may mean something",
      "country,n\nNA,1\nCH,2\n",
      { rows: 2, types: { country: "text", n: "integer" } },
    ],
    [
      "nothing about a header alone",
      "a;b\n",
      { dialect: { delimiter: ";" }, rows: 0, types: { a: "text", b: "text" } },
    ],
    [
      "no setting for records that do not fit",
      "a,b\n1,2\n3\n4,5\n6,7\n",
      { rows: 3, rejects: 1, types: { a: "integer", b: "integer" } },
    ],
    [
      "settings for names that say something else",
      'null;"a: b";__proto__\n"1,5";x;31.12.2024\n2;y;\n',
      {
        dialect: { delimiter: ";" },
        columns: {
          types: Object.fromEntries([
            ["null", "numeric"],
            ["__proto__", "date"],
          ]),
          formats: Object.fromEntries([["__proto__", "dd.MM.yyyy"]]),
          clean: { null: [{ decimal: "," }] },
        },
        rows: 2,
        types: Object.fromEntries([
          ["null", "numeric"],
          ["a: b", "text"],
          ["__proto__", "date"],
        ]),
      },
    ],
  ])("%s", async (_, content, { dialect = {}, columns = {}, rows, rejects = 0, types }) => {
    const { code, value, text } = await discover(content)
    expect(value).toMatchObject({ trouble: null, rows })
    expect(value.dialect).toEqual(dialect)
    expect(JSON.stringify(value.columns)).toBe(JSON.stringify(columns))
    expect(value.found?.map(({ name, type }) => [name, type])).toEqual(Object.entries(types))
    expect(value.rejects?.count ?? 0).toBe(rejects)
    expect(code).toBe(0)
    // What is to be pasted are settings, and they say the same.
    expect(text.endsWith(value.yaml)).toBe(true)
    const file = await folder.write("source.yaml", value.yaml.replace(/files: .*/, "files: t.csv"))
    const { settings } = await readSourceSettings({ file, env: {} })
    expect(settings.datasets.t?.dialect).toMatchObject(dialect)
    const written = parse(value.yaml).datasets.t
    expect(written.dialect ?? {}).toEqual(dialect)
    expect(JSON.stringify(written.columns ?? {})).toBe(JSON.stringify(columns))
  })
})

it("names the lines of the file, whatever stands between the records", async () => {
  const { value } = await discover(
    '# made\nid,day,n,note\n# x\n1,02.01.2024,1,"a\nb"\n# y\n2\n2,13.01.2024,NA,c\n# z\n',
  )
  expect(value.because.filter(({ about }) => about.startsWith("columns."))).toEqual([
    { about: "columns.day", because: '"13.01.2024" in row 3, line 8, can be read in no other order' },
    { about: "columns.n", because: '1 other cell is integer; "NA" in row 3, line 8, stands for nothing' },
  ])
})

it("says how a second header is left out, in settings that do it", async () => {
  const { value } = await discover("id,name,amount\n(int),(text),(EUR)\n1,a,3.5\n2,b,4\n3,c,5\n")
  const [, skip = "", fields = ""] =
    /write {2}(skip_lines: \d+) {2}and {2}(fields: \[.*?\]) {2}/.exec(value.notes[0] ?? "") ?? []
  const source = `settle: 0ms\ndatasets: { t: { files: t.csv, dialect: { ${skip}, ${fields} } } }\n`
  const configFile = await folder.write("source.yaml", source)
  const checked = await runCommand<{ datasets: { rows: number; columns: object[] }[] }>(checkCommand, {
    args: { dataset: [] },
    configFile,
  })
  expect(checked.value.datasets[0]).toMatchObject({
    rows: 3,
    columns: [
      { name: "id", found: "integer" },
      { name: "name", found: "text" },
      { name: "amount", found: "numeric" },
    ],
  })
})

it("says which names in the header cannot stay", async () => {
  const { value } = await discover("id,Name,name,\n1,Ann,Bell,x\n2,Bob,Carr,y\n")
  expect(value.notes).toEqual([
    expect.stringMatching(/^In the header column 3, "name" is called "name_2": column 2 is called "Name"/),
    'In the header column 4, "" is called "column_4": it is blank.',
  ])
})

it("says that a last row may be a total, in settings that leave it out", async () => {
  const { value } = await discover("id,name,n\n1,a,2\n2,b,3.5\nSumme,,5.5\n")
  expect(value.notes).toEqual([
    '"Summe" in the last row, line 4, is the only value of "id" that is no integer. If it is a total, leave it out with  columns: { types: { id: integer }, clean: { id: [{ null_if: [Summe] }] } }  and  filter: { id: { not_null: true } }.',
  ])
  const [, columns = "", filter = ""] =
    / {2}(columns: .*) {2}and {2}(filter: .*)\.$/.exec(value.notes[0] ?? "") ?? []
  const source = `settle: 0ms\ndatasets: { t: { files: t.csv, ${columns}, ${filter} } }\n`
  const configFile = await folder.write("source.yaml", source)
  const checked = await runCommand<{ datasets: { rows: number; filtered: number; columns: object[] }[] }>(
    checkCommand,
    { args: { dataset: [] }, configFile },
  )
  expect(checked.value.datasets[0]).toMatchObject({ rows: 2, filtered: 1, state: "ok" })
  expect(checked.value.datasets[0]?.columns[0]).toMatchObject({ name: "id", found: "integer" })
})

it.each<[string, string]>([
  ["a word that is not in the last row", "id\n1\nx\n3\n"],
  ["two words", "id\n1\nx\ny\n"],
  ["words alone", "id\nx\n"],
  ["a code among numbers", "id\n1\n02\n"],
])("takes %s for no total", async (_, content) => {
  expect((await discover(content)).value.notes).toEqual([])
})

it.each<[string, string | Buffer, RegExp]>([
  ["a spreadsheet", latin("PK\x03\x04\x14\x00\x00\x00abc"), /\.xlsx/],
  ["a web page", "<!DOCTYPE html>\n<html><body>Error 404</body></html>\n", /web page/],
  ["a Parquet file", "PAR1\x15\x04", /Parquet/],
])("says of %s that it is none of the files it reads", async (_, content, told) => {
  expect((await discover(content)).value.notes).toContainEqual(expect.stringMatching(told))
})

it("does not take a file for another encoding because of one byte", async () => {
  const { value, text } = await discover(latin("id,name\n1,Zo\xc3\xab\n2,Ren\xc3\xa9\n3,x\xffy\n"))
  expect(value.dialect).toEqual({})
  expect(value.notes).toEqual([
    "The file is UTF-8, but byte 26 (0xff) on line 4 is part of no character: such records will be set aside.",
  ])
  expect(value.rejects).toMatchObject({ count: 1, first: expect.stringMatching(/^line 4: encoding-error: /) })
  expect(text).not.toContain("windows-1252")
})

it("says why quotes behind a space are no quotes", async () => {
  const { value } = await discover('id, name, v\n1, "a, b", 2\n2, "c", 3\n')
  expect(value.notes).toEqual([
    'Quotes stand behind a space, as on line 2: "1, \\"a, b\\", 2". A quote counts only right behind the delimiter: have the file written without these spaces.',
  ])
})

it("tells its reasons, and what only a person can decide", async () => {
  const { text, value } = await discover("a;d;n\n1,234;01/02/2024;7\n5,678;03/04/2024;8\n")
  expect(text).toContain("  delimiter  ; gives 3 cells in all 3 records sampled; , gives 1 to 2\n")
  expect(text).toMatch(/n +integer +0 +every value is integer/)
  expect(value.columns).toEqual({})
  expect(value.notes).toEqual([
    expect.stringMatching(
      /^Column "a" stays text: no cell tells whether "1,234" in row 1, line 2, has a decimal comma/,
    ),
    expect.stringMatching(/^Column "d" .* "01\/02\/2024" in row 1, line 2, is 2024-02-01 or 2024-01-02\./),
  ])
  expect(value.yaml).toContain('    # Column "d" seems to hold dates ')
})

it("asks whether a point parts thousands where other columns have decimal commas", async () => {
  const { value } = await discover('a,b,c\n"1,5",1.234,1.234\n"2,5",56,1.5\n')
  expect(value.notes).toEqual([
    'Column "b" is numeric as it is written, but "1.234" in row 1, line 2, may be thousands: then write columns: { clean: { "b": [{ decimal: ",", group: "." }] } }.',
  ])
})

it("takes no line for a comment that would be a row further on", async () => {
  const rows = Array.from({ length: 30_000 }, (_, i) => `${i},some text to fill the sample`).join("\n")
  const { value } = await discover(`id,name\n0,x\n# note\n${rows}\n#7,a row after all\n`)
  expect(value.dialect).toEqual({})
  expect(value.notes).toEqual(["Some lines begin with # like comments, but others that do are rows."])
  expect(value).toMatchObject({ rows: 30_002, rejects: { count: 1 } })
})

it("ends with 5 and says what is the matter when the file cannot be served", async () => {
  const { code, value, text } = await discover("")
  expect(code).toBe(5)
  expect(value).toMatchObject({ rows: null, trouble: expect.stringContaining("holds no bytes") })
  expect(text).toContain("cannot be served as it is: ")
  const none = await runCommand<Found>(discoverCommand, { args: { file: join(folder.path, "none.csv") } })
  expect(none.code).toBe(5)
  expect(none.value.trouble).toMatch(/none\.csv is not there/)
})

it("shows nothing of a cell that could steer a terminal", async () => {
  const { text } = await discover("a,b\n1,\u001b[2J\u009bx\n2,\u001b\n")
  expect(text.replaceAll("\n", "")).not.toMatch(/\p{Cc}/u)
})

describe("discover tells JSON", () => {
  it.each([
    ["an array", "t.json", '[{"id":1},{"id":2}]', {}, 2],
    ["a record a line", "t.ndjson", '{"id":1}\n{"id":2}\n', {}, 2],
    ["records on lines under another ending", "t.json", '{"id":1}\n{"id":2}\n', { format: "ndjson" }, 2],
    ["JSON without an ending", "export", '\ufeff [{"id":1}]', { format: "json" }, 1],
    [
      "the largest array in an object",
      "t.json",
      '{"a":[{"x":1}],"b":{"c/d":[{"id":1},{"id":2}]}}',
      { records: "/b/c~1d" },
      2,
    ],
    ["one object", "t.json", '{"id":1,"tags":["a"]}', {}, 1],
  ])("%s", async (_, name, content, settings, rows) => {
    const { value: result } = await discover(content, name)
    expect(result).toMatchObject({ settings, rows, rejects: null, trouble: null })
    const { datasets } = parse(result.yaml)
    expect(Object.values(datasets)).toEqual([{ files: expect.any(String), ...settings }])
    for (const about of Object.keys(settings)) expect(result.because.map((one) => one.about)).toContain(about)
  })

  it("and leaves a CSV that begins with a bracket one", async () => {
    const { value: result } = await discover("[id],name\n1,Ann\n")
    expect(result).toMatchObject({ dialect: {}, rows: 1, trouble: null })
  })
})
