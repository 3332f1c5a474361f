/**
 * Pure: what is wrong with a JSON value, and where. Follows it plainly, without recursion and with the path it stands
 * at, so that the fast way (json-record.ts) needs neither: it only has to know that something is wrong.
 */
import { createBrackets } from "./json-brackets.ts"
import {
  closeArray,
  closeObject,
  colon,
  comma,
  flags,
  openArray,
  openObject,
  quote,
  readString,
  readWord,
  skipSpace,
  type Token,
} from "./json-bytes.ts"

/** Objects and arrays in each other, the record itself being the first. */
export const maxDepth = 100
/** Keys of one record, those of nested objects included. */
export const maxKeys = 10_000

export type JsonFaultKind = "syntax" | "half-pair" | "nul" | "duplicate-key" | "too-deep" | "too-many-keys"

export type JsonFault = {
  readonly kind: JsonFaultKind
  /** Offset in the bytes. */
  readonly at: number
  /** JSON Pointer (RFC 6901) of the value or member it stands in; empty for the value itself. */
  readonly pointer: string
  /** Of a syntax fault: what could stand there. */
  readonly expected: string
}

type Level = {
  readonly isArray: boolean
  readonly keys: Set<string> | undefined
  index: number
  /** Where the key stands, with its quotes; nowhere as long as there is none. */
  keyFrom: number
  keyTo: number
}

/**
 * The first syntax fault in the value that begins at or behind `from` and fills the bytes up to `to` but for spaces; if
 * there is none, the first fault of another kind that somebody `minds`; undefined for a value without any.
 */
export function findJsonFault(
  bytes: Buffer,
  from: number,
  to: number,
  minds: (fault: JsonFault) => boolean = () => true,
): JsonFault | undefined {
  const brackets = createBrackets()
  // Of the outermost: what is further in is at fault already, and needs no pointer of its own.
  const levels: Level[] = []
  const token: Token = { flags: 0 }
  let other: JsonFault | undefined
  let keys = 0
  let at = skipSpace(bytes, from, to)

  const pointer = () =>
    levels.map((level) => `/${level.isArray ? level.index : escapeKey(keyOf(level))}`).join("")
  const keyOf = ({ keyFrom, keyTo }: Level) => (keyTo === 0 ? "" : readText(bytes, keyFrom, keyTo))
  const syntax = (where: number, expected: string, isKey = false): JsonFault => {
    if (isKey) levels.pop()
    return { kind: "syntax", at: where, pointer: pointer(), expected }
  }
  const note = (kind: JsonFaultKind, where: number) => {
    if (other !== undefined) return
    const fault = { kind, at: where, pointer: pointer(), expected: "" }
    if (minds(fault)) other = fault
  }
  const judgeString = (where: number) => {
    if ((token.flags & flags.nul) !== 0) note("nul", where)
    if ((token.flags & flags.halfPair) !== 0) note("half-pair", where)
  }

  for (;;) {
    // A value begins here.
    if (at >= to) return syntax(to, "a value")
    const byte = bytes[at] as number
    let isOpen = false
    if (byte === openObject || byte === openArray) {
      if (brackets.depth() === maxDepth) note("too-deep", at)
      const isArray = byte === openArray
      at = skipSpace(bytes, at + 1, to)
      if (at < to && bytes[at] === (isArray ? closeArray : closeObject)) at += 1
      else {
        brackets.open(isArray)
        if (brackets.depth() <= maxDepth)
          levels.push({ keys: isArray ? undefined : new Set(), isArray, index: 0, keyFrom: 0, keyTo: 0 })
        isOpen = true
      }
    } else {
      const end = byte === quote ? readString(bytes, at, to, token) : readWord(bytes, at, to)
      if (end < 0) {
        const where = -1 - end
        return syntax(
          where,
          byte === quote ? inString(bytes, where, to) : where === at ? "a value" : "the rest of the value",
        )
      }
      if (byte === quote) judgeString(at)
      at = end
    }
    // Behind a value, or behind a bracket that opens.
    for (;;) {
      at = skipSpace(bytes, at, to)
      const depth = brackets.depth()
      if (depth === 0) return at < to ? syntax(at, "nothing more") : other
      const level = depth <= maxDepth ? levels.at(-1) : undefined
      const isArray = brackets.closer() === closeArray
      if (!isOpen) {
        if (at >= to) return syntax(to, isArray ? "a comma or ]" : "a comma or }")
        const next = bytes[at] as number
        if (next === brackets.closer()) {
          brackets.close()
          if (level !== undefined) levels.pop()
          at += 1
          continue
        }
        if (next !== comma) return syntax(at, isArray ? "a comma or ]" : "a comma or }")
        at = skipSpace(bytes, at + 1, to)
        if (level !== undefined) level.index += 1
      }
      isOpen = false
      if (isArray) break
      if (at >= to || bytes[at] !== quote) return syntax(Math.min(at, to), "a key in quotes", true)
      const end = readString(bytes, at, to, token)
      if (end < 0) return syntax(-1 - end, inString(bytes, -1 - end, to), true)
      if (level !== undefined) {
        level.keyFrom = at
        level.keyTo = end
      }
      judgeString(at)
      keys += 1
      if (keys === maxKeys + 1) note("too-many-keys", at)
      // Past the limits nothing more is gathered: a record may be nothing but keys.
      if (level?.keys !== undefined && keys <= maxKeys) {
        const key = keyOf(level)
        if (level.keys.has(key)) note("duplicate-key", at)
        level.keys.add(key)
      }
      at = skipSpace(bytes, end, to)
      if (at >= to || bytes[at] !== colon) return syntax(Math.min(at, to), "a colon")
      at = skipSpace(bytes, at + 1, to)
      break
    }
  }
}

function inString(bytes: Buffer, at: number, to: number): string {
  if (at >= to) return "the closing quote of a string"
  return (bytes[at] as number) < 0x20
    ? "an escape such as \\n for a control character"
    : "an escape of JSON (\\n, \\u00e9)"
}

/** A string's text; bytes that are no UTF-8 become U+FFFD. It has been read before. */
export function readText(bytes: Buffer, from: number, to: number): string {
  return JSON.parse(bytes.toString("utf8", from, to))
}

/** RFC 6901, section 3. */
export function escapeKey(key: string): string {
  return key.replaceAll("~", "~0").replaceAll("/", "~1")
}
