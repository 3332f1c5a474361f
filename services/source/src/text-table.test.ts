import { expect, it } from "vitest"
import { textTable } from "./text-table.ts"

it("aligns columns by characters, not by their UTF-16", () => {
  const { lines } = textTable(
    ["a", "b"],
    [
      ["😀😀", "x"],
      ["y", "long"],
    ],
  )
  expect(lines).toEqual(["a   b", "😀😀  x", "y   long"])
})

it("cuts long cells and shows control characters as signs", () => {
  const { lines } = textTable(["a"], [["x".repeat(41)], ["\u001b[2J\u007f\u009b"]])
  expect(lines).toEqual(["a", `${"x".repeat(39)}…`, "\u241b[2J\u2421\ufffd"])
})

it("leaves out columns that do not fit, the first never", () => {
  const rows = [["123", "456", "789"]]
  expect(textTable(["a", "b", "c"], rows, { width: 12 })).toEqual({
    lines: ["a    b", "123  456"],
    shownColumns: 2,
  })
  expect(textTable(["a", "b", "c"], rows, { width: 13 }).shownColumns).toBe(3)
  expect(textTable(["a", "b", "c"], rows, { width: 1 }).shownColumns).toBe(1)
})
