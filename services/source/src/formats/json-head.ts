/** Pure: where the records begin in a JSON text, and whether what stands around them is JSON. */
import { Problem } from "@flatbed/contract"
import { showCell } from "../show-cell.ts"
import { findTextFault } from "../text-guard.ts"
import { convertJsonHint } from "./convert-hint.ts"
import {
  closeArray,
  closeObject,
  colon,
  comma,
  openArray,
  openObject,
  quote,
  readString,
  readWord,
  skipSpace,
  type Token,
} from "./json-bytes.ts"
import { createValueFrame } from "./json-frame.ts"
import { pointerOf } from "./json-paths.ts"
import { countLines, invalidJson, tellKind } from "./json-refusals.ts"
import { findJsonFault, type JsonFault, readText } from "./json-walk.ts"

/** An object or array that the records stand in: the key or index on the way. */
type Container = { readonly isArray: boolean; readonly step: string }

/** Where the records are: behind the bracket that opens their array, or where the one object begins. */
export type FoundRecords = {
  readonly at: number
  readonly isOne: boolean
  readonly around: readonly Container[]
}

/**
 * Follows the pointer from the text's first byte; undefined when the bytes end before the records. Raises json-invalid
 * and records-not-found.
 */
export function findRecords(
  bytes: Buffer,
  isLast: boolean,
  pointer: readonly string[],
  file: string,
): FoundRecords | undefined {
  const to = bytes.length
  const around: Container[] = []
  const place = { file, row: 0, line: 1, byte: 0 }
  const token: Token = { flags: 0 }
  const here = () => pointerOf(pointer.slice(0, around.length))
  const invalid = (at: number, expected: string) =>
    invalidJson(bytes, { at, pointer: here(), expected }, place)
  /** The next byte that is no space; undefined where there is none yet. */
  const peek = (expected: string): number | undefined => {
    at = skipSpace(bytes, at, to)
    if (at < to) return bytes[at]
    if (isLast) throw invalid(to, expected)
    return undefined
  }
  let at = markLength(bytes)

  for (const step of pointer) {
    const open = peek("a value")
    if (open === undefined) return undefined
    if (open !== openObject && open !== openArray) throw notFound(bytes, at, pointer, around.length, file)
    const isArray = open === openArray
    at += 1
    let index = 0
    for (;;) {
      const byte = peek(isArray ? "a value or ]" : "a key or }")
      if (byte === undefined) return undefined
      if (byte === (isArray ? closeArray : closeObject) && index === 0) {
        throw notFound(bytes, -1, pointer, around.length, file)
      }
      let isWanted = String(index) === step
      if (!isArray) {
        if (byte !== quote) throw invalid(at, "a key in quotes")
        const end = readString(bytes, at, to, token)
        if (end < 0) {
          if (-1 - end < to) throw invalid(-1 - end, "text of a JSON string")
          if (isLast) throw invalid(to, "the closing quote of a key")
          return undefined
        }
        isWanted = readText(bytes, at, end) === step
        at = end
        const sign = peek("a colon")
        if (sign === undefined) return undefined
        if (sign !== colon) throw invalid(at, "a colon")
        at += 1
        if (peek("a value") === undefined) return undefined
      }
      if (isWanted) break
      const end = endOfValue(bytes, at, isLast)
      if (end === undefined) return undefined
      const fault = findJsonFault(bytes, at, end)
      if (fault?.kind === "syntax") throw invalid(fault.at, fault.expected)
      at = end
      const next = peek(isArray ? "a comma or ]" : "a comma or }")
      if (next === undefined) return undefined
      if (next === (isArray ? closeArray : closeObject))
        throw notFound(bytes, -1, pointer, around.length, file)
      if (next !== comma) throw invalid(at, isArray ? "a comma or ]" : "a comma or }")
      at += 1
      index += 1
      const behind = peek("a value")
      if (behind === undefined) return undefined
      if (behind === (isArray ? closeArray : closeObject)) throw invalid(at, "what the comma announces")
    }
    around.push({ isArray, step })
  }

  const first = peek("a value")
  if (first === undefined) return undefined
  const head = bytes.subarray(0, at)
  const text = findTextFault(head, { passNul: true })
  if (text !== undefined) throw notText(file, text.byte)
  if (first === openObject) return { at, isOne: true, around }
  if (first === openArray) return { at: at + 1, isOne: false, around }
  const end = endOfValue(bytes, at, isLast)
  if (end === undefined) return undefined
  const fault = findJsonFault(bytes, at, end)
  if (fault?.kind === "syntax") throw invalid(fault.at, fault.expected)
  throw notFound(bytes, at, pointer, around.length, file)
}

/** Of a byte order mark (RFC 8259, section 8.1, lets it be ignored). */
export function markLength(bytes: Buffer): number {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0
}

function endOfValue(bytes: Buffer, at: number, isLast: boolean): number | undefined {
  const end = createValueFrame().follow(bytes, at, bytes.length)
  if (end !== -1) return end
  return isLast ? bytes.length : undefined
}

/**
 * Raises json-invalid when what stands behind the records does not end the text, or has a key once more that leads to
 * them; `tail` begins behind the bracket that closes their array, or behind the one object.
 */
export function refuseTail(
  tail: Buffer,
  { around, isOne }: FoundRecords,
  place: { readonly file: string; readonly line: number; readonly byte: number },
): void {
  // What opens the text, so that the rest can be judged as the end of one.
  const steps = around.map(({ isArray, step }) => (isArray ? String(Math.min(Number(step), 1000)) : step))
  const opened = around
    .map(({ isArray }, i) =>
      isArray ? `[${"0,".repeat(Number(steps[i]))}` : `{${JSON.stringify(steps[i])}:`,
    )
    .join("")
  const head = Buffer.from(`${opened}0`)
  const whole = Buffer.concat([head, tail])
  // Of a key that stands twice JSON's readers take this value or that one: on the way to the records rows would be lost.
  const way = new Set(steps.map((_, i) => pointerOf(steps.slice(0, i + 1))))
  const fault = findJsonFault(
    whole,
    0,
    whole.length,
    ({ kind, pointer }) => kind === "duplicate-key" && way.has(pointer),
  )
  if (fault?.kind === "duplicate-key") throw twice(tail, { ...fault, at: fault.at - head.length }, place)
  if (fault?.kind === "syntax") {
    const hint =
      isOne && around.length === 0 && tail[fault.at - head.length] === openObject
        ? "For one object a line say  format: ndjson"
        : undefined
    throw invalidJson(tail, { ...fault, at: fault.at - head.length }, { ...place, row: 0 }, hint)
  }
  const text = findTextFault(tail, { passNul: true })
  if (text !== undefined) throw notText(place.file, place.byte + text.byte)
}

function notText(file: string, byte: number): Problem {
  return new Problem("file-encoding", `${file} is not UTF-8: byte ${byte} begins no valid character.`, {
    hint: convertJsonHint(file),
    facts: { file, byte },
  })
}

/** The problem of a key on the way to the records that stands in its object once more behind them. */
function twice(
  tail: Buffer,
  { at, pointer }: Pick<JsonFault, "at" | "pointer">,
  place: { readonly file: string; readonly line: number; readonly byte: number },
): Problem {
  const facts = {
    file: place.file,
    line: place.line + countLines(tail, 0, at),
    byte: place.byte + at,
    pointer,
  }
  return new Problem(
    "json-invalid",
    `${facts.file} has ${pointer} twice, once more on line ${facts.line}, at byte ${facts.byte}; expected once what leads to the records.`,
    {
      hint: "Mend the file: put the records into one array, or give the second key a name of its own.",
      facts,
    },
  )
}

/** `at` is where something else stands; −1 where nothing does. */
function notFound(
  bytes: Buffer,
  at: number,
  pointer: readonly string[],
  steps: number,
  file: string,
): Problem {
  const wanted = pointerOf(pointer)
  const reached = steps === 0 ? "the top" : pointerOf(pointer.slice(0, steps))
  const found =
    at === -1
      ? `${reached} has no ${JSON.stringify(pointer[steps] ?? "")}`
      : `${reached} is ${tellKind(bytes, at)}, ${JSON.stringify(showCell(bytes.toString("utf8", at, wordEnd(bytes, at))))}`
  const top = at === -1 && steps === 0 ? keysAtTop(bytes) : []
  return new Problem(
    "records-not-found",
    `${file} has no records at ${wanted === "" ? "the top" : JSON.stringify(wanted)}: ${found}; expected an array, or one object.`,
    {
      hint:
        top.length > 0
          ? `At the top are ${top.map((key) => JSON.stringify(pointerOf([key]))).join(", ")}: name the one in  records:`
          : "Say in  records:  where the array is, as a JSON Pointer such as /data; flatbed-source discover FILE proposes one.",
      facts: { file, pointer: wanted },
    },
  )
}

function wordEnd(bytes: Buffer, at: number): number {
  const token: Token = { flags: 0 }
  const end =
    bytes[at] === quote ? readString(bytes, at, bytes.length, token) : readWord(bytes, at, bytes.length)
  return end < 0 ? Math.min(bytes.length, at + 100) : Math.min(end, at + 400)
}

/** The keys of an object that was read whole, the first few. */
function keysAtTop(bytes: Buffer): string[] {
  const keys: string[] = []
  const token: Token = { flags: 0 }
  let at = skipSpace(bytes, markLength(bytes), bytes.length)
  if (bytes[at] !== openObject) return keys
  at = skipSpace(bytes, at + 1, bytes.length)
  while (bytes[at] === quote && keys.length < 10) {
    const end = readString(bytes, at, bytes.length, token)
    if (end < 0) break
    keys.push(readText(bytes, at, end))
    at = skipSpace(bytes, skipSpace(bytes, end, bytes.length) + 1, bytes.length)
    const behind = endOfValue(bytes, at, true) ?? bytes.length
    at = skipSpace(bytes, skipSpace(bytes, behind, bytes.length) + 1, bytes.length)
  }
  return keys
}
