/** Pure: where a file is cut into chunks. The cut depends on nothing but the records' ends, their fates and the rule. */
import type { RecordCounts, RecordFate } from "./formats/format.ts"

/** At most so many records, or as many whole ones as fit into so many bytes; filtered ones count in both. */
export type ChunkRule = { readonly rows: number } | { readonly bytes: number }

// A reject is written out with its place and reason: a chunk of nothing but blank lines would be two hundred times
// its bytes in the file.
const rejectWeightBytes = 512

const one: Readonly<Record<RecordFate, RecordCounts>> = {
  row: { rows: 1, rejects: 0, filtered: 0 },
  reject: { rows: 1, rejects: 1, filtered: 0 },
  filtered: { rows: 0, rejects: 0, filtered: 1 },
}

/**
 * A run of consecutive records; bytes are offsets in the file, rows and lines count from 1. A row's number counts the
 * records that are not filtered.
 */
export type ChunkSpan = {
  readonly firstRow: number
  readonly rows: number
  /** How many of the rows are set aside. */
  readonly rejects: number
  readonly filtered: number
  readonly firstLine: number
  readonly byteFrom: number
  readonly byteTo: number
}

/**
 * Takes the end of the header and of every record and answers each chunk as soon as it is known to be whole.
 * A chunk is never longer than the rule says unless one record alone is; by bytes, a reject counts as 512 bytes
 * more than it has, and a record of several rows once for each of them.
 */
export function createChunkCutter(rule: ChunkRule, onChunk: (span: ChunkSpan) => void) {
  let firstRow = 1
  let rows = 0
  let rejects = 0
  let filtered = 0
  let repeats = 0
  let firstLine = 1
  let byteFrom = 0
  let end = 0
  let line = 1

  function close(): void {
    onChunk({ firstRow, rows, rejects, filtered, firstLine, byteFrom, byteTo: end })
    firstRow += rows
    rows = 0
    rejects = 0
    filtered = 0
    repeats = 0
    firstLine = line
    byteFrom = end
  }

  return {
    header(headerEnd: number, nextLine: number): void {
      byteFrom = headerEnd
      end = headerEnd
      firstLine = nextLine
      line = nextLine
    },
    record(recordEnd: number, nextLine: number, fate: RecordFate, counts = one[fate]): void {
      // Each row of a record that gives several repeats what they share.
      const repeated = Math.max(0, counts.rows - 1) * (recordEnd - end)
      const weight =
        recordEnd - byteFrom + repeats + repeated + (rejects + counts.rejects) * rejectWeightBytes
      const all = rows + filtered + counts.rows + counts.filtered
      const isOver = "bytes" in rule ? weight > rule.bytes : all > rule.rows
      if (rows + filtered > 0 && isOver) close()
      rows += counts.rows
      rejects += counts.rejects
      filtered += counts.filtered
      repeats += repeated
      end = recordEnd
      line = nextLine
      if ("rows" in rule && rows + filtered >= rule.rows) close()
    },
    finish(): void {
      if (rows + filtered > 0) close()
    },
  }
}
