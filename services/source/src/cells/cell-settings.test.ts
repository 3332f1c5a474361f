// If this fails, what somebody writes about cells means another thing than it says, or is refused without the reason.
import { type TemporaryFolder, temporaryFolder } from "@flatbed/testing"
import { afterEach, describe, expect, test } from "vitest"
import { readSourceSettings } from "../settings.ts"
import { canonicalCells, cellSettingsOf, declaredTypeOf, namesInCellSettings } from "./cell-settings.ts"
import { compileCell } from "./compile-cell.ts"

let folder: TemporaryFolder | undefined
afterEach(async () => {
  await folder?.remove()
})

/** The settings of one dataset, `sales`, of which these lines are the inside. */
async function read(inside: string, top = "") {
  folder = await temporaryFolder()
  const lines = inside.split("\n").map((line) => `    ${line}`)
  const yaml = `${top}\ndatasets:\n  sales:\n    files: sales.csv\n${lines.join("\n")}\n`
  const file = await folder.write("source.yaml", yaml)
  const { settings } = await readSourceSettings({ file, env: {} })
  const sales = settings.datasets.sales
  if (sales === undefined) throw new Error("sales is gone")
  return { settings, ...sales }
}

async function refusal(inside: string, top?: string): Promise<string> {
  const thrown = await read(inside, top).then(
    () => undefined,
    (error: Error & { code: string }) => error,
  )
  expect(thrown?.code).toBe("settings-invalid")
  return thrown?.message ?? ""
}

const defaults = { nullValues: [""] }

describe("source.yaml", () => {
  test("says nothing about cells unless somebody does", async () => {
    const { columns, dialect, filter } = await read("")
    expect(columns).toMatchObject({ null_values: {}, clean: {}, formats: {}, booleans: {} })
    expect(dialect.null_values).toEqual([""])
    expect(filter).toEqual({})
    expect(compileCell(cellSettingsOf(columns, "any", defaults)).isIdentity).toBe(true)
    expect(canonicalCells(columns, filter, defaults, "2025b")).toEqual([])
  })

  test("is read as the plan writes it", async () => {
    const { columns, dialect, filter } = await read(
      [
        'dialect: { delimiter: ";", null_values: ["", "NA"] }',
        "columns:",
        "  select: [id, price, sold_on, note]",
        "  rename: { sold_on: sale_date }",
        "  types: { id: bigint, price: numeric, sale_date: date }",
        '  formats: { sale_date: "dd.MM.yyyy" }',
        '  clean: { price: [trim, { decimal: "," }], note: [collapse_spaces, { strip_characters: "#*" }] }',
        "filter: { price: { gt: 0 } }",
      ].join("\n"),
    )
    const shape = (name: string, text: string | null) =>
      compileCell(cellSettingsOf(columns, name, { nullValues: dialect.null_values })).shape(text)
    expect(shape("price", " 1234,50 ")).toBe("1234.50")
    expect(shape("sale_date", "31.12.2024")).toBe("2024-12-31")
    expect(shape("note", "#1  *2*")).toBe("1 2")
    expect(shape("id", "9007199254740993")).toBe("9007199254740993")
    expect(filter).toEqual({ price: { gt: "0" } })
  })

  test("words are taken as they are written, however YAML reads them", async () => {
    const { columns, filter } = await read(
      [
        "columns:",
        "  types: { n: numeric }",
        "  null_values: { n: [01, 1.10, -999, 0x1F, true, .inf] }",
        "  booleans: { b: { true: [yes, Y, 1], false: [no, N, 0] } }",
        "  clean: { n: [{ map: { 1: 01.50, true: yes } }, { null_if: [00] }, { fill: 1e3 }] }",
        "filter: { n: { gt: 9007199254740993, in: [1.10, 2] } }",
      ].join("\n"),
    )
    expect(columns.null_values.n).toEqual(["01", "1.10", "-999", "0x1F", "true", ".inf"])
    expect(columns.booleans.b).toEqual({ true: ["yes", "Y", "1"], false: ["no", "N", "0"] })
    expect(columns.clean.n).toEqual([
      { map: { 1: "01.50", true: "yes" } },
      { null_if: ["00"] },
      { fill: "1e3" },
    ])
    expect(filter).toEqual({ n: { gt: "9007199254740993", in: ["1.10", "2"] } })
  })

  test("a column of its own null values does not have the dialect's", async () => {
    const { columns, dialect } = await read(
      'dialect: { null_values: ["", NA] }\ncolumns: { null_values: { note: [] } }',
    )
    const settings = { nullValues: dialect.null_values }
    expect(compileCell(cellSettingsOf(columns, "note", settings)).isNullWord("")).toBe(false)
    expect(compileCell(cellSettingsOf(columns, "note", settings)).isNullWord("NA")).toBe(false)
    expect(compileCell(cellSettingsOf(columns, "price", settings)).isNullWord("NA")).toBe(true)
  })

  test("a format or words for booleans say the type, unless types does", async () => {
    const { columns } = await read(
      [
        "columns:",
        "  types: { c: timestamp }",
        "  booleans: { b: { true: [y], false: [n] } }",
        "  formats:",
        "    d: dd.MM.yyyy",
        "    t: dd.MM.yyyy HH:mm",
        "    z: dd.MM.yyyy HH:mm XXX",
        "    l: { pattern: dd.MM.yyyy HH:mm, zone: Europe/Berlin }",
        "    c: dd.MM.yyyy",
      ].join("\n"),
    )
    const types = ["b", "d", "t", "z", "l", "c", "other", "constructor", "__proto__"].map((name) =>
      declaredTypeOf(columns, name),
    )
    expect(types).toEqual([
      "boolean",
      "date",
      "timestamp",
      "timestamptz",
      "timestamptz",
      "timestamp",
      undefined,
      undefined,
      undefined,
    ])
  })

  test("names such as __proto__ are names like any other", async () => {
    const { columns, filter } = await read(
      "columns: { clean: { __proto__: [trim] } }\nfilter: { constructor: { not_null: true } }",
    )
    expect(cellSettingsOf(columns, "__proto__", defaults).clean).toEqual(["trim"])
    expect(cellSettingsOf(columns, "constructor", defaults).clean).toEqual([])
    expect(namesInCellSettings(columns, filter)).toEqual([
      { setting: "columns.clean", name: "__proto__" },
      { setting: "filter", name: "constructor" },
    ])
  })

  test.each([
    [
      "columns: { clean: { a: [trimm] } }",
      'columns.clean.a.1 is "trimm", expected one of the steps trim, collapse_spaces',
    ],
    [
      "columns: { clean: { a: [{ decimals: ',' }] } }",
      "columns.clean.a.1 has the key decimals, expected one of the steps",
    ],
    [
      "columns: { clean: { a: [{ decimal: ';' }] } }",
      'columns.clean.a.1.decimal is ";", expected "," or "."',
    ],
    [
      "columns: { clean: { a: [trim, { map: { x: y, y: z } }] } }",
      'columns.clean.a.2.map turns "x" into "y" and "y" into "z"',
    ],
    [
      "columns: { clean: { a: [{ decimal: ',', group: ',' }] } }",
      "columns.clean.a.1.decimal has the same sign",
    ],
    [
      "columns: { clean: { a: [{ hash: hmac }] } }",
      "columns.clean.a.1.hash is hmac, which needs a key; expected the setting hash_key",
    ],
    [
      "columns: { clean: { a: [{ fill: null }] } }",
      "columns.clean.a.1.fill is null, which is nothing in YAML, expected text; put it in quotes",
    ],
    [
      "columns: { clean: { a: [{ strip_characters: '' }] } }",
      'strip_characters is "", expected text that is not empty',
    ],
    [
      "columns: { types: { a: integer }, clean: { a: [{ hash: sha256 }] } }",
      "hash gives text, but the column's type is integer",
    ],
    [
      "columns: { types: { a: date }, clean: { a: [{ epoch: ms }] } }",
      "epoch gives a timestamptz, but the column's type is date",
    ],
    [
      "columns: { types: { a: integer }, clean: { a: [{ fill: none }] } }",
      'columns.clean.a fills NULL with "none", expected integer',
    ],
    [
      "columns: { formats: { a: dd.MM.yyyy }, clean: { a: [{ fill: never }] } }",
      'columns.clean.a fills NULL with what cannot be read: The cell is NULL, cleaned "never"; expected date written as',
    ],
    ["columns: { formats: { a: dd.MM } }", 'columns.formats.a "dd.MM" does not say a whole day'],
    [
      "columns: { types: { a: integer }, formats: { a: dd.MM.yyyy } }",
      "columns.formats.a is given, but the column's type is integer",
    ],
    [
      "columns: { types: { a: timestamptz }, formats: { a: { pattern: 'dd.MM.yyyy HH:mm', zone: Europe/Berln } } }",
      'columns.formats.a has the zone "Europe/Berln", which is not known; did you mean Europe/Berlin?',
    ],
    [
      "columns: { booleans: { a: { true: [x], false: [x] } } }",
      'columns.booleans.a have "x" for true and for false, expected it once',
    ],
    ["columns: { booleans: { a: { true: [x] } } }", "columns.booleans.a.false is missing"],
    [
      "columns: { formats: { a: dd.MM.yyyy }, booleans: { a: { true: [x], false: [y] } } }",
      "columns.formats.a stands beside columns.booleans for the same column",
    ],
    [
      "filter: { a: { gt: 0 } }",
      "filter.a.gt needs to know what it compares; expected the column's type to be declared",
    ],
    ["filter: { a: { above: 0 } }", "filter.a.above is not a setting"],
    ["filter: { a: { null: false } }", "filter.a.null is false, expected true"],
    ["filter: { a: {} }", "filter.a says nothing"],
    [
      "columns: { types: { a: date } }\nfilter: { a: { ge: 01.02.2024 } }",
      'filter.a.ge is "01.02.2024", expected date: YYYY-MM-DD',
    ],
  ])("%s is refused", async (inside, message) => {
    expect(await refusal(inside)).toContain(message)
  })

  test("a key makes hmac possible, and is never shown", async () => {
    const key = "a secret of thirty-two characters"
    const { columns, settings } = await read(
      "columns: { clean: { a: [{ hash: hmac }] } }",
      `hash_key: ${key}`,
    )
    expect(settings.hash_key).toBe(key)
    const { shape } = compileCell(cellSettingsOf(columns, "a", { ...defaults, hashKey: key }))
    expect(shape("x")).toMatch(/^hmac-sha256:[0-9a-f]{64}$/)
    const message = await refusal("columns: { clean: { a: [{ hash: hmac }] } }", "hash_key: short-secret")
    expect(message).toContain("hash_key is a value not shown here, expected text of at least 16 characters")
    expect(message).not.toContain("short-secret")
  })
})

describe("what a version is made of", () => {
  const of = async (
    inside: string,
    { hashKey, timeZoneData = "2025b" }: { hashKey?: string; timeZoneData?: string } = {},
  ) => {
    const top = hashKey === undefined ? "" : `hash_key: ${hashKey}`
    const { columns, dialect, filter } = await read(inside, top)
    await folder?.remove()
    return JSON.stringify(
      canonicalCells(columns, filter, { nullValues: dialect.null_values, hashKey }, timeZoneData),
    )
  }

  test("the order of keys and of null values plays no part, the order of steps does", async () => {
    const one = await of(
      "columns: { clean: { a: [{ decimal: ',', group: '.' }], b: [trim] } }\nfilter: { c: { null: true, eq: x } }",
    )
    const other = await of(
      "columns: { clean: { b: [trim], a: [{ group: '.', decimal: ',' }] } }\nfilter: { c: { eq: x, null: true } }",
    )
    expect(one).toBe(other)
    expect(await of("dialect: { null_values: ['', NA] }")).toBe(
      await of("dialect: { null_values: [NA, ''] }"),
    )
    const [first, second] = [
      await of("columns: { clean: { a: [trim, { strip_characters: x }] } }"),
      await of("columns: { clean: { a: [{ strip_characters: x }, trim] } }"),
    ]
    expect(first).not.toBe(second)
  })

  test("every setting about cells makes another version", async () => {
    const said = [
      "",
      "dialect: { null_values: [] }",
      "dialect: { null_values: [NA] }",
      "columns: { null_values: { a: [] } }",
      "columns: { null_values: { a: [NA] } }",
      "columns: { clean: { a: [trim] } }",
      "columns: { clean: { b: [trim] } }",
      "columns: { clean: { a: [{ fill: x }] } }",
      "columns: { clean: { a: [{ fill: y }] } }",
      "columns: { formats: { a: dd.MM.yyyy } }",
      "columns: { formats: { a: MM.dd.yyyy } }",
      "columns: { formats: { a: { pattern: dd.MM.yyyy, zone: UTC } } }",
      "columns: { booleans: { a: { true: [y], false: [n] } } }",
      "columns: { booleans: { a: { true: [n], false: [y] } } }",
      "filter: { a: { eq: x } }",
      "filter: { a: { ne: x } }",
    ]
    const names: string[] = []
    for (const inside of said) names.push(await of(inside))
    expect(new Set(names).size).toBe(said.length)
  })

  test("a key counts without being there, and time zone data only where a zone is named", async () => {
    const hashed = "columns: { clean: { a: [{ hash: hmac }] } }"
    const [one, other] = ["a".repeat(20), "b".repeat(20)]
    expect(await of(hashed, { hashKey: one })).not.toBe(await of(hashed, { hashKey: other }))
    expect(await of(hashed, { hashKey: one })).not.toContain(one)
    expect(await of("", { hashKey: one })).toBe("[]")
    const zoned = (zone: string) =>
      `columns: { formats: { a: { pattern: dd.MM.yyyy HH:mm, zone: "${zone}" } } }`
    for (const [zone, isNew] of [
      ["Europe/Berlin", true],
      ["UTC", false],
      ["+01:00", false],
    ] as const) {
      const before = await of(zoned(zone))
      expect((await of(zoned(zone), { timeZoneData: "2026a" })) !== before, zone).toBe(isNew)
    }
  })
})
