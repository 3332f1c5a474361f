/**
 * Looks at cells whose column is narrower in the table than in the file, where Postgres would change a value without
 * a word: numeric(p,s) rounds to its scale, and character varying(n) cuts blanks beyond n (Postgres manual, 8.1.2
 * and 8.3). What Postgres refuses aloud is left to COPY. Pure.
 */
import type { Column, Evidence } from "@flatbed/contract"
import { typeFits } from "../columns/column-fit.ts"
import type { StagingColumn } from "../postgres/staging.ts"

/** Says what is wrong with a cell; undefined when the column takes it as it is written. */
export type CellGuard = (cell: string) => string | undefined

/**
 * One guard per column of staging, in its order, for those whose evidence does not prove that every cell fits.
 * Undefined when no column needs any.
 */
export function createGuards(
  columns: readonly Column[],
  evidence: readonly Evidence[] | null,
  staging: readonly StagingColumn[],
): (CellGuard | undefined)[] | undefined {
  const guards = columns.map(({ name, type }, i) => {
    const into = staging[i]?.type ?? ""
    const proof = evidence?.find(({ column }) => column === name)
    return typeFits(type, into, proof) ? undefined : guardOf(into)
  })
  return guards.some((guard) => guard !== undefined) ? guards : undefined
}

function guardOf(type: string): CellGuard | undefined {
  const [, name, first, second = "0"] =
    /^(numeric|character varying)\(([0-9]+)(?:,([0-9]+))?\)$/.exec(type) ?? []
  switch (name) {
    case "numeric":
      return (cell) =>
        scaleOf(cell) <= Number(second)
          ? undefined
          : `it has ${scaleOf(cell)} digits after the point, and the column is ${type}`
    case "character varying":
      return (cell) => {
        // Postgres counts code points; so does the iterator of a string.
        const length = cell.length <= Number(first) ? 0 : [...cell].length
        return length <= Number(first) ? undefined : `it has ${length} characters, and the column is ${type}`
      }
    default:
      return undefined
  }
}

/** Digits after the point once the exponent is applied, without zeros at the end: they carry no value. */
function scaleOf(lexeme: string): number {
  const [mantissa = "", exponent = "0"] = lexeme.toLowerCase().split("e")
  const [whole = "", fraction = ""] = mantissa.split(".")
  const digits = (whole + fraction).replace(/0+$/, "")
  if (/^-?$/.test(digits)) return 0
  const zeros = whole.length + fraction.length - digits.length
  return Math.max(0, fraction.length - zeros - Number(exponent))
}
