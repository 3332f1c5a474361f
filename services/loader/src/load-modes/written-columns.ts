/** Pure: what a load mode writes into a row of the table: the staged cells, and whence they are when that is wanted. */
import pg from "pg"
import {
  deletedAt,
  fileColumn,
  loadedAt,
  ownColumns,
  rowColumn,
  versionColumn,
} from "../columns/own-columns.ts"
import { quoteName, quoteNames } from "../postgres/identifier.ts"
import type { StagingColumn } from "../postgres/staging.ts"
import type { Application } from "./load-mode.ts"

type Written = Pick<Application, "columns" | "types" | "version" | "rules">

/** The columns that a table for these rows has. */
export function tableColumns({ columns, types, rules }: Written): StagingColumn[] {
  const described = columns.map((name, i) => ({ name, type: types[i] ?? "text" }))
  return [...described, ...ownColumns(rules).map(({ name, type }) => ({ name, type }))]
}

/** `names` for an INSERT, and in the same order the `values` to be selected from staging `s`. */
export function inserted(application: Written): { readonly names: string; readonly values: string } {
  const { columns } = application
  const lineage = lineageOf(application)
  return {
    names: quoteNames([...columns, ...lineage.map(([name]) => name)]),
    values: [...columns.map((name) => `s.${quoteName(name)}`), ...lineage.map(([, value]) => value)].join(
      ", ",
    ),
  }
}

/** What an UPDATE sets from staging `s`. A row that returns is no longer marked as deleted. */
export function updated(application: Written): string {
  const { columns, rules } = application
  return [
    // The key too: equal is not yet the same.
    ...columns.map((name) => `${quoteName(name)} = s.${quoteName(name)}`),
    ...lineageOf(application).map(([name, value]) => `${quoteName(name)} = ${value}`),
    ...(rules.deletes.soft ? [`${quoteName(deletedAt)} = null`] : []),
  ].join(", ")
}

/** Per column of a row's lineage what it is set to. `now()` is one time for the whole transaction. */
function lineageOf({ version, rules }: Written): (readonly [name: string, value: string])[] {
  if (!rules.lineage) return []
  return [
    [fileColumn, `s.${quoteName(fileColumn)}`],
    [rowColumn, `s.${quoteName(rowColumn)}`],
    [versionColumn, pg.escapeLiteral(version)],
    [loadedAt, "pg_catalog.now()"],
  ]
}

/**
 * The statement that gives every row of a staging table, before it becomes the target, what is one and the same for
 * all of them. Without writing a row: Postgres keeps a constant default beside the table (manual, ALTER TABLE,
 * "Notes"), also when the default is taken back.
 */
export function completeLineage(staging: string, { version }: Pick<Application, "version">): string {
  const [name, at] = [quoteName(versionColumn), quoteName(loadedAt)]
  return `alter table ${staging}
    add column ${name} text default ${pg.escapeLiteral(version)},
    add column ${at} timestamp with time zone default pg_catalog.now();
  alter table ${staging} alter column ${name} drop default, alter column ${at} drop default`
}
