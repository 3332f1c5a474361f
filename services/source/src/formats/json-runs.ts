/** Pure: the records in a chunk's bytes, one after the other. */
import { isUtf8 } from "node:buffer"
import { type LineSink, openLineScanner } from "@flatbed/codec"
import { comma, lf, skipSpace } from "./json-bytes.ts"
import type { JsonDialect } from "./json-dialect.ts"
import { createValueFrame } from "./json-frame.ts"
import { shapeOfLine } from "./json-line-shape.ts"
import type { RecordOutcome, RecordReader } from "./json-record.ts"

// So much of a chunk is held by the codec at a time: most who ask for a few rows find them there.
const pieceBytes = 128 * 1024

/** Goes over records: see `eachRecord`. */
export type RecordWalk = typeof eachRecord

/** The same with the codec, which reads lines that look like one before them. */
export function eachRecordByShape(
  bytes: Buffer,
  dialect: JsonDialect,
  accepted: boolean,
  reader: RecordReader,
  tell: (outcome: RecordOutcome, from: number, to: number) => boolean,
): void {
  const isPlain = dialect.lines === true && dialect.explode === undefined
  if (!isPlain || !isUtf8(bytes)) {
    eachRecord(bytes, dialect, accepted, reader, tell)
    return
  }
  const hasObjects = dialect.separator === false
  const scanner = openLineScanner({ maxLineBytes: bytes.length, hasObjects, accepted })
  let at = 0
  let goesOn = true
  const sink: LineSink = {
    row(_, from, to) {
      const base = at - from
      reader.begin()
      scanner.eachValue((place, kind, begin, end) => reader.put(place, kind, base + begin, base + end))
      at = base + to
      goesOn = tell("fine", base + from, at)
      return goesOn
    },
    line: neverTold,
    notes: neverTold,
  }
  try {
    for (let heldTo = 0; goesOn && heldTo < bytes.length; ) {
      const piece = bytes.subarray(heldTo, heldTo + pieceBytes)
      scanner.hold(piece)
      heldTo += piece.length
      while (goesOn) {
        scanner.scan(true, sink)
        const end = goesOn ? bytes.indexOf(lf, at) : -1
        const to = end === -1 ? bytes.length : end + 1
        if (!goesOn || to > heldTo || to === at) break
        const from = skipSpace(bytes, at, to)
        if (from < to) {
          const outcome = reader.read(bytes, from, to)
          goesOn = tell(outcome, at, to)
          const shape = outcome === "fine" ? shapeOfLine(reader, bytes, at, to) : undefined
          if (shape !== undefined) scanner.learn(shape)
        }
        scanner.skip(to - at)
        at = to
      }
    }
  } finally {
    scanner.close()
  }
}

function neverTold(): never {
  throw new Error("a line was counted where every row was asked for")
}

/**
 * Tells how each record was read and where it lies, until the answer is false. The bytes begin with a record and end
 * behind one and what separates it from the next. Of an `accepted` chunk every record is known to be fine.
 */
export function eachRecord(
  bytes: Buffer,
  { lines, isOne }: JsonDialect,
  accepted: boolean,
  reader: RecordReader,
  tell: (outcome: RecordOutcome, from: number, to: number) => boolean,
): void {
  const length = bytes.length
  let at = 0
  if (lines === true) {
    while (at < length) {
      const end = bytes.indexOf(lf, at)
      const to = end === -1 ? length : end + 1
      const from = skipSpace(bytes, at, to)
      if (from < to && !tell(reader.read(bytes, from, to), at, to)) return
      at = to
    }
    return
  }
  const frame = createValueFrame()
  for (;;) {
    at = skipSpace(bytes, at, length)
    if (at >= length) return
    let to = length
    if (!accepted) {
      to = frame.follow(bytes, at, length)
      frame.reset()
      if (to === -1) to = length
    }
    const outcome = reader.read(bytes, at, to, accepted)
    if (accepted) to = reader.end()
    if (!tell(outcome, at, to) || isOne === true) return
    at = skipSpace(bytes, to, length)
    // Behind the last record stands what closes the array.
    if (bytes[at] !== comma) return
    at += 1
  }
}
