/** Pure: what is told of a JSON record that is no row, and of a file that is refused. */
import { findNearest } from "@flatbed/config"
import { Problem } from "@flatbed/contract"
import { showCell } from "../show-cell.ts"
import { findTextFault } from "../text-guard.ts"
import { lf, openArray, openObject, quote } from "./json-bytes.ts"
import type { JsonDialect } from "./json-dialect.ts"
import { keysOf, type PathNode, pointerOf } from "./json-paths.ts"
import { findJsonFault, type JsonFault, maxDepth, maxKeys } from "./json-walk.ts"
import type { RecordPlace, RecordVerdict } from "./rejected-record.ts"

// A pointer into the depths may be as long as the record.
const longestPointer = 200

/** Why a record that json-record.ts found faulty is no row. */
export function judgeRecord(record: Buffer): RecordVerdict {
  const fault = findJsonFault(record, 0, record.length)
  if (fault?.kind === "syntax") {
    return {
      code: "json-error",
      column: null,
      value: showAround(record, fault.at),
      reason: `${tellSyntax(record, fault)}.`,
    }
  }
  const text = findTextFault(record, { passNul: true })
  if (text !== undefined) {
    const byte = `0x${text.value.toString(16).padStart(2, "0")}`
    const reason = `Byte ${text.byte + 1} of the record is ${byte}, which begins no valid character; expected UTF-8.`
    return { code: "encoding-error", column: null, value: showAround(record, text.byte), reason }
  }
  if (fault === undefined) throw new Error("a record that was called faulty has no fault")
  const where = `${tellPlace(record, fault.at)}, at ${showPointer(fault.pointer)}`
  const value = showAround(record, fault.at)
  const told = (code: RecordVerdict["code"], reason: string): RecordVerdict => ({
    code,
    column: null,
    value,
    reason,
  })
  switch (fault.kind) {
    case "half-pair":
      return told(
        "encoding-error",
        `A string ${where}, has half a surrogate pair, which UTF-8 cannot hold; expected both halves.`,
      )
    case "nul":
      return told("nul-error", `A string ${where}, holds \\u0000; expected text without NUL.`)
    case "duplicate-key":
      return told("duplicate-key", `The key ${where}, stands in its object twice; expected each key once.`)
    case "too-deep":
      return told(
        "too-deep",
        `An object or array ${where}, is the ${maxDepth + 1}st in another; expected ${maxDepth} at the most.`,
      )
    case "too-many-keys":
      return told(
        "too-many-keys",
        `The key ${where}, is number ${maxKeys + 1} of the record; expected ${maxKeys} at the most.`,
      )
  }
}

/** A record that is JSON, but no object. */
export function noObject(record: Buffer): RecordVerdict {
  const value = showCell(record.toString("utf8", 0, 400))
  return {
    code: "type-error",
    column: null,
    value,
    reason: `The record is ${tellKind(record, 0)}; expected an object.`,
  }
}

/** json-invalid for a file whose JSON breaks off or has something else; `bytes` begin at `place` in the file. */
export function invalidJson(
  bytes: Buffer,
  fault: Pick<JsonFault, "at" | "pointer" | "expected">,
  place: RecordPlace,
  hint = "Mend the file there; nothing of it is served until it is JSON from its first to its last byte.",
): Problem {
  const line = place.line + countLines(bytes, 0, fault.at)
  const byte = place.byte + fault.at
  // Before the first record the pointer is the text's, behind that it begins in the record.
  const where =
    fault.pointer === "" ? "" : `, at ${cutPointer(fault.pointer)}${place.row === 0 ? "" : " of the record"}`
  return new Problem(
    "json-invalid",
    `${place.file} is not valid JSON: on line ${line}, at byte ${byte}${where}, ${at(bytes, fault.at)}; expected ${fault.expected}.`,
    {
      hint,
      facts: {
        ...{ file: place.file, row: place.row, line, byte, pointer: cutPointer(fault.pointer) },
        value: showAround(bytes, fault.at),
      },
    },
  )
}

/** The problem of a record, or of what stands around the records, past the limit. */
export function tooLong(what: string, maxRecordBytes: number, place: RecordPlace): Problem {
  return new Problem(
    "record-malformed",
    `${what} on line ${place.line} of ${place.file} is longer than ${maxRecordBytes} bytes.`,
    {
      hint: "Raise record_limit if it really is that long; otherwise a quote or a bracket may be missing there.",
      facts: place,
    },
  )
}

/** The problem of a record whose rows, one for each element, would be longer together than is allowed. */
export function tooWide(rows: number, maxBytes: number, place: RecordPlace): Problem {
  return new Problem(
    "record-malformed",
    `The record on line ${place.line} of ${place.file} makes ${rows} rows, which together would be longer than ${maxBytes} bytes: each repeats what stands beside the exploded array.`,
    {
      hint: "Raise record_limit, of which that is four times, or load the array as jsonb, without explode.",
      facts: place,
    },
  )
}

/** `an object`, `a number`: what begins at an offset. */
export function tellKind(bytes: Buffer, at: number): string {
  const byte = bytes[at]
  if (byte === openObject) return "an object"
  if (byte === openArray) return "an array"
  if (byte === quote) return "a string"
  if (byte === 0x74 || byte === 0x66) return "a boolean"
  return byte === 0x6e ? "null" : "a number"
}

/** How many line feeds stand between two offsets. */
export function countLines(bytes: Buffer, from: number, to: number): number {
  let lines = 0
  for (let at = bytes.indexOf(lf, from); at !== -1 && at < to; at = bytes.indexOf(lf, at + 1)) lines += 1
  return lines
}

/** `the document` for the empty pointer. */
export function showPointer(pointer: string): string {
  return pointer === "" ? "the top" : cutPointer(pointer)
}

function tellSyntax(
  bytes: Buffer,
  { at, pointer, expected }: Pick<JsonFault, "at" | "pointer" | "expected">,
): string {
  const where = `At ${showPointer(pointer)}`
  return at >= bytes.length
    ? `${where} it ends; expected ${expected}`
    : `${where}, byte ${at + 1} is ${showByte(bytes, at)}; expected ${expected}`
}

function at(bytes: Buffer, offset: number): string {
  return offset >= bytes.length ? "it ends" : `stands ${showByte(bytes, offset)}`
}

function tellPlace(bytes: Buffer, at: number): string {
  return `at byte ${at + 1} of the record, ${JSON.stringify(showCell(bytes.toString("utf8", at, Math.min(at + 40, bytes.length)).trim()))}`
}

function showByte(bytes: Buffer, at: number): string {
  const byte = bytes[at] ?? 0
  if (byte > 0x20 && byte < 0x7f) return String.fromCharCode(byte)
  return `the byte 0x${byte.toString(16).padStart(2, "0")}`
}

const cutPointer = (pointer: string) =>
  pointer.length <= longestPointer ? pointer : `${pointer.slice(0, longestPointer)}…`

// The end of its line is no part of what is wrong with it.
function showAround(bytes: Buffer, at: number): string {
  return showCell(bytes.toString("utf8", Math.max(0, at - 20), at + 40).replace(/[\r\n]+$/, ""))
}

/** The verdict over a record without an array where there is to be one. */
export function noArrayOf({ explode = [], separator }: JsonDialect): RecordVerdict {
  const column = explode.join(separator === false ? "_" : separator)
  const reason = `What stands at ${pointerOf(explode)} is no array; expected one, as explode says, or null.`
  return { code: "type-error", column, value: null, reason }
}

/** Raises header-invalid for two places of one name. */
export function refuseDoubles(file: string, places: readonly PathNode[], names: readonly string[]): void {
  const seen = new Map<string, PathNode>()
  places.forEach((node, i) => {
    const name = names[i] ?? ""
    const other = seen.get(name)
    seen.set(name, node)
    if (other === undefined) return
    const [first, second] = [pointerOf(keysOf(other)), pointerOf(keysOf(node))]
    throw new Problem(
      "header-invalid",
      `In ${file} the values at ${first} and at ${second} would both be in a column ${JSON.stringify(name)}.`,
      {
        hint: 'Let another separator tell them apart, as in  flatten: { separator: "." }',
        facts: { file, column: name, pointer: second },
      },
    )
  })
}

const placesShown = 20

/**
 * The problem of a dataset whose records have nothing at `explode`, as with a typing error in it; `places` are those
 * that they have. What an array is may be missing in some records, not in all: then nobody can tell it from an error.
 */
export function noExploded(
  what: string,
  explode: readonly string[] = [],
  places: readonly (readonly string[])[],
): Problem {
  const wanted = pointerOf(explode)
  const had = [...new Set(places.flatMap((keys) => keys.map((_, i) => pointerOf(keys.slice(0, i + 1)))))]
  const shown = had.slice(0, placesShown).join(", ")
  const more = had.length > placesShown ? ` and ${had.length - placesShown} more` : ""
  const near = findNearest(wanted, had)
  const meant = near === undefined ? "" : `Did you mean  explode: ${near}  ? `
  return new Problem(
    "records-not-found",
    `No record of ${what} has ${cutPointer(wanted)}, the array that explode names; there are ${shown}${more}.`,
    {
      hint: `${meant}If that array may be missing in all records, one with an empty array or null in its place is enough. Until then a version before stays served.`,
      facts: { pointer: cutPointer(wanted) },
    },
  )
}

/** The problem of a file of which no record tells a column. */
export function noColumns(
  file: string,
  read: number,
  first: { readonly verdict: RecordVerdict; readonly place: RecordPlace } | undefined,
): Problem {
  if (first !== undefined) {
    const { reason, code } = first.verdict
    // Only an array that is none is blamed on a column.
    const isNoArray = code === "type-error" && first.verdict.column !== null
    return new Problem(
      "json-invalid",
      `No record of ${file} can be read, so that no column is known. The first, on line ${first.place.line}: ${code}: ${reason}`,
      {
        hint: isNoArray
          ? "explode takes the key of an array, such as  explode: items. An object's keys become columns without it: leave explode out."
          : "For one object or array in a file say  format: json, for one record a line  format: ndjson",
        facts: { ...first.place },
      },
    )
  }
  const what = read === 0 ? "holds no record" : "holds no record with a value"
  return new Problem("file-empty", `${file} ${what}, and JSON names its columns nowhere else.`, {
    hint: "Write a record with its keys into it; null is enough for a value. Until then a version before stays served, and tables keep its rows.",
    facts: { file },
  })
}

/** The problem of a column whose name was another one while its cells were read. */
export function unsteadyName(file: string, name: string, node: PathNode | undefined): Problem {
  const pointer = node === undefined ? "" : pointerOf(keysOf(node))
  return new Problem(
    "header-invalid",
    `The column ${JSON.stringify(name)} of ${file}, at ${pointer}, is only called so after all records are read, and the settings speak of it.`,
    { hint: "Give it a name of its own in columns.rename.", facts: { file, column: name, pointer } },
  )
}
