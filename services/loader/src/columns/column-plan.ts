/** Pure: the columns of a load, from those of the version, of the table, and what the contract says where they differ. */
import { type Column, Problem } from "@flatbed/contract"
import type { StagingColumn, StagingPlan } from "../postgres/staging.ts"
import type { Table } from "../postgres/table.ts"
import type { Pipeline } from "../settings/pipeline-settings.ts"
import { type ColumnChange, findMissing, judgeDifferences } from "./column-contract.ts"
import { type Compared, compareColumns } from "./column-differences.ts"
import { postgresTypes } from "./column-fit.ts"
import { columnsUnknown } from "./column-names.ts"
import { type ColumnContract, frozenContract } from "./contract-settings.ts"
import { ownColumns, type StagedRules, stagedOwnColumns } from "./own-columns.ts"

/** What staging and the load use, and what that changes. */
export type ColumnPlan = {
  /** All columns of the version, in its order. */
  readonly columns: readonly StagingColumn[]
  /** Where version and table differ, and what follows; refuseChanges raises what the contract does not accept. */
  readonly changes: readonly ColumnChange[]
}

type Planned = Omit<Compared, "widens"> & {
  readonly table: Table | undefined
  readonly contract?: ColumnContract
  /** Columns that the settings name, each with the setting: the load cannot do without them. */
  readonly named?: ReadonlyMap<string, string>
}

/**
 * The columns that staging and the load use: the file's names in the file's order, with the table's types, or those to
 * which the contract widens them, where there is a table; with the types from the file where there is none.
 *
 * @throws Problem `table-unsuitable` when rows cannot be replaced in what has this name.
 */
export function planColumns(input: Planned): ColumnPlan {
  const { target, columns, table, contract = frozenContract, named = new Map() } = input
  const missing = findMissing(columns, contract, table?.columns)
  if (table === undefined) {
    return {
      columns: columns.map(({ name, type }) => ({ name, type: postgresTypes[type] })),
      changes: missing,
    }
  }
  refuseUnsuitable(target, table, input.key ?? [])
  const differences = compareColumns({ ...input, widens: contract.type === "evolve" }, table).filter(
    // Said above.
    ({ kind, column }) => kind !== "dropped" || !contract.required.includes(column),
  )
  const judged = judgeDifferences(differences, { contract, named })
  const found = new Map(table.columns.map((column) => [column.name, column]))
  const planned = columns.map(({ name, type }): StagingColumn => {
    const effects = judged.flatMap(({ column, effect }) => (column === name ? (effect?.does ?? []) : []))
    // As text it takes whatever comes.
    if (effects.includes("skip")) return { name, type: "text", isIgnored: true }
    const widened = judged.find(({ column, effect }) => column === name && effect?.does === "widen")?.effect
    const into = found.get(name)
    const notNull = into?.notNull && !effects.includes("take-null")
    const wider = widened?.does === "widen" ? widened.type : undefined
    return { name, type: wider ?? into?.type ?? postgresTypes[type], ...(notNull ? { notNull: true } : {}) }
  })
  return { columns: planned, changes: [...missing, ...judged] }
}

/**
 * Raises column-unknown, with the nearest names, for all columns that the pipeline names and the dataset does not have. An
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
  const [first, ...others] = named
    .filter(({ column, known }) => !known.includes(column))
    .map((astray) => ({
      ...astray,
      message: `pipelines.${name}.${astray.setting} names ${JSON.stringify(astray.column)}, which is not a column of the dataset.`,
    }))
  if (first !== undefined) throw columnsUnknown([first, ...others])
}

/** Columns that a pipeline's settings name, each with the setting. */
export function namedColumns({
  rules,
  indexes,
  checks = [],
}: Pick<Pipeline, "rules" | "indexes"> & Partial<Pick<Pipeline, "checks">>): Map<string, string> {
  const { key, orderBy } = rules
  return new Map([
    ...checks.flatMap(({ columns, place }) => columns.map((one) => [one, `checks.${place}`] as const)),
    ...indexes.flatMap(({ columns }, i) => columns.map((one) => [one, `indexes.${i + 1}`] as const)),
    ...(orderBy === undefined ? [] : [[orderBy, "order_by"] as const]),
    ...key.map((one) => [one, "key"] as const),
  ])
}

/**
 * Staging for these columns: with the table's CHECK constraints, as far as they speak of these columns only. The
 * others, unique and foreign keys among them, are met when the rows reach the table. With a key, its columns take no
 * NULL. What the loader adds to each row stands in front. Where staging is to take the table's place, it has its order,
 * and the columns that the version no longer has.
 */
export function planStaging(
  { columns, changes }: ColumnPlan,
  table: Table | undefined,
  rules: StagedRules & { readonly swap?: boolean } = { key: [], lineage: false, numbered: false },
): StagingPlan {
  const names = new Set(columns.map(({ name }) => name))
  const checks = (table?.checks ?? []).filter((check) => check.columns.every((name) => names.has(name)))
  const keyed = columns.map((column) =>
    rules.key.includes(column.name) ? { ...column, notNull: true, isKey: true } : column,
  )
  const places = new Map(rules.swap ? table?.columns.map(({ name }, i) => [name, i]) : [])
  const dropped = new Set(changes.filter(({ kind }) => kind === "dropped").map(({ column }) => column))
  const beside = (table?.columns ?? [])
    .filter(({ name }) => rules.swap && dropped.has(name))
    .map(({ name, type }): StagingColumn => ({ name, type, isBeside: true }))
  const placed = [...keyed, ...beside].map((column) => {
    const place = places.get(column.name)
    return place === undefined ? column : { ...column, place }
  })
  return {
    columns: [...stagedOwnColumns(rules), ...placed],
    checks: checks.map(({ name, definition }) => ({ name, definition })),
  }
}

/** Whether rows staged for the one plan can be published by the other. */
export function takesSameRows(a: StagingPlan, b: StagingPlan): boolean {
  const shape = ({ columns }: StagingPlan) =>
    JSON.stringify(
      columns
        .filter(({ isBeside }) => !isBeside)
        .map(({ name, type, notNull, isOwn, isIgnored }) => [
          ...[name, type, notNull === true, isOwn === true, isIgnored === true],
        ]),
    )
  return shape(a) === shape(b)
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
