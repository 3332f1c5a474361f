// If this fails, npm run bench measures something else than what it was asked for.
import { expect, test } from "vitest"
import { measurements, readOptions } from "./options.ts"

test("without arguments everything is measured, three million rows in six pairs", () => {
  expect(readOptions([])).toEqual({
    mode: "standard",
    rows: 3_000_000,
    pairs: 6,
    only: measurements,
    gigabytes: 10,
    form: "csv",
    database: undefined,
    keep: false,
  })
})

test.each([
  [["--big"], { mode: "big", gigabytes: 10 }],
  [["--big", "2.5"], { mode: "big", gigabytes: 2.5 }],
  [["--big", "--format", "ndjson"], { mode: "big", form: "ndjson" }],
  [["--big", "--keep"], { mode: "big", gigabytes: 10, keep: true }],
  [["--link", "--rows", "1000"], { mode: "link", rows: 1000 }],
  [["--only", "wide, telecom"], { only: ["telecom", "wide"] }],
  [["--database", "postgres://x@y/z"], { database: "postgres://x@y/z" }],
])("%j is understood", (argv, expected) => {
  expect(readOptions(argv)).toMatchObject(expected)
})

test.each([
  [["--rows", "many"], /--rows is "many", expected a number above 0/],
  [["--pairs", "0"], /--pairs is "0"/],
  [["--only", "nothing"], /--only names "nothing"; there are telecom,/],
  [["--big", "--link"], /two runs/],
  [["--big", "--pairs", "3"], /leave out --pairs/],
  [["--big", "--format", "xml"], /--format is "xml"; there are csv, ndjson/],
  [["--format", "ndjson"], /--only ndjson/],
  [["--link", "--only", "wide"], /--only chooses among/],
  [["--nothing"], /Unknown option '--nothing'/],
])("%j is refused in a sentence", (argv, words) => {
  expect(() => readOptions(argv)).toThrow(words)
})

test("--help measures nothing", () => {
  expect(readOptions(["--help"])).toBeUndefined()
})
