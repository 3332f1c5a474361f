/** Pure: on which of a sample's records the table begins. */
import { kindOf } from "./cell-kind.ts"
import type { SampledRecord } from "./form.ts"
import { countsUp, type HeaderVerdict, judgeHeader } from "./judge-header.ts"

const longestPreamble = 100

export type Start = { readonly from: number; readonly header: HeaderVerdict }

/**
 * The header's place among the records, which are of `modal` cells for the most part. Lines are passed over only when
 * what follows them is a header beyond doubt, or they could be nothing else: a record must not be taken for a header
 * because the header was taken for a title.
 */
export function findStart(records: readonly SampledRecord[], modal: number): Start {
  const judge = (from: number) => {
    const [first, ...rest] = records.slice(from)
    const width = first?.cells.length ?? 1
    const same = rest.filter(({ cells }) => cells.length === width).map(({ cells }) => cells)
    return judgeHeader(first?.cells ?? [], same)
  }
  const half = Math.max(1, modal / 2)
  const startsAt = (at: number): Start | undefined => {
    if (at <= 0 || at > longestPreamble) return undefined
    const header = judge(at)
    const [before, start] = [records[at - 1], records[at]]
    if (before === undefined || start === undefined) return undefined
    const isApart = start.line > before.line + 1 || countFilled(before) === 0
    return header.isHeader === true || (header.isHeader !== false && isApart)
      ? { from: at, header }
      : undefined
  }
  const wide = modal === 1 ? 0 : records.findIndex(({ cells }) => cells.length === modal)
  const isNarrow = records.slice(0, wide).every(({ cells }) => cells.length <= half)
  return (
    (isNarrow ? startsAt(wide) : undefined) ??
    startsAt(findBelowPadded(records, modal, half)) ?? { from: 0, header: judge(0) }
  )
}

/**
 * The first record whose cells could all be names, where those before it are a title filled up with empty cells, as
 * spreadsheets write it; -1 where there is no such thing.
 */
function findBelowPadded(records: readonly SampledRecord[], modal: number, half: number): number {
  const [first] = records
  if (first === undefined || modal === 1 || countFilled(first) > half) return -1
  const at = records.findIndex(({ cells }) => cells.length === modal && cells.every(isFilled))
  if (at <= 0) return -1
  const isPadded = ({ cells }: SampledRecord) => cells.length < modal || !isFilled(cells.at(-1) ?? "")
  const cells = records[at]?.cells ?? []
  const areNames = cells.every((cell) => kindOf(cell) === "text") || countsUp(cells)
  return areNames && records.slice(0, at).every(isPadded) ? at : -1
}

function countFilled({ cells }: SampledRecord): number {
  return cells.filter(isFilled).length
}

const isFilled = (cell: string) => cell.trim() !== ""
