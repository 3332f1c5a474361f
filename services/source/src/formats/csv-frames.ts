/**
 * Pure: the bytes of a CSV as a run of frames: records, damaged spans and comments, one behind the other; lines
 * with nothing on them are comments where the dialect says so. Where a record
 * is malformed, reading resumes at the next sure border: the start of a line behind the record's first one on which a
 * well-formed record of the header's width begins and ends within the record limit, or the end of the file.
 *
 * What is said depends on the bytes alone, not on how many have come: a frame is told when more bytes cannot change it.
 * Each line start is tried once for a damaged span, and a try reads beyond its own line only where a quote is open;
 * inside an open quote no line start opens another, so the tries together take time in proportion to the bytes.
 */
import { type FaultKind, isPassed, type Signs, walkRecord } from "./csv-record.ts"

/** What frames are measured by. */
export type FrameMeasure = {
  readonly signs: Signs
  /** Cells in each record, as in the header. */
  readonly width: number
  /** The longest record in bytes, and the longest span from damage to a sure border. */
  readonly maxRecordBytes: number
}

export type Frame =
  | { readonly kind: "record" | "damage" | "comment"; readonly to: number }
  /** Bytes are missing to tell. */
  | { readonly kind: "more" }
  /** The file is refused: the record or comment is beyond the limit, or no sure border is within it. */
  | { readonly kind: "too-long" }
  | { readonly kind: "no-border"; readonly fault: FaultKind; readonly at: number }

/** The frame that begins at `from`, the start of a line; with `isLast` nothing comes behind the bytes. */
export function nextFrame(bytes: Buffer, from: number, isLast: boolean, measure: FrameMeasure): Frame {
  const { signs, maxRecordBytes } = measure
  const to = Math.min(bytes.length, from + maxRecordBytes)
  const isCut = bytes.length > to
  if (isPassed(bytes, from, signs)) {
    const next = nextLine(bytes, from, signs)
    if (next !== undefined && next - from <= maxRecordBytes) return { kind: "comment", to: next }
    if (isCut) return { kind: "too-long" }
    return isLast ? { kind: "comment", to: bytes.length } : { kind: "more" }
  }
  const isWhole = isLast && !isCut
  const { stop, at, opened } = walkRecord(bytes, from, to, isWhole, signs)
  if (stop === "end") return { kind: "record", to: at }
  if (stop === "more") {
    if (!isCut) return { kind: "more" }
    if (opened === -1) return { kind: "too-long" }
  }
  const border = findBorder(bytes, from, isLast, measure)
  if (border === "more") return { kind: "more" }
  if (border !== undefined) return { kind: "damage", to: border }
  return stop === "more" ? { kind: "too-long" } : { kind: "no-border", fault: stop, at }
}

/** The sure border behind the malformed record at `from`; undefined when none is within the limit. */
export function findBorder(
  bytes: Buffer,
  from: number,
  isLast: boolean,
  { signs, width, maxRecordBytes }: FrameMeasure,
): number | "more" | undefined {
  const to = Math.min(bytes.length, from + maxRecordBytes)
  const isCut = bytes.length > to
  const isWhole = isLast && !isCut
  let start = nextLine(bytes, from, signs)
  while (start !== undefined && start < to) {
    if (!isPassed(bytes, start, signs)) {
      const { stop, cells } = walkRecord(bytes, start, to, isWhole, signs)
      if (stop === "end" && cells === width) return start
      if (stop === "more" && !isCut) return "more"
    }
    start = nextLine(bytes, start, signs)
  }
  if (isCut) return undefined
  return isLast ? bytes.length : "more"
}

function nextLine(bytes: Buffer, from: number, { lineEnd }: Signs): number | undefined {
  const end = bytes.indexOf(lineEnd, from)
  return end === -1 ? undefined : end + 1
}
