import { describe, expect, it } from "vitest"
import { parse } from "yaml"
import { commonFolder, draftSourceYaml, nameDatasets } from "./draft.ts"

describe("a dataset's name", () => {
  it.each([
    ["telecom.csv", "telecom"],
    ["My File (2).csv", "my_file_2"],
    ["Übersicht Café.CSV", "ubersicht_cafe"],
    ["sales-2024.01.csv", "sales_2024_01"],
    ["__x__.csv", "x"],
    ["数据.csv", "dataset"],
    ["2024.csv", "2024"],
    [`${"a".repeat(80)}.csv`, "a".repeat(63)],
  ])("comes from %s as %s", (file, name) => {
    expect(nameDatasets([`/srv/${file}`])).toEqual([name])
    expect(name).toMatch(/^[a-z0-9][a-z0-9_-]{0,62}$/)
  })

  it("is given to one file only", () => {
    const long = "a".repeat(70)
    expect(nameDatasets(["/x/a b.csv", "/x/a-b.csv", "/y/A_B.csv", "/x/a_b_2.csv"])).toEqual([
      "a_b",
      "a_b_2",
      "a_b_3",
      "a_b_2_2",
    ])
    expect(nameDatasets([`/x/${long}.csv`, `/y/${long}.csv`])).toEqual([
      "a".repeat(63),
      `${"a".repeat(61)}_2`,
    ])
  })
})

describe("the common folder", () => {
  it.each([
    [["/a/b/x.csv"], "/a/b"],
    [["/a/b/x.csv", "/a/b/y.csv"], "/a/b"],
    [["/a/b/x.csv", "/a/bc/y.csv"], "/a"],
    [["/a/b/c/x.csv", "/a/b/y.csv", "/a/d/z.csv"], "/a"],
    [["/a/x.csv", "/b/y.csv"], "/"],
  ])("of %j is %s", (paths, folder) => {
    expect(commonFolder(paths)).toBe(folder)
  })
})

describe("a draft", () => {
  it("is YAML that says where the files lie, whatever they are called", () => {
    const names = [
      "plain.csv",
      "with: colon #x.csv",
      "true.csv",
      "'quoted\".csv",
      "null",
      "-dash.csv",
      " space .csv",
    ]
    const { yaml, datasets } = draftSourceYaml(
      names.map((name) => ({ path: `/srv/data/sub/${name}` })),
      { folder: "/srv/conf", root: "/srv/data" },
    )
    const read = parse(yaml)
    expect(read.root).toBe("../data")
    expect(read.listen).toEqual({ host: "127.0.0.1", port: 4000 })
    expect(Object.values(read.datasets)).toEqual(names.map((name) => ({ files: `sub/${name}` })))
    expect(Object.keys(read.datasets)).toEqual(datasets.map(({ name }) => name))
    expect(datasets.map(({ file }) => file)).toEqual(names.map((name) => `sub/${name}`))
  })

  it("shows what was found as comments, so that nothing is decided for the reader", () => {
    const { yaml } = draftSourceYaml(
      [
        {
          path: "/srv/a.csv",
          rows: 2,
          dialect: { delimiter: ";", skip_lines: 2 },
          columnSettings: {
            types: { price: "numeric", "on: day": "date" },
            formats: { "on: day": "dd.MM.yyyy" },
            clean: { price: ["trim", { decimal: ",", group: " " }, { null_if: ["-", "."] }] },
            null_values: { price: ["", "NA", "null"] },
          },
          because: [
            { about: "dialect.delimiter", because: "; stands\nthere" },
            { about: "columns.price", because: "commas" },
            { about: "dialect.header", because: "as usual" },
          ],
          notes: ["mind the\ngap"],
          columns: [
            { name: "id", type: "integer" },
            { name: "a\nb: c", type: "text" },
          ],
        },
        { path: "/srv/b.csv", dialect: { delimiter: ";" }, trouble: "b.csv holds\nno bytes" },
        { path: "/srv/c.csv", rejects: { count: 1, first: "line 2:\nno" } },
      ],
      { folder: "/srv" },
    )
    expect(yaml).toContain("    #   id: integer\n")
    expect(yaml).toContain('    #   "a\\nb: c": text\n')
    expect(yaml).toContain("    # delimiter: ; stands there\n    dialect: ")
    expect(yaml).toContain("    # price: commas\n    columns:\n")
    expect(yaml).toContain("    # mind the gap\n")
    expect(yaml).not.toContain("as usual")
    expect(yaml).toContain("    # 1 record will be set aside; the first: line 2: no\n")
    expect(yaml).toContain("  # b.csv cannot be served as it is: b.csv holds no bytes\n")
    expect(parse(yaml).datasets).toEqual({
      a: {
        files: "a.csv",
        dialect: { delimiter: ";", skip_lines: 2 },
        columns: {
          types: { price: "numeric", "on: day": "date" },
          formats: { "on: day": "dd.MM.yyyy" },
          clean: { price: ["trim", { decimal: ",", group: " " }, { null_if: ["-", "."] }] },
          null_values: { price: ["", "NA", "null"] },
        },
      },
      c: { files: "c.csv" },
    })
    const mended = yaml.replace(/^ {2}# (b:.*| {2}(?:files|dialect):.*)$/gm, "  $1")
    expect(parse(mended).datasets.b).toEqual({ files: "b.csv", dialect: { delimiter: ";" } })
  })
})
