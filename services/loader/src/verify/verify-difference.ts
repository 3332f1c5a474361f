/** Pure: which row of a table is not what the version says, and which cell of it. */
import type { RowOrigin } from "@flatbed/contract"
import { counted } from "../counted.ts"
import { printable } from "../printable.ts"

export type Cells = readonly (string | null)[]

/** The first difference that was found. */
export type Difference = {
  /** `extra`: the version has no such row. `repeated`: it has, but not so often. */
  readonly kind: "changed" | "missing" | "extra" | "repeated"
  /** Of the version's row; null for an extra one. */
  readonly row: number | null
  readonly chunk: number | null
  readonly file: string | null
  readonly line: number | null
  /** The columns that differ: of a changed row. */
  readonly columns: readonly string[]
  /** What the version and the table have in the first of them. */
  readonly expected: string | null
  readonly found: string | null
  /** The table's row, where the version has none: its first cells, as people read them. */
  readonly shown: string | null
}

export type Differences = {
  /** Rows of the version that the table does not have as they were written. */
  readonly missing: number
  /** Rows of the table that the version does not have, or not so often. */
  readonly extra: number
  /** Those of them that the version has, but not so often. */
  readonly repeated: number
  readonly first: Difference | undefined
  /** The first of those, where `first` is another row. */
  readonly firstRepeated: Difference | undefined
}

/** A version of which fewer rows are in the table than were published into it. */
export type LackingVersion = {
  readonly version: string
  readonly expected: number
  readonly found: number
}

/** Nothing differs. */
export const noDifferences: Differences = {
  ...{ missing: 0, extra: 0, repeated: 0 },
  ...{ first: undefined, firstRepeated: undefined },
}

const nowhere = { row: null, chunk: null, file: null, line: null }
const nothing = { columns: [], expected: null, found: null, shown: null }

const placed = ({ row, chunk, file, line }: RowOrigin) => ({ row, chunk, file, line })

/** A row of the version that stands in the table with other cells. */
export function changedRow(
  origin: RowOrigin,
  names: readonly string[],
  expected: Cells,
  found: Cells,
): Difference {
  const places = names.flatMap((_, i) => (expected[i] === found[i] ? [] : [i]))
  const first = places[0] ?? 0
  return {
    kind: "changed",
    ...placed(origin),
    columns: places.map((i) => names[i] ?? ""),
    expected: expected[first] ?? null,
    found: found[first] ?? null,
    shown: null,
  }
}

/** A row of the version that the table lacks. */
export function missingRow(origin: RowOrigin): Difference {
  return { kind: "missing", ...placed(origin), ...nothing }
}

/** A row of the table that the version has not so often. */
export function repeatedRow(origin: RowOrigin): Difference {
  return { kind: "repeated", ...placed(origin), ...nothing }
}

/** A row of the table that the version does not have. */
export function extraRow(names: readonly string[], cells: Cells): Difference {
  return { kind: "extra", ...nowhere, ...nothing, shown: showRow(names, cells) }
}

/**
 * Which of the rows is the wanted one with other cells: the one with its key; else the one that has most of its cells,
 * at least half. `key` are places of columns.
 */
export function findCounterpart(wanted: Cells, rows: readonly Cells[], key: readonly number[]): number {
  if (key.length > 0) {
    const same = rows.findIndex((cells) => key.every((i) => cells[i] === wanted[i]))
    if (same !== -1) return same
  }
  const scores = rows.map((cells) => cells.filter((cell, i) => cell === wanted[i]).length)
  const best = Math.max(0, ...scores)
  return best * 2 >= wanted.length && best > 0 ? scores.indexOf(best) : -1
}

const mostShown = 60
const columnsShown = 4

/** A cell for a message: NULL, or text in quotes, cut. */
export function showCell(cell: string | null): string {
  if (cell === null) return "NULL"
  const cut = cell.length > mostShown ? `${cell.slice(0, mostShown)}…` : cell
  return printable(JSON.stringify(cut))
}

/** The first columns of a row with their values. */
export function showRow(names: readonly string[], cells: Cells): string {
  const shown = names
    .slice(0, columnsShown)
    .map((name, i) => `${printable(name)}: ${showCell(cells[i] ?? null)}`)
  return [...shown, ...(names.length > columnsShown ? ["…"] : [])].join(", ")
}

const isOrAre = (rows: number) => (rows === 1 ? "is" : "are")

const versionsShown = 5

/** Which versions lack rows, and how many: a sentence; nothing where none does. */
export function describeLacking(lacking: readonly LackingVersion[]): string {
  if (lacking.length === 0) return ""
  const shown = lacking.slice(0, versionsShown).map(({ version, expected, found }, i) => {
    const are = i === 0 ? ` ${isOrAre(expected)} there` : ""
    return `of version ${printable(version.slice(0, 12))} ${found} of ${counted(expected, "row")}${are}`
  })
  const more = lacking.length - shown.length
  const others = more > 0 ? `, and of ${counted(more, "other version")} some` : ""
  return ` O${shown.join(", ").slice(1)}${others}.`
}

/** How many rows differ in which way, and the first of them: sentences. `of`: what rows lack that are not there. */
export function describeDifferences(differences: Differences, of = "of the version"): string {
  const { missing, extra, repeated, first, firstRepeated } = differences
  const more = repeated === 1 ? "1 row stands" : `${counted(repeated, "row")} stand`
  const parts = [
    missing === 0 ? [] : `${counted(missing, "row")} ${of} ${isOrAre(missing)} not in it`,
    extra === repeated
      ? []
      : `${counted(extra - repeated, "row")} of it ${isOrAre(extra - repeated)} not in the version`,
    repeated === 0 ? [] : `${more} in it more often than in the version`,
  ].flat()
  const named = first === undefined ? "" : ` First: ${describeDifference(first)}.`
  const also = firstRepeated === undefined ? "" : ` Also: ${describeDifference(firstRepeated)}.`
  return `${parts.join(", ")}.${named}${also}`
}

/** Where it is and what, as a sentence without its end. */
export function describeDifference(difference: Difference): string {
  const { kind, row, chunk, file, line, columns, shown } = difference
  const place = `row ${row} (chunk ${chunk}, ${printable(file ?? "")} line ${line})`
  switch (kind) {
    case "changed": {
      const [first = "", ...others] = columns
      const more =
        others.length === 0 ? "" : `, and ${others.length} more ${others.length === 1 ? "column" : "columns"}`
      return `${place}: ${JSON.stringify(printable(first))} is ${showCell(difference.found)}, expected ${showCell(difference.expected)}${more}`
    }
    case "missing":
      return `${place} is not in the table`
    case "repeated":
      return `${place} stands more often in the table than in the version`
    case "extra":
      return `the version has no row such as (${shown})`
  }
}
