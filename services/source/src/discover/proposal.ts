/** Pure: what was found about a file as the settings of its dataset, without whatever is so by default. */
import type { BooleanWords } from "../cells/formats.ts"
import type { ColumnProposal } from "./column-census.ts"
import type { ProposedDialect } from "./propose-dialect.ts"
import type { ProposedEncoding } from "./propose-encoding.ts"

/** As a person would write it under `dialect`. */
export type DraftDialect = Readonly<Record<string, string | number | boolean | readonly string[]>>

type Step = string | Readonly<Record<string, unknown>>

/** As a person would write it under `columns`; by served name. */
export type DraftColumns = {
  readonly types?: Readonly<Record<string, string>>
  readonly formats?: Readonly<Record<string, string>>
  readonly booleans?: Readonly<Record<string, BooleanWords>>
  readonly clean?: Readonly<Record<string, readonly Step[]>>
  readonly null_values?: Readonly<Record<string, readonly string[]>>
}

/** The dialect's settings, in the order in which a person would look for them. */
export function draftDialect(found: ProposedDialect, encoding: ProposedEncoding): DraftDialect {
  const { delimiter, quoteChar, escapeChar, commentChar, skipLines, header, width, lineTerminator } = found
  return {
    ...(delimiter === "," ? {} : { delimiter: delimiter === "\t" ? "tab" : delimiter }),
    ...(quoteChar === '"' ? {} : { quote_char: quoteChar }),
    ...(escapeChar === undefined ? {} : { escape_char: escapeChar }),
    ...(commentChar === undefined ? {} : { comment_char: commentChar }),
    ...(skipLines === 0 ? {} : { skip_lines: skipLines }),
    ...(header ? {} : { header: false, fields: Array.from({ length: width }, (_, i) => `column_${i + 1}`) }),
    ...(lineTerminator === "auto" ? {} : { line_terminator: lineTerminator }),
    ...(encoding === "utf-8" ? {} : { encoding }),
  }
}

/**
 * The columns' settings. Words that stand in quotes somewhere are made NULL by a cleaning step, since `null_values` are
 * words without quotes.
 */
export function draftColumns(
  found: ReadonlyMap<string, ColumnProposal>,
  isQuoted: (column: string, word: string) => boolean,
): DraftColumns {
  const types: [string, string][] = []
  const formats: [string, string][] = []
  const booleans: [string, BooleanWords][] = []
  const clean: [string, Step[]][] = []
  const nulls: [string, string[]][] = []
  for (const [name, { type, trim, nullWords, spelling, format, booleans: words }] of found) {
    types.push([name, type])
    if (format !== undefined) formats.push([name, format])
    if (words !== undefined) booleans.push([name, words])
    const bare = nullWords
      .filter(({ word }) => word === word.trim() && !isQuoted(name, word))
      .map(({ word }) => word)
    const rest = nullWords
      .map(({ word }) => (trim ? word.trim() : word))
      .filter((word) => !bare.includes(word))
    if (bare.length > 0) nulls.push([name, ["", ...bare]])
    const steps: Step[] = [
      ...(trim ? ["trim"] : []),
      ...(rest.length === 0 ? [] : [{ null_if: [...new Set(rest)] }]),
      ...(spelling === undefined ? [] : [{ decimal: spelling.decimal, ...groupOf(spelling) }]),
    ]
    if (steps.length > 0) clean.push([name, steps])
  }
  return {
    ...named("types", types),
    ...named("formats", formats),
    ...named("booleans", booleans),
    ...named("clean", clean),
    ...named("null_values", nulls),
  }
}

const groupOf = ({ group }: { readonly group?: string }) => (group === undefined ? {} : { group })

// Entries, so that a column called __proto__ is a name like others.
function named<Key extends string, Value>(key: Key, entries: [string, Value][]) {
  return (entries.length === 0 ? {} : { [key]: Object.fromEntries(entries) }) as Partial<
    Record<Key, Record<string, Value>>
  >
}
