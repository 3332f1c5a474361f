/** Pure: what all cells of a column say about its type. */
import { type ColumnType, classifyLexeme, type Evidence, joinTypes, type Sighting } from "@flatbed/contract"
import { showCell } from "./show-cell.ts"

type FormCount = { readonly form: ColumnType; cells: number; readonly first: Sighting }

// Classifying costs more than a look-up, and most columns repeat themselves.
const rememberedLexemes = 4096
// Cells may be megabytes long, and 4096 of those would be the memory's end.
const rememberedLength = 256

/** Gathers evidence for one column. A declared type is the column's type whatever the cells look like. */
export function createEvidence(column: string, declared: ColumnType | undefined) {
  const forms = new Map<ColumnType, FormCount>()
  const remembered = new Map<string, ColumnType>()
  let nulls = 0
  let empties = 0
  let maxBytes = 0
  let maxIntegerDigits = 0
  let maxScale = 0

  function classify(lexeme: string): ColumnType {
    const known = remembered.get(lexeme)
    if (known !== undefined) return known
    const form = classifyLexeme(lexeme)
    if (remembered.size < rememberedLexemes && lexeme.length <= rememberedLength) {
      remembered.set(lexeme, form)
    }
    maxBytes = Math.max(maxBytes, Buffer.byteLength(lexeme))
    if (form === "integer" || form === "bigint" || form === "numeric") measure(lexeme)
    return form
  }

  function measure(lexeme: string): void {
    const { integerDigits, scale } = measureNumber(lexeme)
    maxIntegerDigits = Math.max(maxIntegerDigits, integerDigits)
    maxScale = Math.max(maxScale, scale)
  }

  return {
    /** One cell: null for NULL. Row and line count from 1. */
    add(cell: string | null, row: number, line: number): void {
      if (cell === null) {
        nulls += 1
        return
      }
      if (cell === "") empties += 1
      const form = classify(cell)
      const seen = forms.get(form)
      if (seen === undefined) forms.set(form, { form, cells: 1, first: { row, line, value: showCell(cell) } })
      else seen.cells += 1
    },
    finish(): { readonly type: ColumnType; readonly evidence: Evidence } {
      const counted = [...forms.values()]
      return {
        type: declared ?? findType(counted),
        evidence: {
          column,
          declared: declared !== undefined,
          nulls,
          empties,
          max_bytes: maxBytes,
          max_integer_digits: maxIntegerDigits,
          max_scale: maxScale,
          forms: counted,
          ruled_out: findRuledOut(counted),
        },
      }
    },
  }
}

/** The value's digits before and after the point, leading zeros not counted; `1.5e-7` has scale 8. */
export function measureNumber(lexeme: string): { readonly integerDigits: number; readonly scale: number } {
  const [mantissa = "", exponent = "0"] = lexeme.replace(/^-/, "").split(/e/i)
  const shift = Number(exponent)
  const [whole = "", fraction = ""] = mantissa.split(".")
  const digits = whole + fraction
  const leading = /^0*/.exec(digits)?.[0].length ?? 0
  if (leading === digits.length) return { integerDigits: 0, scale: Math.max(0, fraction.length - shift) }
  return {
    integerDigits: Math.max(0, whole.length + shift - leading),
    scale: Math.max(0, fraction.length - shift),
  }
}

/** The narrowest type that holds every cell counted; text when there is none. */
export function findType(forms: readonly { readonly form: ColumnType }[]): ColumnType {
  return joinAll(forms) ?? "text"
}

function joinAll(forms: readonly { readonly form: ColumnType }[]): ColumnType | undefined {
  return forms
    .map(({ form }) => form)
    .reduce<ColumnType | undefined>(
      (joined, form) => (joined === undefined ? form : joinTypes(joined, form)),
      undefined,
    )
}

/**
 * The narrower type that the column would have had, and the first cell that is not of it. The cells of the
 * final type are the ones to blame; where there are none (dates among integers give text), the form is that
 * at which the types read so far stopped fitting together.
 */
export function findRuledOut(forms: readonly FormCount[]): Evidence["ruled_out"] {
  const final = joinAll(forms)
  const others = forms.filter(({ form }) => form !== final)
  const narrower = joinAll(others)
  if (narrower === undefined) return null
  const culprit = forms.find(({ form }) => form === final)
  if (culprit !== undefined && narrower !== final) return { type: narrower, ...culprit.first }
  let before: ColumnType | undefined
  for (const { form, first } of others) {
    const joined = before === undefined ? form : joinTypes(before, form)
    if (joined === final && before !== undefined) return { type: before, ...first }
    before = joined
  }
  return null
}
