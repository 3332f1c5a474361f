/** Which rows break a NOT NULL or CHECK constraint of staging, told by the constraints' own expressions. */

import type { Session } from "./database.ts"
import { isDataError } from "./errors.ts"
import { quoteName, quoteTable, type TableName } from "./identifier.ts"
import type { RefusedLine, SideTable } from "./refused-lines.ts"

type Constraint = Pick<RefusedLine, "code"> & {
  /** True in SQL for a row that breaks it. */
  readonly broken: string
  /** The column, when it speaks of one only. */
  readonly column: string | null
  readonly reason: string
}

/**
 * The lines of the side table that break one, with the first: NOT NULL before CHECK, these by name, as Postgres goes
 * through them. An expression that fails on some row tells nothing; such rows are found by trying.
 */
export async function findBrokenConstraints(
  session: Session,
  staging: TableName,
  side: SideTable,
  key: readonly string[] = [],
): Promise<RefusedLine[]> {
  const found = new Map<number, RefusedLine>()
  for (const { code, broken, column, reason } of await getConstraints(session, staging, key)) {
    const line = quoteName(side.lineColumn)
    const text = `select ${line} as line from ${quoteTable(side.table)} where ${broken}`
    for (const number of await tryQuery(session, text)) {
      if (!found.has(number)) found.set(number, { line: number, code, column, reason })
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

async function getConstraints(
  session: Session,
  staging: TableName,
  key: readonly string[],
): Promise<Constraint[]> {
  const oid = `${quoteTable(staging)}`
  const notNull = await session.query(
    `select attname as name from pg_catalog.pg_attribute
      where attrelid = $1::pg_catalog.regclass and attnotnull and attnum > 0 and not attisdropped order by attnum`,
    [oid],
  )
  const checks = await session.query(
    `select conname as name, pg_catalog.pg_get_expr(conbin, conrelid) as expression,
            array(select attname::text from pg_catalog.pg_attribute
                   where attrelid = conrelid and attnum = any(conkey)) as columns
       from pg_catalog.pg_constraint
      where conrelid = $1::pg_catalog.regclass and contype = 'c' order by conname`,
    [oid],
  )
  return [
    ...notNull.rows.map(({ name }) => ({
      code: key.includes(name) ? ("null-key" as const) : ("constraint-error" as const),
      broken: `${quoteName(name)} is null`,
      column: name,
      reason: key.includes(name)
        ? "The column is of the key, and the cell is NULL; expected a value that tells the row."
        : "The column is not null, and the cell is NULL.",
    })),
    ...checks.rows.map(({ name, expression, columns }) => ({
      code: "constraint-error" as const,
      // A check holds when it is true or NULL (Postgres manual, 5.5.1).
      broken: `(${expression}) is false`,
      column: columns.length === 1 ? columns[0] : null,
      reason: `The row breaks the table's constraint ${quoteName(name)}: check (${expression}).`,
    })),
  ]
}
