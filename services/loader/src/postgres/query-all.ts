/** Several statements in one round trip. */
import type pg from "pg"
import type { Session } from "./database.ts"

/**
 * Sends the statements together (Postgres manual, 53.2.2, "Simple Query") and answers their results in order. None
 * takes parameters; after the first that fails none is run, and its error is thrown.
 */
export async function queryAll(session: Session, statements: readonly string[]): Promise<pg.QueryResult[]> {
  const results: pg.QueryResult | pg.QueryResult[] = await session.query(statements.join(";\n"))
  return Array.isArray(results) ? results : [results]
}
