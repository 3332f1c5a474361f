/** Pure: the cells of a JSON record as text, and as JSON where their column is jsonb. */
import { grammars } from "@flatbed/contract"
import { kinds } from "./json-record.ts"
import { readText } from "./json-walk.ts"

/** What stands in the cell: a string's text, anything else as it is written. Not for null. */
export function cellText(bytes: Buffer, kind: number, from: number, to: number): string {
  if (kind === kinds.string) return bytes.toString("utf8", from + 1, to - 1)
  if (kind === kinds.escaped) return readText(bytes, from, to)
  return bytes.toString("utf8", from, to)
}

/**
 * A cell of a jsonb column that holds strings, too: as it is written where nothing changed it, otherwise what it became
 * as JSON. `before` and `after` are its text without and with the cleaning.
 */
export function jsonOf(kind: number, written: string, before: string | null, after: string): string {
  if (after === before) return written
  const isString = kind === kinds.string || kind === kinds.escaped
  return !isString && grammars.jsonb.accepts(after) ? after : JSON.stringify(after)
}
