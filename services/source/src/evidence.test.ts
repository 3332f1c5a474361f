import { describe, expect, it } from "vitest"
import { createEvidence, measureNumber } from "./evidence.ts"

function judge(cells: (string | null)[], declared?: "text" | "integer") {
  const evidence = createEvidence("c", declared)
  cells.forEach((cell, i) => {
    evidence.add(cell, i + 1, i + 2)
  })
  return evidence.finish()
}

describe("evidence", () => {
  it.each([
    [["1", "2"], "integer"],
    [["1", "3000000000"], "bigint"],
    [["1", "10.0"], "numeric"],
    [["True", "false"], "boolean"],
    [["yes", "no"], "text"],
    [["02134"], "text"],
    [["382-4657"], "text"],
    [["2024-01-01", "2024-01-01 10:00"], "timestamp"],
    [["2024-01-01", "7"], "text"],
    [[null, "5"], "integer"],
    [["", "5"], "text"],
    [[null], "text"],
    [[], "text"],
  ] as const)("reads %j as %s", (cells, type) => {
    expect(judge([...cells]).type).toBe(type)
  })

  it("names the first cell that ruled the narrower type out", () => {
    expect(judge(["1", "2", "n/a", "x"]).evidence.ruled_out).toEqual({
      type: "integer",
      row: 3,
      line: 4,
      value: "n/a",
    })
    expect(judge(["n/a", "1"]).evidence.ruled_out).toMatchObject({ type: "integer", row: 1 })
    expect(judge(["1", "1.5"]).evidence.ruled_out).toMatchObject({ type: "integer", row: 2 })
    expect(judge(["2024-01-01", "7"]).evidence.ruled_out).toMatchObject({ type: "date", row: 2, value: "7" })
    expect(judge(["a", "b"]).evidence.ruled_out).toBeNull()
    expect(judge(["1", null]).evidence.ruled_out).toBeNull()
  })

  it("counts nulls, empties, forms and lengths over all cells", () => {
    const { evidence } = judge([null, "", "12", "-3.25", "12"])
    expect(evidence).toMatchObject({
      nulls: 1,
      empties: 1,
      max_bytes: 5,
      max_integer_digits: 2,
      max_scale: 2,
    })
    expect(evidence.forms).toEqual([
      { form: "text", cells: 1, first: { row: 2, line: 3, value: "" } },
      { form: "integer", cells: 2, first: { row: 3, line: 4, value: "12" } },
      { form: "numeric", cells: 1, first: { row: 4, line: 5, value: "-3.25" } },
    ])
  })

  it("lets a declared type win", () => {
    expect(judge(["1"], "text")).toMatchObject({ type: "text", evidence: { declared: true } })
  })

  it("shows at most 100 characters of a cell and no half of one", () => {
    const value = judge([`${"a".repeat(99)}😀`]).evidence.forms[0]?.first.value
    expect(value).toBe("a".repeat(99))
  })

  // By hand: 0.0015e5 = 150, 1.5e-7 = 0.00000015, 12e2 = 1200.
  it.each([
    ["0", 0, 0],
    ["7", 1, 0],
    ["-10.50", 2, 2],
    ["0.5", 0, 1],
    [".05", 0, 2],
    ["1.5e-7", 0, 8],
    ["-1.5e-7", 0, 8],
    ["0.0015e5", 3, 0],
    ["12e2", 4, 0],
    ["12E+2", 4, 0],
  ])("measures %s as %i digits and scale %i", (lexeme, integerDigits, scale) => {
    expect(measureNumber(lexeme)).toEqual({ integerDigits, scale })
  })
})
