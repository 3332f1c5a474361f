/** Which rows break a NOT NULL or CHECK constraint of staging, told by the constraints' own expressions. */
import pg from "pg"
import type { Session } from "./database.ts"
import { isDataError } from "./errors.ts"
import { quoteName, quoteTable, type TableName } from "./identifier.ts"
import type { RefusedLine, SideTable } from "./refused-lines.ts"

export type Constraint = Pick<RefusedLine, "code"> & {
  /** True in SQL for a row that breaks it. */
  readonly broken: string
  /** The column, when it speaks of one only. */
  readonly column: string | null
  readonly reason: string
}

/** What is asked of the catalog; `readConstraints` reads the answers. */
export function constraintQueries(staging: TableName): readonly [notNull: string, checks: string] {
  const oid = `${pg.escapeLiteral(quoteTable(staging))}::pg_catalog.regclass`
  return [
    `select attname as name from pg_catalog.pg_attribute
      where attrelid = ${oid} and attnotnull and attnum > 0 and not attisdropped order by attnum`,
    `select conname as name, pg_catalog.pg_get_expr(conbin, conrelid) as expression,
            array(select attname::text from pg_catalog.pg_attribute
                   where attrelid = conrelid and attnum = any(conkey)) as columns
       from pg_catalog.pg_constraint where conrelid = ${oid} and contype = 'c' order by conname`,
  ]
}

/** Staging's constraints as Postgres goes through them: NOT NULL before CHECK, these by name. */
export function readConstraints(
  notNull: readonly { readonly name: string }[],
  checks: readonly {
    readonly name: string
    readonly expression: string
    readonly columns: readonly string[]
  }[],
  key: readonly string[],
): Constraint[] {
  return [
    ...notNull.map(({ name }) => ({
      code: key.includes(name) ? ("null-key" as const) : ("constraint-error" as const),
      broken: `${quoteName(name)} is null`,
      column: name,
      reason: key.includes(name)
        ? "The column is of the key, and the cell is NULL; expected a value that tells the row."
        : "The column is not null, and the cell is NULL.",
    })),
    ...checks.map(({ name, expression, columns }) => ({
      code: "constraint-error" as const,
      // A check holds when it is true or NULL (Postgres manual, 5.5.1).
      broken: `(${expression}) is false`,
      column: columns.length === 1 ? (columns[0] ?? null) : null,
      reason: `The row breaks the table's constraint ${quoteName(name)}: check (${expression}).`,
    })),
  ]
}

/**
 * A statement that takes every line that breaks one out of the side table, and answers `line` with `place`, the first
 * constraint in their list. It fails when an expression fails on some row.
 */
export function takeOutBroken({ table, lineColumn }: SideTable, constraints: readonly Constraint[]): string {
  const side = quoteTable(table)
  const line = quoteName(lineColumn)
  if (constraints.length === 0) return "select null as line where false"
  const cases = constraints.map(({ broken }, place) => `when ${broken} then ${place}`)
  return `with judged as (select ${line} as line, case ${cases.join(" ")} end as place from ${side}),
      broken as (select line, place from judged where place is not null),
      gone as (delete from ${side} as t using broken where t.${line} = broken.line)
    select line, place from broken order by line`
}

/** The line as this constraint refuses it. */
export function refusedBy({ code, column, reason }: Constraint, line: number): RefusedLine {
  return { line, code, column, reason }
}

/**
 * The lines of the side table that break one, with the first. An expression that fails on some row tells nothing; such
 * rows are found by trying.
 */
export async function findBrokenConstraints(
  session: Session,
  side: SideTable,
  constraints: readonly Constraint[],
): Promise<RefusedLine[]> {
  const found = new Map<number, RefusedLine>()
  for (const constraint of constraints) {
    const line = quoteName(side.lineColumn)
    const text = `select ${line} as line from ${quoteTable(side.table)} where ${constraint.broken}`
    for (const number of await tryQuery(session, text)) {
      if (!found.has(number)) found.set(number, refusedBy(constraint, number))
    }
  }
  return [...found.values()]
}

async function tryQuery(session: Session, text: string): Promise<number[]> {
  await session.query("savepoint expression")
  try {
    const { rows } = await session.query(text)
    return rows.map((row) => Number(row.line))
  } catch (error) {
    if (!isDataError(error)) throw error
    await session.query("rollback to savepoint expression")
    return []
  }
}
