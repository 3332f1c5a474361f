/**
 * Pure: what all cells of a column would be if they were cleaned: numbers in another spelling, dates day first or month
 * first, two words for true and false, words for nothing among them. A guess is dropped with the first cell that it does not fit.
 */
import { type ColumnType, classifyLexeme, joinTypes, type Sighting } from "@flatbed/contract"
import { createDayMonthCensus, decideDayMonth } from "../cells/day-month.ts"
import { compileDecimal } from "../cells/decimal-comma.ts"
import type { BooleanWords } from "../cells/formats.ts"
import { counted } from "../counted.ts"
import { showCell } from "../show-cell.ts"
import { nullWords } from "./cell-kind.ts"
import { createSureDateCensus } from "./sure-dates.ts"
import { createTruthCensus } from "./truth-words.ts"

export type NumberSpelling = { readonly decimal: "," | "."; readonly group?: "," | "." | " " | "'" }

/** What the settings should say of one column. */
export type ColumnProposal = {
  readonly type: ColumnType
  /** Whether cells have spaces around them that no type takes. */
  readonly trim: boolean
  /** Words that stand for nothing, and where each was seen first. */
  readonly nullWords: readonly { readonly word: string; readonly first: Sighting }[]
  readonly spelling: NumberSpelling | undefined
  /** A date's or timestamp's pattern; undefined when it is ISO 8601. */
  readonly format: string | undefined
  readonly booleans: BooleanWords | undefined
  readonly because: string
}

export type ColumnFinding = { readonly proposal?: ColumnProposal; readonly note?: string }

// The plainest first: of several that fit all cells it is the one to propose.
const spellings: readonly NumberSpelling[] = [
  { decimal: "," },
  { decimal: ".", group: "," },
  { decimal: ",", group: "." },
  { decimal: ",", group: " " },
  { decimal: ".", group: " " },
  { decimal: ",", group: "'" },
  { decimal: ".", group: "'" },
]
const unspoken = { spelling: undefined, format: undefined, booleans: undefined }
const numberTypes: ReadonlySet<ColumnType> = new Set(["integer", "bigint", "numeric"])

type Guess = {
  readonly spelling: NumberSpelling
  /** Undefined for a cell that nobody can be sure of. */
  readonly convert: (cell: string) => string | undefined
  type: ColumnType | undefined
  /** The first cell that is no number without the guess. */
  proof: Sighting | undefined
}

/** Takes the cells of one column that all rows have made text. */
export function createColumnCensus(name: string) {
  const words = new Map<string, Sighting>()
  const days = createDayMonthCensus("timestamp")
  const sureDates = createSureDateCensus()
  const truth = createTruthCensus()
  let areDays = true
  let hasTime = false
  let guesses: Guess[] = spellings.map((spelling) => ({
    spelling,
    convert: compileDecimal(spelling.decimal, spelling.group),
    type: undefined,
    proof: undefined,
  }))
  let plain: ColumnType | undefined
  let trimmed: Sighting | undefined
  let cells = 0

  function look(cell: string, sighting: Sighting, row: number, line: number): void {
    const form = classifyLexeme(cell)
    plain = plain === undefined ? form : joinTypes(plain, form)
    guesses = guesses.filter((guess) => {
      const converted = guess.convert(cell)
      if (converted === undefined) return false
      // Beside decimal commas a point that groups nothing is not to be guessed at.
      if (guess.spelling.decimal === "," && converted === cell && cell.includes(".")) return false
      const type = converted === cell ? form : classifyLexeme(converted)
      if (!numberTypes.has(type)) return false
      guess.type = guess.type === undefined ? type : joinTypes(guess.type, type)
      if (converted !== cell) guess.proof ??= sighting
      return true
    })
    sureDates.add(cell, sighting)
    truth.add(cell, sighting)
    if (!areDays) return
    if (numberTypes.has(form) || form === "boolean" || form === "timestamptz") areDays = false
    else if (form === "timestamp" || /[ T]/.test(cell)) hasTime = true
    if (form === "text" && !dayOrMonth.test(cell)) areDays = false
    if (areDays) days.add(cell, row, line)
  }

  return {
    /** Whether another cell can still change what is known: nothing. */
    isOver: () =>
      plain === "text" && guesses.length === 0 && !areDays && sureDates.isOver() && truth.isOver(),

    /** One cell, null for NULL. Row and line count from 1. */
    add(written: string | null, row: number, line: number): void {
      if (written === null) return
      const cell = written.trim()
      const sighting = { row, line, value: showCell(written) }
      if (nullWords.has(cell)) {
        if (!words.has(written)) words.set(written, sighting)
        return
      }
      if (cell !== written) trimmed ??= sighting
      cells += 1
      look(cell, sighting, row, line)
    },

    finish(): ColumnFinding {
      // Words for nothing alone say nothing, and an empty text is no number.
      if (cells === 0) return {}
      const nulls = [...words].map(([word, first]) => ({ word, first }))
      const found = { trim: trimmed !== undefined, nullWords: nulls, ...unspoken }
      const others = [
        ...(trimmed === undefined ? [] : [`${at(trimmed)}, has spaces around it`]),
        ...nulls.map(({ first }) => `${at(first)}, stands for nothing`),
      ]
      const beside = others.map((one) => `; ${one}`).join("")
      if (plain !== undefined && plain !== "text" && others.length > 0) {
        const because = `${counted(cells, "other cell")} ${cells === 1 ? "is" : "are"} ${plain}${beside}`
        return { proposal: { ...found, type: plain, because } }
      }
      const number = decideNumber(name, guesses, cells)
      if (number !== undefined) {
        if ("note" in number) return number
        const { spelling, type, because } = number
        return { proposal: { ...found, type, spelling, because: because + beside } }
      }
      const said = truth.finish()
      if (said !== undefined) {
        const [yes, no] = [said.words.true, said.words.false].map(listWords)
        const because = `${yes} and ${no} are all that its cells say; the first: ${at(said.first)}${beside}`
        return { proposal: { ...found, type: "boolean", booleans: said.words, because } }
      }
      const dates = sureDates.finish()
      if (dates !== undefined) {
        const because = `every value is a date written as ${dates.pattern}; the first: ${at(dates.first)}${beside}`
        return { proposal: { ...found, type: dates.type, format: dates.pattern, because } }
      }
      if (!areDays) return {}
      const type = hasTime ? "timestamp" : "date"
      const census = days.finish()
      if (census.verdicts.neither !== undefined) return {}
      const decision = decideDayMonth(name, type, census, {}, "seems to hold dates and stays text")
      switch (decision.kind) {
        case "nothing":
          return {}
        case "ask":
          return { note: `${decision.problem.message} ${decision.problem.hint ?? ""}`.trim() }
        case "pattern": {
          const { pattern, isoToo, proof } = decision
          const because = `${at(proof)}, can be read in no other order${beside}`
          // Beside a format that is written down no other spelling is read.
          return { proposal: { ...found, type, format: isoToo ? undefined : pattern, because } }
        }
      }
    },
  }
}

/**
 * Takes the cells of a numeric column. Where every point has three digits behind it, it may as well part thousands; in a
 * file with decimal commas nobody can know.
 */
export function createPointCensus(name: string) {
  let first: Sighting | undefined
  let isDoubtful = true
  return {
    isOver: () => !isDoubtful,
    add(cell: string | null, row: number, line: number): void {
      if (cell === null || /^-?[0-9]+$/.test(cell)) return
      if (/^-?[1-9][0-9]{0,2}\.[0-9]{3}$/.test(cell)) first ??= { row, line, value: cell }
      else isDoubtful = false
    },
    /** What to look at; nothing when a cell tells. */
    finish(): string[] {
      if (!isDoubtful || first === undefined) return []
      const step = spellStep({ decimal: ",", group: "." })
      return [
        `Column ${JSON.stringify(name)} is numeric as it is written, but ${at(first)}, may be thousands: then write columns: { clean: { ${JSON.stringify(name)}: [${step}] } }.`,
      ]
    },
  }
}

const dayOrMonth = /^\d{1,2}([./-])\d{1,2}\1\d{2,4}(?:[ T].+)?$/

function decideNumber(
  name: string,
  guesses: readonly Guess[],
  cells: number,
): { spelling: NumberSpelling; type: ColumnType; because: string } | { note: string } | undefined {
  const proven = guesses.filter(({ proof }) => proof !== undefined)
  const [best] = proven
  if (best?.type === undefined || best.proof === undefined) return undefined
  const rival = proven.find(({ spelling }) => spelling.decimal !== best.spelling.decimal)
  if (rival !== undefined) {
    const told = `Column ${JSON.stringify(name)} stays text: no cell tells whether ${at(best.proof)}, has a decimal comma or thousands`
    const write = (spelling: NumberSpelling) =>
      `columns: { clean: { ${JSON.stringify(name)}: [${spellStep(spelling)}] } }`
    return {
      note: `${told}. Say in the dataset's settings which it is: ${write(best.spelling)} or ${write(rival.spelling)}.`,
    }
  }
  const { spelling, type, proof } = best
  const grouped =
    spelling.group === undefined ? "" : `, thousands parted by ${JSON.stringify(spelling.group)},`
  const because = `with ${JSON.stringify(spelling.decimal)} as the decimal sign${grouped} ${counted(cells, "cell")} are numbers; the first: ${at(proof)}`
  return { spelling, type, because }
}

/** The cleaning step as it stands in the settings. */
export function spellStep({ decimal, group }: NumberSpelling): string {
  return `{ decimal: ${JSON.stringify(decimal)}${group === undefined ? "" : `, group: ${JSON.stringify(group)}`} }`
}

const listWords = (words: readonly string[]) => words.map((word) => JSON.stringify(word)).join(", ")

const at = ({ value, row, line }: Sighting) => `${JSON.stringify(value)} in row ${row}, line ${line}`
