/**
 * A table gets wider types without a reader seeing it empty. Where Postgres writes every row anew, the new rows belong to
 * the transaction that did so, and a snapshot from before its commit sees none of them (manual, 13.6 "Caveats"). So the
 * rows are copied into another table first, in a commit of its own while the table is locked against writers; that one
 * takes the table's place later, when every snapshot sees the copy.
 */
import { alterActions } from "../columns/column-changes.ts"
import type { ColumnChange } from "../columns/column-contract.ts"
import { seesTransaction } from "./adopt.ts"
import { readersStay } from "./alter-columns.ts"
import type { Session } from "./database.ts"
import { quoteNames, quoteTable, type TableName } from "./identifier.ts"
import { widenedTable } from "./staging.ts"
import { swapTable } from "./swap.ts"

export type WidenedCopy = {
  readonly table: TableName
  /** The transaction that copied the rows. */
  readonly xid: string
}

/**
 * Copies the table with its columns changed, in the caller's transaction, which is to be committed before the copy is
 * used. Somebody else must hold the table against writers, until the copy has its place.
 */
export async function copyWidened(
  session: Session,
  runId: number,
  table: TableName,
  changes: readonly ColumnChange[],
): Promise<WidenedCopy> {
  const copy = widenedTable(session, runId)
  const [into, from] = [quoteTable(copy), quoteTable(table)]
  const { rows } = await session.query<{ name: string }>(
    `select attname as name from pg_catalog.pg_attribute
      where attrelid = $1::pg_catalog.regclass and attnum > 0 and not attisdropped order by attnum`,
    [from],
  )
  const names = quoteNames(rows.map(({ name }) => name))
  // One that an attempt before left.
  await session.query(`drop table if exists ${into}`)
  await session.query(
    `create table ${into} (like ${from} including constraints including defaults) with (autovacuum_enabled = false)`,
  )
  await session.query(`alter table ${into} ${alterActions(changes).join(", ")}`)
  await session.query(`insert into ${into} (${names}) select ${names} from ${from}`)
  const xid = await session.query("select pg_catalog.pg_current_xact_id()::pg_catalog.xid::text as xid")
  return { table: copy, xid: xid.rows[0].xid }
}

const lookEvery = 0.1

/**
 * Lets the copy, with whatever was written to it since, take the table's place, at the end of the caller's transaction.
 *
 * @throws Problem `database-failed` when readers with an older snapshot, or of the table, stay for longer than `waitMs`.
 */
export async function putInPlace(
  session: Session,
  { table: copy, xid }: WidenedCopy,
  table: TableName,
  waitMs: number,
): Promise<void> {
  for (let waited = 0; !(await seesTransaction(session, xid)); waited += lookEvery) {
    if (waited * 1000 >= waitMs) throw readersStay(table)
    await session.query("select pg_catalog.pg_sleep($1)", [lookEvery])
  }
  if ((await swapTable(session, copy, table, waitMs)) === undefined) throw readersStay(table)
}
