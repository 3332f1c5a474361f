// If this fails, a cell arrives otherwise than the settings say, or NULL and empty text change places.
import { describe, expect, test } from "vitest"
import { type CellSettings, compileCell, traceCell } from "./compile-cell.ts"

const plain: CellSettings = { nullValues: [""], clean: [], declared: undefined }

/** As a reader calls it: quotes are looked for where they matter only. */
function serve(settings: Partial<CellSettings>, text: string, isQuoted = false) {
  const { isNullWord, shape } = compileCell({ ...plain, ...settings })
  const served = shape(isNullWord(text) && !isQuoted ? null : text)
  return typeof served === "object" && served !== null ? served.reason : served
}

describe("NULL and empty text", () => {
  test.each([
    [[""], "", false, null],
    [[""], "", true, ""],
    [[""], "NA", false, "NA"],
    [["", "NA"], "NA", false, null],
    [["", "NA"], "NA", true, "NA"],
    [["", "NA"], "na", false, "na"],
    [["", "NA"], " NA", false, " NA"],
    [["NA"], "", false, ""],
    [[], "", false, ""],
    [["\\N"], "\\N", false, null],
    [["\\N"], "", false, ""],
  ])("with null_values %j, %j (quoted: %s) is %j", (nullValues, text, isQuoted, served) => {
    expect(serve({ nullValues }, text, isQuoted)).toBe(served)
  })
})

test("only the column that does nothing is left to the fast reader", () => {
  const isIdentity = (settings: Partial<CellSettings>) => compileCell({ ...plain, ...settings }).isIdentity
  expect(isIdentity({})).toBe(true)
  expect(isIdentity({ declared: "integer" })).toBe(true)
  expect(isIdentity({ nullValues: [] })).toBe(false)
  expect(isIdentity({ nullValues: ["NA"] })).toBe(false)
  expect(isIdentity({ nullValues: ["", "NA"] })).toBe(false)
  expect(isIdentity({ clean: ["trim"] })).toBe(false)
  expect(isIdentity({ declared: "date", format: "dd.MM.yyyy" })).toBe(false)
  expect(isIdentity({ declared: "boolean", booleans: { true: ["y"], false: ["n"] } })).toBe(false)
})

describe("the order is: null values, steps as written, format", () => {
  const date = { declared: "date", format: "dd.MM.yyyy" } as const

  test.each([
    [{ clean: ["trim", { null_if: ["-"] }] }, " - ", null],
    [{ clean: [{ null_if: ["-"] }, "trim"] }, " - ", "-"],
    [{ clean: [{ null_if: ["-"] }, { fill: "x" }] }, "-", "x"],
    [{ clean: [{ fill: "x" }, { null_if: ["x"] }] }, "", null],
    [{ clean: [{ fill: "x" }] }, "", "x"],
    [{ clean: ["trim", { decimal: "," }] }, " 1,50 ", "1.50"],
    [{ clean: ["trim"] }, "  ", ""],
    [{ ...date, clean: ["trim"] }, " 31.12.2024 ", "2024-12-31"],
    [{ ...date, clean: [{ fill: "31.12.9999" }] }, "", "9999-12-31"],
    [{ ...date, nullValues: ["", "00.00.0000"] }, "00.00.0000", null],
    [{ ...date }, "", null],
    [{ declared: "boolean", booleans: { true: ["X"], false: [""] }, nullValues: [] }, "", "false"],
  ] as [Partial<CellSettings>, string, string | null][])("%j makes of %j %j", (settings, text, served) => {
    expect(serve(settings, text)).toBe(served)
    // The second time comes from memory.
    expect(serve(settings, text)).toBe(served)
  })
})

describe("a cell that cannot be read is told with what was found and what was expected", () => {
  const expected = "date written as dd.MM.yyyy, such as 31.12.2024"

  test.each([
    [{}, "2024-12-31", `The cell is "2024-12-31"; expected ${expected}.`],
    [{}, "30.02.2024", `The cell is "30.02.2024"; expected ${expected}; February 2024 has 29 days, not 30.`],
    [{ clean: ["trim"] }, " soon ", `The cell is " soon ", cleaned "soon"; expected ${expected}.`],
    [{ clean: [{ fill: "never" }] }, "", `The cell is NULL, cleaned "never"; expected ${expected}.`],
    [
      { format: undefined, declared: "numeric", clean: ["trim", { decimal: "," }] },
      " 1.234",
      'The cell is " 1.234", cleaned "1.234"; expected a number with a decimal comma, which leaves open whether points ' +
        'part its thousands: write group: "." beside decimal: "," if they do.',
    ],
    [
      { format: undefined, declared: "boolean", booleans: { true: ["yes"], false: ["no", "0"] } },
      "maybe",
      'The cell is "maybe"; expected boolean: "yes" for true, "no", "0" for false.',
    ],
    [
      { declared: "timestamptz", format: { pattern: "dd.MM.yyyy HH:mm", zone: "Europe/Berlin" } },
      "31.03.2024 02:30",
      'The cell is "31.03.2024 02:30"; expected timestamptz written as dd.MM.yyyy HH:mm, such as 31.12.2024 17:05, ' +
        "by the clocks of Europe/Berlin; the clocks of Europe/Berlin were put forward over that time.",
    ],
  ] as [Partial<CellSettings>, string, string][])("%j of %j", (settings, text, reason) => {
    expect(serve({ declared: "date", format: "dd.MM.yyyy", ...settings }, text)).toBe(reason)
  })

  test("a long cell is cut", () => {
    const reason = serve({ declared: "date", format: "dd.MM.yyyy" }, "x".repeat(10_000))
    expect(reason?.length).toBeLessThan(300)
  })
})

test("where the rows told the order, cells in ISO 8601 stay what they are", () => {
  const settings = { declared: "date", format: "dd/MM/yyyy", isoToo: true } as const
  expect(serve(settings, "31/12/2024")).toBe("2024-12-31")
  expect(serve(settings, "2024-12-31")).toBe("2024-12-31")
  expect(serve(settings, "12/31/2024")).toContain("there is no month 31")
})

test("a trace names each step that changed something, and what came of it", () => {
  const settings: CellSettings = {
    ...plain,
    nullValues: ["NA"],
    clean: ["trim", "collapse_spaces", { strip_characters: "#" }, { fill: "01.01.2000" }],
    declared: "date",
    format: "dd.MM.yyyy",
  }
  expect(traceCell(settings, " #31.12.2024", false)).toEqual([
    { by: "trim", after: "#31.12.2024" },
    { by: "strip_characters", after: "31.12.2024" },
    { by: "format", after: "2024-12-31" },
  ])
  expect(traceCell(settings, "NA", false)).toEqual([
    { by: "null_values", after: null },
    { by: "fill", after: "01.01.2000" },
    { by: "format", after: "2000-01-01" },
  ])
  expect(traceCell(settings, "soon", false)).toEqual([])
  expect(traceCell(plain, "a", false)).toEqual([])
})
