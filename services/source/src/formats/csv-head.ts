/**
 * Pure: what stands before the first record of a CSV: a byte order mark, lines to skip, comments, and the header with the
 * columns' names unless the dialect declares them. Both readers begin here, so both say the same.
 */
import { Problem } from "@flatbed/contract"
import { parse as parseWhole } from "csv-parse/sync"
import { counted } from "../counted.ts"
import type { CsvDialect, CsvScanRequest } from "./csv-dialect.ts"
import { parseOptions } from "./csv-options.ts"
import { countLines, isPassed, type Signs, signsOf, walkRecord } from "./csv-record.ts"
import { malformed, refuseText, tooLong } from "./csv-refusals.ts"
import type { RecordPlace } from "./rejected-record.ts"

export type Head = {
  /** As the file or the dialect says, one for each cell. */
  readonly names: readonly string[]
  /** The line that names the columns, or on which the first record begins. */
  readonly line: number
  /** Where the first record begins, or a comment before it. */
  readonly end: number
  readonly nextLine: number
}

const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf])
const maxCharacterBytes = 4

/**
 * Reads the head from a file's first bytes; undefined while bytes are missing, and with `isLast` for a file that has
 * none. Raises what the file is refused for.
 */
export function readHead(
  bytes: Buffer,
  isLast: boolean,
  { file, dialect, maxRecordBytes }: Pick<CsvScanRequest, "file" | "dialect" | "maxRecordBytes">,
): Head | undefined {
  const signs = signsOf(dialect)
  // A mark of UTF-16 begins with this byte, which UTF-8 never has.
  if (bytes[0] === 0xff) refuseText(bytes, { file, line: 1, byte: 0 }, signs.lineEnd)
  if (bytes.length < byteOrderMark.length && !isLast) return undefined
  const mark = bytes.subarray(0, byteOrderMark.length).equals(byteOrderMark) ? byteOrderMark.length : 0
  const within = bytes.subarray(0, mark + maxRecordBytes)
  const isCut = bytes.length > within.length
  const start = findFirstLine(within, mark, isLast && !isCut, dialect, signs)
  const place = {
    file,
    row: 0,
    line: 1 + countLines(bytes, signs.lineEnd, mark, start ?? 0),
    byte: start ?? mark,
  }
  const head = start === undefined ? undefined : readNames(within, isLast && !isCut, dialect, signs, place)
  if (head !== undefined || !isCut) return head
  // What is no text at all has no line ends either; the last character may not be whole.
  refuseText(within.subarray(mark, -maxCharacterBytes), { file, line: 1, byte: mark }, signs.lineEnd)
  throw tooLong(maxRecordBytes, { file, row: 0, line: 1, byte: mark })
}

/** The problem of a file that ends before it has named its columns. */
export function noHead(file: string, { hasHeader, skipLines = 0 }: CsvDialect): Problem {
  const skipped = skipLines === 0 ? "" : ` behind the ${counted(skipLines, "line")} that are skipped`
  if (hasHeader === false) {
    return new Problem("file-empty", `${file} holds no record${skipped}, so its columns cannot be counted.`, {
      hint: "Name the columns in dialect.fields; then a file without records makes an empty table.",
      facts: { file },
    })
  }
  return new Problem("file-empty", `${file} holds no header${skipped}.`, {
    hint:
      skipLines === 0
        ? "Write the column names into its first line."
        : "Lower dialect.skip_lines, or write the column names into the line behind them.",
    facts: { file },
  })
}

/** Behind the mark, the lines to skip and the comments; undefined while bytes are missing. */
function findFirstLine(
  bytes: Buffer,
  mark: number,
  isLast: boolean,
  { skipLines = 0 }: CsvDialect,
  signs: Signs,
): number | undefined {
  let at = mark
  for (let skipped = 0; skipped < skipLines || isPassed(bytes, at, signs); skipped += 1) {
    if (at >= bytes.length) break
    const end = bytes.indexOf(signs.lineEnd, at)
    at = end === -1 ? bytes.length : end + 1
  }
  return at < bytes.length || isLast ? at : undefined
}

function readNames(
  bytes: Buffer,
  isLast: boolean,
  dialect: CsvDialect,
  signs: Signs,
  place: RecordPlace,
): Head | undefined {
  const { hasHeader, fields } = dialect
  const { line, byte: from } = place
  if (hasHeader === false && fields !== undefined) return { names: fields, line, end: from, nextLine: line }
  if (from >= bytes.length) return undefined
  const { stop, at, cells } = walkRecord(bytes, from, bytes.length, isLast, signs)
  if (stop === "more") return undefined
  const record = bytes.subarray(from, stop === "quote-open" ? bytes.length : at)
  refuseText(record, place, signs.lineEnd)
  if (stop !== "end") throw malformed(bytes.subarray(from), dialect, place)
  if (hasHeader === false) {
    const names = Array.from({ length: cells }, (_, i) => `column_${i + 1}`)
    return { names, line, end: from, nextLine: line }
  }
  const nextLine = line + countLines(record, signs.lineEnd)
  if (fields !== undefined && fields.length !== cells) throw disagree(fields.length, cells, place)
  const [named = []] = parseWhole(record, parseOptions(dialect))
  return { names: fields ?? named, line, end: at, nextLine }
}

function disagree(declared: number, found: number, { file, line }: RecordPlace): Problem {
  return new Problem(
    "header-invalid",
    `dialect.fields names ${counted(declared, "column")}; the header of ${file} has ${found}, on line ${line}.`,
    {
      hint: "Name every column of the file, in its order; columns.select and columns.drop say which are served.",
      facts: { file, line },
    },
  )
}
