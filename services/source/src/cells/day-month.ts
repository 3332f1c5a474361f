/**
 * Pure: whether a column's dates are written day first or month first, from all of its cells. One cell such as
 * 31/12/2024 decides; where none does, or two say the opposite, nobody is to guess.
 * Long because a column may be told by the cells of several files.
 */
import { type ColumnType, grammars, Problem, type ProblemFacts, type Sighting } from "@flatbed/contract"
import { showCell } from "../show-cell.ts"
import { daysInMonth } from "./calendar.ts"

/**
 * What a cell says: ISO 8601; a day that exists only when it is read day first, or only month first; two days, one
 * either way (`both`); one and the same day either way, as 05/05/2024; no such date at all.
 */
export type DateVerdict = "iso" | "day_first" | "month_first" | "both" | "same" | "neither"

// Most days repeat themselves, and reading costs more than a look-up.
const rememberedCells = 4096
// Longer than any date: what is no date may be of any length, and is not kept.
const rememberedLength = 64

export type VerdictCount = { readonly cells: number; readonly first: Sighting }

/** How the cells of one column are written. */
export type DayMonthCensus = {
  /** Cells that are not NULL. */
  readonly cells: number
  /** `neither` also counts the cells that are written in another way than the most frequent one. */
  readonly verdicts: Readonly<Partial<Record<DateVerdict, VerdictCount>>>
  /** The most frequent way: what stands between its numbers, and behind its year. */
  readonly form: DateForm | undefined
}

/** A way of writing: `dd/MM/yyyy` and `MM/dd/yyyy` are the same one. */
type DateForm = {
  readonly separator: string
  readonly year: "yyyy" | "yy"
  /** Whether every day and month of it has two digits. */
  readonly isPadded: boolean
  /** The pattern of the time, with what parts it from the day; empty without one. */
  readonly time: string
}

export type DayMonthDecision =
  /** Nothing to read otherwise than as ISO 8601: other cells, if any, are no dates. */
  | { readonly kind: "nothing" }
  /** The rows prove the pattern. */
  | {
      readonly kind: "pattern"
      readonly pattern: string
      /** Whether there are ISO cells too, which then are read as such. */
      readonly isoToo: boolean
      /** A cell that can be read in no other order, or all are the same in both, and then the first. */
      readonly proof: Sighting
    }
  /** A person has to say it. */
  | { readonly kind: "ask"; readonly problem: Problem }

const numbers = /^(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d{2})(?:([ T])(.+))?$/
const clock = /^(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?(?:( ?)([AaPp])[Mm])?$/

/** Gathers what a column's cells say. Cells come as cleaning leaves them, NULLs not among them. */
export function createDayMonthCensus(type: ColumnType) {
  const iso = grammars[type === "date" ? "date" : "timestamp"]
  const others = new Map<"iso" | "neither", Count>()
  const forms = new Map<string, FormCount>()
  const remembered = new Map<string, Parts | "iso" | "neither">()
  let cells = 0

  function read(cell: string): Parts | "iso" | "neither" {
    const known = remembered.get(cell)
    if (known !== undefined) return known
    const answer = readNumbers(cell) ?? (iso.accepts(cell) ? "iso" : "neither")
    if (remembered.size < rememberedCells && cell.length <= rememberedLength) remembered.set(cell, answer)
    return answer
  }

  return {
    /** One cell. Row and line count from 1. */
    add(cell: string, row: number, line: number): void {
      cells += 1
      const parts = read(cell)
      if (typeof parts === "string") {
        count(others, parts, cell, row, line)
        return
      }
      const known = forms.get(parts.key) ?? createFormCount(parts)
      forms.set(parts.key, known)
      known.isPadded &&= parts.isPadded
      count(known.verdicts, parts.verdict, cell, row, line)
    },

    finish: (): DayMonthCensus => finishCensus({ cells, others, forms }),

    /** What was gathered so far, to be kept or joined with that of other files. */
    tally: (): DayMonthTally => ({
      cells,
      others: [...others],
      forms: [...forms].map(([key, { verdicts, ...form }]) => [key, { ...form, verdicts: [...verdicts] }]),
    }),
  }
}

/** One census over the cells of several files, each with its name and the rows before it. */
export function joinTallies(
  files: readonly { readonly file: string; readonly rowsBefore: number; readonly tally: DayMonthTally }[],
): DayMonthCensus {
  const others = new Map<"iso" | "neither", Count>()
  const forms = new Map<string, FormCount>()
  let cells = 0
  for (const { file, rowsBefore, tally } of files) {
    const placed = ({ cells, first }: Count): Count => ({
      cells,
      first: { ...first, row: first.row + rowsBefore, file },
    })
    cells += tally.cells
    for (const [verdict, seen] of tally.others) addCount(others, verdict, placed(seen))
    for (const [key, { form, isPadded, verdicts }] of tally.forms) {
      const known = forms.get(key) ?? { form, isPadded, verdicts: new Map() }
      forms.set(key, known)
      known.isPadded &&= isPadded
      for (const [verdict, seen] of verdicts) addCount(known.verdicts, verdict, placed(seen))
    }
  }
  return finishCensus({ cells, others, forms })
}

function finishCensus({ cells, others, forms }: Gathered): DayMonthCensus {
  const ranked = [...forms.values()].sort((a, b) => sumOf(b.verdicts) - sumOf(a.verdicts))
  const [main, ...rest] = ranked
  const counts: Partial<Record<DateVerdict, Count>> = {}
  const merge = (verdict: DateVerdict, { cells, first }: Count) => {
    const before = counts[verdict]
    const earlier = before === undefined || first.row < before.first.row ? first : before.first
    counts[verdict] = { cells: cells + (before?.cells ?? 0), first: earlier }
  }
  for (const [verdict, seen] of others) merge(verdict, seen)
  for (const [verdict, seen] of main?.verdicts ?? []) merge(verdict, seen)
  // Another way of writing is not what the column's pattern will read.
  for (const { verdicts } of rest) for (const seen of verdicts.values()) merge("neither", seen)
  const form = main && { ...main.form, isPadded: main.isPadded }
  return { cells, verdicts: counts, form }
}

/** What is to be done about a column's dates. `facts` place the column: file, dataset; `known` says why it is looked at. */
export function decideDayMonth(
  column: string,
  type: ColumnType,
  { verdicts, form }: DayMonthCensus,
  facts: ProblemFacts = {},
  known = `is declared ${type}`,
): DayMonthDecision {
  const { day_first: dayFirst, month_first: monthFirst, both, same } = verdicts
  if (form === undefined) return { kind: "nothing" }
  const orders = { day: patternOf(form, "day"), month: patternOf(form, "month") }
  const ask = (detail: string, sighting: Sighting): DayMonthDecision => ({
    kind: "ask",
    problem: new Problem("format-ambiguous", detail, {
      hint: adviseOn(column, orders),
      facts: {
        ...facts,
        ...(sighting.file === undefined ? {} : { file: sighting.file }),
        ...{ column, row: sighting.row, line: sighting.line, value: sighting.value },
      },
    }),
  })
  const name = `Column ${JSON.stringify(column)}`

  if (form.year === "yy") {
    const example = dayFirst?.first ?? monthFirst?.first ?? both?.first ?? same?.first
    // Without cells that are dates either way there is nothing to ask about.
    if (example === undefined) return { kind: "nothing" }
    return ask(
      `${name} ${known}, and ${cellAt(example)} has a year of two digits, so that neither its order nor its century is sure.`,
      example,
    )
  }
  if (dayFirst !== undefined && monthFirst !== undefined) {
    return ask(
      `${name} ${known}, but its cells contradict each other: ${cellAt(dayFirst.first)} is a day only when the day comes first, ` +
        `${cellAt(monthFirst.first)} only when the month does.`,
      dayFirst.cells < monthFirst.cells ? dayFirst.first : monthFirst.first,
    )
  }
  const isoToo = verdicts.iso !== undefined
  if (dayFirst !== undefined) return { kind: "pattern", pattern: orders.day, isoToo, proof: dayFirst.first }
  if (monthFirst !== undefined)
    return { kind: "pattern", pattern: orders.month, isoToo, proof: monthFirst.first }
  if (both === undefined) {
    return same === undefined
      ? { kind: "nothing" }
      : { kind: "pattern", pattern: orders.day, isoToo, proof: same.first }
  }
  const [asDay, asMonth] = readingsOf(both.first.value)
  return ask(
    `${name} ${known}, and no cell tells whether day or month comes first: ${cellAt(both.first)} is ${asDay} or ${asMonth}.`,
    both.first,
  )
}

type Count = { cells: number; first: Sighting }
type Gathered = {
  readonly cells: number
  readonly others: ReadonlyMap<"iso" | "neither", Count>
  readonly forms: ReadonlyMap<string, FormCount>
}
/** What the cells of one column of one file said, as plain JSON. */
export type DayMonthTally = {
  readonly cells: number
  readonly others: readonly (readonly ["iso" | "neither", Count])[]
  readonly forms: readonly (readonly [
    string,
    Omit<FormCount, "verdicts"> & { readonly verdicts: readonly (readonly [DateVerdict, Count])[] },
  ])[]
}
type FormCount = {
  readonly form: Omit<DateForm, "isPadded">
  isPadded: boolean
  readonly verdicts: Map<DateVerdict, Count>
}

type Parts = {
  readonly key: string
  readonly form: Omit<DateForm, "isPadded">
  readonly isPadded: boolean
  readonly verdict: Exclude<DateVerdict, "iso">
}

function readNumbers(cell: string): Parts | undefined {
  const parts = numbers.exec(cell)
  if (parts === null) return undefined
  const [, first = "", separator = "", second = "", year = "", gap = "", rest = ""] = parts
  const time = gap === "" ? "" : timePatternOf(gap, rest)
  if (time === undefined) return undefined
  const yearLetters = year.length === 4 ? ("yyyy" as const) : ("yy" as const)
  // A year of two digits may be a leap year or not; the benefit of the doubt goes to the cell.
  const fullYear = year.length === 4 ? Number(year) : 2000
  const dayFirst = isDay(fullYear, Number(second), Number(first))
  const monthFirst = isDay(fullYear, Number(first), Number(second))
  return {
    key: `${separator}${yearLetters}${time}`,
    form: { separator, year: yearLetters, time },
    isPadded: first.length === 2 && second.length === 2,
    verdict: dayFirst
      ? monthFirst
        ? Number(first) === Number(second)
          ? "same"
          : "both"
        : "day_first"
      : monthFirst
        ? "month_first"
        : "neither",
  }
}

function isDay(year: number, month: number, day: number): boolean {
  return year > 0 && month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month)
}

function timePatternOf(gap: string, rest: string): string | undefined {
  const parts = clock.exec(rest)
  if (parts === null) return undefined
  const [, , , second, fraction, space = "", half] = parts
  const hour = half === undefined ? "H" : "h"
  const seconds =
    second === undefined ? "" : `:ss${fraction === undefined ? "" : `.${"S".repeat(fraction.length)}`}`
  return `${gap === "T" ? "'T'" : gap}${hour}:mm${seconds}${half === undefined ? "" : `${space}a`}`
}

function createFormCount({ form, isPadded }: Parts): FormCount {
  return { form, isPadded, verdicts: new Map() }
}

function count<Verdict>(
  counts: Map<Verdict, Count>,
  verdict: Verdict,
  cell: string,
  row: number,
  line: number,
): void {
  const seen = counts.get(verdict)
  if (seen === undefined) counts.set(verdict, { cells: 1, first: { row, line, value: showCell(cell) } })
  else seen.cells += 1
}

function addCount<Verdict>(counts: Map<Verdict, Count>, verdict: Verdict, { cells, first }: Count): void {
  const seen = counts.get(verdict)
  if (seen === undefined) counts.set(verdict, { cells, first })
  else seen.cells += cells
}

function sumOf(verdicts: ReadonlyMap<DateVerdict, Count>): number {
  return [...verdicts.values()].reduce((sum, { cells }) => sum + cells, 0)
}

function patternOf({ separator, year, isPadded, time }: DateForm, first: "day" | "month"): string {
  const [day, month] = isPadded ? ["dd", "MM"] : ["d", "M"]
  return [...(first === "day" ? [day, month] : [month, day]), year].join(separator) + time
}

function readingsOf(value: string): readonly [string, string] {
  const [, first = "", , second = "", year = ""] = numbers.exec(value) ?? []
  const spell = (month: string, day: string) => `${year}-${month.padStart(2, "0")}-${day.padStart(2, "0")}`
  return [spell(second, first), spell(first, second)]
}

function cellAt({ value, row, line, file }: Sighting): string {
  return `${JSON.stringify(value)} in row ${row}, line ${line}${file === undefined ? "" : ` of ${file}`},`
}

function adviseOn(column: string, { day, month }: { readonly day: string; readonly month: string }): string {
  const write = (pattern: string) =>
    `columns: { formats: { ${JSON.stringify(column)}: ${JSON.stringify(pattern)} } }`
  return `Say in the dataset's settings which it is: ${write(day)} if the day comes first, ${write(month)} if the month does.`
}
