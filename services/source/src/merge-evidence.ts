/** Pure: what the rows of several files said about one column, as if they had been one file. */
import type { ColumnType, Evidence } from "@flatbed/contract"
import { findRuledOut, findType } from "./evidence.ts"

/** Of one file: the rows before it in the version, and what it says; without evidence the file has no such column. */
export type FileEvidence = {
  readonly file: string
  readonly rowsBefore: number
  /** Rows that are served. */
  readonly rows: number
  readonly evidence: Omit<Evidence, "ruled_out"> | undefined
}

/**
 * In the files' order. A column that a file does not have is NULL in its rows. Where there are several files, what was
 * seen first says in which.
 */
export function mergeEvidence(
  column: string,
  declared: ColumnType | undefined,
  files: readonly FileEvidence[],
): { readonly type: ColumnType; readonly evidence: Evidence } {
  type Form = Evidence["forms"][number]
  const forms = new Map<ColumnType, Form>()
  let [nulls, empties, maxBytes, maxIntegerDigits, maxScale] = [0, 0, 0, 0, 0]
  const isAlone = files.length === 1
  let renamed: Evidence["renamed"]
  for (const { file, rowsBefore, rows, evidence } of files) {
    if (evidence === undefined) {
      nulls += rows
      continue
    }
    nulls += evidence.nulls
    empties += evidence.empties
    maxBytes = Math.max(maxBytes, evidence.max_bytes)
    maxIntegerDigits = Math.max(maxIntegerDigits, evidence.max_integer_digits)
    maxScale = Math.max(maxScale, evidence.max_scale)
    renamed ??= evidence.renamed
    for (const { form, cells, first } of evidence.forms) {
      const seen = forms.get(form)
      const sighting = seen?.first ?? { ...first, row: first.row + rowsBefore, ...(isAlone ? {} : { file }) }
      forms.set(form, { form, cells: cells + (seen?.cells ?? 0), first: sighting })
    }
  }
  const told = [...forms.values()]
  return {
    type: declared ?? findType(told),
    evidence: {
      column,
      declared: declared !== undefined,
      nulls,
      empties,
      max_bytes: maxBytes,
      max_integer_digits: maxIntegerDigits,
      max_scale: maxScale,
      forms: told,
      ruled_out: findRuledOut(told),
      ...(renamed === undefined ? {} : { renamed }),
    },
  }
}
