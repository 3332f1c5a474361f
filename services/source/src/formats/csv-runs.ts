/** Pure: the records of a CSV with their cells, from bytes. Framing tells the borders, csv-parse what stands in the cells. */
import type { InfoRecord } from "csv-parse"
import { parse as parseWhole } from "csv-parse/sync"
import type { CsvDialect, CsvLayout } from "./csv-dialect.ts"
import { type Frame, type FrameMeasure, nextFrame } from "./csv-frames.ts"
import { parseOptions } from "./csv-options.ts"
import { dissectRecord, signsOf } from "./csv-record.ts"
import type { RecordFate, WrittenCells } from "./format.ts"

/** Offsets in the bytes. A record's texts are its cells; what becomes of it is answered. */
export type RecordSink = {
  record(texts: string[], from: number, to: number): RecordFate
  damage(from: number, to: number): void
  comment(from: number, to: number): void
}

// So many records are framed before csv-parse reads them: few calls, and little is held.
const recordsAtOnce = 1024

/**
 * Calls for each frame that is whole, until so many records were not filtered. Answers where it stopped, and what it
 * stopped at.
 */
export function readRecords(
  bytes: Buffer,
  layout: Pick<CsvLayout, "dialect" | "width" | "maxRecordBytes">,
  isLast: boolean,
  sink: RecordSink,
  limit = Number.POSITIVE_INFINITY,
): { readonly at: number; readonly frame?: Frame["kind"] } {
  const measure: FrameMeasure = { ...layout, signs: signsOf(layout.dialect) }
  let left = limit
  let at = 0
  // Well-formed records that lie one behind the other, not told of yet.
  let runFrom = 0
  let ends: number[] = []

  function tellRun(): void {
    const run = bytes.subarray(runFrom, ends.at(-1))
    let from = runFrom
    let told = 0
    if (ends.length > 0) {
      parseRun(run, layout, (texts) => {
        const to = ends[told] ?? from
        told += 1
        if (left > 0 && sink.record(texts, from, to) !== "filtered") left -= 1
        from = to
      })
      if (told !== ends.length) throw new Error(`csv-parse finds ${told} records where ${ends.length} are`)
    }
    runFrom = at
    ends = []
  }

  while (at < bytes.length && left > 0) {
    const frame = nextFrame(bytes, at, isLast, measure)
    if (frame.kind === "record") {
      at = frame.to
      ends.push(at)
      if (ends.length >= Math.min(left, recordsAtOnce)) tellRun()
      continue
    }
    tellRun()
    if (frame.kind !== "damage" && frame.kind !== "comment") return { at, frame: frame.kind }
    if (left > 0) sink[frame.kind](at, frame.to)
    if (frame.kind === "damage") left -= 1
    at = frame.to
    runFrom = at
  }
  tellRun()
  return { at }
}

/** Calls for each record of bytes that hold nothing else, well-formed. */
function parseRun(
  run: Buffer,
  { dialect, width }: Pick<CsvLayout, "dialect" | "width">,
  onRecord: (texts: string[]) => void,
): void {
  // csv-parse measures records against the first and makes a costly error of each that differs, which nobody
  // looks at; so the first is one of the right width.
  const first = Buffer.from(dialect.delimiter.repeat(width - 1) + (dialect.lineEnd === "cr" ? "\r" : "\n"))
  parseWhole(Buffer.concat([first, run]), {
    ...parseOptions(dialect),
    on_record: (texts: string[], { records }: InfoRecord) => {
      if (records > 1) onRecord(texts)
      return null
    },
  })
}

/** The bytes are looked at only where somebody asks for quotes. */
export function writtenCells(texts: readonly string[], bytes: Buffer, dialect: CsvDialect): WrittenCells {
  let quoted: readonly boolean[] | undefined
  return {
    texts,
    isQuoted(index) {
      quoted ??= dissectRecord(bytes, dialect).quoted
      return quoted[index] === true
    },
  }
}
