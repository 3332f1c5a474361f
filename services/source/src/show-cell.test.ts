import { expect, it } from "vitest"
import { showCell } from "./show-cell.ts"

it("shows at most 100 characters and no half of one", () => {
  expect(showCell("x".repeat(100))).toBe("x".repeat(100))
  expect(showCell("x".repeat(101))).toBe("x".repeat(100))
  expect(showCell(`${"x".repeat(99)}😀`)).toBe("x".repeat(99))
})

it("shows a NUL as a sign that Postgres can hold", () => {
  expect(showCell("a\0b\0")).toBe("a\u2400b\u2400")
})
