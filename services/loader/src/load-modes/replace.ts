/** `replace`: the version's rows take the place of all rows before. */
import { rowColumn } from "../columns/own-columns.ts"
import type { Session } from "../postgres/database.ts"
import { quoteName, quoteTable } from "../postgres/identifier.ts"
import { swapTable } from "../postgres/swap.ts"
import { append } from "./append.ts"
import type { Application, Applied, LoadMode } from "./load-mode.ts"
import { merge } from "./merge.ts"
import { completeLineage } from "./written-columns.ts"

/**
 * With a key the difference is applied, so that rows that stay are not touched: foreign keys may point at them.
 * Without one it is delete and insert, never TRUNCATE: an older snapshot would see a truncated table empty (Postgres
 * manual, 13.6 "Caveats"). The table itself stays, and with it its views, grants, comments and indexes. On a first
 * load, and with `publish: swap`, staging becomes the table, where it may: then the rows are written once.
 */
export const replace: LoadMode = async (session, application) =>
  application.rules.key.length > 0
    ? await merge(session, application, { they: "go", allow: async () => undefined })
    : await writeAll(session, application)

const nothingElse = { updated: 0, unchanged: 0, repeated: 0, older: 0 }

async function writeAll(session: Session, application: Application): Promise<Applied> {
  const { target, staged, exists, rules } = application
  if (!exists) return await append(session, application)
  const swapped = rules.swap ? await swap(session, application) : undefined
  if (swapped !== undefined) return { ...nothingElse, inserted: staged, deleted: swapped }
  const gone = await session.query(`delete from ${quoteTable(target)}`)
  return { ...(await append(session, application)), deleted: gone.rowCount ?? 0 }
}

/** Answers how many rows went with the old table; undefined when readers do not let staging take its place. */
async function swap(session: Session, application: Application): Promise<number | undefined> {
  const { staging, target, rules, mayAdopt, swapWaitMs } = application
  if (mayAdopt) {
    // The table does not have the numbers that checks told rows by.
    if (rules.numbered && !rules.lineage)
      await session.query(`alter table ${quoteTable(staging)} drop column ${quoteName(rowColumn)}`)
    if (rules.lineage) await session.query(completeLineage(quoteTable(staging), application))
    const swapped = await swapTable(session, staging, target, swapWaitMs)
    if (swapped !== undefined) return swapped
  }
  application.onNotSwapped()
  return undefined
}
