/** Pure: names of columns that Postgres would refuse, cut or take for each other, found before anything is made. */
import { findNearest } from "@flatbed/config"
import { type Column, maxColumns, maxNameBytes, Problem } from "@flatbed/contract"

// Every table has these (Postgres manual, 5.6 "System Columns").
const systemColumns = new Set(["tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"])

/** A name as Postgres reads it without quotes (manual, 4.1.1 "Identifiers and Key Words"). */
export function foldName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
}

/**
 * Raises header-invalid for a version whose columns cannot all stand in one table, naming the first in the way: two that
 * are one to whoever does not quote them or behind the 63rd byte, one that is too long, or the database's own.
 */
export function refuseUnusableNames(dataset: string, columns: readonly Column[]): void {
  if (columns.length > maxColumns) {
    throw new Problem(
      "header-invalid",
      `${dataset} has ${columns.length} columns, and a table at most ${maxColumns}.`,
      {
        hint: "Nothing was loaded. Take fewer of them in source.yaml:  columns: { select: [ … ] }",
        facts: { dataset, columns: columns.length },
      },
    )
  }
  const met = new Map<string, string>()
  for (const { name } of columns) {
    const kept = foldName(cutName(name))
    const other = met.get(kept)
    if (other !== undefined) throw alike(dataset, other, name)
    met.set(kept, name)
  }
  for (const { name } of columns) {
    const bytes = Buffer.byteLength(name)
    const because = name.includes("\0")
      ? "holds a NUL character, which Postgres takes in no name"
      : bytes > maxNameBytes
        ? `has ${bytes} bytes, and Postgres keeps ${maxNameBytes} of a name`
        : systemColumns.has(name)
          ? "is called like a column that every table of Postgres has of its own"
          : undefined
    if (because !== undefined) throw unusable(dataset, name, `its column ${show(name)} ${because}`)
  }
}

function alike(dataset: string, first: string, second: string): Problem {
  const cut = [first, second].some((name) => Buffer.byteLength(name) > maxNameBytes)
  const because = cut
    ? `are one in their first ${maxNameBytes} bytes, and Postgres keeps no more`
    : "differ in case only"
  return unusable(dataset, second, `its columns ${show(first)} and ${show(second)} ${because}`)
}

function unusable(dataset: string, name: string, what: string): Problem {
  return new Problem("header-invalid", `${dataset} cannot become a table: ${what}.`, {
    hint: `Nothing was loaded. Give it another name in source.yaml:  columns: { rename: { ${show(name)}: … } }`,
    facts: { dataset, column: name.slice(0, 100) },
  })
}

/** The name as Postgres would keep it, to whole characters. */
function cutName(name: string): string {
  const bytes = Buffer.from(name)
  if (bytes.length <= maxNameBytes) return name
  return new TextDecoder().decode(bytes.subarray(0, maxNameBytes), { stream: true })
}

const show = (name: string) => JSON.stringify(name)

/** A column that a setting names and that is not there. */
export type UnknownColumn = {
  /** Within the pipeline: `checks.3`. */
  readonly setting: string
  /** As it was written, where that is known. */
  readonly column: string | null
  /** The sentence that says so. */
  readonly message: string
  /** The columns that there are. */
  readonly known: readonly string[]
}

/** `column-unknown` for all of them, each with its nearest name, and the columns that there are. */
export function columnsUnknown(unknown: readonly [UnknownColumn, ...UnknownColumn[]]): Problem {
  const [{ setting, column, known }, ...others] = unknown
  const alone = others.length === 0
  return new Problem(
    "column-unknown",
    unknown.map((one) => `${one.message}${alone ? "" : tellNearest(one)}`).join("\n  "),
    {
      hint: `${alone ? tellNearest(unknown[0]) : ""} ${listColumns(known)}`.trim(),
      facts: { setting, column },
    },
  )
}

/** ` Did you mean "zip"?`, or nothing when no name is near. */
export function tellNearest({ column, known }: Pick<UnknownColumn, "column" | "known">): string {
  const nearest = column === null ? undefined : findNearest(column, known)
  return nearest === undefined ? "" : ` Did you mean ${show(nearest)}?`
}

const shownColumns = 40

/** `The columns are "a", "b".` */
export function listColumns(names: readonly string[], whose = "The"): string {
  const more = names.length - shownColumns
  const list = names.slice(0, shownColumns).map(show).join(", ")
  return `${whose} columns are ${list}${more > 0 ? ` and ${more} more` : ""}.`
}
