/**
 * Pure: a sample's records under one guess at its dialect. Unlike the readers it goes on after a fault, because the
 * faults are what tells a wrong guess from the right one.
 */

/** A guess; `quote` and `escapeSign` are '' for none, `cr` is for files whose lines end with a carriage return alone. */
export type Form = {
  readonly delimiter: string
  readonly quote: string
  readonly escapeSign: string
  readonly cr: boolean
}

export type SampledRecord = {
  readonly cells: readonly string[]
  /** For each cell whether it is quoted, without fault. */
  readonly quoted: readonly boolean[]
  /** For each cell whether it could not have been written without its quotes. */
  readonly needed: readonly boolean[]
  /** A quote stands where none may. */
  readonly isDamaged: boolean
  /** The physical line on which it begins, from 1. */
  readonly line: number
  /** Its characters as they stand in the sample, without the line end. */
  readonly written: string
}

/** All records of the text; what follows the last line end is one too, unless it is empty. */
export function readForm(text: string, form: Form): SampledRecord[] {
  const { delimiter, quote, escapeSign, cr } = form
  const lineEnd = cr ? "\r" : "\n"
  const records: SampledRecord[] = []
  let at = 0
  let line = 1

  /** Where an unquoted rest of a cell ends: at a delimiter, a line end or the end. */
  function cellEnd(from: number): number {
    let to = from
    while (to < text.length && text[to] !== delimiter && text[to] !== lineEnd) to += 1
    // The carriage return of CRLF is no part of the cell.
    if (!cr && text[to] !== delimiter && to > from && text[to - 1] === "\r") return to - 1
    return to
  }

  function closing(from: number): number {
    for (let to = from; to < text.length; to += 1) {
      const sign = text[to]
      if (escapeSign !== "" && sign === escapeSign && escapeSign !== quote) to += 1
      else if (sign === quote) {
        if (escapeSign === quote && text[to + 1] === quote) to += 1
        else return to
      }
    }
    return -1
  }

  const endsCell = (to: number) =>
    to >= text.length ||
    text[to] === delimiter ||
    text[to] === lineEnd ||
    (!cr && text[to] === "\r" && text[to + 1] === "\n")

  while (at < text.length) {
    const from = at
    const firstLine = line
    const cells: string[] = []
    const quoted: boolean[] = []
    const needed: boolean[] = []
    let isDamaged = false
    for (;;) {
      const close = quote !== "" && text[at] === quote ? closing(at + 1) : -1
      if (close !== -1 && endsCell(close + 1)) {
        const inside = text.slice(at + 1, close)
        cells.push(withoutEscapes(inside, form))
        quoted.push(true)
        needed.push(inside.includes(delimiter) || inside.includes(quote) || /[\r\n]/.test(inside))
        at = close + 1
      } else {
        const to = cellEnd(at)
        const cell = text.slice(at, to)
        if (quote !== "" && cell.includes(quote)) isDamaged = true
        cells.push(cell)
        quoted.push(false)
        needed.push(false)
        at = to
      }
      if (text[at] !== delimiter) break
      at += 1
    }
    const written = text.slice(from, at)
    records.push({ cells, quoted, needed, isDamaged, line: firstLine, written })
    if (!cr && text[at] === "\r") at += 1
    at += 1
    line += 1 + countEnds(written, lineEnd)
  }
  return records
}

function withoutEscapes(inside: string, { quote, escapeSign }: Form): string {
  if (escapeSign === "") return inside
  if (escapeSign === quote) return inside.replaceAll(quote + quote, quote)
  return inside.replace(/\\([\s\S])/g, "$1")
}

function countEnds(text: string, lineEnd: string): number {
  let ends = 0
  for (let at = text.indexOf(lineEnd); at !== -1; at = text.indexOf(lineEnd, at + 1)) ends += 1
  return ends
}

/** Whether nothing stands on the line. */
export function isBlank({ cells, quoted }: SampledRecord): boolean {
  return cells.length === 1 && !quoted[0] && cells[0]?.trim() === ""
}
