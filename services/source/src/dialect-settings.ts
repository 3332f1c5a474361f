/** Pure: how a dataset's CSV is written, as source.yaml says it in the words of Table Dialect (Data Package v2). */
import { findNearest, type Settings, type SettingsProblem } from "@flatbed/config"
import Type from "@flatbed/typebox"
import { nullValuesSchema } from "./cells/cell-settings.ts"
import type { CsvDialect } from "./formats/csv-dialect.ts"
import { findForeign, readerNames } from "./formats/readers.ts"
import { familiarLabels, findEncoding } from "./text/encodings.ts"

export const dialectSchema = Type.Object({
  delimiter: Type.String({ default: ",", description: "one ASCII character between cells, or tab" }),
  quote_char: Type.String({
    default: '"',
    description: 'one ASCII character around cells; "" where cells are never quoted',
  }),
  double_quote: Type.Optional(
    Type.Boolean({
      description: "whether a quote inside quotes is written twice; true unless escape_char is given",
    }),
  ),
  escape_char: Type.Optional(
    Type.String({ description: "one ASCII character that makes a quote inside quotes text, often \\" }),
  ),
  comment_char: Type.Optional(
    Type.String({ description: "one ASCII character; a line that begins with it is no record" }),
  ),
  header: Type.Boolean({
    default: true,
    description:
      "whether a header names the columns; false: fields does, else they are column_1, column_2, …",
  }),
  fields: Type.Optional(
    Type.Array(Type.String(), {
      minItems: 1,
      description: "the columns' names in the file's order; with a header they replace its names",
    }),
  ),
  skip_lines: Type.Integer({ minimum: 0, default: 0, description: "lines before the header" }),
  line_terminator: Type.Enum(["auto", "cr"], {
    default: "auto",
    description: "what ends a line; auto: LF or CRLF; cr: a carriage return alone",
  }),
  encoding: Type.String({
    default: "utf-8",
    description:
      "a WHATWG label such as windows-1252, iso-8859-15 or utf-16le; a byte order mark in the file outweighs it",
  }),
  null_values: nullValuesSchema,
  strict: Type.Boolean({
    default: false,
    description:
      "refuse a header with blank, alike, too long or unseen names; else each gets a name, which `check` shows",
  }),
  ragged: Type.Enum(["reject", "pad", "truncate", "error"], {
    default: "reject",
    description:
      "a record of another width than the header's is set aside; pad: a short one is filled up with NULL; truncate: a long one is cut; error: the file is refused",
  }),
  blank_lines: Type.Enum(["record", "skip"], {
    default: "record",
    description:
      "a line with nothing on it is a record of one empty cell; skip: it is no record, wherever it stands",
  }),
  nul: Type.Enum(["reject", "strip"], {
    default: "reject",
    description: "a record with a NUL character is set aside; strip: the NUL is left out",
  }),
  reader: Type.Optional(
    Type.Enum(readerNames, {
      description: "which reader serves the file; left out, `bytes`, the fast one, if it knows the dialect",
    }),
  ),
})

export type DialectSettings = Settings<typeof dialectSchema>

/** The rules that no single setting can break; `path` is the dialect's. */
export function checkDialect(path: string, settings: DialectSettings): SettingsProblem[] {
  const problems: SettingsProblem[] = []
  const add = (setting: string, message: string) => problems.push({ path: `${path}.${setting}`, message })
  const { quote_char: quote, escape_char: escapedBy, comment_char: comment } = settings
  const delimiter = signOf(settings.delimiter)
  const signs = {
    delimiter,
    quote_char: quote,
    escape_char: escapedBy,
    comment_char: comment,
  }

  for (const [setting, written] of Object.entries(signs)) {
    if (written === undefined || (setting === "quote_char" && written === "")) continue
    if (!/^[\t\x20-\x7e]$/.test(written)) add(setting, notOneSign(setting, written))
  }
  const isTaken = (sign: string | undefined) => sign === delimiter
  if (isTaken(quote)) add("quote_char", "is the delimiter too, expected another character")
  if (isTaken(escapedBy)) add("escape_char", "is the delimiter too, expected another character")
  if (isTaken(comment)) add("comment_char", "is the delimiter too, expected another character")
  if (comment !== undefined && comment === quote)
    add("comment_char", "is quote_char too, expected another character")
  if (escapedBy !== undefined && quote === "") {
    add("escape_char", 'stands beside quote_char: "", but it escapes quotes inside quotes only; leave it out')
  }
  if (escapedBy !== undefined && escapedBy !== quote && settings.double_quote === true) {
    add("double_quote", "is true beside escape_char, expected one way to write a quote inside quotes")
  }
  const encoding = judgeEncoding(settings.encoding)
  if (encoding !== undefined) add("encoding", encoding)
  const { reader } = settings
  if (reader !== undefined && problems.length === 0) {
    const foreign = findForeign(reader, dialectOf(settings)).map((part) => showSetting(part, settings))
    if (foreign.length > 0)
      add("reader", `is ${reader}, which cannot read ${foreign.join(", ")}; expected csv-parse`)
  }
  return problems
}

/** The setting behind a part of the dialect, as it is written: `comment_char: "#"`. */
function showSetting(part: keyof CsvDialect, settings: DialectSettings): string {
  const names = {
    ...{ delimiter: "delimiter", quote: "quote_char", comment: "comment_char", skipLines: "skip_lines" },
    ...{ hasHeader: "header", fields: "fields", lineEnd: "line_terminator", ragged: "ragged" },
    ...{ blankLines: "blank_lines", nul: "nul" },
    escapedBy: settings.escape_char === undefined ? "double_quote" : "escape_char",
  } as const satisfies Record<keyof CsvDialect, keyof DialectSettings>
  return `${names[part]}: ${JSON.stringify(settings[names[part]])}`
}

/** What is wrong with an encoding's label, if anything. */
function judgeEncoding(label: string): string | undefined {
  const found = findEncoding(label)
  if (found === undefined) {
    const nearest = findNearest(label, familiarLabels)
    const expected =
      nearest === undefined
        ? "expected one such as utf-8, windows-1252 or utf-16le"
        : `did you mean ${nearest}?`
    return `is ${JSON.stringify(label)}, which is no encoding's name; ${expected}`
  }
  if ("encoding" in found) return undefined
  return `is ${found.unread}, which is not read; convert the file: iconv -f ${found.unread.toUpperCase()} -t UTF-8 OLD > NEW, and serve the new one`
}

function notOneSign(setting: string, written: string): string {
  const expected = `expected one ASCII character${setting === "delimiter" ? ", or tab" : ""}`
  const is = `is ${JSON.stringify(written)}`
  return setting === "delimiter" && [...written].length > 1
    ? `${is}, ${[...written].length} characters; ${expected}: a longer delimiter would leave the place of its parts inside cells unclear, so convert the file to one of one character`
    : `${is}, ${expected}`
}

/** The dialect that the readers know. */
export function dialectOf(settings: DialectSettings): CsvDialect {
  const { quote_char: quote, escape_char: escapedBy, comment_char: comment, skip_lines: skipLines } = settings
  const { fields, ragged, blank_lines: blankLines, nul } = settings
  return {
    delimiter: signOf(settings.delimiter),
    quote,
    ...escapeOf(settings, escapedBy),
    ...(comment === undefined ? {} : { comment }),
    ...(skipLines === 0 ? {} : { skipLines }),
    ...(settings.header ? {} : { hasHeader: false as const }),
    ...(fields === undefined ? {} : { fields }),
    ...(settings.line_terminator === "cr" ? { lineEnd: "cr" as const } : {}),
    ...(ragged === "reject" ? {} : { ragged }),
    ...(blankLines === "record" ? {} : { blankLines }),
    ...(nul === "reject" ? {} : { nul }),
  }
}

function escapeOf(
  { quote_char: quote, double_quote: isDoubled }: DialectSettings,
  escapedBy: string | undefined,
) {
  if (quote === "" || escapedBy === quote) return {}
  if (escapedBy !== undefined) return { escapedBy }
  return isDoubled === false ? { escapedBy: "" } : {}
}

/** The inverse, with every setting written out, for documents about a dataset. */
export function writeDialect(dialect: CsvDialect) {
  const { delimiter, quote, escapedBy, comment, skipLines, hasHeader, fields, lineEnd } = dialect
  const { ragged, blankLines, nul } = dialect
  return {
    delimiter,
    quote_char: quote,
    double_quote: escapedBy === undefined && quote !== "",
    escape_char: escapedBy === undefined || escapedBy === "" ? null : escapedBy,
    comment_char: comment ?? null,
    header: hasHeader !== false,
    fields: fields ?? null,
    skip_lines: skipLines ?? 0,
    line_terminator: lineEnd ?? "auto",
    ragged: ragged ?? "reject",
    blank_lines: blankLines ?? "record",
    nul: nul ?? "reject",
  }
}

export type WrittenDialect = ReturnType<typeof writeDialect>

/** In a line for people: delimiter and quote, and whatever is not as usual. */
export function describeDialect(written: WrittenDialect): string {
  const usual: Readonly<Record<string, unknown>> = writeDialect({ delimiter: "", quote: '"' })
  const told = Object.entries(written).filter(
    ([setting, value]) =>
      setting === "delimiter" ||
      setting === "quote_char" ||
      (value !== usual[setting] && !(setting === "double_quote" && written.escape_char !== null)),
  )
  return told.map(([setting, value]) => `${setting} ${JSON.stringify(value)}`).join(", ")
}

/** The character that a dialect's setting means: `tab` and `\t` are what people write for a tab. */
export function signOf(written: string): string {
  return written === "tab" || written === "\\t" ? "\t" : written
}
