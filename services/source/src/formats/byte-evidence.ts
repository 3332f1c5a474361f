/**
 * Evidence for all columns from forms and lengths of cells, without a string per cell. Subtle: a cell that is like
 * the ones before it (same form as the column's usual one, not longer) is not counted at all; only what differs is
 * noted, kept until its record is known to be a row, and then entered. The usual form's count is what remains.
 */
import { type ColumnType, columnTypes, type Evidence, type Sighting } from "@flatbed/contract"
import { findRuledOut, findType, measureNumber } from "../evidence.ts"
import type { ServedField } from "../served-columns.ts"
import { showCell } from "../show-cell.ts"
import { form } from "./byte-forms.ts"

/** Beside the forms of `byte-forms.ts`: unquoted empty, and quoted empty. */
export const nullForm = columnTypes.length
export const emptyForm = columnTypes.length + 1

type FieldEvidence = {
  nulls: number
  empties: number
  /** Cells noted with a form; those of the usual form that were not noted are added at the end. */
  noted: number
  readonly forms: { readonly form: number; cells: number; readonly first: Sighting }[]
}

/** What the hot loop compares with, by field. A form of −1 stands for a column without any cell yet. */
export type Usual = {
  readonly form: Int8Array
  readonly maxBytes: Int32Array
  readonly maxIntegerDigits: Int32Array
  readonly maxScale: Int32Array
}

const numberForms = new Set<number>([form.integer, form.bigint, form.numeric])

export function createByteEvidence(fields: readonly ServedField[]) {
  const usual: Usual = {
    form: new Int8Array(fields.length).fill(-1),
    maxBytes: new Int32Array(fields.length),
    maxIntegerDigits: new Int32Array(fields.length),
    maxScale: new Int32Array(fields.length),
  }
  const gathered: FieldEvidence[] = fields.map(() => ({ nulls: 0, empties: 0, noted: 0, forms: [] }))
  // Which forms a declared type takes, as bits; every form where none is declared.
  const accepted = fields.map(({ declared }) => acceptedForms(declared))
  let rows = 0

  return {
    usual,

    /** Whether a cell of this form breaks the field's declared type. NULL never does. */
    breaks(field: number, cellForm: number): boolean {
      return cellForm !== nullForm && (((accepted[field] ?? -1) >> cellForm) & 1) === 0
    },

    /** One noted cell of a record that is a row; `read` gives its text. */
    enter(
      field: number,
      cellForm: number,
      bytes: number,
      place: { row: number; line: number },
      read: () => string,
    ): void {
      const one = gathered[field] as FieldEvidence
      one.noted += 1
      if (cellForm === nullForm) {
        one.nulls += 1
        return
      }
      if (cellForm === emptyForm) one.empties += 1
      const counted = cellForm === emptyForm ? form.text : cellForm
      if (usual.form[field] === -1) usual.form[field] = counted
      if (bytes > (usual.maxBytes[field] ?? 0)) usual.maxBytes[field] = bytes
      if (numberForms.has(counted)) measure(field, read())
      const seen = one.forms.find((entry) => entry.form === counted)
      if (seen === undefined) {
        one.forms.push({ form: counted, cells: 1, first: { ...place, value: showCell(read()) } })
      } else seen.cells += 1
    },

    /** A record is a row: what was not noted of it is like the rows before. */
    endRow(): void {
      rows += 1
    },

    finish(): { readonly type: ColumnType; readonly evidence: Evidence }[] {
      return fields.map(({ name, declared }, field) => {
        const { nulls, empties, noted, forms } = gathered[field] as FieldEvidence
        const counted = forms.map((entry) => ({
          form: columnTypes[entry.form] as ColumnType,
          cells: entry.cells + (entry.form === usual.form[field] ? rows - noted : 0),
          first: entry.first,
        }))
        return {
          type: declared ?? findType(counted),
          evidence: {
            column: name,
            declared: declared !== undefined,
            nulls,
            empties,
            max_bytes: usual.maxBytes[field] ?? 0,
            max_integer_digits: usual.maxIntegerDigits[field] ?? 0,
            max_scale: usual.maxScale[field] ?? 0,
            forms: counted,
            ruled_out: findRuledOut(counted),
          },
        }
      })
    },
  }

  function measure(field: number, lexeme: string): void {
    const { integerDigits, scale } = measureNumber(lexeme)
    if (integerDigits > (usual.maxIntegerDigits[field] ?? 0)) usual.maxIntegerDigits[field] = integerDigits
    if (scale > (usual.maxScale[field] ?? 0)) usual.maxScale[field] = scale
  }
}

/** From the contract's order of types: a declared type takes its own form and those that it widens. */
function acceptedForms(declared: ColumnType | undefined): number {
  const bits = (...forms: number[]) => forms.reduce((sum, one) => sum | (1 << one), 0)
  switch (declared) {
    case undefined:
    case "text":
      return -1
    case "boolean":
      return bits(form.boolean)
    case "integer":
      return bits(form.integer)
    case "bigint":
      return bits(form.integer, form.bigint)
    case "numeric":
      return bits(form.integer, form.bigint, form.numeric)
    case "date":
      return bits(form.date)
    case "timestamp":
      return bits(form.date, form.timestamp)
    case "timestamptz":
      return bits(form.timestamptz)
  }
}
