/** What the readings of JSON share: the place of the record under way, and what becomes of it. */
import { createBorderTeller } from "./csv-borders.ts"
import type { BorderSink, ScanRequest } from "./format.ts"
import type { JsonDialect } from "./json-dialect.ts"
import { createJsonGatherer, type Gathered } from "./json-gather.ts"
import type { RecordOutcome } from "./json-record.ts"
import { countLines, tooLong } from "./json-refusals.ts"
import type { RecordPlace } from "./rejected-record.ts"

export type Telling = ReturnType<typeof createTelling>

/** Of one file from its first byte on. */
export function createTelling(request: ScanRequest<JsonDialect>, borders: BorderSink) {
  const teller = createBorderTeller(borders)
  const gatherer = createJsonGatherer(request)
  const { file, maxRecordBytes } = request
  let row = 1
  let line = 1
  // Where what stands between two records begins, wherever the bytes are cut.
  let behindLine = 1
  const placeOf = (byte: number): RecordPlace => ({ file, row, line, byte })

  /** What became of the record that ends at a byte of the file, and how many line feeds it has. */
  function tell({ fate, counts }: Gathered, end: number, lines: number): void {
    row += counts.rows
    line += lines
    behindLine = line
    teller.record(end, line, fate, counts)
  }

  return {
    teller,
    gatherer,
    placeOf,
    line: () => line,
    tell,
    /** The record that was read lies between two offsets of the bytes, which begin at `base` in the file. */
    settle(outcome: RecordOutcome, bytes: Buffer, from: number, to: number, base: number): void {
      const place = placeOf(base + from)
      if (to - from > maxRecordBytes) throw tooLong("The record", maxRecordBytes, place)
      tell(gatherer.add(outcome, bytes, from, to, place), base + to, countLines(bytes, from, to))
    },
    /** What stands between records. */
    pass(bytes: Buffer, from: number, to: number, base: number): void {
      if (to === from) return
      line += countLines(bytes, from, to)
      const length = teller.comment(base + to, line)
      if (length > maxRecordBytes)
        throw tooLong("What stands behind the record", maxRecordBytes, {
          ...placeOf(base + to - length),
          line: behindLine,
        })
    },
    head(bytes: Buffer, to: number): void {
      line += countLines(bytes, 0, to)
      behindLine = line
      teller.header(to, line, [])
    },
  }
}
