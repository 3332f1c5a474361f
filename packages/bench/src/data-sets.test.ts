// If this fails, the bench loads other rows than its legend says.
import { createRandom } from "@flatbed/testing"
import { parse } from "csv-parse/sync"
import { describe, expect, test } from "vitest"
import { createRecords, type Rows, rowSets, writeHeader } from "./data-sets.ts"

const seed = 7

describe.each(Object.values<Rows>(rowSets))("$name", (rows) => {
  const write = createRecords(rows, "csv", seed)
  const records = Array.from({ length: 300 }, write)
  const random = createRandom(seed)
  const cells = records.map(() => rows.make(random))

  test("csv-parse reads the very cells that the model made", () => {
    const read = parse(writeHeader(rows) + records.join(""))
    expect(read[0]).toEqual(rows.columns)
    expect(read.slice(1)).toEqual(cells.map((row) => row.map((cell) => cell ?? "")))
  })

  test("NULL is unquoted and empty text is quoted", () => {
    const at = cells.findIndex((row) => row.some((cell) => cell === ""))
    const nulls = cells.findIndex((row) => row.every((cell) => cell !== "") && row.includes(null))
    if (at >= 0) expect(records[at]).toContain('""')
    if (nulls >= 0) expect(records[nulls]).toMatch(/,,|,\n|^,/)
  })

  test("as NDJSON they are the same cells, numbers and booleans as such", () => {
    const lines = Array.from({ length: 300 }, createRecords(rows, "ndjson", seed)).map((line) => {
      expect(line.endsWith("}\n")).toBe(true)
      return JSON.parse(line) as Record<string, unknown>
    })
    const told = (cell: string | null) => (cell === "True" || cell === "False" ? cell.toLowerCase() : cell)
    lines.forEach((line, i) => {
      expect(Object.keys(line)).toEqual(rows.columns)
      Object.values(line).forEach((value, column) => {
        const cell = cells[i]?.[column] ?? null
        // A number's digits are the file's own, so 12.30 is told by its value.
        if (typeof value === "number") expect(value).toBe(Number(cell))
        else expect(value === null ? null : String(value)).toBe(told(cell))
      })
    })
  })

  test("the same seed makes the same records", () => {
    const again = createRecords(rows, "csv", seed)
    expect(records.map(again)).toEqual(records)
  })
})

test("the quoted rows hold quotes, commas and newlines inside cells", () => {
  const text = Array.from({ length: 300 }, createRecords(rowSets.quoted, "csv", seed)).join("")
  for (const sign of [/""call back""/, /moved, twice/, /line one\nline two/]) expect(text).toMatch(sign)
})

test("there are 200 columns, and 4 with letters of several scripts", () => {
  expect(rowSets.wide.columns).toHaveLength(200)
  expect(rowSets.unicode.columns).toHaveLength(4)
  const text = Array.from({ length: 100 }, createRecords(rowSets.unicode, "csv", seed)).join("")
  for (const script of [/\p{Script=Han}/u, /\p{Script=Cyrillic}/u, /\p{Script=Arabic}/u, /😀|📦/u]) {
    expect(text).toMatch(script)
  }
})
