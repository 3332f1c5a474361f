/** Compares a version's columns with the table, before a row moves. */
import { findNearest } from "@flatbed/config"
import { type Column, type ColumnType, type Evidence, Problem, type Sighting } from "@flatbed/contract"
import { fittingTypes, postgresTypes, typeFits, typeTakesSome } from "./column-fit.ts"
import {
  everyOwnColumn,
  type OwnColumn,
  ownColumns,
  type StagedRules,
  stagedOwnColumns,
} from "./own-columns.ts"
import type { Pipeline } from "./pipeline-settings.ts"
import { quoteName } from "./postgres/identifier.ts"
import type { StagingColumn, StagingPlan } from "./postgres/staging.ts"
import type { Table, TableColumn } from "./postgres/table.ts"
import { printable } from "./printable.ts"
import { counted } from "./summary.ts"

export type ColumnDifference = {
  readonly column: string
  readonly kind: "missing" | "extra" | "type" | "null" | "closed"
  /** What was found, what was expected, what to do. */
  readonly message: string
}

type Compared = {
  /** The table as messages and SQL write it. */
  readonly target: string
  readonly columns: readonly Column[]
  readonly evidence: readonly Evidence[] | null
  /** Whether rows may be set aside: then a column may be too narrow for some of its cells. */
  readonly tolerant: boolean
  /** Columns of the table that the loader itself fills in. */
  readonly own?: readonly OwnColumn[]
  /** The columns that tell a row: one with NULL there is set aside before it comes to the table. */
  readonly key?: readonly string[]
}

/**
 * The columns that staging and the load use: the file's names in the file's order, with the table's types where
 * there is a table, with the types from the file where there is none.
 *
 * @throws Problem `table-unsuitable` when rows cannot be replaced in what has this name; `columns-differ` listing
 * every column that is missing, extra or of a type that would change or refuse a value.
 */
export function planColumns(input: Compared & { readonly table: Table | undefined }): StagingColumn[] {
  const { target, columns, table } = input
  if (table === undefined) return columns.map(({ name, type }) => ({ name, type: postgresTypes[type] }))
  refuseUnsuitable(target, table, input.key ?? [])
  const differences = compareColumns(input, table)
  if (differences.length > 0) {
    const list = differences.map(({ message }) => `  ${message}`).join("\n")
    throw new Problem(
      "columns-differ",
      `${target} and the dataset differ in ${counted(differences.length, "column")}:\n${list}`,
      {
        hint: "Nothing was loaded. Change the table or the source's settings as named above, or load into a new table.",
        facts: { table: target, columns: differences.map(({ column }) => column).join(", ") },
      },
    )
  }
  const found = new Map(table.columns.map((column) => [column.name, column]))
  return columns.map(({ name, type }) => {
    const into = found.get(name)
    return { name, type: into?.type ?? postgresTypes[type], ...(into?.notNull ? { notNull: true } : {}) }
  })
}

/**
 * Raises column-unknown, with the nearest name, when the pipeline names a column that the dataset does not have. An
 * index may also be on columns that the table has beside them, and on the loader's own.
 */
export function refuseUnknownColumns(
  { name, rules, indexes, checks }: Pick<Pipeline, "name" | "rules" | "indexes" | "checks">,
  columns: readonly Column[],
  table?: Table,
): void {
  const { key, orderBy } = rules
  const served = columns.map((column) => column.name)
  const beside = [...ownColumns(rules), ...(table?.columns ?? [])].map((column) => column.name)
  const stored = [...new Set([...served, ...beside])]
  const named = [
    ...key.map((column) => ({ setting: "key", column, known: served })),
    ...(orderBy === undefined ? [] : [{ setting: "order_by", column: orderBy, known: served }]),
    ...indexes.flatMap((index, i) =>
      index.columns.map((column) => ({ setting: `indexes.${i + 1}.columns`, column, known: stored })),
    ),
    ...checks.flatMap((check) =>
      check.columns.map((column) => ({ setting: `checks.${check.place}`, column, known: served })),
    ),
  ]
  const astray = named.find(({ column, known }) => !known.includes(column))
  if (astray === undefined) return
  const { known } = astray
  const nearest = findNearest(astray.column, known)
  throw new Problem(
    "column-unknown",
    `pipelines.${name}.${astray.setting} names ${JSON.stringify(astray.column)}, which is not a column of the dataset.`,
    {
      hint:
        nearest === undefined
          ? `The columns are ${known.map((one) => JSON.stringify(one)).join(", ")}.`
          : `Did you mean ${JSON.stringify(nearest)}?`,
      facts: { setting: astray.setting, column: astray.column },
    },
  )
}

/**
 * Staging for these columns: with the table's CHECK constraints, as far as they speak of these columns only. The
 * others, unique and foreign keys among them, are met when the rows reach the table. With a key, its columns take no
 * NULL. What the loader adds to each row stands in front.
 */
export function planStaging(
  columns: readonly StagingColumn[],
  table: Table | undefined,
  rules: StagedRules = { key: [], lineage: false, numbered: false },
): StagingPlan {
  const names = new Set(columns.map(({ name }) => name))
  const checks = (table?.checks ?? []).filter((check) => check.columns.every((name) => names.has(name)))
  const keyed = columns.map((column) =>
    rules.key.includes(column.name) ? { ...column, notNull: true, isKey: true } : column,
  )
  return {
    columns: [...stagedOwnColumns(rules), ...keyed],
    checks: checks.map(({ name, definition }) => ({ name, definition })),
  }
}

/** Every difference between a version's columns and the table's. Their order is no difference. */
export function compareColumns(
  { target, columns, evidence, tolerant, own = [], key = [] }: Compared,
  table: Table,
): ColumnDifference[] {
  const found = new Map(table.columns.map((column) => [column.name, column]))
  const served = new Set(columns.map(({ name }) => name))
  const proofs = new Map((evidence ?? []).map((one) => [one.column, one]))
  return [
    ...columns.flatMap((column) =>
      compareColumn(column, proofs.get(column.name), found.get(column.name), {
        ...{ target, tolerant },
        takesNull: tolerant || key.includes(column.name),
      }),
    ),
    ...own.flatMap((one) => compareOwn(one, found.get(one.name), target)),
    ...table.columns
      .filter(({ name }) => !served.has(name) && !own.some((one) => one.name === name))
      .flatMap(compareExtra),
  ]
}

function compareColumn(
  column: Column,
  evidence: Evidence | undefined,
  found: TableColumn | undefined,
  { target, tolerant, takesNull }: Pick<Compared, "target" | "tolerant"> & { readonly takesNull: boolean },
): ColumnDifference[] {
  const { name, type } = column
  const differ = (kind: ColumnDifference["kind"], message: string) => [{ column: name, kind, message }]
  if (found === undefined) {
    const add = `alter table ${target} add column ${quoteName(name)} ${postgresTypes[type]};`
    return differ(
      "missing",
      `"${name}" (${type}${firstFile(evidence)}) is not in the table; drop it in the source's columns, or add it:\n    ${add}`,
    )
  }
  if (found.closed) {
    return differ(
      "closed",
      `"${name}" is generated by the database and takes no values; drop it in the source's columns`,
    )
  }
  if (!typeFits(type, found.type, evidence) && !(tolerant && typeTakesSome(type, found.type))) {
    const culprit = describeCulprit(name, found.type, evidence)
    const rest = culprit ?? `; it fits ${fittingTypes(type).join(", ")}`
    return differ(
      "type",
      `"${name}" is ${found.type} in the table, ${described(type, evidence)} in the file${rest}`,
    )
  }
  if (found.notNull && column.nullable && !takesNull) {
    return differ(
      "null",
      `"${name}" is not null in the table, and the file has empty cells there; drop the constraint`,
    )
  }
  return []
}

/** The one cell that keeps the column from the table's type, and what can be done; undefined when none is known. */
function describeCulprit(name: string, into: string, evidence: Evidence | undefined): string | undefined {
  const cell = evidence?.ruled_out
  // Of the narrower type the table may still be too narrow: then mending the cell would not help.
  if (cell == null || !typeFits(cell.type, into, evidence)) return undefined
  const declare = `columns: { types: { ${JSON.stringify(name)}: ${cell.type} } }`
  return (
    ` because of ${printable(JSON.stringify(cell.value))} in row ${cell.row}, line ${cell.line}${ofFile(cell)}.` +
    ` Mend that cell;\n    or give the dataset ${declare} in source.yaml,` +
    " so that such records are set aside, as many as max_rejects allows;\n    or load into a new table"
  )
}

/** Of a version over many files, the one that a cell stands in. */
function ofFile({ file }: Sighting): string {
  return file === undefined ? "" : ` of ${printable(file)}`
}

/** Of a version over many files, the one that has values in a column first. */
function firstFile(evidence: Evidence | undefined): string {
  const [first] = [...(evidence?.forms ?? [])].map((form) => form.first).sort((a, b) => a.row - b.row)
  return first?.file === undefined ? "" : `, first in ${printable(first.file)}, line ${first.line}`
}

function compareOwn(
  { name, type, says, setting }: OwnColumn,
  found: TableColumn | undefined,
  target: string,
): ColumnDifference[] {
  if (found === undefined) {
    const add = `alter table ${target} add column ${quoteName(name)} ${type};`
    const message = `"${name}", which says ${says}, is not in the table; add it, or take \`${setting}\` out of the settings:\n    ${add}`
    return [{ column: name, kind: "missing", message }]
  }
  if (found.closed) {
    const message = `"${name}", which says ${says}, is generated by the database and takes no values; make it an ordinary column`
    return [{ column: name, kind: "closed", message }]
  }
  if (found.type === type) return []
  const alter = `alter table ${target} alter column ${quoteName(name)} type ${type};`
  const message = `"${name}", which says ${says}, is ${found.type} in the table, expected ${type}:\n    ${alter}`
  return [{ column: name, kind: "type", message }]
}

function compareExtra(column: TableColumn): ColumnDifference[] {
  // What the database fills in by itself (a default, an identity, an expression) is no gap in the file.
  if (column.filledByDatabase || column.closed) return []
  const { name, type } = column
  const own = everyOwnColumn.find((one) => one.name === name)
  if (own !== undefined) {
    const message = `"${name}" (${type}) says ${own.says}, but the settings do not ask for it; set \`${own.setting}\`, or drop the column`
    return [{ column: name, kind: "extra", message }]
  }
  return [
    {
      column: name,
      kind: "extra",
      message: `"${name}" (${type}) is not in the file; give it a default or drop it`,
    },
  ]
}

// Says what ruled a limit out, with the digits or bytes that were seen.
function described(type: ColumnType, evidence: Evidence | undefined): string {
  if (evidence === undefined) return type
  switch (type) {
    case "numeric":
    case "integer":
    case "bigint":
      return `${type} with up to ${evidence.max_integer_digits} digits before and ${evidence.max_scale} after the point`
    case "text":
      return `text of up to ${evidence.max_bytes} bytes`
    case "boolean":
    case "date":
    case "timestamp":
    case "timestamptz":
    case "jsonb":
      return type
  }
}

function refuseUnsuitable(target: string, table: Table, key: readonly string[]): void {
  if (table.kind !== "r" && table.kind !== "p") {
    throw new Problem(
      "table-unsuitable",
      `${target} is not a table but ${kinds[table.kind] ?? "something else"}.`,
      {
        hint: "Name a table, or a new name and the loader makes the table.",
        facts: { table: target },
      },
    )
  }
  if (table.referencedBy.length > 0 && key.length === 0) {
    const by = table.referencedBy.join(", ")
    throw new Problem("table-unsuitable", `Foreign keys point at ${target}: ${by}.`, {
      hint: "Replacing its rows would break or cascade to those tables. Name the columns that tell a row, as in  key: [id]  ; then rows that stay are not touched. Or load into another table.",
      facts: { table: target, foreign_keys: by },
    })
  }
}

const kinds: Readonly<Record<string, string>> = {
  v: "a view",
  m: "a materialized view",
  f: "a foreign table",
  S: "a sequence",
  i: "an index",
  c: "a type",
}
