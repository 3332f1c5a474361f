/** Pure: is a file's first record its header? Its cells are held against the cells below them. */
import { type CellKind, kindOf } from "./cell-kind.ts"

export type HeaderVerdict = {
  /** Undefined when nothing tells: the record may be either. */
  readonly isHeader: boolean | undefined
  readonly because: string
}

const enoughOfAKind = 0.9

/** `rest` are records of the same width. */
export function judgeHeader(first: readonly string[], rest: readonly (readonly string[])[]): HeaderVerdict {
  const columns = first.map((cell, i) => ({
    column: i + 1,
    cell,
    kind: kindOf(cell),
    below: kindBelow(rest.map((cells) => cells[i] ?? "")),
  }))
  const unlike = columns.filter(
    ({ kind, below }) => kind === "text" && below !== undefined && below !== "text",
  )
  const alike = columns.filter(({ kind, below }) => kind !== "text" && kind === below)
  if (countsUp(first)) {
    return { isHeader: true, because: "its numbers count up, as the names of years do" }
  }
  if (unlike.length > 0 && unlike.length >= alike.length) {
    const [{ column, cell, below = "text" } = { column: 1, cell: "" }] = unlike
    return {
      isHeader: true,
      because: `${JSON.stringify(cell)} stands over ${kindWords[below]} in column ${column}`,
    }
  }
  if (alike.length > 0) {
    const [{ column, cell, below = "text" } = { column: 1, cell: "" }] = alike
    const because = `${JSON.stringify(cell)} in column ${column} is one of ${kindWords[below]} as those below it are`
    return { isHeader: false, because: because.replace("one of ", "among ") }
  }
  const repeated = columns.find(
    ({ cell, kind }, i) => kind === "text" && rest.some((cells) => cells[i] === cell),
  )
  if (repeated !== undefined) {
    const { cell, column } = repeated
    return {
      isHeader: false,
      because: `${JSON.stringify(cell)} stands again further down in column ${column}`,
    }
  }
  if (columns.some(({ kind }) => kind === "number" || kind === "date" || kind === "boolean")) {
    return {
      isHeader: undefined,
      because: "not all of its cells are words, but they differ from those below",
    }
  }
  return { isHeader: undefined, because: "nothing tells it from the records below" }
}

const kindWords: Readonly<Record<CellKind, string>> = {
  number: "numbers",
  date: "dates",
  boolean: "true and false",
  text: "words",
  blank: "blanks",
  "null-word": "blanks",
}

/** The kind that nearly all cells have, those without a value left out. */
function kindBelow(cells: readonly string[]): CellKind | undefined {
  const counts = new Map<CellKind, number>()
  let all = 0
  for (const cell of cells) {
    const kind = kindOf(cell)
    if (kind === "blank" || kind === "null-word") continue
    all += 1
    counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
  for (const [kind, count] of counts) if (count >= all * enoughOfAKind) return kind
  return all === 0 ? undefined : "text"
}

/** A few words, then at least three whole numbers with equal steps: `country,2019,2020,2021`. */
export function countsUp(cells: readonly string[]): boolean {
  const from = cells.findIndex((cell) => kindOf(cell) === "number")
  const numbers = cells.slice(from).map((cell) => (/^\d{1,4}$/.test(cell.trim()) ? Number(cell) : Number.NaN))
  if (from < 1 || numbers.length < 3) return false
  const step = (numbers[1] ?? 0) - (numbers[0] ?? 0)
  return step !== 0 && numbers.every((number, i) => i === 0 || number - (numbers[i - 1] ?? 0) === step)
}
