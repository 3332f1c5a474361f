/** Pure: from the header and the settings to the columns that are served. */
import { findNearest } from "@flatbed/config"
import { type ColumnType, maxColumns, maxNameBytes, Problem, type ProblemFacts } from "@flatbed/contract"

/** `select`, `drop` and `rename` speak the file's names, `types` the served ones. */
export type ColumnSettings = {
  readonly select?: readonly string[] | undefined
  readonly drop: readonly string[]
  readonly rename: Readonly<Record<string, string>>
  readonly types: Readonly<Record<string, ColumnType>>
}

/** One served column: its name, its place in the file's records, and its type if the settings name one. */
export type ServedField = {
  readonly name: string
  readonly index: number
  readonly declared: ColumnType | undefined
}

/**
 * The served columns in their order: that of `select`, otherwise the file's. `facts` place the header.
 * Raises header-invalid for names that cannot be told apart or kept by Postgres, column-unknown for settings
 * that name a column the file does not have.
 */
export function resolveServedColumns(
  header: readonly string[],
  settings: ColumnSettings,
  facts: ProblemFacts,
): ServedField[] {
  checkHeader(header, facts)
  for (const setting of ["select", "drop"] as const) {
    for (const name of settings[setting] ?? []) requireColumn(name, header, `columns.${setting}`, facts)
  }
  for (const name of Object.keys(settings.rename)) requireColumn(name, header, "columns.rename", facts)

  const dropped = new Set(settings.drop)
  const kept = (settings.select ?? header).filter((name) => !dropped.has(name))
  const types = new Map(Object.entries(settings.types))
  const renames = new Map(Object.entries(settings.rename))
  const fields = kept.map((fileName) => {
    const name = renames.get(fileName) ?? fileName
    return { name, index: header.indexOf(fileName), declared: types.get(name) }
  })
  checkServed(fields, header, facts)
  const served = fields.map(({ name }) => name)
  for (const name of types.keys()) requireColumn(name, served, "columns.types", facts)
  return fields
}

function checkHeader(header: readonly string[], facts: ProblemFacts): void {
  const seen = new Map<string, number>()
  header.forEach((name, i) => {
    const column = i + 1
    if (name.trim() === "") {
      throw new Problem(
        "header-invalid",
        `Column ${column} of ${header.length}${inFile(facts)} has no name.`,
        {
          hint: "Give every column a name in the file's first line.",
          facts: { ...facts, column },
        },
      )
    }
    const first = seen.get(name)
    if (first !== undefined) {
      throw new Problem(
        "header-invalid",
        `Columns ${first} and ${column}${inFile(facts)} are both called ${quote(name)}.`,
        {
          hint: "Give every column a name of its own in the file's first line.",
          facts: { ...facts, column, value: name },
        },
      )
    }
    seen.set(name, column)
  })
}

function checkServed(fields: readonly ServedField[], header: readonly string[], facts: ProblemFacts): void {
  if (fields.length === 0) {
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
      throw new Problem("header-invalid", `Two served columns${inFile(facts)} are called ${quote(name)}.`, {
        hint: `Change columns.rename; the file's own names are ${header.map(quote).join(", ")}.`,
        facts: place,
      })
    }
    seen.add(name)
  }
}

function requireColumn(name: string, known: readonly string[], setting: string, facts: ProblemFacts): void {
  if (known.includes(name)) return
  const nearest = findNearest(name, known)
  throw new Problem(
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
const quote = (name: string) => JSON.stringify(name)
