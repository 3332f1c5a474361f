/**
 * Pure: from a record's cells as written to the row that is served, or to why there is none. The record is
 * judged as a whole before its cells are, in the columns' order.
 */
import { type ColumnType, grammars } from "@flatbed/contract"
import { type CellSettings, compileCell, explainFault } from "../cells/compile-cell.ts"
import { compileFilter, type Filter } from "../cells/filter.ts"
import { showCell } from "../show-cell.ts"
import type { Layout, MendKind, WrittenCells } from "./format.ts"
import type { RecordVerdict } from "./rejected-record.ts"

/** What records are made rows of. */
export type Measure = {
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

/** What a format says of a record beside its cells; left out, every record passes as it is. */
export type RecordJudge = {
  /** Why it is no row, whatever stands in its cells. Not asked of records that were accepted before. */
  judge(written: WrittenCells, bytes: Buffer): RecordVerdict | undefined
  /** What stands in the cell; undefined where the record has none. */
  textOf(written: WrittenCells, index: number): string | undefined
  /** What had to be changed so that it is a row. */
  mendsOf(written: WrittenCells): readonly MendKind[]
}

/** The place of a column that a file does not have: there every record has NULL. */
export const absentIndex = -1

// RFC 4180 knows no NULL; an unquoted empty cell is one unless the settings say otherwise.
const plainCell: CellSettings = { nullValues: [""], clean: [], declared: undefined }

/** Shapes one well-formed record by its cells and its bytes. */
export type RowShaper = (written: WrittenCells, bytes: Buffer) => ShapedRecord

/**
 * Types are judged where the settings declare them; found types fit every row by themselves. Records that are
 * `accepted` have been judged before: none of them is a reject.
 */
export function createRowShaper(measure: Measure, judge?: RecordJudge, accepted = false): RowShaper {
  const { fields, filter = {} } = measure
  const columns = fields.map(({ cell, ...field }) => ({ ...field, shaper: compileCell(cell ?? plainCell) }))
  const tests = compileFilter(filter, (name) => fields.find((field) => field.name === name)?.declared).map(
    ({ column, accepts }) => ({ at: fields.findIndex(({ name }) => name === column), accepts }),
  )
  return (written, bytes) => {
    const verdict = accepted ? undefined : judge?.judge(written, bytes)
    if (verdict !== undefined) return { fate: "reject", verdict }
    const cells: (string | null)[] = []
    for (const { name, index, declared, shaper } of columns) {
      const text = judge === undefined ? written.texts[index] : judge.textOf(written, index)
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
    const mends = accepted ? [] : (judge?.mendsOf(written) ?? [])
    return mends.length === 0 ? { fate: "row", cells } : { fate: "row", cells, mends }
  }
}

/** What the pass that made this layout measured records against. */
export function measureOf({ fields, filter }: Layout): Measure {
  const measured = fields.map(({ name, index, type, declared, cell }) => ({
    ...{ name, index, cell },
    declared: declared ? type : undefined,
  }))
  return { fields: measured, filter }
}

/** Whether rows are the records' cells as they are written, all of them: none is changed, none is missing. */
export function isPlain(
  fields: readonly { readonly index: number; readonly cell?: CellSettings | undefined }[],
  filter?: Filter,
): boolean {
  const isAsWritten = fields.every(({ index, cell }) => cell === undefined && index !== absentIndex)
  return isAsWritten && Object.keys(filter ?? {}).length === 0
}
