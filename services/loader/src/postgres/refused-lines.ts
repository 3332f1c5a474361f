/**
 * Finds out which rows of a refused COPY the staging table does not take, without keeping any: the chunk goes once
 * into a side table that is dropped again in the same transaction, and everything else is SQL on that table.
 */
import {
  type Constraint,
  constraintQueries,
  findBrokenConstraints,
  readConstraints,
  refusedBy,
  takeOutBroken,
} from "./broken-constraints.ts"
import { fillSide } from "./cell-conversion.ts"
import type { Session } from "./database.ts"
import { isDataError } from "./errors.ts"
import { quoteName, quoteNames, quoteTable, type TableName } from "./identifier.ts"
import { queryAll } from "./query-all.ts"
import { chooseRepairWay, type RepairWay } from "./repair-way.ts"
import type { StagingColumn } from "./staging.ts"
import { tryLines } from "./try-lines.ts"

/** A line of the COPY text, from 1, and why Postgres refuses it. column is null when no single one is at fault. */
export type RefusedLine = {
  readonly line: number
  readonly code: "type-error" | "constraint-error" | "null-key"
  readonly column: string | null
  readonly reason: string
}

export type RefusedCopy = {
  readonly staging: TableName
  readonly columns: readonly StagingColumn[]
  /** The COPY text, line by line. */
  readonly lines: readonly Buffer[]
  /** A table that is not there; tables for the search get this name and names that begin with it. */
  readonly side: TableName
}

/** The side table: staging's columns and types, none of its constraints, and each line's number. */
export type SideTable = {
  readonly table: TableName
  /** A name that no column of the file has. */
  readonly lineColumn: string
}

/** Every line that staging refuses, in order; the first reason of each. The session is in a transaction. */
export async function findRefusedLines(
  session: Session,
  copy: RefusedCopy,
  way?: RepairWay,
): Promise<RefusedLine[]> {
  const side: SideTable = { table: copy.side, lineColumn: chooseLineColumn(copy) }
  const probe = { ...side.table, name: `${side.table.name}_probe` }
  const { version, constraints } = await prepare(session, copy, side, probe)
  const notConverted = await fillSide(session, copy, side, way ?? chooseRepairWay(version))
  const broken =
    (await settleAtOnce(session, copy, side, probe, constraints)) ??
    (await settleOneByOne(session, copy, side, probe, constraints))
  return [...notConverted, ...broken].sort((a, b) => a.line - b.line)
}

/** What the search needs, in one round trip: its tables, staging's constraints, the server's version. */
async function prepare(
  session: Session,
  { staging, columns }: RefusedCopy,
  side: SideTable,
  probe: TableName,
): Promise<{ readonly version: number; readonly constraints: readonly Constraint[] }> {
  const list = columns.map(({ name, type }) => `${quoteName(name)} ${type}`).join(", ")
  // They end with the transaction, so their rows need no log.
  const [version, notNull, checks] = await queryAll(session, [
    "select pg_catalog.current_setting('server_version_num')::integer as version",
    ...constraintQueries(staging),
    `create unlogged table ${quoteTable(side.table)} (${quoteName(side.lineColumn)} bigint, ${list})`,
    `create unlogged table ${quoteTable(probe)} (like ${quoteTable(staging)} including constraints)`,
  ])
  const key = columns.filter(({ isKey }) => isKey).map(({ name }) => name)
  return {
    version: version?.rows[0].version,
    constraints: readConstraints(notNull?.rows ?? [], checks?.rows ?? [], key),
  }
}

/**
 * The usual end, in one round trip: what breaks a constraint is found and taken out, and all others fit. Undefined when
 * they do not, or an expression fails; then nothing of it has happened.
 */
async function settleAtOnce(
  session: Session,
  copy: RefusedCopy,
  side: SideTable,
  probe: TableName,
  constraints: readonly Constraint[],
): Promise<RefusedLine[] | undefined> {
  try {
    const results = await queryAll(session, [
      "savepoint settle",
      takeOutBroken(side, constraints),
      insertAll(copy, side, probe),
      `drop table ${quoteTable(side.table)}, ${quoteTable(probe)}`,
    ])
    const rows: { line: string; place: number | null }[] = results[1]?.rows ?? []
    return rows.flatMap(({ line, place }) => {
      const constraint = constraints[place ?? -1]
      return constraint === undefined ? [] : [refusedBy(constraint, Number(line))]
    })
  } catch (error) {
    if (!isDataError(error)) throw error
    await session.query("rollback to savepoint settle")
    return undefined
  }
}

async function settleOneByOne(
  session: Session,
  copy: RefusedCopy,
  side: SideTable,
  probe: TableName,
  constraints: readonly Constraint[],
): Promise<RefusedLine[]> {
  const broken = await findBrokenConstraints(session, side, constraints)
  await deleteLines(session, side, broken)
  const refused = await tryLines(session, copy, side, probe)
  await session.query(`drop table ${quoteTable(side.table)}, ${quoteTable(probe)}`)
  return [...broken, ...refused]
}

function insertAll({ columns }: RefusedCopy, side: SideTable, probe: TableName): string {
  const names = quoteNames(columns.map(({ name }) => name))
  return `insert into ${quoteTable(probe)} (${names}) select ${names} from ${quoteTable(side.table)}`
}

async function deleteLines(session: Session, side: SideTable, lines: readonly RefusedLine[]): Promise<void> {
  if (lines.length === 0) return
  await session.query(
    `delete from ${quoteTable(side.table)} where ${quoteName(side.lineColumn)} = any($1::bigint[])`,
    [lines.map(({ line }) => line)],
  )
}

function chooseLineColumn({ columns }: RefusedCopy): string {
  let name = "line"
  while (columns.some((column) => column.name === name)) name = `_${name}`
  return name
}
