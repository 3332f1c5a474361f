/** Pure: why a sample is taken to be written as it is, in words. */
import { counted } from "../counted.ts"
import { yamlFlow } from "../flow-yaml.ts"
import { kindOf } from "./cell-kind.ts"
import type { SampledRecord } from "./form.ts"
import { judgeHeader } from "./judge-header.ts"
import { modalWidth } from "./modal-width.ts"
import type { SampleReading } from "./propose-dialect.ts"

/** Why, by the setting's name. */
export function tellReasons(
  best: SampleReading,
  readings: readonly SampleReading[],
  cr: boolean,
): Record<string, string> {
  const { form, records, skipLines, comments, skipped, header } = best
  const reasons: Record<string, string> = { delimiter: tellDelimiter(best, readings) }
  const quotedCells = records.reduce((sum, { quoted }) => sum + quoted.filter(Boolean).length, 0)
  if (form.quote === "") {
    reasons.quote_char = 'a " stands inside cells and around none: it is a character like others'
  } else if (form.quote === "'") {
    reasons.quote_char = `' stands around ${counted(quotedCells, "cell")}, " around none`
  }
  if (form.escapeSign === "\\") reasons.escape_char = 'inside quotes a " is written \\"'
  if (comments.length > 0) {
    reasons.comment_char = `${counted(comments.length, "line")} begin with # and are no records; the first: ${show(comments[0])}`
  }
  if (skipLines > 0) {
    const told = skipped.length === 0 ? "" : `: ${skipped.slice(0, 3).map(show).join(", ")}`
    reasons.skip_lines = `${counted(skipLines, "line")} before ${tellStart(best)}${told}`
  }
  if (header.isHeader !== true) {
    reasons.header =
      header.isHeader === false
        ? `the first record is no header: ${header.because}`
        : `the first record is taken for the header, though ${header.because}`
  } else reasons.header = `the first record is the header: ${header.because}`
  if (cr) reasons.line_terminator = "lines end with a carriage return, and no line feed is there"
  return reasons
}

/** Where the table begins, by what tells it from the lines before. */
function tellStart({ width, skipped }: SampleReading): string {
  if (skipped.length > 0 && skipped.every(({ written }) => /^"?sep=/i.test(written))) return "the header"
  return skipped.some(({ cells }) => cells.length === width && width > 1)
    ? "the first that could name all columns"
    : `the line from which records have ${counted(width, "cell")}`
}

/** `; gives 7 cells in all 412 records; , gives 1 to 3`: the best guess beside the best of each other delimiter. */
function tellDelimiter(best: SampleReading, readings: readonly SampleReading[]): string {
  const signs = new Set(readings.map(({ form }) => form.delimiter))
  const others = [...signs].flatMap((delimiter) => {
    if (delimiter === best.form.delimiter) return []
    const [rival] = readings
      .filter(({ form }) => form.delimiter === delimiter)
      .sort((a, b) => b.score - a.score)
    return rival === undefined || !rival.records.some(({ cells }) => cells.length > 1) ? [] : [rival]
  })
  const own = tellWidths(best, true)
  return [own, ...others.map((rival) => tellWidths(rival, false))].join("; ")
}

function tellWidths({ form, records }: SampleReading, isBest: boolean): string {
  const widths = records.map(({ cells }) => cells.length)
  const [least, most] = [Math.min(...widths), Math.max(...widths)]
  const sign = signWord(form.delimiter)
  if (least === most) {
    if (least === 1) return `one column: ${sign} stands in none of ${counted(records.length, "record")}`
    return isBest
      ? `${sign} gives ${least} cells in all ${counted(records.length, "record")} sampled`
      : `${sign} gives ${least} in all`
  }
  const common = modalWidth(records)
  const share = widths.filter((one) => one === common).length
  return isBest
    ? `${sign} gives ${counted(common, "cell")} in ${share} of ${counted(records.length, "record")} sampled`
    : `${sign} gives ${least} to ${most}`
}

// `1, "a, b", 2`: RFC 4180 counts the space as part of the cell, which then has quotes inside.
const spacedQuote = /[,;\t|] +"[^"]*"(?:[,;\t|]|$)/

/** What a person should know that no setting mends, or that only a person can decide. */
export function tellNotes(best: SampleReading): string[] {
  const { records, width, skipped } = best
  const common = modalWidth(records)
  const notes: string[] = []
  if (records.length > 1 && common > 1 && common !== width) {
    const wide = records.filter(({ cells }) => cells.length === common)
    const endInDelimiter = common === width + 1 && wide.every(({ cells }) => cells.at(-1)?.trim() === "")
    notes.push(
      `The header has ${counted(width, "cell")}, most records have ${common}: they will be set aside until the header is mended.` +
        (endInDelimiter
          ? " They end in a delimiter: to have the empty cell behind it cut, add  ragged: truncate  to the dialect."
          : ""),
    )
  }
  const spaced = records.filter(({ written }) => spacedQuote.test(written))
  if (spaced.length * 2 > records.length || (records.length <= 3 && spaced.length > 1)) {
    notes.push(
      `Quotes stand behind a space, as on line ${spaced[0]?.line}: ${show(spaced[0])}. A quote counts only right behind the delimiter: have the file written without these spaces.`,
    )
  }
  const above = skipped.at(-1)
  if (above !== undefined && isUpperHeader(above, width)) {
    notes.push(
      `Line ${above.line}, above the header, seems to be a header too: ${show(above)}. Its words are in no name; to name the columns yourself, add  fields: [one name for each column]  to the dialect.`,
    )
  }
  const below = findLowerHeader(best)
  if (below !== undefined) {
    notes.push(
      `Line ${below.line}, below the header, seems to be a header too: ${show(below)}. It is served as a row; to leave it out, write  skip_lines: ${below.line - 1}  and  fields: ${yamlFlow(records[0]?.cells)}  in the dialect.`,
    )
  }
  return notes
}

/** Of two headers one above the other the upper one has words with gaps between: `Sales,,Costs,`. */
function isUpperHeader({ cells }: SampledRecord, width: number): boolean {
  const filled = cells.flatMap((cell, i) => (cell.trim() === "" ? [] : [i]))
  const hasGap = filled.some((at, i) => i > 0 && at > (filled[i - 1] ?? 0) + 1)
  return cells.length === width && hasGap && filled.every((i) => kindOf(cells[i] ?? "") === "text")
}

/** The record below the header where it, too, has words over what is none: units, types, names in another language. */
function findLowerHeader({ records, header, width, form }: SampleReading): SampledRecord | undefined {
  const [, below, ...rest] = records
  if (header.isHeader === false || below === undefined || rest.length < 2) return undefined
  if (below.cells.length !== width || width === 1 || form.cr) return undefined
  if (!below.cells.every((cell) => kindOf(cell) === "text")) return undefined
  const same = rest.filter(({ cells }) => cells.length === width).map(({ cells }) => cells)
  return judgeHeader(below.cells, same).isHeader === true ? below : undefined
}

/** A delimiter as a person writes it. */
export function signWord(delimiter: string): string {
  return delimiter === "\t" ? "tab" : delimiter
}

function show(record: SampledRecord | undefined): string {
  const text = record?.written ?? ""
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 39)}…` : text)
}
