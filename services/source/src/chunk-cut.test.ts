import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type ChunkRule, type ChunkSpan, createChunkCutter } from "./chunk-cut.ts"
import type { RecordFate } from "./formats/format.ts"

/** Cuts a header of `header` bytes and records of the given lengths, each on a line of its own. */
function cut(
  rule: ChunkRule,
  header: number,
  records: readonly number[],
  fateOf: (record: number) => RecordFate = () => "row",
): ChunkSpan[] {
  const spans: ChunkSpan[] = []
  const cutter = createChunkCutter(rule, (span) => spans.push(span))
  let at = header
  cutter.header(at, 2)
  records.forEach((length, i) => {
    at += length
    cutter.record(at, i + 3, fateOf(i + 1))
  })
  cutter.finish()
  return spans
}

describe("chunk cutter", () => {
  it("cuts by rows, the last chunk being the rest", () => {
    expect(cut({ rows: 2 }, 10, [5, 5, 5])).toEqual([
      { firstRow: 1, rows: 2, rejects: 0, filtered: 0, firstLine: 2, byteFrom: 10, byteTo: 20 },
      { firstRow: 3, rows: 1, rejects: 0, filtered: 0, firstLine: 4, byteFrom: 20, byteTo: 25 },
    ])
  })

  it("cuts by bytes without going over, except for one long record", () => {
    expect(cut({ bytes: 10 }, 4, [5, 5, 1, 30, 10]).map((span) => span.rows)).toEqual([2, 1, 1, 1])
  })

  it("counts rejects, and keeps many small ones from filling one chunk", () => {
    const second = (record: number): RecordFate => (record === 2 ? "reject" : "row")
    expect(cut({ rows: 3 }, 10, [5, 5, 5, 5], second).map(({ rows, rejects }) => [rows, rejects])).toEqual([
      [3, 1],
      [1, 0],
    ])
    const blankLines = Array.from({ length: 10_000 }, () => 1)
    const spans = cut({ bytes: 1024 * 1024 }, 10, blankLines, () => "reject")
    expect(spans.length).toBeGreaterThan(1)
    expect(Math.max(...spans.map(({ rejects }) => rejects))).toBeLessThan(2100)
    expect(spans.reduce((sum, { rejects }) => sum + rejects, 0)).toBe(10_000)
  })

  it("numbers the records that are not filtered, and cuts by all of them: a chunk has no end of bytes otherwise", () => {
    const odd = (record: number): RecordFate => (record % 2 === 1 ? "filtered" : "row")
    const told = cut({ rows: 2 }, 0, [5, 5, 5, 5, 5], odd)
    expect(told.map(({ firstRow, rows, filtered }) => [firstRow, rows, filtered])).toEqual([
      [1, 1, 1],
      [2, 1, 1],
      [3, 0, 1],
    ])
    expect(cut({ bytes: 10 }, 0, [5, 5, 5], () => "filtered")).toHaveLength(2)
  })

  it("makes no chunk of no records", () => {
    expect(cut({ rows: 5 }, 10, [])).toEqual([])
    expect(cut({ bytes: 5 }, 10, [])).toEqual([])
  })

  it("covers every record once, in order, without a gap", () => {
    const rule = fc.oneof(
      fc.record({ rows: fc.integer({ min: 1, max: 9 }) }),
      fc.record({ bytes: fc.integer({ min: 1, max: 60 }) }),
    )
    fc.assert(
      fc.property(rule, fc.nat(50), fc.array(fc.integer({ min: 1, max: 40 })), (rule, header, records) => {
        const spans = cut(rule, header, records)
        let [row, byte] = [1, header]
        for (const span of spans) {
          expect(span.firstRow).toBe(row)
          expect(span.firstLine).toBe(row + 1)
          expect(span.byteFrom).toBe(byte)
          const own = records.slice(row - 1, row - 1 + span.rows)
          const length = own.reduce((sum, one) => sum + one, 0)
          expect(span.byteTo - span.byteFrom).toBe(length)
          if ("bytes" in rule && span.rows > 1) expect(length).toBeLessThanOrEqual(rule.bytes)
          if ("rows" in rule) expect(span.rows).toBeLessThanOrEqual(rule.rows)
          row += span.rows
          byte = span.byteTo
        }
        expect(row - 1).toBe(records.length)
      }),
    )
  })
})
