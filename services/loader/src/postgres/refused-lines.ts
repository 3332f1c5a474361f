/**
 * Finds out which rows of a refused COPY the staging table does not take, without keeping any: the chunk goes once
 * into a side table that is dropped again in the same transaction, and everything else is SQL on that table.
 */
import { findBrokenConstraints } from "./broken-constraints.ts"
import { fillSide } from "./cell-conversion.ts"
import type { Session } from "./database.ts"
import { quoteName, quoteTable, type TableName } from "./identifier.ts"
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
  await createSide(session, side, copy.columns)
  const notConverted = await fillSide(session, copy, side, way ?? chooseRepairWay(await readVersion(session)))
  const broken = await findBrokenConstraints(session, copy.staging, side, keyOf(copy))
  await deleteLines(session, side, broken)
  const refused = await tryLines(session, copy, side)
  await session.query(`drop table ${quoteTable(side.table)}`)
  return [...notConverted, ...broken, ...refused].sort((a, b) => a.line - b.line)
}

const keyOf = ({ columns }: RefusedCopy) => columns.filter(({ isKey }) => isKey).map(({ name }) => name)

async function readVersion(session: Session): Promise<number> {
  const text = "select pg_catalog.current_setting('server_version_num')::integer as version"
  return (await session.query(text)).rows[0].version
}

async function createSide(
  session: Session,
  side: SideTable,
  columns: readonly StagingColumn[],
): Promise<void> {
  const list = columns.map(({ name, type }) => `${quoteName(name)} ${type}`).join(", ")
  // It ends with the transaction, so its rows need no log.
  await session.query(
    `create unlogged table ${quoteTable(side.table)} (${quoteName(side.lineColumn)} bigint, ${list})`,
  )
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
