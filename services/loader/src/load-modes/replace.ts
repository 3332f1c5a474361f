/** `replace`: the version's rows take the place of all rows before. */
import { adoptStaging } from "../postgres/adopt.ts"
import type { Session } from "../postgres/database.ts"
import { quoteTable } from "../postgres/identifier.ts"
import { createTable } from "../postgres/table.ts"
import type { Application, Applied, LoadMode } from "./load-mode.ts"
import { deleteAbsent, mergeByKey, settleKeys } from "./merge.ts"
import { completeLineage, inserted, tableColumns } from "./written-columns.ts"

/**
 * With a key the difference is applied, so that rows that stay are not touched: foreign keys may point at them.
 * Without one it is delete and insert, never TRUNCATE: an older snapshot would see a truncated table empty (Postgres
 * manual, 13.6 "Caveats"). The table itself stays, and with it its views, grants, comments and indexes. On a first
 * load staging becomes the table, where it may: then the rows are written once.
 */
export const replace: LoadMode = async (session, application) =>
  application.rules.key.length > 0
    ? await applyDifference(session, application)
    : await writeAll(session, application)

async function applyDifference(session: Session, application: Application): Promise<Applied> {
  const repeated = await settleKeys(session, application)
  // Before the others come: a new row may take what is unique of one that goes.
  const deleted = application.exists ? await deleteAbsent(session, application) : 0
  return { ...(await mergeByKey(session, application)), repeated, deleted }
}

async function writeAll(session: Session, application: Application): Promise<Applied> {
  const { staging, target, staged, exists, mayAdopt, rules } = application
  const nothingElse = { updated: 0, unchanged: 0, repeated: 0, older: 0 }
  let deleted = 0
  if (exists) deleted = (await session.query(`delete from ${quoteTable(target)}`)).rowCount ?? 0
  else {
    const described = tableColumns(application)
    if (mayAdopt) {
      if (rules.lineage) await session.query(completeLineage(quoteTable(staging), application))
      await adoptStaging(session, staging, target, described)
      return { ...nothingElse, inserted: staged, deleted }
    }
    await createTable(session, target, described)
  }
  const { names, values } = inserted(application)
  const { rowCount } = await session.query(
    `insert into ${quoteTable(target)} (${names}) select ${values} from ${quoteTable(staging)} as s`,
  )
  return { ...nothingElse, inserted: rowCount ?? 0, deleted }
}
