/** Pure: from the header and the settings to the columns that are served. */
import { findNearest } from "@flatbed/config"
import {
  type ColumnType,
  maxColumns,
  maxNameBytes,
  Problem,
  type ProblemFacts,
  type Renamed,
} from "@flatbed/contract"
import { type CellRules, namesInRules, rulesOf } from "./cell-rules.ts"
import type { CellSettings } from "./cells/compile-cell.ts"
import { type NamedColumn, nameColumns } from "./column-names.ts"
import { showCell, showUnseen } from "./show-cell.ts"

/** The path of a row's file, relative to the root; and the line on which its record begins, from 1. */
export const addedColumns = ["_file", "_line"] as const
/** Or the SHA-256 of the cells of these served columns, so that a text of any length can be part of a key. */
export type AddedColumn = (typeof addedColumns)[number] | { readonly digest: readonly string[] }

/**
 * `select`, `drop` and `rename` speak the names of column-names.ts, and the header's own where only one column has it;
 * `types` the served ones. With `strict` a header is refused whose names cannot all stay as they are written.
 */
export type ColumnSettings = CellRules & {
  readonly select?: readonly string[] | undefined
  readonly drop: readonly string[]
  readonly rename: Readonly<Record<string, string>>
  readonly types: Readonly<Record<string, ColumnType>>
  readonly strict?: boolean
  /** Columns that no file has, behind the others. */
  readonly add?: readonly (typeof addedColumns)[number][]
  /** Behind these, by their names: of which served columns they are the digest. */
  readonly digests?: Readonly<Record<string, readonly string[]>>
  /** Of one file of several: what it does not have, another one may. */
  readonly isPartial?: boolean
}

/** Whether the settings ask for a digest of cells as a column. */
export const hasDigests = (
  columns: ColumnSettings,
): columns is ColumnSettings & Required<Pick<ColumnSettings, "digests">> =>
  Object.keys(columns.digests ?? {}).length > 0

/** One served column: its name, its place in the file's records, and its type if the settings name one. */
export type ServedField = {
  readonly name: string
  readonly index: number
  readonly declared: ColumnType | undefined
  /** What happens to its cells, where something does. */
  readonly cell?: CellSettings | undefined
  /** Where its name in the header could not stay. */
  readonly renamed?: Renamed
}

/**
 * The served columns in their order: that of `select`, otherwise the file's. `facts` place the header.
 * Raises header-invalid for a header that strict settings refuse and for served names that cannot be told apart or
 * kept by Postgres, column-unknown for settings that name a column the file does not have.
 */
export function resolveServedColumns(
  header: readonly string[],
  settings: ColumnSettings,
  facts: ProblemFacts,
): readonly ServedField[] {
  const before = resolvedBefore.get(settings)
  if (before !== undefined && sameNames(before.header, header)) return before.fields
  const fields = resolve(header, settings, facts)
  resolvedBefore.set(settings, { header, fields })
  return fields
}

// The file before had most often the same header.
const resolvedBefore = new WeakMap<
  ColumnSettings,
  { readonly header: readonly string[]; readonly fields: readonly ServedField[] }
>()

const sameNames = (a: readonly string[], b: readonly string[]) =>
  a.length === b.length && a.every((name, i) => name === b[i])

function resolve(
  header: readonly string[],
  settings: ColumnSettings,
  facts: ProblemFacts,
): readonly ServedField[] {
  const columns = nameColumns(header)
  if (settings.strict) refuseTrouble(columns, facts)
  const isPartial = settings.isPartial === true
  const find = createLookup(columns, facts, isPartial)
  const dropped = new Set(settings.drop.flatMap((name) => find(name, "columns.drop")))
  const selected = settings.select?.flatMap((name) => find(name, "columns.select"))
  const renames = new Map(
    Object.entries(settings.rename).flatMap(([name, served]) =>
      find(name, "columns.rename").map((index) => [index, served] as const),
    ),
  )

  const kept = (selected ?? columns.map((_, i) => i)).filter((index) => !dropped.has(index))
  const fields = kept.map((index): ServedField => {
    const { name: own = "", written = "", because = [] } = columns[index] ?? {}
    const name = renames.get(index) ?? own
    const field = { name, index, ...rulesOf(name, settings) }
    if (because.length === 0) return field
    return {
      ...field,
      renamed: { column: index + 1, written: showCell(written), because: because.join("; ") },
    }
  })
  checkServed(fields, columns, facts, isPartial)
  if (isPartial) return fields
  const served = fields.map(({ name }) => name)
  const digested = Object.entries(settings.digests ?? {}).flatMap(([digest, names]) =>
    names.map((name) => ({ setting: `columns.digests.${digest}`, name })),
  )
  for (const { setting, name } of [...namesInRules(settings), ...digested])
    if (!served.includes(name))
      throw notServed(name, setting, columns, fields, facts) ?? unknown(name, served, setting, facts)
  return fields
}

function refuseTrouble(columns: readonly NamedColumn[], facts: ProblemFacts): void {
  const troubles = columns.flatMap(({ written, because }, i) =>
    because.length === 0 ? [] : [{ column: i + 1, value: showCell(written), because: because.join("; ") }],
  )
  const [first] = troubles
  if (first === undefined) return
  const told = troubles.map(
    ({ column, value, because }) => `column ${column}, ${showUnseen(quote(value))}: ${because}`,
  )
  throw new Problem(
    "header-invalid",
    `Names in the header${ofFile(facts)} cannot stay: ${told.join(". ")}.`,
    {
      hint: "Mend the names in the file, or take away dialect.strict: then each gets a name, which check shows.",
      facts: { ...facts, column: first.column, value: first.value },
    },
  )
}

/** The places of a column by its name: one, or none where a name may be missing. */
function createLookup(columns: readonly NamedColumn[], facts: ProblemFacts, isPartial: boolean) {
  const names = columns.map(({ name }) => name)
  const byName = new Map(names.map((name, i) => [name, i]))
  const byWritten = new Map<string, number[]>()
  columns.forEach(({ written }, i) => {
    const same = byWritten.get(written)
    if (same === undefined) byWritten.set(written, [i])
    else same.push(i)
  })
  return (name: string, setting: string): readonly number[] => {
    const mapped = byName.get(name)
    const [index, ...others] = mapped === undefined ? (byWritten.get(name) ?? []) : [mapped]
    if (index === undefined && isPartial) return []
    if (index === undefined) throw unknown(name, names, setting, facts)
    if (others.length === 0) return [index]
    const served = [index, ...others].map((i) => quote(names[i] ?? "")).join(", ")
    throw new Problem(
      "column-unknown",
      `${setting} names ${quote(name)}, which several columns${inFile(facts)} are called.`,
      { hint: `They are ${served}: name them so.`, facts: { ...facts, setting, value: name } },
    )
  }
}

function checkServed(
  fields: readonly ServedField[],
  columns: readonly NamedColumn[],
  facts: ProblemFacts,
  isPartial: boolean,
): void {
  if (fields.length === 0 && !isPartial) {
    throw new Problem("header-invalid", `The settings leave no column${inFile(facts)}.`, {
      hint: "Take a name out of columns.drop.",
      facts,
    })
  }
  if (fields.length > maxColumns) {
    throw new Problem(
      "header-invalid",
      `${fields.length} columns${inFile(facts)} would be served; a table of Postgres has at most ${maxColumns}.`,
      { hint: "Name the columns that are wanted in columns.select, or the others in columns.drop.", facts },
    )
  }
  const seen = new Set<string>()
  for (const { name, index } of fields) {
    const place = { ...facts, column: index + 1, value: name }
    const bytes = Buffer.byteLength(name)
    if (bytes > maxNameBytes) {
      throw new Problem(
        "header-invalid",
        `The name of column ${index + 1}${inFile(facts)} has ${bytes} bytes; Postgres keeps ${maxNameBytes}: ${quote(name)}.`,
        { hint: "Give it a shorter name in columns.rename.", facts: place },
      )
    }
    if (seen.has(name)) {
      const names = columns.map((column) => quote(column.name)).join(", ")
      throw new Problem("header-invalid", `Two served columns${inFile(facts)} are called ${quote(name)}.`, {
        hint: `Change columns.rename; the file's own names are ${names}.`,
        facts: place,
      })
    }
    seen.add(name)
  }
}

/** For a setting about cells that names a column as the file does, and not as it is served. */
function notServed(
  name: string,
  setting: string,
  columns: readonly NamedColumn[],
  fields: readonly ServedField[],
  facts: ProblemFacts,
): Problem | undefined {
  const index = columns.findIndex((column) => column.name === name || column.written === name)
  if (index === -1) return undefined
  const field = fields.find((one) => one.index === index)
  return new Problem(
    "column-unknown",
    `${setting} names ${quote(name)}, which is not served under that name.`,
    {
      hint:
        field === undefined
          ? "The settings leave the column out: take the name away, or serve the column."
          : `It is served as ${quote(field.name)}: name it so.`,
      facts: { ...facts, setting, value: name },
    },
  )
}

function unknown(name: string, known: readonly string[], setting: string, facts: ProblemFacts): Problem {
  const nearest = findNearest(name, known)
  return new Problem(
    "column-unknown",
    `${setting} names ${quote(name)}, which is not a column${inFile(facts)}.`,
    {
      hint:
        nearest === undefined
          ? `The columns are ${known.map(quote).join(", ")}.`
          : `Did you mean ${quote(nearest)}?`,
      facts: { ...facts, setting, value: name },
    },
  )
}

const inFile = ({ file }: ProblemFacts) => (file === undefined ? "" : ` in ${file}`)
const ofFile = ({ file }: ProblemFacts) => (file === undefined ? "" : ` of ${file}`)
const quote = (name: string) => JSON.stringify(name)
