/** Pure: what a line of NDJSON looks like around its values, so that others like it are read by the codec. */
import type { LineShape } from "@flatbed/codec"
import { lf } from "./json-bytes.ts"
import { keysOf, type PathNode } from "./json-paths.ts"
import { kinds, type RecordReader } from "./json-record.ts"
import { maxDepth, maxKeys } from "./json-walk.ts"

// The codec judges values of up to 33 levels, and up to 4,096 keys of them in a line: so both stay within what a record
// may have.
const deepestNested = maxDepth - 33
const mostKeys = maxKeys - 4096

/**
 * The shape of the line that the reader has read and found fine, from its first byte to behind its line feed; its
 * fields are the reader's places. Undefined for a line that another can be like and still be no record: one without a
 * line feed, or with so many keys or levels that a value may be beyond the limits.
 */
export function shapeOfLine(
  { cells, kindAt, paths, keys }: RecordReader,
  bytes: Buffer,
  from: number,
  to: number,
): LineShape | undefined {
  if (bytes[to - 1] !== lf || keys() > mostKeys) return undefined
  const fields: number[] = []
  for (let field = 0; field < paths.length; field += 1) {
    const kind = kindAt(field)
    if (kind === kinds.none) continue
    if (keysOf(paths[field] as PathNode).length > deepestNested) return undefined
    fields.push(field)
  }
  fields.sort((one, other) => (cells.starts[one] as number) - (cells.starts[other] as number))
  let at = from
  const shape = fields.map((field) => {
    const gap = bytes.subarray(at, cells.starts[field])
    at = cells.ends[field] as number
    return { gap, field }
  })
  return [...shape, { gap: bytes.subarray(at, to), field: -1 }]
}
