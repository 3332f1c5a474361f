// If this fails, the figures that README quotes are not what was measured.
import { expect, test } from "vitest"
import { medianOf, spreadOf } from "./statistics.ts"

test("an odd count has its middle value as the median, whatever the order", () => {
  expect(spreadOf([9, 1, 5])).toEqual({ min: 1, median: 5, max: 9 })
})

test("an even count has the mean of its two middle values as the median", () => {
  expect(spreadOf([10, 2, 4, 1])).toEqual({ min: 1, median: 3, max: 10 })
})

test("numbers are ordered as numbers, not as text", () => {
  expect(medianOf([10, 9, 100])).toBe(10)
})

test("nothing measured is an error, not a zero", () => {
  expect(() => spreadOf([])).toThrow(RangeError)
})
