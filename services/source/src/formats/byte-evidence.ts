/**
 * Evidence for all columns from what the scan notes: a cell is noted when its column has not had its form yet, or
 * none as long. Everything else the scan counts by itself, without a string per cell.
 */
import { type CellNote, cellForms, type RecordScanner } from "@flatbed/codec"
import { type ColumnType, classifyLexeme, type Evidence, type Sighting } from "@flatbed/contract"
import { findRuledOut, findType, measureNumber } from "../evidence.ts"
import type { ServedField } from "../served-columns.ts"
import { showCell } from "../show-cell.ts"

type CellForm = (typeof cellForms)[number]
type PlainType = Exclude<CellForm, "null" | "empty" | "ask">

/** A noted cell whose form is known. */
type Noted = {
  readonly field: number
  readonly form: number
  readonly length: number
  readonly text: () => string
}

const bit = (form: CellForm) => 1 << cellForms.indexOf(form)
const numbers = bit("integer") | bit("bigint") | bit("numeric")

/** As bits, the forms that a cell may have where the type is declared: its own and those that it widens, and NULL. */
export function allowedForms(declared: ColumnType | undefined): number {
  const bits = (...forms: CellForm[]) =>
    ["null" as const, "ask" as const, ...forms].reduce((sum, form) => sum | bit(form), 0)
  switch (declared) {
    case undefined:
    case "text":
      return bits(...cellForms)
    case "boolean":
      return bits("boolean")
    case "integer":
      return bits("integer")
    case "bigint":
      return bits("integer", "bigint")
    case "numeric":
      return bits("integer", "bigint", "numeric")
    case "date":
      return bits("date")
    case "timestamp":
      return bits("date", "timestamp")
    case "timestamptz":
      return bits("timestamptz")
    // The scan cannot tell: see rulesOf, which sends such a column the general way.
    case "jsonb":
      return bits()
  }
}

/** `quote` is the dialect's: twice in a noted cell, it stands for itself. */
export function createByteEvidence(
  fields: readonly ServedField[],
  quote: string,
  scanner: Pick<RecordScanner, "know" | "answer" | "summary">,
) {
  const allowed = fields.map(({ declared }) => allowedForms(declared))
  const firsts: { readonly type: PlainType; readonly first: Sighting }[][] = fields.map(() => [])

  function resolve({ field, form, bytes, doubled }: CellNote): Noted {
    const text = () => readCell(bytes, doubled)
    const length = bytes.length - doubled
    if (cellForms[form] !== "ask") return { field, form, length, text }
    return { field, form: cellForms.indexOf(classifyLexeme(text()) as PlainType), length, text }
  }

  function readCell(bytes: Buffer, doubled: number): string {
    const text = bytes.toString()
    return doubled === 0 ? text : text.replaceAll(quote + quote, quote)
  }

  function enter({ field, form, length, text }: Noted, place: { row: number; line: number }): void {
    const isNumber = ((numbers >> form) & 1) === 1
    const { integerDigits, scale } = isNumber ? measureNumber(text()) : { integerDigits: 0, scale: 0 }
    scanner.know(field, { form, bytes: length, digits: integerDigits, scale })
    const name = cellForms[form] as CellForm
    if (name === "null") return
    const type = name === "empty" || name === "ask" ? "text" : name
    const seen = firsts[field] as { type: PlainType; first: Sighting }[]
    if (seen.some((one) => one.type === type)) return
    seen.push({ type, first: { ...place, value: showCell(text()) } })
  }

  return {
    /** The notes of one record: false when a cell breaks its column's declared type, otherwise they are entered. */
    take(notes: readonly CellNote[], place: { row: number; line: number }): boolean {
      const noted = notes.map(resolve)
      if (noted.some(({ field, form }) => (((allowed[field] ?? 0) >> form) & 1) === 0)) return false
      noted.forEach((one, i) => {
        if (one.form !== notes[i]?.form) scanner.answer(one.field, one.form)
        enter(one, place)
      })
      return true
    },

    finish(): { readonly type: ColumnType; readonly evidence: Evidence }[] {
      return fields.map(({ name, declared }, field) => {
        const { bytes, digits, scale, cells } = scanner.summary(field)
        const count = (form: CellForm) => cells[cellForms.indexOf(form)] ?? 0
        const counted = (firsts[field] ?? []).map(({ type, first }) => ({
          form: type,
          cells: count(type) + (type === "text" ? count("empty") : 0),
          first,
        }))
        return {
          type: declared ?? findType(counted),
          evidence: {
            column: name,
            declared: declared !== undefined,
            nulls: count("null"),
            empties: count("empty"),
            max_bytes: bytes,
            max_integer_digits: digits,
            max_scale: scale,
            forms: counted,
            ruled_out: findRuledOut(counted),
          },
        }
      })
    },
  }
}
