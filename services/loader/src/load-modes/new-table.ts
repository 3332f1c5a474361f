/** A first load: there is no table yet, and every staged row is new. */
import { adoptStaging } from "../postgres/adopt.ts"
import type { Session } from "../postgres/database.ts"
import { quoteTable } from "../postgres/identifier.ts"
import { createTable } from "../postgres/table.ts"
import type { Application } from "./load-mode.ts"
import { completeLineage, inserted, tableColumns } from "./written-columns.ts"

/**
 * Makes the table with all staged rows in it: out of staging itself where that may be, so that the rows are written
 * once, else by copying them. `gone` is how many rows were deleted from staging in this transaction: for a reader with
 * an older snapshot they are still there. Answers how many rows the table has.
 */
export async function fillNewTable(
  session: Session,
  application: Application,
  gone: number,
): Promise<number> {
  const { staging, target, staged, mayAdopt, rules } = application
  const columns = tableColumns(application)
  if (mayAdopt && gone === 0) {
    if (rules.lineage) await session.query(completeLineage(quoteTable(staging), application))
    await adoptStaging(session, staging, target, columns, rules.key)
    return staged
  }
  await createTable(session, target, columns, rules.key)
  const { names, values } = inserted(application)
  const { rowCount } = await session.query(
    `insert into ${quoteTable(target)} (${names}) select ${values} from ${quoteTable(staging)} as s`,
  )
  return rowCount ?? 0
}
