/**
 * Pure: may a record become a row? A well-formed record that may not is set aside with one reason: its bytes are
 * judged before its number of cells, and that before the cells, in the columns' order.
 */
import { type ColumnType, grammars, type Reject, type RejectCode } from "@flatbed/contract"
import { showCell } from "../show-cell.ts"
import { findTextFault } from "../text-guard.ts"
import { dissectRecord } from "./csv-record.ts"
import type { Dialect, Layout } from "./format.ts"

/** What a record is measured against. */
type Measure = {
  readonly dialect: Dialect
  /** Cells in each record, dropped ones included. */
  readonly width: number
  readonly fields: readonly {
    readonly name: string
    readonly index: number
    readonly declared: ColumnType | undefined
  }[]
}

export type RecordVerdict = Pick<Reject, "column" | "value" | "reason"> & { readonly code: RejectCode }

/** Judges one record by its cells (null for NULL) and its bytes; undefined when it is a row. */
export type Judge = (cells: readonly (string | null)[], bytes: Buffer) => RecordVerdict | undefined

/** Types are judged where the settings declare them; found types fit every row by themselves. */
export function createJudge({ dialect, width, fields }: Measure): Judge {
  const names = new Map(fields.map(({ name, index }) => [index, name]))
  const typed = fields.flatMap(({ name, index, declared }) =>
    declared === undefined || declared === "text" ? [] : [{ name, index, declared }],
  )

  function judgeText(cells: readonly (string | null)[], bytes: Buffer): RecordVerdict | undefined {
    const fault = findTextFault(bytes)
    if (fault === undefined) return undefined
    const { starts } = dissectRecord(bytes, dialect)
    const index = starts.findLastIndex((start) => start <= fault.byte)
    const where = `cell ${index + 1}, byte ${fault.byte + 1} of the record`
    const place = { column: names.get(index) ?? null, value: shown(cells[index]) }
    if (fault.kind === "nul") {
      const reason = `${where}, is NUL; expected text without NUL.`
      return { code: "nul-error", ...place, reason: sentence(reason) }
    }
    const byte = `0x${fault.value.toString(16).padStart(2, "0")}`
    const reason = `${where}, is ${byte}, which begins no valid character; expected UTF-8.`
    return { code: "encoding-error", ...place, reason: sentence(reason) }
  }

  function judgeWidth(cells: readonly (string | null)[]): RecordVerdict | undefined {
    const { length } = cells
    if (length === width) return undefined
    const reason = `The record has ${length === 1 ? "1 cell" : `${length} cells`}; expected ${width}, as in the header.`
    if (length > width) return { code: "extra-cell", column: null, value: shown(cells[width]), reason }
    return { code: "missing-cell", column: names.get(length) ?? null, value: null, reason }
  }

  function judgeTypes(cells: readonly (string | null)[]): RecordVerdict | undefined {
    for (const { name, index, declared } of typed) {
      const cell = cells[index] ?? null
      if (cell === null || grammars[declared].accepts(cell)) continue
      const value = showCell(cell)
      const reason = `The cell is ${JSON.stringify(value)}; expected ${declared}: ${grammars[declared].forms}.`
      return { code: "type-error", column: name, value, reason }
    }
    return undefined
  }

  return (cells, bytes) => judgeText(cells, bytes) ?? judgeWidth(cells) ?? judgeTypes(cells)
}

/** The judge of the pass that made this layout. */
export function createJudgeOf({ dialect, width, fields }: Layout): Judge {
  const declared = fields.map(({ name, index, type, declared }) => ({
    name,
    index,
    declared: declared ? type : undefined,
  }))
  return createJudge({ dialect, width, fields: declared })
}

/** A record set aside, as it stands in a chunk; `place` says where the record begins. */
export function describeReject(
  verdict: RecordVerdict,
  place: Pick<Reject, "row" | "file" | "line" | "byte">,
  bytes: Buffer,
): Reject {
  const { row, file, line, byte } = place
  const { code, column, value, reason } = verdict
  return { row, file, line, byte, code, column, value, reason, raw: withoutLineEnd(bytes).toString("base64") }
}

function withoutLineEnd(record: Buffer): Buffer {
  if (record.at(-1) !== 0x0a) return record
  return record.subarray(0, record.at(-2) === 0x0d ? -2 : -1)
}

function shown(cell: string | null | undefined): string | null {
  return cell === null || cell === undefined ? null : showCell(cell)
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
