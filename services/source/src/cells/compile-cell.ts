/**
 * Pure: from a cell as written to the cell as served: null values, then the cleaning steps in their order, then the
 * format. Everything is decided once per column. Whether the result is of the column's type is the caller's to judge.
 */
import type { ColumnType } from "@flatbed/contract"
import { showCell } from "../show-cell.ts"
import { type CleanStep, compileStep, nameOfStep, type StepFault } from "./clean-steps.ts"
import { type BooleanWords, compileBooleans, compileFormat, type DateFormat, type Format } from "./formats.ts"

/** All that the settings say about the cells of one column. */
export type CellSettings = {
  /** Words that are NULL where they stand without quotes. */
  readonly nullValues: readonly string[]
  readonly clean: readonly CleanStep[]
  readonly format?: DateFormat | undefined
  /** Whether ISO 8601 is taken beside the format: where the rows told the format, and not a person. */
  readonly isoToo?: boolean | undefined
  readonly booleans?: BooleanWords | undefined
  readonly declared: ColumnType | undefined
  readonly hashKey?: string | undefined
}

/** Why a cell cannot be served. */
export type CellFault = { readonly code: "type-error"; readonly reason: string }

export type CellShaper = {
  /** Whether it does nothing but make NULL of the unquoted empty cell, as readers do by themselves. */
  readonly isIdentity: boolean
  /** Whether the text is NULL if it stands without quotes. Only then quotes have to be looked for. */
  isNullWord(text: string): boolean
  /** The cell as served; null in and out is NULL. Raises nothing. */
  shape(cell: string | null): string | null | CellFault
}

/** One thing that happens to a cell, for whoever is shown what the settings do. */
export type CellChange = {
  /** `trim`, `decimal`, `format`: as the settings name it. */
  readonly by: string
  readonly after: string | null
}

// Days and states repeat themselves, and a look-up costs less than reading.
const rememberedCells = 4096
// Longer than any date: what is no date may be of any length, and is not kept.
const rememberedLength = 64

/** The shaper of a column. The settings have been checked; what they should have refused is a bug here. */
export function compileCell(settings: CellSettings): CellShaper {
  const nulls = new Set(settings.nullValues)
  const steps = settings.clean.map((step) => compileStep(step, settings))
  const format = formatOf(settings)
  const onlyEmpty = nulls.size === 1 && nulls.has("")
  const isNullWord = onlyEmpty ? (text: string) => text === "" : (text: string) => nulls.has(text)
  const finish = format === undefined ? undefined : remember(createReader(format, settings))

  function shape(written: string | null): string | null | CellFault {
    let cell = written
    for (const step of steps) {
      const cleaned = cell === null ? step.ofNull : step.text(cell)
      if (isFault(cleaned)) return explainFault(written, cell, cleaned.expected)
      cell = cleaned
    }
    if (cell === null || finish === undefined) return cell
    const served = finish(cell)
    return isFault(served) ? explainFault(written, cell, served.expected) : served
  }
  return { isIdentity: onlyEmpty && steps.length === 0 && format === undefined, isNullWord, shape }
}

/** What each step in turn makes of a cell, steps that change nothing left out; ends at a step that cannot go on. */
export function traceCell(settings: CellSettings, text: string, isQuoted: boolean): CellChange[] {
  const changes: CellChange[] = []
  let cell: string | null = text
  const enter = (by: string, after: string | null) => {
    if (after !== cell) changes.push({ by, after })
    cell = after
  }
  if (!isQuoted && settings.nullValues.includes(text)) enter("null_values", null)
  for (const step of settings.clean) {
    const { text: change, ofNull } = compileStep(step, settings)
    const cleaned: string | null | StepFault = cell === null ? ofNull : change(cell)
    if (isFault(cleaned)) return changes
    enter(nameOfStep(step), cleaned)
  }
  const format = formatOf(settings)
  if (cell === null || format === undefined) return changes
  const served = createReader(format, settings)(cell)
  if (!isFault(served)) enter(settings.booleans === undefined ? "format" : "booleans", served)
  return changes
}

/** A reason that names the cell as it stands in the file, and as cleaning left it where that differs. */
export function explainFault(written: string | null, cell: string | null, expected: string): CellFault {
  const found = written === null ? "The cell is NULL" : `The cell is ${JSON.stringify(showCell(written))}`
  const cleaned = cell === written ? "" : `, cleaned ${JSON.stringify(showCell(cell ?? ""))}`
  return { code: "type-error", reason: `${found}${cleaned}; expected ${expected}.` }
}

function isFault(answer: string | null | StepFault): answer is StepFault {
  return typeof answer === "object" && answer !== null
}

function formatOf({ format, booleans, declared = "text" }: CellSettings): Format | undefined {
  if (format === undefined && booleans === undefined) return undefined
  const compiled =
    format === undefined
      ? compileBooleans(booleans as BooleanWords, declared)
      : compileFormat(format, declared)
  if (typeof compiled === "string") throw new TypeError(`a column's format ${compiled}`)
  return compiled
}

/** The served spelling, or what was expected instead. */
function createReader(
  format: Format,
  { isoToo = false }: CellSettings,
): (cell: string) => string | StepFault {
  return (cell) => {
    const read = format.read(cell)
    if ("served" in read) return read.served
    if (isoToo && /^[0-9]{4}-/.test(cell)) return cell
    return { expected: format.expected + read.why }
  }
}

function remember<Answer>(read: (cell: string) => Answer): (cell: string) => Answer {
  const remembered = new Map<string, Answer>()
  return (cell) => {
    const known = remembered.get(cell)
    if (known !== undefined) return known
    const answer = read(cell)
    if (remembered.size < rememberedCells && cell.length <= rememberedLength) remembered.set(cell, answer)
    return answer
  }
}
