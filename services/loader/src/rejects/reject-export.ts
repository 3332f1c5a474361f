/**
 * Pure: rejects as a CSV file that a person mends in a spreadsheet. The record's own cells stand as they were written,
 * in the file's own dialect, behind four columns that say what is wrong with it. Behind, because a record may have too
 * few or too many cells.
 */
import type { WrittenDialect } from "@flatbed/contract"
import { splitRecord } from "./record-cells.ts"
import { readRecordText } from "./record-text.ts"
import type { RecordedReject } from "./reject-ledger.ts"

/** How a file is written; `encoding` is a WHATWG label, UTF-8 where it is left out. */
export type FileDialect = WrittenDialect & { readonly encoding?: string | undefined }

/** A file whose records have no cells of their own, such as those of JSON. */
export type WholeRecords = Pick<FileDialect, "encoding"> & { readonly delimiter?: undefined }

export type RejectExport = {
  /** The first line. */
  readonly head: string
  /** A reject as one line, the line end included. */
  readonly spell: (reject: Pick<RecordedReject, "line" | "code" | "column" | "reason" | "raw">) => string
}

/** In which whole records stand. */
const plainDialect: FileDialect = {
  delimiter: ",",
  quote_char: '"',
  double_quote: true,
  fields: [],
}

const ownColumns = ["_line", "_code", "_column", "_reason"]
const notText = " Bytes that are no text stand here as \\xNN."
const notApart = " The cells cannot be told apart: the first one holds the record whole."

// Spreadsheets take UTF-8 without a mark for the encoding of their country.
const byteOrderMark = "\ufeff"

/** The export of one run, whose file is written in this dialect; without one each record stands whole in one cell. */
export function createRejectExport(told: FileDialect | WholeRecords): RejectExport {
  const isWhole = told.delimiter === undefined
  const dialect = isWhole ? { ...plainDialect, encoding: told.encoding } : told
  const lineEnd = dialect.line_terminator === "cr" ? "\r" : "\r\n"
  const spellLine = (cells: readonly string[]) => cells.join(dialect.delimiter) + lineEnd
  const spell = (value: string | null) => spellCell(value === null ? null : defuse(value), dialect)
  const fields = dialect.fields
  const own = ownColumns.map((name) => {
    let free = name
    while (fields.includes(free)) free = `_${free}`
    return free
  })
  return {
    head: byteOrderMark + spellLine([...own, ...(isWhole ? ["_record"] : fields)].map(spell)),
    spell({ line, code, column, reason, raw }) {
      const { text, spelled } = readRecordText(raw, dialect.encoding)
      const cells = isWhole ? undefined : splitRecord(text, dialect)
      const isLost = !isWhole && cells === undefined
      const notes = (spelled ? notText : "") + (isLost ? notApart : "")
      const record = cells?.map(({ written, quoted }) => defuseWritten(written, quoted, dialect))
      return spellLine([
        String(line),
        code,
        spell(column),
        spell(reason + notes),
        ...(record ?? [spell(text)]),
      ])
    },
  }
}

/** Characters that make a spreadsheet take a cell for a formula (OWASP, CSV Injection). */
const formulaPrefix = /^[=+\-@\t\r]/
/** What begins like one and is a number, as rejects are full of: it computes nothing. */
const plainNumber = /^[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d+)?$/

function isFormula(value: string): boolean {
  return formulaPrefix.test(value) && !plainNumber.test(value)
}

function defuse(value: string): string {
  return isFormula(value) ? `'${value}` : value
}

/** A cell of the file, its own quotes kept. Where the dialect has none, what a spreadsheet takes for one is quoted. */
function defuseWritten(written: string, quoted: boolean, dialect: FileDialect): string {
  const { quote_char: quote, escape_char: sign } = dialect
  if (!quoted) {
    const safe = defuse(written)
    return safe === written && quote !== "" ? written : spellCell(safe === "" ? null : safe, dialect)
  }
  const inside = written.slice(quote.length, -quote.length)
  const value = sign !== undefined && inside.startsWith(sign) ? inside.slice(sign.length) : inside
  return isFormula(value) ? quote + spellInside("'", quote, dialect) + inside + quote : written
}

function spellCell(value: string | null, dialect: FileDialect): string {
  if (value === null) return ""
  const { delimiter } = dialect
  const quote = dialect.quote_char === "" ? '"' : dialect.quote_char
  const needsQuotes =
    value === "" || value.includes(delimiter) || value.includes(quote) || /[\r\n\ufeff]/.test(value)
  return needsQuotes ? quote + spellInside(value, quote, dialect) + quote : value
}

/** Text as it stands between quotes. Where a dialect has no way of writing a quote there, another sign stands for it. */
function spellInside(value: string, quote: string, dialect: FileDialect): string {
  const { escape_char: sign, double_quote: doubled, quote_char } = dialect
  if (doubled || quote_char === "") return value.replaceAll(quote, quote + quote)
  if (sign === undefined) return value.replaceAll(quote, quote === "'" ? "\u2019" : "'")
  return value.replaceAll(sign, sign + sign).replaceAll(quote, sign + quote)
}
