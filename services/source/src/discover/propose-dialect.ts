/**
 * Pure: how a sample seems to be written. Every guess is read and scored: records that keep the header's width, times
 * cells that look like something (the idea of Van den Burg, Nazábal and Sutton, "Wrangling messy CSV files", 2019).
 */
import { kindOf } from "./cell-kind.ts"
import { findStart } from "./find-start.ts"
import { type Form, isBlank, readForm, type SampledRecord } from "./form.ts"
import type { HeaderVerdict } from "./judge-header.ts"
import { modalWidth } from "./modal-width.ts"
import { tellNotes, tellReasons } from "./tell-dialect.ts"

/** In the words of the settings; what is as it is by default is there too. */
export type ProposedDialect = {
  readonly delimiter: string
  readonly quoteChar: string
  readonly escapeChar: string | undefined
  readonly commentChar: string | undefined
  readonly skipLines: number
  /** The physical line on which the table begins. */
  readonly headerLine: number
  readonly header: boolean
  /** Cells of the header, or of the first record. */
  readonly width: number
  readonly lineTerminator: "auto" | "cr"
}

export type DialectProposal = {
  readonly dialect: ProposedDialect
  /** Why, by the setting's name. */
  readonly because: Readonly<Record<string, string>>
  /** What a person should know that no setting mends. */
  readonly notes: readonly string[]
}

const delimiters = [",", ";", "\t", "|"] as const
const oneColumnWeight = 0.3
const wrongHeaderWeight = 0.6

export type SampleReading = {
  readonly form: Form
  /** All but comments and blank lines, from the header on. */
  readonly records: readonly SampledRecord[]
  readonly width: number
  readonly skipLines: number
  readonly comments: readonly SampledRecord[]
  readonly skipped: readonly SampledRecord[]
  readonly header: HeaderVerdict
  readonly score: number
}

/** `isWhole`: the text is all there is; otherwise its last record may be cut and is left out. */
export function proposeDialect(text: string, isWhole: boolean): DialectProposal {
  const cr = !text.includes("\n") && text.includes("\r")
  const sample = isWhole ? text : upToLineEnd(text, cr ? "\r" : "\n")
  const readings = formsFor(sample, cr).map((form) => read(sample, form))
  const best = readings.reduce((most, one) => (one.score > most.score ? one : most))
  const { form, records, width, skipLines, comments, header } = best
  const isHeader = header.isHeader ?? true
  return {
    dialect: {
      delimiter: form.delimiter,
      quoteChar: form.quote,
      escapeChar: form.escapeSign === "\\" ? "\\" : undefined,
      commentChar: comments.length > 0 ? "#" : undefined,
      skipLines,
      headerLine: records[0]?.line ?? 1,
      header: isHeader || records.length === 0,
      width,
      lineTerminator: cr ? "cr" : "auto",
    },
    because: tellReasons(best, readings, cr),
    notes: tellNotes(best),
  }
}

function upToLineEnd(text: string, lineEnd: string): string {
  const end = text.lastIndexOf(lineEnd)
  return end === -1 ? text : text.slice(0, end + 1)
}

function formsFor(text: string, cr: boolean): Form[] {
  const quotes: Pick<Form, "quote" | "escapeSign">[] = [{ quote: '"', escapeSign: '"' }]
  if (text.includes('\\"')) quotes.push({ quote: '"', escapeSign: "\\" })
  if (text.includes("'")) quotes.push({ quote: "'", escapeSign: "'" })
  if (text.includes('"')) quotes.push({ quote: "", escapeSign: "" })
  const said = separatorOf(text)
  const signs = delimiters.filter((sign) => said === undefined || sign === said)
  return (signs.length === 0 ? delimiters : signs).flatMap((delimiter) =>
    quotes.map((one) => ({ delimiter, cr, ...one })),
  )
}

/** What a first line `sep=;` says: Excel writes and reads it, and for everybody else it is no record. */
function separatorOf(text: string): string | undefined {
  return /^"?sep=(.)"?(?:[\r\n]|$)/i.exec(text)?.[1]
}

function read(text: string, form: Form): SampleReading {
  const [first, ...others] = readForm(text, form).filter((record) => !isBlank(record))
  const marked = first !== undefined && separatorOf(first.written) !== undefined ? [first] : []
  const all = first === undefined || marked.length > 0 ? others : [first, ...others]
  const modal = modalWidth(all)
  const { comments, rest } = partComments(all, modal)
  const { from, header } = findStart(rest, modal)
  const records = rest.slice(from)
  const width = records[0]?.cells.length ?? 1
  const skipped = [...marked, ...rest.slice(0, from)]
  const skipLines = records.length === 0 ? 0 : skipTo(records[0], comments, text, form)
  const found = { form, records, width, skipLines, skipped, header }
  // Comments that all stand before the header are lines to skip as well as others.
  const inside = comments.filter(({ line }) => line > (records[0]?.line ?? 0))
  const usual = inside.length > 0 || skipped.length === 0 ? comments : []
  return { ...found, comments: usual, score: scoreOf(found, modal) }
}

/** Lines before the header that no other setting passes over. */
function skipTo(
  header: SampledRecord | undefined,
  comments: readonly SampledRecord[],
  text: string,
  form: Form,
): number {
  if (header === undefined) return 0
  const before = readForm(text, form).filter(({ line }) => line < header.line)
  const passed = new Set(comments.map(({ line }) => line))
  return before.every(({ line }) => passed.has(line)) ? 0 : header.line - 1
}

/** Lines that begin with # are comments when none of them could be a record. */
function partComments(all: readonly SampledRecord[], modal: number) {
  const isMarked = ({ cells, quoted }: SampledRecord) => !quoted[0] && cells[0]?.startsWith("#") === true
  const marked = all.filter(isMarked)
  const couldBeRecord = marked.some(({ cells }) => modal > 1 && cells.length === modal)
  if (marked.length === 0 || couldBeRecord || marked.length * 2 > all.length)
    return { comments: [], rest: all }
  // Of one column nothing tells a comment from a value, unless it stands at the beginning.
  if (modal === 1 && all.findIndex((one) => !isMarked(one)) !== marked.length)
    return { comments: [], rest: all }
  return { comments: marked, rest: all.filter((one) => !isMarked(one)) }
}

function scoreOf(found: Pick<SampleReading, "form" | "records" | "width">, modal: number): number {
  const { form, records, width } = found
  const body = records.length > 1 ? records.slice(1) : records
  const fits = (wanted: number) =>
    body.filter(({ cells, isDamaged }) => cells.length === wanted && !isDamaged)
  const good = fits(width)
  const own = shareOf(good, body)
  // A header of another width than its records is a fault of the file, and no reason to part nothing.
  const others = width > 1 && modal > 1 ? wrongHeaderWeight * shareOf(fits(modal), body) : 0
  const isModal = others > own
  // Where no record holds, the cells still tell the delimiter.
  const consistency = Math.max(own, others, 0.01)
  const cells = cellScore(isModal ? fits(modal) : good, form)
  const columns = isModal ? modal : width
  const parted = columns === 1 ? oneColumnWeight : Math.sqrt(1 - 1 / columns)
  return consistency ** 2 * cells ** 2 * parted * quoteTrust(records, form)
}

function shareOf(some: readonly unknown[], all: readonly unknown[]): number {
  return all.length === 0 ? 1 : some.length / all.length
}

function cellScore(records: readonly SampledRecord[], form: Form): number {
  let sum = 0
  let count = 0
  const others = delimiters.filter((one) => one !== form.delimiter)
  for (const { cells, quoted } of records) {
    cells.forEach((cell, i) => {
      count += 1
      sum += quoted[i] ? 1 : scoreCell(cell, others)
    })
  }
  return count === 0 ? 0.5 : sum / count
}

function scoreCell(cell: string, others: readonly string[]): number {
  const kind = kindOf(cell)
  if (kind === "blank") return 0.8
  if (kind !== "text") return 1
  // In prose a comma or semicolon is followed by a space; between cells it is not.
  return others.some((sign) =>
    cell
      .split(sign)
      .slice(1)
      .some((rest) => sign === "|" || sign === "\t" || !rest.startsWith(" ")),
  )
    ? 0.3
    : 0.8
}

/**
 * The usual quote needs no proof. An apostrophe is taken for one only where it must be: around what could not stand
 * without it, or around a whole column.
 */
function quoteTrust(records: readonly SampledRecord[], { quote, escapeSign }: Form): number {
  const isNeeded = records.some(({ needed }) => needed.some(Boolean))
  switch (quote) {
    case '"':
      return escapeSign === "\\" ? (records.some(({ written }) => written.includes('\\"')) ? 0.99 : 0) : 1
    case "'":
      return isNeeded || isAroundAColumn(records) ? 1.01 : 0
    default:
      return records.some(({ cells }) => cells.some((cell) => cell.startsWith('"'))) ? 0 : 0.99
  }
}

function isAroundAColumn(records: readonly SampledRecord[]): boolean {
  const body = records.slice(1)
  const width = records[0]?.cells.length ?? 0
  return Array.from({ length: width }, (_, i) => i).some((i) => {
    const filled = body.filter(({ cells, quoted }) => quoted[i] || (cells[i] ?? "") !== "")
    return filled.length > 0 && filled.every(({ quoted }) => quoted[i])
  })
}
