// If this file fails, a load publishes with more records set aside than its owner allowed, or fails with fewer.
import { expect, test } from "vitest"
import { allowedCount, sharePattern } from "./reject-limit.ts"

test.each([
  [0, 100, 0],
  [100, 5, 100],
  ["1%", 100, 1],
  ["1%", 199, 1],
  ["1%", 99, 0],
  ["0.29%", 10_000, 29],
  ["33.3333%", 3, 0],
  ["100%", 7, 7],
  ["0%", 1_000_000, 0],
  ["0.0001%", 1_000_000, 1],
  ["99.9999%", 9_007_199_254_740_991, 9_007_190_247_541_736],
])("%s of %i records are %i", (limit, records, allowed) => {
  expect(allowedCount(limit, records)).toBe(allowed)
})

test.each(["1%", "0.5%", "100%", "7.1234%"])("%s is a share", (text) => {
  expect(text).toMatch(new RegExp(sharePattern))
})

test.each(["1", "1 %", "101%", "-1%", "1.%", ".5%", "1.12345%", "%", "1%%"])("%s is no share", (text) => {
  expect(text).not.toMatch(new RegExp(sharePattern))
})
