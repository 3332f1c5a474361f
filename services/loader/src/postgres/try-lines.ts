/** The last resort for rows that nothing else tells: insert them, and halve what Postgres refuses. */
import type pg from "pg"
import type { Session } from "./database.ts"
import { isDataError } from "./errors.ts"
import { quoteName, quoteNames, quoteTable, type TableName } from "./identifier.ts"
import type { RefusedCopy, RefusedLine, SideTable } from "./refused-lines.ts"

// One bad row of 10,000 takes about 15 tries. Past this the chunk as a whole is refused.
const maxTries = 2_000

/**
 * Inserts the side table's rows into `probe`, a table with staging's constraints, first all at once; returns the lines that
 * it refuses.
 *
 * @throws the last error of Postgres when too many tries would be needed.
 */
export async function tryLines(
  session: Session,
  { columns }: RefusedCopy,
  side: SideTable,
  probe: TableName,
): Promise<RefusedLine[]> {
  const names = quoteNames(columns.map(({ name }) => name))
  const line = quoteName(side.lineColumn)
  const { rows } = await session.query(`select ${line} as line from ${quoteTable(side.table)} order by 1`)
  const lines = rows.map((row) => Number(row.line))
  const refused: RefusedLine[] = []
  // Spans of `lines` still to be tried, the first one last, so that rows are found in their order.
  const spans = [{ from: 0, to: lines.length }]
  for (let tries = 1; ; tries++) {
    const span = spans.pop()
    if (span === undefined) break
    const error = await insert(span)
    if (error === undefined) continue
    if (tries >= maxTries) throw error
    const middle = (span.from + span.to) >> 1
    if (span.to - span.from === 1) refused.push(describe(lines[span.from] ?? 0, error))
    else spans.push({ from: middle, to: span.to }, { from: span.from, to: middle })
  }
  return refused

  async function insert({ from, to }: { from: number; to: number }): Promise<pg.DatabaseError | undefined> {
    if (from === to) return undefined
    await session.query("savepoint try")
    try {
      await session.query(
        `insert into ${quoteTable(probe)} (${names})
         select ${names} from ${quoteTable(side.table)} where ${line} between $1 and $2`,
        [lines[from], lines[to - 1]],
      )
      await session.query("release savepoint try")
      return undefined
    } catch (error) {
      if (!isDataError(error)) throw error
      await session.query("rollback to savepoint try")
      return error
    }
  }
}

function describe(line: number, error: pg.DatabaseError): RefusedLine {
  const code = error.code?.startsWith("22") ? "type-error" : "constraint-error"
  return { line, code, column: error.column ?? null, reason: `Postgres: ${error.message}.` }
}
