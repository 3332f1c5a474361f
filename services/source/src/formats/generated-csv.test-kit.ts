/** For tests: CSV files whose bytes and cells are both made here, by a spelling of its own (RFC 4180). */
import fc from "fast-check"
import type { CsvDialect } from "./csv-dialect.ts"

export type CsvCell = string | null
type WrittenCell = { readonly cell: CsvCell; readonly quoted: boolean }

export type GeneratedCsv = {
  readonly dialect: CsvDialect
  readonly mark: boolean
  readonly newline: string
  readonly endsInNewline: boolean
  readonly header: readonly string[]
  readonly rows: readonly (readonly WrittenCell[])[]
}

const pieces = [
  "a",
  "1",
  " ",
  ",",
  ";",
  '"',
  "'",
  "\n",
  "\r\n",
  "\r",
  "é",
  "€",
  "😀",
  "\ufeff",
  "\\N",
  "\\",
  "\t",
]

/** Files with every kind of quote, newline, delimiter, mark and emptiness. */
export function generatedCsv(): fc.Arbitrary<GeneratedCsv> {
  const text = fc.array(fc.constantFrom(...pieces), { maxLength: 6 }).map((parts) => parts.join(""))
  const cell = fc.oneof(
    fc.constant<WrittenCell>({ cell: null, quoted: false }),
    fc.constant<WrittenCell>({ cell: "", quoted: true }),
    fc.record({ cell: text.filter((t) => t !== ""), quoted: fc.boolean() }),
  )
  return fc.integer({ min: 1, max: 4 }).chain((width) =>
    fc.record({
      dialect: fc.constantFrom<CsvDialect>(
        { delimiter: ",", quote: '"' },
        { delimiter: ";", quote: "'" },
        { delimiter: "\t", quote: '"' },
      ),
      mark: fc.boolean(),
      newline: fc.constantFrom("\n", "\r\n"),
      endsInNewline: fc.boolean(),
      header: fc.constant(Array.from({ length: width }, (_, i) => `c${i}`)),
      rows: fc.array(fc.array(cell, { minLength: width, maxLength: width }), { maxLength: 8 }),
    }),
  )
}

/** The file's bytes. */
export function spellCsv(csv: GeneratedCsv): Buffer {
  const { header, lines, ends } = spellCsvLines(csv)
  const bytes = Buffer.concat([header, ...lines.flatMap((line) => [line, ends])])
  // A blank last line without its newline would be no record at all.
  const keepsLast = csv.endsInNewline || lines.at(-1)?.length === 0
  return keepsLast ? bytes : bytes.subarray(0, bytes.length - ends.length)
}

/** The file's header with its line end, its records without theirs, and what ends a line. */
export function spellCsvLines(csv: GeneratedCsv): { header: Buffer; lines: Buffer[]; ends: Buffer } {
  const { delimiter, quote } = csv.dialect
  const spell = ({ cell, quoted }: WrittenCell) => {
    if (cell === null) return ""
    const needsQuotes = quoted || [delimiter, quote, "\n", "\r"].some((sign) => cell.includes(sign))
    return needsQuotes ? quote + cell.replaceAll(quote, quote + quote) + quote : cell
  }
  return {
    header: Buffer.from((csv.mark ? "\ufeff" : "") + csv.header.join(delimiter) + csv.newline),
    lines: csv.rows.map((row) => Buffer.from(row.map(spell).join(delimiter))),
    ends: Buffer.from(csv.newline),
  }
}

export type Damage = "few" | "many" | "nul" | "latin1"

/** A record with one kind of damage that leaves its end where it was; `few` needs two cells or more. */
export function spoil(record: Buffer, damage: Damage, { delimiter }: CsvDialect): Buffer {
  switch (damage) {
    case "few":
      return Buffer.from("x")
    case "many":
      return Buffer.concat([record, Buffer.from(`${delimiter}y`)])
    case "nul":
      return Buffer.concat([Buffer.from(`\0${delimiter}`), record])
    case "latin1":
      return Buffer.concat([Buffer.from([0xe9]), Buffer.from(delimiter), record])
  }
}
