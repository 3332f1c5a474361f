/**
 * The heart of the byte reader: records, one after the other, from bytes that are held. Which of them are rows, and
 * what their cells say of the columns.
 *
 * Subtle, so mind three things. (1) Behind the bytes stand two sentinels, a line feed and a quote, so that no inner
 * loop tests for the end; whoever meets one at `end` knows that the record goes on in bytes to come. (2) A cell is
 * compared with what is usual in its column; only what differs is noted (byte-evidence.ts). (3) Numbers are told by
 * the loop itself where they are short, everything else by byte-forms.ts: the two must draw the same line.
 */
import { isUtf8 } from "node:buffer"
import { Problem } from "@flatbed/contract"
import type { ServedField } from "../served-columns.ts"
import { findTextFault } from "../text-guard.ts"
import { createByteEvidence, emptyForm, nullForm } from "./byte-evidence.ts"
import { classifyBytes, form, measureBytes } from "./byte-forms.ts"
import { createByteTables, role } from "./byte-table.ts"
import { refuseMalformed } from "./csv-refusals.ts"
import type { BorderSink, Layout, ScanRequest, ScanResult } from "./format.ts"

const lf = 0x0a
const cr = 0x0d
const { text: textForm, integer: integerForm, numeric: numericForm } = form
const { plain, delimiter: toNext, lf: toEnd } = role

type RecordScanRequest = Pick<ScanRequest, "file" | "dialect" | "maxRecordBytes"> & {
  readonly fields: readonly ServedField[]
  /** Cells in each record, dropped ones included. */
  readonly width: number
  /** Of the first record. */
  readonly row: number
  readonly line: number
}

export type RecordScan = ReturnType<typeof createRecordScan>

/** The part of the scan behind the header: which records are rows, and what their cells say. */
export function createRecordScan(request: RecordScanRequest) {
  const { file, dialect, maxRecordBytes, fields, width } = request
  const { ends, quote } = createByteTables(dialect)
  const evidence = createByteEvidence(fields)
  const { usual } = evidence
  // By place in the record: the field served from it, or −1.
  const fieldAt = new Int32Array(width).fill(-1)
  fields.forEach(({ index }, field) => {
    fieldAt[index] = field
  })
  // The cells of the record under way that differ from what is usual.
  const noteField = new Int32Array(fields.length)
  const noteForm = new Int32Array(fields.length)
  const noteFrom = new Int32Array(fields.length)
  const noteTo = new Int32Array(fields.length)
  const noteQuotes = new Uint8Array(fields.length)
  let notes = 0
  let { row, line } = request
  let rejects = 0

  /**
   * Whole records from the first byte up to `end`, behind which a line feed and a quote stand; `offset` is where the
   * first byte is in the file. Answers where the record under way begins.
   */
  function scan(bytes: Buffer, end: number, isLast: boolean, offset: number, borders: BorderSink): number {
    const wholeTo = isLast ? end : bytes.lastIndexOf(lf, end - 1) + 1
    const text = bytes.subarray(0, wholeTo)
    const isClean = isUtf8(text) && !text.includes(0)
    const { form: usualForm, maxBytes, maxIntegerDigits, maxScale } = usual
    let at = 0

    for (;;) {
      const recordFrom = at
      if (recordFrom === end) return recordFrom
      let column = 0
      let newlines = 0
      notes = 0

      for (;;) {
        const field = column < width ? (fieldAt[column] as number) : -1
        let from = at
        let to = at
        let cellForm = textForm
        let measured = 0
        let doubled = 0
        let byte = bytes[at] as number

        if (byte === quote) {
          from = at + 1
          let open = true
          do {
            byte = bytes[++at] as number
            while (byte !== quote) {
              if (byte === lf) newlines += 1
              byte = bytes[++at] as number
            }
            if (at >= end) {
              if (isLast) refuse(bytes, recordFrom, end, offset)
              return recordFrom
            }
            if (bytes[at + 1] === quote && at + 1 < end) {
              doubled = 1
              at += 1
            } else open = false
          } while (open)
          to = at
          byte = bytes[++at] as number
          if (field >= 0) {
            if (from === to) cellForm = emptyForm
            else if (doubled === 0) {
              cellForm = classifyBytes(bytes, from, to)
              measured = measureBytes(bytes, from, to, cellForm)
            }
          }
        } else {
          if (field >= 0) {
            if ((byte >= 0x30 && byte <= 0x39) || byte === 0x2d) {
              const digitsFrom = byte === 0x2d ? at + 1 : at
              if (byte === 0x2d) byte = bytes[++at] as number
              while (byte >= 0x30 && byte <= 0x39) byte = bytes[++at] as number
              const digits = at - digitsFrom
              const leads = bytes[digitsFrom] === 0x30 ? 1 : 0
              if (ends[byte] !== plain) {
                if (digits > 0 && digits < 10 && (digits === 1 || leads === 0)) {
                  cellForm = integerForm
                  measured = (digits - leads) << 16
                } else cellForm = -1
              } else if (byte === 0x2e && digits > 0 && digits < 10 && (digits === 1 || leads === 0)) {
                const fractionFrom = at + 1
                byte = bytes[++at] as number
                while (byte >= 0x30 && byte <= 0x39) byte = bytes[++at] as number
                const scale = at - fractionFrom
                if (ends[byte] !== plain && scale > 0 && scale < 7) {
                  cellForm = numericForm
                  measured = ((digits - leads) << 16) | scale
                } else cellForm = -1
              } else cellForm = -1
            } else {
              // Words: only what may be a boolean or begins with a point needs a second look.
              const letter = byte | 0x20
              if (letter === 0x74 || letter === 0x66 || byte === 0x2e) cellForm = -1
            }
          }
          while (ends[byte] === plain) byte = bytes[++at] as number
          to = at
          if (field >= 0) {
            if (from === to) cellForm = nullForm
            else if (cellForm === -1) {
              cellForm = classifyBytes(bytes, from, to)
              measured = measureBytes(bytes, from, to, cellForm)
            }
          }
        }

        if (
          field >= 0 &&
          (cellForm !== usualForm[field] ||
            to - from > (maxBytes[field] as number) ||
            measured >> 16 > (maxIntegerDigits[field] as number) ||
            (measured & 0xffff) > (maxScale[field] as number))
        ) {
          noteField[notes] = field
          noteForm[notes] = cellForm
          noteFrom[notes] = from
          noteTo[notes] = to
          noteQuotes[notes] = doubled
          notes += 1
        }

        const what = ends[byte]
        if (what === toNext) {
          column += 1
          at += 1
          continue
        }
        if (byte === cr && at + 1 < end && bytes[at + 1] === lf) {
          at += 1
        } else if (byte === cr && at + 1 >= end && !isLast) {
          return recordFrom
        } else if (what !== toEnd) {
          // Behind the last byte there may be more of the record to come; refuse only what is surely wrong.
          refuse(bytes, recordFrom, end, offset)
        }
        break
      }

      // `at` is at the record's line feed, or at the sentinel.
      if (at >= end && !isLast) return recordFrom
      const to = Math.min(at + 1, end)
      if (to - recordFrom > maxRecordBytes) refuseLong(offset + recordFrom)
      const isRow =
        column + 1 === width &&
        keepsTypes() &&
        (isClean || findTextFault(bytes.subarray(recordFrom, to)) === undefined)
      if (isRow) enterNotes(bytes)
      else rejects += 1
      const nextLine = line + newlines + (at < end ? 1 : 0)
      borders.record(offset + to, nextLine, !isRow)
      line = nextLine
      row += 1
      at = to
    }
  }

  function keepsTypes(): boolean {
    for (let i = 0; i < notes; i += 1) {
      if (evidence.breaks(noteField[i] as number, noteForm[i] as number)) return false
    }
    return true
  }

  function enterNotes(bytes: Buffer): void {
    for (let i = 0; i < notes; i += 1) {
      const [from, to] = [noteFrom[i] as number, noteTo[i] as number]
      const quotes = noteQuotes[i] === 1
      const text = () => readCell(bytes, from, to, quotes)
      const length = quotes ? Buffer.byteLength(text()) : to - from
      evidence.enter(noteField[i] as number, noteForm[i] as number, length, { row, line }, text)
    }
    evidence.endRow()
  }

  function readCell(bytes: Buffer, from: number, to: number, hasQuotes: boolean): string {
    const text = bytes.toString("utf8", from, to)
    return hasQuotes ? text.replaceAll(dialect.quote + dialect.quote, dialect.quote) : text
  }

  function refuse(bytes: Buffer, from: number, end: number, offset: number): void {
    refuseMalformed(bytes.subarray(from, end), dialect, { file, row, line, byte: offset + from })
  }

  function refuseLong(byte: number): never {
    throw tooLong(maxRecordBytes, { file, row, line, byte })
  }

  return {
    scan,
    refuseLong,
    /** The line on which the record under way begins. */
    line: () => line,
    finish(): ScanResult {
      const finished = evidence.finish()
      const layout: Layout = {
        dialect,
        width,
        fields: fields.map(({ name, index, declared }, i) => ({
          name,
          index,
          type: finished[i]?.type ?? "text",
          declared: declared !== undefined,
        })),
      }
      return { layout, evidence: finished.map((one) => one.evidence), rows: row - request.row, rejects }
    },
  }
}

export type RecordPlace = {
  readonly file: string
  readonly row: number
  readonly line: number
  readonly byte: number
}

/** The problem of a record past the limit. */
export function tooLong(maxRecordBytes: number, place: RecordPlace): Problem {
  return new Problem(
    "record-malformed",
    `The record that begins on line ${place.line} is longer than ${maxRecordBytes} bytes.`,
    {
      hint: "Close the quote it opens, or raise record_limit if records really are that long.",
      facts: place,
    },
  )
}
