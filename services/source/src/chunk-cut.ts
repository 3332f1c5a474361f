/** Pure: where a file is cut into chunks. The cut depends on nothing but the records' ends and the rule. */

/** At most so many rows, or as many whole records as fit into so many bytes. */
export type ChunkRule = { readonly rows: number } | { readonly bytes: number }

// A reject is written out with its place and reason: a chunk of nothing but blank lines would be two hundred times
// its bytes in the file.
const rejectWeightBytes = 512

/** A run of consecutive records; bytes are offsets in the file, rows and lines count from 1. */
export type ChunkSpan = {
  readonly firstRow: number
  readonly rows: number
  /** How many of the rows are set aside. */
  readonly rejects: number
  readonly firstLine: number
  readonly byteFrom: number
  readonly byteTo: number
}

/**
 * Takes the end of the header and of every record and answers each chunk as soon as it is known to be whole.
 * A chunk by bytes is never longer than the rule says unless one record alone is; a reject counts as 512 bytes
 * more than it has.
 */
export function createChunkCutter(rule: ChunkRule, onChunk: (span: ChunkSpan) => void) {
  let firstRow = 1
  let rows = 0
  let rejects = 0
  let firstLine = 1
  let byteFrom = 0
  let end = 0
  let line = 1

  function close(): void {
    onChunk({ firstRow, rows, rejects, firstLine, byteFrom, byteTo: end })
    firstRow += rows
    rows = 0
    rejects = 0
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
    record(recordEnd: number, nextLine: number, isReject: boolean): void {
      const weight = recordEnd - byteFrom + (rejects + Number(isReject)) * rejectWeightBytes
      if (rows > 0 && "bytes" in rule && weight > rule.bytes) close()
      rows += 1
      if (isReject) rejects += 1
      end = recordEnd
      line = nextLine
      if ("rows" in rule && rows === rule.rows) close()
    },
    finish(): void {
      if (rows > 0) close()
    },
  }
}
