import fc from "fast-check"
import { expect, test } from "vitest"
import { formatBytes, formatDuration, parseBytes, parseDuration } from "./units.ts"

test.each([
  ["0ms", 0],
  ["250ms", 250],
  ["30s", 30_000],
  ["5m", 300_000],
  ["2h", 7_200_000],
  ["1d", 86_400_000],
  ["24d", 2_073_600_000],
])("the duration %s is %d milliseconds", (written, ms) => {
  expect(parseDuration(written)).toBe(ms)
})

test.each([
  "30",
  "",
  "s",
  "1.5h",
  "-1s",
  "30 s",
  "30S",
  "1w",
  "25d",
  "99999999999999999999d",
  "1constructor",
])("the duration %j is refused", (written) => {
  expect(() => parseDuration(written)).toThrow(RangeError)
})

test.each([
  ["512B", 512],
  ["64KiB", 65_536],
  ["1MiB", 1_048_576],
  ["2GiB", 2_147_483_648],
  ["1kB", 1000],
  ["3MB", 3_000_000],
  ["1GB", 1_000_000_000],
])("%s is %d bytes", (written, amount) => {
  expect(parseBytes(written)).toBe(amount)
})

test.each(["1024", "1mb", "1M", "1.5MiB", "-1B", "1 MiB", "9007199254740993B"])(
  "the amount of bytes %j is refused",
  (written) => {
    expect(() => parseBytes(written)).toThrow(RangeError)
  },
)

test.each([
  [90_000, "90s"],
  [3_600_000, "1h"],
  [0, "0ms"],
  [1, "1ms"],
])("%d milliseconds are written %s", (ms, written) => {
  expect(formatDuration(ms)).toBe(written)
})

test("what is formatted is parsed to the same number", () => {
  fc.assert(
    fc.property(fc.nat({ max: 2_073_600_000 }), (amount) => {
      expect(parseDuration(formatDuration(amount))).toBe(amount)
      expect(parseBytes(formatBytes(amount))).toBe(amount)
    }),
  )
})
