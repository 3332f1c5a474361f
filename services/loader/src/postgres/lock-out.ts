/** A lock that keeps readers of a table waiting, got without making them queue for long. */
import pg from "pg"
import type { Session } from "./database.ts"
import { quoteTable, type TableName } from "./identifier.ts"

const holdOffMs = 100
// SQLSTATE, Postgres manual, Appendix A.
const lockNotAvailable = "55P03"

/**
 * Locks the table against readers too, and answers whether it could. Who asks for such a lock keeps later readers waiting
 * behind it; so it is asked for in short tries with pauses between them, and given up after `waitMs`.
 */
export async function lockOutReaders(session: Session, table: TableName, waitMs: number): Promise<boolean> {
  const { rows } = await session.query("select pg_catalog.current_setting('lock_timeout') as usual")
  for (let waitedMs = 0; ; waitedMs += 2 * holdOffMs) {
    await session.query("savepoint before_lock")
    try {
      await session.query("select pg_catalog.set_config('lock_timeout', $1, true)", [`${holdOffMs}ms`])
      await session.query(`lock table ${quoteTable(table)} in access exclusive mode`)
      await session.query("select pg_catalog.set_config('lock_timeout', $1, true)", [rows[0].usual])
      return true
    } catch (error) {
      if (!(error instanceof pg.DatabaseError) || error.code !== lockNotAvailable) throw error
      await session.query("rollback to savepoint before_lock")
    }
    if (waitedMs >= waitMs) return false
    await session.query("select pg_catalog.pg_sleep($1)", [holdOffMs / 1000])
  }
}
