/** The table gets the columns that the contract lets it have, inside the transaction that publishes the rows. */

import { moveFiles } from "../ledger/file-ledger.ts"
import { movePublications } from "../ledger/publication-ledger.ts"
import { alterColumns, rewrites } from "../postgres/alter-columns.ts"
import type { Session, Work } from "../postgres/database.ts"
import { quoteTable, type TableName } from "../postgres/identifier.ts"
import { findTable } from "../postgres/table.ts"
import { copyWidened, putInPlace, type WidenedCopy } from "../postgres/widen.ts"
import type { ColumnChange } from "./column-contract.ts"

type Wanted = {
  readonly runId: number
  readonly table: TableName
  /** The table as the ledger writes it. */
  readonly target: string
  readonly changes: readonly ColumnChange[]
  readonly swapWaitMs: number
}

export type ChangedTable = {
  /** Where the rows are to be written now: the table, or a copy that takes its place at the end. */
  readonly into: TableName
  readonly isCopy: boolean
  /** To be called when the rows are written; behind it the table is the one that `into` was. */
  finish(): Promise<void>
}

/**
 * Makes the changes. `aside` does work in a transaction of its own, committed when it answers, while this one keeps
 * writers from the table.
 *
 * @throws Problem `database-failed` when readers do not let the table be changed, see alter-columns.ts and widen.ts.
 */
export async function changeColumns(
  session: Session,
  { runId, table, target, changes, swapWaitMs }: Wanted,
  aside: (work: Work<WidenedCopy>) => Promise<WidenedCopy>,
): Promise<ChangedTable> {
  if (!rewrites(changes)) {
    await alterColumns(session, table, changes, swapWaitMs)
    return { into: table, isCopy: false, finish: async () => {} }
  }
  await session.query(`lock table ${quoteTable(table)} in share row exclusive mode`)
  // It is as long idle as the copy takes; should this process die, the keepalives end the session.
  await session.query("select pg_catalog.set_config('idle_in_transaction_session_timeout', '0', true)")
  const before = await findTable(session, table)
  const copy = await aside((other) => copyWidened(other, runId, table, changes))
  return {
    into: copy.table,
    isCopy: true,
    async finish() {
      await putInPlace(session, copy, table, swapWaitMs)
      const now = await findTable(session, table)
      if (before === undefined || now === undefined) return
      await moveFiles(session, target, before.oid, now.oid)
      await movePublications(session, target, before.oid, now.oid)
    },
  }
}
