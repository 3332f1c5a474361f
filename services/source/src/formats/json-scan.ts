/**
 * One reading of a JSON text: its records one by one as the bytes come, and what all of them said. It has a beginning,
 * records and an end, each of which may break off anywhere.
 */
import type { BorderSink, Scan, ScanRequest } from "./format.ts"
import { createHeldBytes } from "./held-bytes.ts"
import { closeArray, comma, skipSpace } from "./json-bytes.ts"
import type { JsonDialect } from "./json-dialect.ts"
import { createValueFrame } from "./json-frame.ts"
import { type FoundRecords, findRecords, refuseTail } from "./json-head.ts"
import { invalidJson, tooLong } from "./json-refusals.ts"
import { createTelling } from "./json-telling.ts"
import { findJsonFault } from "./json-walk.ts"

// Fewer bytes may be the beginning of a byte order mark.
const longestMark = 3

/** One JSON text: the elements of an array in it are the records, or an object there is the only one. */
export function scanText(request: ScanRequest<JsonDialect>, borders: BorderSink): Scan<JsonDialect> {
  const { file, dialect, maxRecordBytes } = request
  const held = createHeldBytes(maxRecordBytes)
  // Where what is held begins in the file.
  let heldFrom = 0
  const telling = createTelling(request, borders)
  const { teller, gatherer, placeOf, settle, pass, head } = telling
  const frame = createValueFrame()
  let found: FoundRecords | undefined
  let state: "head" | "first" | "value" | "behind" | "tail" = "head"
  // How far the value under way was followed, and from how many bytes on the head is tried again.
  let followedTo = 0
  let tryAt = 0
  let tailLine = 1

  function read(isLast: boolean): void {
    if (state === "head" && !readHead(isLast)) return
    const bytes = held.bytes()
    const base = heldFrom
    const to = bytes.length
    let at = 0
    while (state !== "tail") {
      if (state === "behind") {
        const next = skipSpace(bytes, at, to)
        if (next >= to) {
          if (isLast) throw invalid(bytes, at, to, "a comma or ]", base)
          pass(bytes, at, to, base)
          at = to
          break
        }
        if (bytes[next] === closeArray) {
          pass(bytes, at, next + 1, base)
          at = next + 1
          enterTail()
          break
        }
        if (bytes[next] !== comma) throw invalid(bytes, at, next, "a comma or ]", base)
        pass(bytes, at, next + 1, base)
        at = next + 1
        state = "value"
      }
      const begin = skipSpace(bytes, at, to)
      if (begin > at) {
        if (state === "value") pass(bytes, at, begin, base)
        at = begin
      }
      if (at >= to) {
        if (isLast) throw invalid(bytes, at, to, "a value", base)
        break
      }
      if (!readRecord(bytes, at, to, base, isLast)) break
      at = readTo
    }
    letGo(at)
    if (state === "tail") readTail(isLast)
  }

  function letGo(bytes: number): void {
    held.letGo(bytes)
    heldFrom += bytes
  }

  let readTo = 0

  /** Reads the record at an offset if it is there whole, up to `readTo`. */
  function readRecord(bytes: Buffer, at: number, to: number, base: number, isLast: boolean): boolean {
    // Most records are there whole, and then nothing needs to be followed twice.
    if (followedTo === 0) {
      const outcome = gatherer.read(bytes, at, to, true)
      if (outcome === "fine" || outcome === "not-array") {
        take(outcome, bytes, at, gatherer.end(), base)
        return true
      }
    }
    const end = frame.follow(bytes, at + followedTo, to)
    if (end === -1 && !isLast) {
      followedTo = to - at
      if (to - at > maxRecordBytes) throw unending(bytes, at, base)
      return false
    }
    frame.reset()
    followedTo = 0
    const whole = end === -1 ? to : end
    const outcome = gatherer.read(bytes, at, whole, false)
    if (outcome === "faulty") {
      const fault = findJsonFault(bytes.subarray(at, whole), 0, whole - at)
      if (fault?.kind === "syntax") throw invalidJson(bytes.subarray(at), fault, placeOf(base + at))
    }
    take(outcome, bytes, at, whole, base)
    return true
  }

  function take(
    outcome: ReturnType<typeof gatherer.read>,
    bytes: Buffer,
    from: number,
    to: number,
    base: number,
  ): void {
    settle(outcome, bytes, from, to, base)
    readTo = to
    if (found?.isOne) enterTail()
    else state = "behind"
  }

  function readHead(isLast: boolean): boolean {
    const bytes = held.bytes()
    if (!isLast && bytes.length < Math.max(tryAt, longestMark)) return false
    found = findRecords(bytes, isLast, dialect.records, file)
    if (found !== undefined && !found.isOne) {
      // Spaces before the first record are the head's; without any record the closing bracket is.
      const first = skipSpace(bytes, found.at, bytes.length)
      if (first >= bytes.length && !isLast) found = undefined
      else if (bytes[first] === closeArray) {
        head(bytes, first + 1)
        letGo(first + 1)
        enterTail()
        return true
      } else found = { ...found, at: first }
    }
    if (found === undefined) {
      if (bytes.length > maxRecordBytes)
        throw tooLong("What stands before the records", maxRecordBytes, placeOf(0))
      tryAt = Math.min(2 * bytes.length, maxRecordBytes + 1)
      return false
    }
    head(bytes, found.at)
    letGo(found.at)
    state = "first"
    return true
  }

  function enterTail(): void {
    state = "tail"
    tailLine = telling.line()
  }

  function readTail(isLast: boolean): void {
    const bytes = held.bytes()
    const base = heldFrom
    if (found === undefined) return
    const place = { file, line: tailLine, byte: base }
    const isTop = found.around.length === 0
    // Behind a text of its own nothing may follow, so nothing has to be waited for.
    if (isTop && skipSpace(bytes, 0, bytes.length) < bytes.length) refuseTail(bytes, found, place)
    if (bytes.length > maxRecordBytes)
      throw tooLong("What stands behind the records", maxRecordBytes, placeOf(base))
    if (!isLast) return
    refuseTail(bytes, found, place)
    pass(bytes, 0, bytes.length, base)
  }

  /** A fault between records; everything up to `from` is told of. */
  function invalid(bytes: Buffer, from: number, fault: number, expected: string, base: number) {
    const rest = bytes.subarray(from)
    return invalidJson(rest, { at: fault - from, pointer: "", expected }, placeOf(base + from))
  }

  /** A record that does not end within the limit: because something is wrong in it, or because it is so long. */
  function unending(bytes: Buffer, at: number, base: number) {
    const part = bytes.subarray(at)
    const fault = findJsonFault(part, 0, part.length)
    const isCut = fault?.kind === "syntax" && fault.at >= part.length
    if (fault?.kind === "syntax" && !isCut) return invalidJson(part, fault, placeOf(base + at))
    return tooLong("The record", maxRecordBytes, placeOf(base + at))
  }

  return {
    async push(bytes) {
      held.add(bytes)
      read(false)
    },
    async end() {
      read(true)
      teller.finish()
      return gatherer.finish(found?.isOne === true)
    },
    abandon: held.clear,
  }
}
