/**
 * Fixed-width text: a record is a line, a cell the characters of its columns. Blanks around a cell fill it up and are no
 * part of it; a cell of nothing but blanks is NULL. What a line lacks at its end is taken for blanks, for many programs
 * cut these off.
 *
 * Long because the whole format stands in one file.
 */
import type { TakeBuffer } from "@flatbed/codec"
import type { Settings, SettingsProblem } from "@flatbed/config"
import { Problem } from "@flatbed/contract"
import Type, { type TObject } from "@flatbed/typebox"
import { dialectSchema } from "../dialect-settings.ts"
import { resolveServedColumns } from "../served-columns.ts"
import { showCell } from "../show-cell.ts"
import { findTextFault } from "../text-guard.ts"
import type {
  BorderSink,
  EncodedRows,
  FoundRecord,
  Layout,
  Reader,
  Records,
  RowsForm,
  Scan,
  ScanRequest,
  WrittenCells,
} from "./format.ts"
import type { Format } from "./formats.ts"
import { createRowGatherer } from "./gather-rows.ts"
import { describeReject, type RecordVerdict } from "./rejected-record.ts"
import { createRowWriter } from "./row-writer.ts"
import { createRowShaper, measureOf, type RecordJudge, type ShapedRecord } from "./shape-row.ts"

type FixedDialect = {
  readonly widths: readonly { readonly name: string; readonly width: number }[]
  /** Lines before the first record. */
  readonly skipLines: number
}

const lf = 0x0a
const cr = 0x0d
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf])

const settings = {
  widths: Type.Array(
    Type.Object({
      name: Type.String({ minLength: 1, description: "the column's name" }),
      width: Type.Integer({ minimum: 1, description: "how many characters it has, blanks included" }),
    }),
    { default: [], description: "the columns of a fixed-width text, from left to right" },
  ),
  // Of a dialect only what is said of text at all.
  dialect: dialectSchema,
}

type FixedSettings = Settings<TObject<typeof settings>>
const missing = "is missing; format fixed needs it, as in  widths: [{ name: id, width: 8 }]"
const known = dialectSchema.properties as Readonly<Record<string, { default?: unknown }>>
const spokenTo = ["encoding", "skip_lines", "null_values", "strict"]

const reader: Reader<FixedDialect> = { name: "fixed", startScan, encode, readWritten, findRecords }

/** Lines whose columns have a width. Nothing but the settings tells a file of this format. */
export const fixedFormat = {
  name: "fixed",
  endings: [],
  settings,
  checkSettings,
  dialectOf: ({ widths, dialect }): FixedDialect => ({ widths, skipLines: dialect.skip_lines }),
  chooseReader: () => reader,
  canonicalDialect: ({ widths, skipLines }) => [widths.map(({ name, width }) => [name, width]), skipLines],
  writeDialect: ({ widths, skipLines }) => ({ widths, skip_lines: skipLines }),
  describeDialect: ({ widths, skipLines }) =>
    `widths ${widths.map(({ name, width }) => `${name} ${width}`).join(", ")}` +
    (skipLines === 0 ? "" : `, skip_lines ${skipLines}`),
} as const satisfies Format<FixedDialect, FixedSettings>

function checkSettings(path: string, { widths, dialect }: FixedSettings): SettingsProblem[] {
  const problems: SettingsProblem[] = []
  if (widths.length === 0) {
    problems.push({ path: `${path}.widths`, message: missing })
  }
  for (const [setting, value] of Object.entries(dialect)) {
    if (spokenTo.includes(setting) || JSON.stringify(value) === JSON.stringify(known[setting]?.default))
      continue
    problems.push({
      path: `${path}.dialect.${setting}`,
      message: `says nothing to fixed, the format of this dataset; expected one of ${spokenTo.join(", ")}`,
    })
  }
  return problems
}

/** Where the line ends that begins at `from`, its line end included; −1 while that is not known. */
function endOfLine(bytes: Buffer, from: number, isLast: boolean): number {
  const at = bytes.indexOf(lf, from)
  return at !== -1 ? at + 1 : isLast ? bytes.length : -1
}

/** The cells of a line. Characters are code points, so that no cell begins inside one. */
function readLine(line: Buffer, { widths }: FixedDialect): WrittenCells {
  const lineEnd = line.at(-1) !== lf ? 0 : line.at(-2) === cr ? 2 : 1
  const text = line.toString("utf8", 0, line.length - lineEnd)
  // In ASCII, code units are characters.
  const characters = text.length === line.length - lineEnd ? undefined : [...text]
  let from = 0
  const texts = widths.map(({ width }) => {
    const cell = characters?.slice(from, from + width).join("") ?? text.slice(from, from + width)
    from += width
    return cell.replace(/^ +| +$/g, "")
  })
  const rest = (characters?.slice(from).join("") ?? text.slice(from)).replace(/^ +| +$/g, "")
  return { texts: rest === "" ? texts : [...texts, rest], isQuoted: () => false }
}

function createJudge({ widths }: FixedDialect): RecordJudge {
  return {
    judge({ texts }, line): RecordVerdict | undefined {
      const fault = findTextFault(line)
      if (fault !== undefined) {
        const [code, found, expected] =
          fault.kind === "nul"
            ? (["nul-error", "NUL", "text without NUL"] as const)
            : (["encoding-error", "no valid character", "UTF-8"] as const)
        const reason = `Byte ${fault.byte + 1} of the line is ${found}; expected ${expected}.`
        return { code, column: null, value: null, reason }
      }
      const all = widths.reduce((sum, { width }) => sum + width, 0)
      if (texts.length > widths.length) {
        const reason = `The line goes on behind its last column; expected ${all} characters at most.`
        return { code: "extra-cell", column: null, value: showCell(texts[widths.length] ?? ""), reason }
      }
      if (line[0] !== lf && line[0] !== cr) return undefined
      const reason = `The line is empty; expected ${all} characters.`
      return { code: "missing-cell", column: widths[0]?.name ?? null, value: null, reason }
    },
    textOf: ({ texts }, index) => texts[index],
    mendsOf: () => [],
  }
}

function startScan(request: ScanRequest<FixedDialect>, borders: BorderSink): Scan<FixedDialect> {
  const { file, dialect, maxRecordBytes, columns, onRow } = request
  const names = dialect.widths.map(({ name }) => name)
  const gatherer = createRowGatherer({
    ...{ dialect, maxRecordBytes, onRow, filter: columns.filter, judge: createJudge(dialect) },
    width: names.length,
    fields: resolveServedColumns(names, columns, { file }),
  })
  let parts: Buffer[] = []
  let held = 0
  let offset = 0
  let line = 1
  let row = 1
  let hasHead = false

  /** Where the records begin; undefined while bytes are missing. */
  function findRecordsBegin(bytes: Buffer, isLast: boolean): number | undefined {
    if (bytes.length < byteOrderMark.length && !isLast) return undefined
    let at = bytes.subarray(0, byteOrderMark.length).equals(byteOrderMark) ? byteOrderMark.length : 0
    for (let skipped = 0; skipped < dialect.skipLines; skipped += 1) {
      const end = bytes.indexOf(lf, at) + 1
      if (end === 0 && isLast) throw endsEarly(file, dialect)
      if (end === 0) return undefined
      at = end
    }
    line += dialect.skipLines
    return at
  }

  /** Reads what is whole and keeps the rest. */
  function read(isLast: boolean): void {
    const bytes = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts)
    let at = 0
    if (!hasHead) {
      const begin = findRecordsBegin(bytes, isLast)
      hasHead = begin !== undefined
      if (begin !== undefined) borders.header(begin, line, names)
      at = begin ?? 0
    }
    while (hasHead && at < bytes.length) {
      const to = endOfLine(bytes, at, isLast)
      if (to === -1) break
      const place = { file, row, line, byte: offset + at }
      if (to - at > maxRecordBytes) throw tooLong(maxRecordBytes, place)
      const record = bytes.subarray(at, to)
      const fate = gatherer.add(readLine(record, dialect), record, place)
      if (fate !== "filtered") row += 1
      if (record.at(-1) === lf) line += 1
      at = to
      borders.record(offset + at, line, fate)
    }
    parts = [bytes.subarray(at)]
    held = bytes.length - at
    offset += at
    if (held > maxRecordBytes) throw tooLong(maxRecordBytes, { file, line, byte: offset })
  }

  return {
    async push(bytes) {
      // A copy: the bytes are lent. A line that goes on is put together when it ends.
      parts.push(Buffer.from(bytes))
      held += bytes.length
      if (bytes.includes(lf) || !hasHead || held > maxRecordBytes) read(false)
    },
    async end() {
      read(true)
      return gatherer.finish()
    },
    abandon: () => {
      parts = []
    },
  }
}

function endsEarly(file: string, { skipLines }: FixedDialect): Problem {
  return new Problem("file-empty", `${file} ends within the lines that are skipped, ${skipLines} of them.`, {
    hint: "Lower dialect.skip_lines.",
    facts: { file },
  })
}

function tooLong(
  limit: number,
  place: { readonly file: string; readonly line: number; readonly byte: number },
): Problem {
  return new Problem(
    "record-malformed",
    `The line ${place.line} of ${place.file} is longer than ${limit} bytes.`,
    {
      hint: "Check that its lines end with a line feed, or raise record_limit if they really are that long.",
      facts: place,
    },
  )
}

/** Tells what becomes of each line until the answer is false. */
function eachLine(
  bytes: Buffer,
  layout: Layout<FixedDialect>,
  accepted: boolean,
  tell: (shaped: ShapedRecord, from: number, to: number) => boolean,
): void {
  const shape = createRowShaper(measureOf(layout), createJudge(layout.dialect), accepted)
  for (let at = 0; at < bytes.length; ) {
    const to = endOfLine(bytes, at, true)
    const record = bytes.subarray(at, to)
    if (!tell(shape(readLine(record, layout.dialect), record), at, to)) return
    at = to
  }
}

function encode(
  { bytes, file, firstRow, firstLine, byteFrom, rejects }: Records,
  layout: Layout<FixedDialect>,
  form: RowsForm,
  limit = Number.POSITIVE_INFINITY,
  take?: TakeBuffer,
): EncodedRows {
  const writer = createRowWriter(layout, form)
  let told = 0
  let line = firstLine
  if (limit > 0) {
    eachLine(bytes, layout, rejects === 0, (shaped, from, to) => {
      if (shaped.fate === "row") writer.add(shaped.cells)
      else if (shaped.fate === "reject") {
        const place = { row: firstRow + told, file, line, byte: byteFrom + from }
        writer.addReject(describeReject(shaped.verdict, place, bytes.subarray(from, to)))
      }
      line += 1
      told += shaped.fate === "filtered" ? 0 : 1
      return told < limit
    })
  }
  return writer.finish(take)
}

function readWritten(bytes: Buffer, { dialect }: Layout<FixedDialect>, limit: number): WrittenCells[] {
  const found: WrittenCells[] = []
  for (let at = 0; at < bytes.length && found.length < limit; ) {
    const to = endOfLine(bytes, at, true)
    found.push(readLine(bytes.subarray(at, to), dialect))
    at = to
  }
  return found
}

function findRecords(
  bytes: Buffer,
  layout: Layout<FixedDialect>,
  numbers: readonly number[],
): (FoundRecord | undefined)[] {
  const found: FoundRecord[] = []
  let row = 0
  let linesBefore = 0
  eachLine(bytes, layout, false, ({ fate }, byteFrom, byteTo) => {
    if (fate !== "filtered") row += 1
    if (fate !== "filtered" && row === numbers[found.length]) found.push({ byteFrom, byteTo, linesBefore })
    linesBefore += 1
    return found.length < numbers.length
  })
  return numbers.map((_, i) => found[i])
}
