/** Pure: how a JSON file seems to be built, by its beginning: one text or a record a line, and where its records are. */
import {
  closeArray,
  closeObject,
  colon,
  comma,
  openArray,
  openObject,
  quote,
  readString,
  skipSpace,
} from "../formats/json-bytes.ts"
import { createValueFrame } from "../formats/json-frame.ts"
import { pointerOf } from "../formats/json-paths.ts"
import { readText } from "../formats/json-walk.ts"

export type JsonProposal = {
  readonly format: "json" | "ndjson"
  /** JSON Pointer. */
  readonly records: string
  readonly because: { readonly format: string; readonly records?: string }
  readonly notes: readonly string[]
}

// Records lie below few keys, as in { "response": { "data": [ … ] } }.
const deepest = 3

type Found = { readonly keys: readonly string[]; readonly bytes: number }

/**
 * Undefined when the text begins like no JSON of records. `sample` is UTF-8 without a mark; `isLines` where the file is
 * called NDJSON, so that one object on one line is a record.
 */
export function proposeJson(sample: Buffer, isLines: boolean): JsonProposal | undefined {
  const from = skipSpace(sample, 0, sample.length)
  const first = sample[from]
  if (first === openArray) {
    return { format: "json", records: "", because: { format: "it is one array" }, notes: [] }
  }
  if (first !== openObject) return undefined
  const end = createValueFrame().follow(sample, from, sample.length)
  const behind = end === -1 ? sample.length : skipSpace(sample, end, sample.length)
  if (behind < sample.length && sample[behind] === openObject) {
    const because = { format: "one object stands behind the other" }
    return { format: "ndjson", records: "", because, notes: [] }
  }
  if (isLines && end !== -1 && !sample.subarray(from, end).includes(0x0a)) {
    return { format: "ndjson", records: "", because: { format: "it is one object on one line" }, notes: [] }
  }
  const arrays = findArrays(sample, from, [])
  const [largest, ...others] = arrays.sort((a, b) => b.bytes - a.bytes)
  const format = "it is one object"
  if (largest === undefined) {
    const notes = ["It is one object, which makes one record: no array of objects is in it."]
    return { format: "json", records: "", because: { format }, notes }
  }
  const records = pointerOf(largest.keys)
  const seen = others.map(({ keys }) => pointerOf(keys))
  const notes =
    seen.length === 0
      ? []
      : [`There are arrays of objects at ${seen.join(", ")} too: each can be a dataset of its own.`]
  return {
    format: "json",
    records,
    because: { format, records: "the largest array of objects is there" },
    notes,
  }
}

/** The arrays of objects below an object, as far as the sample reaches. */
function findArrays(bytes: Buffer, from: number, keys: readonly string[]): Found[] {
  const to = bytes.length
  const found: Found[] = []
  let at = skipSpace(bytes, from + 1, to)
  while (at < to && bytes[at] === quote) {
    const keyEnd = readString(bytes, at, to, { flags: 0 })
    if (keyEnd < 0) break
    const own = [...keys, readText(bytes, at, keyEnd)]
    const sign = skipSpace(bytes, keyEnd, to)
    if (bytes[sign] !== colon) break
    const value = skipSpace(bytes, sign + 1, to)
    if (value >= to) break
    const end = createValueFrame().follow(bytes, value, to)
    if (bytes[value] === openArray && bytes[skipSpace(bytes, value + 1, to)] === openObject) {
      found.push({ keys: own, bytes: (end === -1 ? to : end) - value })
    } else if (bytes[value] === openObject && own.length < deepest)
      found.push(...findArrays(bytes, value, own))
    if (end === -1) break
    at = skipSpace(bytes, end, to)
    if (bytes[at] === closeObject || bytes[at] === closeArray || bytes[at] !== comma) break
    at = skipSpace(bytes, at + 1, to)
  }
  return found
}
