/**
 * Repairs a COPY that Postgres refused, in one round trip: the chunk goes into a table of texts, and a DO block finds
 * out which of its lines staging does not take and moves the others there. All tables but staging end in the same
 * message, so nothing of it stays, no function either.
 */
import pg from "pg"
import { numberLines } from "../staging/copy-lines.ts"
import { takeOutBroken } from "./broken-constraints.ts"
import { convertCells, type RepairWay } from "./cell-conversion.ts"
import { copyRows } from "./copy.ts"
import type { Session } from "./database.ts"
import { isDataError } from "./errors.ts"
import { quoteName, quoteNames, quoteTable, type TableName } from "./identifier.ts"
import { queryWithCopy } from "./query-with-copy.ts"
import type { StagingColumn } from "./staging.ts"
import { moveOthers } from "./try-lines.ts"

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
  /** A table that is not there; tables for the repair get names that begin with this one's. */
  readonly side: TableName
}

/** The lines that staging does not take, in order, each with its first reason; the others are there. */
export type Repaired = { readonly refused: readonly RefusedLine[]; readonly moved: number }

/** What the parts of the DO block work on. All texts are parts of SQL: quoted names. */
export type RepairTables = {
  readonly staging: string
  /** The lines as they came: their numbers, and every cell a text. */
  readonly texts: string
  /** The lines whose cells convert: their numbers, and staging's columns and types with none of its constraints. */
  readonly typed: string
  /** What was found: a row for each line that is refused (see `Fault`), and one of how many were moved. */
  readonly faults: string
  /** The column of the numbers, which no column of the file is called. */
  readonly line: string
}

const beforeCopy = "before_copy"

/**
 * COPYs the text into staging and answers how many rows Postgres counted; or why it refused them, and then `repairCopy`
 * has to come next in this transaction.
 */
export async function tryCopy(
  session: Session,
  staging: TableName,
  columns: readonly StagingColumn[],
  copyText: Buffer,
): Promise<number | pg.DatabaseError> {
  const names = columns.map(({ name }) => name)
  try {
    return await copyRows(session, staging, names, copyText, beforeCopy)
  } catch (error) {
    if (!isDataError(error)) throw error
    return error
  }
}

/**
 * After `tryCopy` was refused: brings into staging what it takes, and tells the rest. `way` is for tests: the server's
 * version decides.
 *
 * @throws the last error of Postgres when too many lines are refused by something that only trying tells.
 */
export async function repairCopy(session: Session, copy: RefusedCopy, way?: RepairWay): Promise<Repaired> {
  const { columns, lines } = copy
  const tables = nameTables(copy)
  const { texts, typed, faults, line } = tables
  const names = columns.map(({ name }) => name)
  const columnsAs = (typeOf: (column: StagingColumn) => string) =>
    [`${line} bigint`, ...columns.map((column) => `${quoteName(column.name)} ${typeOf(column)}`)].join(", ")
  const results = await queryWithCopy(
    session,
    [
      `rollback to savepoint ${quoteName(beforeCopy)}`,
      // They end with this message, so their rows need no log.
      `create unlogged table ${texts} (${columnsAs(() => "text")})`,
      `create unlogged table ${typed} (${columnsAs(({ type }) => type)})`,
      `create unlogged table ${faults} (line bigint, kind text, column_name text, constraint_name text, detail text)`,
      `copy ${texts} (${[line, quoteNames(names)].join(", ")}) from stdin`,
      doBlock(
        convertCells(columns, tables, way),
        takeOutBroken(copy.staging, tables),
        moveOthers(columns, lines.length, tables),
      ),
      // What comes behind is the transaction's own again, as it is where nothing was refused.
      `release savepoint ${quoteName(beforeCopy)}`,
      `select line, kind, column_name, constraint_name, detail from ${faults} order by line`,
      `drop table ${texts}, ${typed}, ${faults}`,
    ],
    numberLines(lines),
  )
  return readFaults(results.at(-2)?.rows ?? [], columns)
}

function nameTables({ staging, columns, side }: RefusedCopy): RepairTables {
  const named = (suffix: string) => quoteTable({ ...side, name: `${side.name}_${suffix}` })
  let line = "line"
  while (columns.some(({ name }) => name === line)) line = `_${line}`
  return {
    staging: quoteTable(staging),
    texts: named("texts"),
    typed: named("typed"),
    faults: named("faults"),
    line: quoteName(line),
  }
}

// A column of the file may be called like a variable; then the column is meant.
function doBlock(...blocks: readonly string[]): string {
  const body = `#variable_conflict use_column\nbegin\n${blocks.join("\n")}\nend`
  return `do language plpgsql ${pg.escapeLiteral(body)}`
}

/**
 * A row of faults. `cell` does not convert to its column's type; `null` and `check` break a constraint, whose
 * expression is `detail`; `value` and `row` are refused by something else, SQLSTATE 22 or 23. `moved` says how many lines
 * are in staging.
 */
type Fault = {
  readonly line: string
  readonly kind: "cell" | "null" | "check" | "value" | "row" | "moved"
  readonly column_name: string | null
  readonly constraint_name: string | null
  readonly detail: string | null
}

function readFaults(faults: readonly Fault[], columns: readonly StagingColumn[]): Repaired {
  const moved = faults.find(({ kind }) => kind === "moved")
  return {
    refused: faults.filter((fault) => fault !== moved).map((fault) => readFault(fault, columns)),
    moved: Number(moved?.detail),
  }
}

function readFault(fault: Fault, columns: readonly StagingColumn[]): RefusedLine {
  const { kind, column_name: column, detail } = fault
  const found = { line: Number(fault.line), column }
  const at = columns.find(({ name }) => name === column)
  switch (kind) {
    case "cell":
      return {
        ...found,
        code: "type-error",
        reason: `Postgres: ${detail}.${at === undefined ? "" : ` The column is ${at.type}.`}`,
      }
    case "null":
      return at?.isKey
        ? {
            ...found,
            code: "null-key",
            reason: "The column is of the key, and the cell is NULL; expected a value that tells the row.",
          }
        : { ...found, code: "constraint-error", reason: "The column is not null, and the cell is NULL." }
    case "check": {
      const name = quoteName(fault.constraint_name ?? "")
      const reason = `The row breaks the table's constraint ${name}: check (${detail}).`
      return { ...found, code: "constraint-error", reason }
    }
    case "value":
      return { ...found, code: "type-error", reason: `Postgres: ${detail}.` }
    case "row":
      return { ...found, code: "constraint-error", reason: `Postgres: ${detail}.` }
    case "moved":
      throw new Error("how many lines were moved is no fault of one")
  }
}
