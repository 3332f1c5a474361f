/** Pure: what all cells of a column of JSON say about its type, most of them told from their bytes alone. */
import { cellForms, type LineSummary } from "@flatbed/codec"
import { type ColumnType, classifyLexeme, type Evidence, type Sighting } from "@flatbed/contract"
import { findRuledOut, findType, measureNumber } from "../evidence.ts"
import { showCell } from "../show-cell.ts"
import { cellText } from "./json-cells.ts"
import { kinds } from "./json-record.ts"

type FormCount = { readonly form: ColumnType; cells: number; readonly first: Sighting }
export type CellPlace = { readonly row: number; readonly line: number }

// Days repeat themselves, and a look-up costs less than the grammars.
const rememberedCells = 4096
const rememberedLength = 64

/** So many digits are an integer whatever they are. */
const sureDigits = 9

export type JsonEvidence = ReturnType<typeof createJsonEvidence>

/** Gathers evidence for one column. A declared type is the column's type whatever the cells look like. */
export function createJsonEvidence(declared: ColumnType | undefined) {
  const forms = new Map<ColumnType, FormCount>()
  const remembered = new Map<string, ColumnType>()
  let cells = 0
  let empties = 0
  let maxBytes = 0
  let maxWritten = 0
  let maxIntegerDigits = 0
  let maxScale = 0
  // The form of the cell before, as most have the same.
  let last: FormCount | undefined

  function count(form: ColumnType, text: () => string, place: CellPlace): void {
    if (last?.form === form) {
      last.cells += 1
      return
    }
    last = forms.get(form)
    if (last !== undefined) last.cells += 1
    else {
      last = { form, cells: 1, first: { row: place.row, line: place.line, value: showCell(text()) } }
      forms.set(form, last)
    }
  }

  function measure(lexeme: string): void {
    const { integerDigits, scale } = measureNumber(lexeme)
    if (integerDigits > maxIntegerDigits) maxIntegerDigits = integerDigits
    if (scale > maxScale) maxScale = scale
  }

  const isNumber = (form: ColumnType) => form === "integer" || form === "bigint" || form === "numeric"

  /** A string is a date at the most: what stands in quotes is no number and no boolean. */
  function formOfString(text: string): ColumnType {
    const first = text.charCodeAt(0)
    if (!(first >= 0x30 && first <= 0x39)) return "text"
    const known = remembered.get(text)
    if (known !== undefined) return known
    const form = classifyLexeme(text)
    const own = isNumber(form) || form === "boolean" ? "text" : form
    if (remembered.size < rememberedCells && text.length <= rememberedLength) remembered.set(text, own)
    return own
  }

  /** A cell as it is served; `kind` says as what it was written. */
  function addText(kind: number, text: string, place: CellPlace): void {
    cells += 1
    if (text === "") empties += 1
    const form =
      kind === kinds.nested
        ? "jsonb"
        : kind === kinds.string || kind === kinds.escaped
          ? formOfString(text)
          : classifyLexeme(text)
    maxBytes = Math.max(maxBytes, Buffer.byteLength(text))
    if (isNumber(form)) measure(text)
    count(form, () => text, place)
  }

  function addString(bytes: Buffer, from: number, to: number, place: CellPlace): void {
    const length = to - from
    const text = () => cellText(bytes, kinds.string, from, to)
    const first = bytes[from + 1] as number
    // Only what begins with a digit can be a date.
    if (first >= 0x30 && first <= 0x39 && length <= rememberedLength) {
      addText(kinds.string, text(), place)
      return
    }
    cells += 1
    if (length === 2) empties += 1
    if (length - 2 > maxBytes) maxBytes = length - 2
    count("text", text, place)
  }

  function addNumber(bytes: Buffer, from: number, to: number, place: CellPlace): void {
    const length = to - from
    const text = () => cellText(bytes, kinds.number, from, to)
    const begin = bytes[from] === 0x2d ? from + 1 : from
    let point = -1
    let isPlain = length <= rememberedLength
    for (let at = begin; isPlain && at < to; at += 1) {
      const byte = bytes[at] as number
      if (byte === 0x2e) point = at
      else isPlain = byte >= 0x30 && byte <= 0x39
    }
    if (!isPlain || (point === -1 && to - begin > sureDigits)) {
      addText(kinds.number, text(), place)
      return
    }
    cells += 1
    if (length > maxBytes) maxBytes = length
    const digits = bytes[begin] === 0x30 ? 0 : (point === -1 ? to : point) - begin
    if (digits > maxIntegerDigits) maxIntegerDigits = digits
    if (point !== -1 && to - point - 1 > maxScale) maxScale = to - point - 1
    count(point === -1 ? "integer" : "numeric", text, place)
  }

  return {
    addText,

    /** A cell that is served as it is written, from its first byte to behind its last. Not for null. */
    addBytes(kind: number, bytes: Buffer, from: number, to: number, place: CellPlace): void {
      if (to - from > maxWritten) maxWritten = to - from
      if (kind === kinds.string) addString(bytes, from, to, place)
      else if (kind === kinds.number) addNumber(bytes, from, to, place)
      else if (kind === kinds.escaped) addText(kind, cellText(bytes, kind, from, to), place)
      else {
        cells += 1
        if (to - from > maxBytes) maxBytes = to - from
        count(kind === kinds.nested ? "jsonb" : "boolean", () => cellText(bytes, kind, from, to), place)
      }
    },

    /** The first value of a form, by the codec's number, that is counted elsewhere; see `include`. */
    meet(number: number, kind: number, bytes: Buffer, from: number, to: number, place: CellPlace): void {
      const form = typeOfForm(number)
      if (forms.has(form)) return
      const value = showCell(cellText(bytes, kind, from, to))
      forms.set(form, { form, cells: 0, first: { row: place.row, line: place.line, value } })
    },

    /** Values that were counted elsewhere; each of their forms has been met. */
    include(counted: LineSummary): void {
      maxBytes = Math.max(maxBytes, counted.bytes)
      maxWritten = Math.max(maxWritten, counted.written)
      maxIntegerDigits = Math.max(maxIntegerDigits, counted.digits)
      maxScale = Math.max(maxScale, counted.scale)
      counted.cells.forEach((count, number) => {
        if (count === 0) return
        const known = forms.get(typeOfForm(number))
        if (known === undefined) throw new Error(`${count} values have form ${number}, and none was met`)
        known.cells += count
        cells += count
        if (cellForms[number] === "empty") empties += count
      })
    },

    /** `rows` are all that are served: where none of the cells is, the column is NULL. */
    finish(column: string, rows: number): { readonly type: ColumnType; readonly evidence: Evidence } {
      const counted = [...forms.values()]
      const type = declared ?? findType(counted)
      return {
        type,
        evidence: {
          column,
          declared: declared !== undefined,
          nulls: rows - cells,
          empties,
          max_bytes: type === "jsonb" ? Math.max(maxBytes, maxWritten) : maxBytes,
          max_integer_digits: maxIntegerDigits,
          max_scale: maxScale,
          forms: counted,
          ruled_out: findRuledOut(counted),
        },
      }
    },
  }
}

/** An empty string is text; null and what is asked for are no values of a column. */
function typeOfForm(number: number): ColumnType {
  const form = cellForms[number]
  if (form === undefined || form === "null" || form === "ask") throw new Error(`${number} is no value's form`)
  return form === "empty" ? "text" : form
}
