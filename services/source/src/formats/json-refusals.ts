/** Pure: what is told of a JSON record that is no row, and of a file that is refused. */
import { Problem } from "@flatbed/contract"
import { showCell } from "../show-cell.ts"
import { findTextFault } from "../text-guard.ts"
import { lf, openArray, openObject, quote } from "./json-bytes.ts"
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

/** A record that has something else than an array where its elements are to become rows. */
export function noArray(pointer: string, column: string): RecordVerdict {
  const reason = `What stands at ${showPointer(pointer)} is no array; expected one, since explode names it, or null.`
  return { code: "type-error", column, value: null, reason }
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
  return new Problem(
    "json-invalid",
    `${place.file} is not valid JSON: on line ${line}, at byte ${byte}, ${at(bytes, fault.at)}; expected ${fault.expected}.`,
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
    `${what} on line ${place.line} is longer than ${maxRecordBytes} bytes.`,
    {
      hint: "Raise record_limit if it really is that long; otherwise a quote or a bracket may be missing there.",
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

function showAround(bytes: Buffer, at: number): string {
  return showCell(bytes.toString("utf8", Math.max(0, at - 20), at + 40))
}
