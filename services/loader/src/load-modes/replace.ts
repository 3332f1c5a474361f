/** `replace`: the version's rows take the place of all rows before. */
import { adoptStaging } from "../postgres/adopt.ts"
import { quoteNames, quoteTable } from "../postgres/identifier.ts"
import { createTable } from "../postgres/table.ts"
import type { LoadMode } from "./load-mode.ts"

/**
 * Delete and insert, never TRUNCATE: an older snapshot would see a truncated table empty (Postgres manual, 13.6
 * "Caveats"). The table itself stays, and with it its views, grants, comments and indexes. On a first load staging becomes the table, where it may: then the
 * rows are written once.
 */
export const replace: LoadMode = async (session, application) => {
  const { staging, target, columns, types, staged, exists, mayAdopt } = application
  let deleted = 0
  if (exists) deleted = (await session.query(`delete from ${quoteTable(target)}`)).rowCount ?? 0
  else {
    const described = columns.map((name, i) => ({ name, type: types[i] ?? "text" }))
    if (mayAdopt) {
      await adoptStaging(session, staging, target, described)
      return { inserted: staged, deleted }
    }
    await createTable(session, target, described)
  }
  const names = quoteNames(columns)
  const { rowCount } = await session.query(
    `insert into ${quoteTable(target)} (${names}) select ${names} from ${quoteTable(staging)}`,
  )
  return { inserted: rowCount ?? 0, deleted }
}
