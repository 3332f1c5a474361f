/**
 * Pure: from a record's cells as written to the row that is served, or to why there is none. The record's bytes are
 * judged before its number of cells, and that before the cells, in the columns' order.
 */
import { type ColumnType, grammars } from "@flatbed/contract"
import { showCell } from "../show-cell.ts"
import { findTextFault } from "../text-guard.ts"
import { dissectRecord } from "./csv-record.ts"
import type { Dialect, Layout, MendKind } from "./format.ts"
import type { RecordVerdict } from "./rejected-record.ts"

/** What a record is measured against. */
type Measure = {
  readonly dialect: Dialect
  /** Cells in each record, dropped ones included. */
  readonly width: number
  /** The served columns in their order, each with its place in the record and the type that the settings name. */
  readonly fields: readonly {
    readonly name: string
    readonly index: number
    readonly declared: ColumnType | undefined
  }[]
}

/** A record as it was written: what stands in its cells, and whether that stands in quotes. */
export type WrittenCells = {
  readonly texts: readonly string[]
  readonly isQuoted: (index: number) => boolean
}

export type ShapedRecord =
  /** The served cells in the columns' order; null is NULL. */
  | { readonly fate: "row"; readonly cells: (string | null)[]; readonly mends?: readonly MendKind[] }
  | { readonly fate: "reject"; readonly verdict: RecordVerdict }
  | { readonly fate: "filtered" }

/** Shapes one well-formed record by its cells and its bytes. */
export type RowShaper = (written: WrittenCells, bytes: Buffer) => ShapedRecord

/**
 * Types are judged where the settings declare them; found types fit every row by themselves. Records that are
 * `accepted` have been judged before: none of them is a reject.
 */
export function createRowShaper(measure: Measure, accepted = false): RowShaper {
  const { dialect, width, fields } = measure
  const stripsNul = dialect.nul === "strip"
  const canMend = !accepted && (stripsNul || dialect.ragged === "pad" || dialect.ragged === "truncate")
  const names = new Map(fields.map(({ name, index }) => [index, name]))

  function judgeText({ texts }: WrittenCells, bytes: Buffer): RecordVerdict | undefined {
    const fault = findTextFault(bytes, { passNul: stripsNul })
    if (fault === undefined) return undefined
    const { starts } = dissectRecord(bytes, dialect)
    const index = starts.findLastIndex((start) => start <= fault.byte)
    const where = `Cell ${index + 1}, byte ${fault.byte + 1} of the record`
    const place = { column: names.get(index) ?? null, value: shown(texts[index]) }
    if (fault.kind === "nul") {
      return { code: "nul-error", ...place, reason: `${where}, is NUL; expected text without NUL.` }
    }
    const byte = `0x${fault.value.toString(16).padStart(2, "0")}`
    const reason = `${where}, is ${byte}, which begins no valid character; expected UTF-8.`
    return { code: "encoding-error", ...place, reason }
  }

  function judgeWidth({ texts }: WrittenCells): RecordVerdict | undefined {
    const { length } = texts
    if (length === width || fitsBy(length) !== undefined) return undefined
    const reason = `The record has ${length === 1 ? "1 cell" : `${length} cells`}; expected ${width}, as in the header.`
    if (length > width) return { code: "extra-cell", column: null, value: shown(texts[width]), reason }
    return { code: "missing-cell", column: names.get(length) ?? null, value: null, reason }
  }

  /** How a record of another width becomes a row after all. */
  function fitsBy(length: number): MendKind | undefined {
    if (length < width) return dialect.ragged === "pad" ? "padded" : undefined
    return length > width && dialect.ragged === "truncate" ? "truncated" : undefined
  }

  /** Only the served cells are looked at for NUL. */
  function mendsOf({ texts }: WrittenCells): readonly MendKind[] {
    const mends: MendKind[] = []
    const fit = fitsBy(texts.length)
    if (fit !== undefined) mends.push(fit)
    if (stripsNul && fields.some(({ index }) => texts[index]?.includes("\0"))) mends.push("nul-stripped")
    return mends
  }

  function readCell(written: WrittenCells, index: number): string | null {
    const text = written.texts[index]
    if (text === undefined) return null
    const kept = stripsNul ? text.replaceAll("\0", "") : text
    return kept === "" && !written.isQuoted(index) ? null : kept
  }

  return (written, bytes) => {
    const verdict = accepted ? undefined : (judgeText(written, bytes) ?? judgeWidth(written))
    if (verdict !== undefined) return { fate: "reject", verdict }
    const cells: (string | null)[] = []
    for (const { name, index, declared } of fields) {
      const cell = readCell(written, index)
      if (cell !== null && !accepted && declared !== undefined && !grammars[declared].accepts(cell))
        return { fate: "reject", verdict: describeTypeError(name, declared, cell) }
      cells.push(cell)
    }
    const mends = canMend ? mendsOf(written) : []
    return mends.length === 0 ? { fate: "row", cells } : { fate: "row", cells, mends }
  }
}

/** The shaper of the pass that made this layout. */
export function createShaperOf({ dialect, width, fields }: Layout, accepted: boolean): RowShaper {
  const declared = fields.map(({ name, index, type, declared }) => ({
    name,
    index,
    declared: declared ? type : undefined,
  }))
  return createRowShaper({ dialect, width, fields: declared }, accepted)
}

function describeTypeError(column: string, declared: ColumnType, cell: string): RecordVerdict {
  const value = showCell(cell)
  const reason = `The cell is ${JSON.stringify(value)}; expected ${declared}: ${grammars[declared].forms}.`
  return { code: "type-error", column, value, reason }
}

function shown(text: string | undefined): string | null {
  return text === undefined || text === "" ? null : showCell(text)
}
