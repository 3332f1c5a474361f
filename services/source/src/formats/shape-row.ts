/**
 * Pure: from a record's cells as written to the row that is served, or to why there is none. The record's bytes are
 * judged before its number of cells, and that before the cells, in the columns' order.
 */
import { type ColumnType, grammars } from "@flatbed/contract"
import { type CellSettings, compileCell, explainFault } from "../cells/compile-cell.ts"
import { compileFilter, type Filter } from "../cells/filter.ts"
import { showCell } from "../show-cell.ts"
import { findTextFault } from "../text-guard.ts"
import { dissectRecord } from "./csv-record.ts"
import type { Dialect, Layout, MendKind, WrittenCells } from "./format.ts"
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
    readonly cell?: CellSettings | undefined
  }[]
  readonly filter?: Filter | undefined
}

export type ShapedRecord =
  /** The served cells in the columns' order; null is NULL. */
  | { readonly fate: "row"; readonly cells: (string | null)[]; readonly mends?: readonly MendKind[] }
  | { readonly fate: "reject"; readonly verdict: RecordVerdict }
  | { readonly fate: "filtered" }

// RFC 4180 knows no NULL; an unquoted empty cell is one unless the settings say otherwise.
const plainCell: CellSettings = { nullValues: [""], clean: [], declared: undefined }

/** Shapes one well-formed record by its cells and its bytes. */
export type RowShaper = (written: WrittenCells, bytes: Buffer) => ShapedRecord

/**
 * Types are judged where the settings declare them; found types fit every row by themselves. Records that are
 * `accepted` have been judged before: none of them is a reject.
 */
export function createRowShaper(measure: Measure, accepted = false): RowShaper {
  const { dialect, width, fields, filter = {} } = measure
  const columns = fields.map(({ cell, ...field }) => ({ ...field, shaper: compileCell(cell ?? plainCell) }))
  const tests = compileFilter(filter, (name) => fields.find((field) => field.name === name)?.declared).map(
    ({ column, accepts }) => ({ at: fields.findIndex(({ name }) => name === column), accepts }),
  )
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

  /** What stands in the cell; undefined where a padded record has none. */
  function textOf({ texts }: WrittenCells, index: number): string | undefined {
    const text = texts[index]
    return stripsNul ? text?.replaceAll("\0", "") : text
  }

  return (written, bytes) => {
    const verdict = accepted ? undefined : (judgeText(written, bytes) ?? judgeWidth(written))
    if (verdict !== undefined) return { fate: "reject", verdict }
    const cells: (string | null)[] = []
    for (const { name, index, declared, shaper } of columns) {
      const text = textOf(written, index)
      const isNull = text === undefined || (shaper.isNullWord(text) && !written.isQuoted(index))
      const raw = isNull ? null : text
      const cell = shaper.isIdentity ? raw : shaper.shape(raw)
      const fault =
        cell === null ||
        typeof cell !== "string" ||
        accepted ||
        declared === undefined ||
        grammars[declared].accepts(cell)
          ? undefined
          : explainFault(raw, cell, `${declared}: ${grammars[declared].forms}`)
      if (fault !== undefined)
        return {
          fate: "reject",
          verdict: { ...fault, column: name, value: raw === null ? null : showCell(raw) },
        }
      if (cell !== null && typeof cell !== "string")
        return {
          fate: "reject",
          verdict: { ...cell, column: name, value: raw === null ? null : showCell(raw) },
        }
      cells.push(cell)
    }
    const isServed = tests.every(({ at, accepts }) => accepts(cells[at] ?? null))
    if (!isServed) return { fate: "filtered" }
    const mends = canMend ? mendsOf(written) : []
    return mends.length === 0 ? { fate: "row", cells } : { fate: "row", cells, mends }
  }
}

/** The shaper of the pass that made this layout. */
export function createShaperOf({ dialect, width, fields, filter }: Layout, accepted: boolean): RowShaper {
  const measured = fields.map(({ name, index, type, declared, cell }) => ({
    ...{ name, index, cell },
    declared: declared ? type : undefined,
  }))
  return createRowShaper({ dialect, width, fields: measured, filter }, accepted)
}

/** Whether rows are the records' cells as they are written, all of them. */
export function isPlain(
  fields: readonly { readonly cell?: CellSettings | undefined }[],
  filter?: Filter,
): boolean {
  return Object.keys(filter ?? {}).length === 0 && fields.every(({ cell }) => cell === undefined)
}

function shown(text: string | undefined): string | null {
  return text === undefined || text === "" ? null : showCell(text)
}
