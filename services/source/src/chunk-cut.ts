/** Pure: where a file is cut into chunks. The cut depends on nothing but the records' ends and the rule. */

/** At most so many rows, or as many whole records as fit into so many bytes. */
export type ChunkRule = { readonly rows: number } | { readonly bytes: number }

/** A run of consecutive records; bytes are offsets in the file, rows and lines count from 1. */
export type ChunkSpan = {
  readonly firstRow: number
  readonly rows: number
  readonly firstLine: number
  readonly byteFrom: number
  readonly byteTo: number
}

/**
 * Takes the end of the header and of every record and answers each chunk as soon as it is known to be whole.
 * A chunk by bytes is never longer than the rule says unless one record alone is.
 */
export function createChunkCutter(rule: ChunkRule, onChunk: (span: ChunkSpan) => void) {
  let firstRow = 1
  let rows = 0
  let firstLine = 1
  let byteFrom = 0
  let end = 0
  let line = 1

  function close(): void {
    onChunk({ firstRow, rows, firstLine, byteFrom, byteTo: end })
    firstRow += rows
    rows = 0
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
    record(recordEnd: number, nextLine: number): void {
      if (rows > 0 && "bytes" in rule && recordEnd - byteFrom > rule.bytes) close()
      rows += 1
      end = recordEnd
      line = nextLine
      if ("rows" in rule && rows === rule.rows) close()
    },
    finish(): void {
      if (rows > 0) close()
    },
  }
}
