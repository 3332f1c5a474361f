/** `append`: the staged rows come to those that the table has. */
import { quoteTable } from "../postgres/identifier.ts"
import type { LoadMode } from "./load-mode.ts"
import { fillNewTable } from "./new-table.ts"
import { inserted } from "./written-columns.ts"

const nothingElse = { updated: 0, unchanged: 0, repeated: 0, older: 0, deleted: 0 }

/**
 * Inserts staging into the table, and looks at no row that is there: what was appended before is not fetched, so it is
 * not staged (compare-files.ts). Makes the table when there is none.
 */
export const append: LoadMode = async (session, application) => {
  const { staging, target, exists } = application
  if (!exists) return { ...nothingElse, inserted: await fillNewTable(session, application, 0) }
  const { names, values } = inserted(application)
  const { rowCount } = await session.query(
    `insert into ${quoteTable(target)} (${names}) select ${values} from ${quoteTable(staging)} as s`,
  )
  return { ...nothingElse, inserted: rowCount ?? 0 }
}
