/** `mirror`: as upsert, and rows that the version does not have are deleted, or marked so; never more than the limit. */
import { Problem } from "@flatbed/contract"
import { deletedAt } from "../columns/own-columns.ts"
import type { Session } from "../postgres/database.ts"
import { quoteName, quoteTable } from "../postgres/identifier.ts"
import { allowedCount } from "../rejects/reject-limit.ts"
import { counted } from "../summary.ts"
import type { Application, LoadMode } from "./load-mode.ts"
import { merge } from "./merge.ts"

/**
 * What is to be deleted is counted before anything is written. Raises deletes-refused when that is more than
 * `deletes` allows, or when records of the version were set aside: theirs may be among the rows that seem to be gone.
 */
export const mirror: LoadMode = (session, application) =>
  merge(session, application, {
    they: "go",
    allow: async (rows) => refuseDeletes(application, rows, await countRows(session, application)),
  })

/** Rows that count as there: all that are not marked as deleted. */
async function countRows(session: Session, { target, rules }: Application): Promise<number> {
  const live = rules.deletes.soft ? `where ${quoteName(deletedAt)} is null` : ""
  const { rows } = await session.query(`select count(*) as rows from ${quoteTable(target)} ${live}`)
  return Number(rows[0].rows)
}

function refuseDeletes({ rules, name, rejects, version }: Application, rows: number, of: number): void {
  const { deletes } = rules
  if (deletes.allowedFor !== undefined && version.startsWith(deletes.allowedFor)) return
  const found = `${counted(rows, "row")} of ${counted(of, "row")} in ${name} ${rows === 1 ? "is" : "are"} not in the version`
  const once = `\`load --allow-deletes ${version.slice(0, 12)}\` lets this version through, once.`
  const facts = { table: name, version, deletes: rows, rows: of }
  if (rejects > 0 && !deletes.afterRejects) {
    throw new Problem(
      "deletes-refused",
      `${found}, and ${counted(rejects, "record")} of it ${rejects === 1 ? "was" : "were"} set aside: they may be the same.`,
      { hint: `Mend the records; or set deletes.after_rejects to allow. ${once}`, facts },
    )
  }
  const { maxRows, maxShare } = deletes
  if (rows > Math.min(maxRows, allowedCount(maxShare, of))) {
    throw new Problem(
      "deletes-refused",
      `${found}; deletes.limit allows ${counted(maxRows, "row")} and ${maxShare} of the table.`,
      { hint: `Check that the file is whole; then raise deletes.limit. ${once}`, facts },
    )
  }
}
