/**
 * One reading of an NDJSON file: each line that is not blank is a record. Lines that look like one before them but for
 * their values are read by the codec, see `assembly/json-shapes.ts`; the others here, one by one, and they say what the
 * codec is to look for.
 */
import { isUtf8 } from "node:buffer"
import { type LineSink, openLineScanner } from "@flatbed/codec"
import { allowedForms } from "./byte-evidence.ts"
import type { BorderSink, Scan, ScanRequest } from "./format.ts"
import { lf, skipSpace } from "./json-bytes.ts"
import type { JsonDialect } from "./json-dialect.ts"
import { oneRow } from "./json-gather.ts"
import { markLength } from "./json-head.ts"
import { shapeOfLine } from "./json-line-shape.ts"
import { tooLong } from "./json-refusals.ts"
import { createTelling } from "./json-telling.ts"

// Fewer bytes may be the beginning of a byte order mark.
const longestMark = 3

/** With `learns` false every line is read here, with the same result: the reference for the codec. */
export function scanLines(
  request: ScanRequest<JsonDialect>,
  borders: BorderSink,
  learns: boolean,
): Scan<JsonDialect> {
  const { dialect, maxRecordBytes } = request
  const hasObjects = dialect.separator === false
  const scanner = openLineScanner({ maxLineBytes: maxRecordBytes, hasObjects, accepted: false })
  const { teller, gatherer, placeOf, tell, settle, pass, head } = createTelling(request, borders)
  // Elements of an array that become rows are another loop's business.
  const learnsShapes = learns && dialect.explode === undefined
  /** Where the bytes held begin in the file. */
  let base = 0
  let searchedTo = 0
  let isBegun = false

  const sink: LineSink = {
    line(bytes) {
      base += bytes
      gatherer.countRow()
      tell(oneRow, base, 1)
    },
    notes: (notes, memory) => gatherer.meet(notes, memory, placeOf(base)),
    row(memory, from, to) {
      gatherer.beginRow()
      scanner.eachValue(gatherer.putCell)
      const gathered = gatherer.add("fine", memory, from, to, placeOf(base))
      base += to - from
      tell(gathered, base, 1)
      return true
    },
  }

  /** What stands before the first record; false while that is not known. */
  function readHead(isLast: boolean): boolean {
    const bytes = scanner.held()
    if (!isLast && bytes.length < longestMark) return false
    const at = skipSpace(bytes, markLength(bytes), bytes.length)
    // A line's own spaces are the record's, line ends before the first record are the header's.
    if (at === bytes.length && !isLast) {
      if (bytes.length > maxRecordBytes)
        throw tooLong("What stands before the first record", maxRecordBytes, placeOf(0))
      return false
    }
    head(bytes, at)
    letGo(at)
    return true
  }

  function letGo(bytes: number): void {
    scanner.skip(bytes)
    base += bytes
  }

  function read(isLast: boolean): void {
    isBegun ||= readHead(isLast)
    if (!isBegun) return
    const whole = scanner.whole()
    const isKnown = learnsShapes && whole.length > 0 && isUtf8(whole)
    for (;;) {
      const before = base
      if (isKnown) scanner.scan(!gatherer.isCounted(), sink)
      if (base > before) searchedTo = 0
      const bytes = scanner.held()
      const end = bytes.indexOf(lf, searchedTo)
      searchedTo = 0
      if (end === -1 && !isLast) {
        if (bytes.length > maxRecordBytes) throw tooLong("The record", maxRecordBytes, placeOf(base))
        searchedTo = bytes.length
        return
      }
      const to = end === -1 ? bytes.length : end + 1
      if (to === 0) return
      readLine(bytes, to)
      letGo(to)
    }
  }

  /** The line that lies at the front of the bytes. */
  function readLine(bytes: Buffer, to: number): void {
    const from = skipSpace(bytes, 0, to)
    if (from === to) {
      pass(bytes, 0, to, base)
      return
    }
    const outcome = gatherer.read(bytes, from, to, false)
    settle(outcome, bytes, 0, to, base)
    if (!learnsShapes || outcome !== "fine") return
    if (gatherer.news() > 0) {
      for (const { id, declared } of gatherer.columns()) scanner.allow(id, allowedForms(declared))
    }
    const shape = shapeOfLine(gatherer.reader, bytes, 0, to)
    if (shape !== undefined) scanner.learn(shape)
  }

  return {
    async push(bytes) {
      scanner.hold(bytes)
      read(false)
    },
    async end() {
      read(true)
      teller.finish()
      return gatherer.finish(false, learnsShapes ? scanner.summary : undefined)
    },
    abandon: scanner.close,
  }
}
