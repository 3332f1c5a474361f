/** The staging table of a run: where chunks land before they are published. */
import type { Session } from "./database.ts"
import { quoteName, quoteTable, type TableName } from "./identifier.ts"
import type { TableCheck } from "./table.ts"

/** A column as staging has it: the file's name, and the Postgres type the row will be published with. */
export type StagingColumn = {
  readonly name: string
  readonly type: string
  /** Set when the target refuses NULL there. */
  readonly notNull?: boolean
  /** Set for columns that tell a row. */
  readonly isKey?: boolean
  /** Set for columns that the loader adds to the dataset's. */
  readonly isOwn?: boolean
  /** Set for columns that the table does not get: they arrive with the others, and stay behind. */
  readonly isIgnored?: boolean
  /** Set for columns of the table that the dataset does not have, where staging is to take the table's place: no COPY fills them. */
  readonly isBeside?: boolean
  /** Its place in the table, from 0, where staging is to have the same order. */
  readonly place?: number
}

/** What staging is made of. Both come from the target, so that COPY finds what the target would refuse. */
export type StagingPlan = {
  /** As COPY gets them, but for those that are beside. */
  readonly columns: readonly StagingColumn[]
  readonly checks: readonly TableCheck[]
}

/** Whoever knows what the ledger's schema is called: a session, a lease. */
type LedgerPlace = { readonly ledgerSchema: string }

/** The staging table's name. */
export function stagingTable({ ledgerSchema }: LedgerPlace, runId: number): TableName {
  return { schema: ledgerSchema, name: `staging_${runId}` }
}

/** The name of the copy of a table whose columns get wider; it takes the table's place, or goes with staging. */
export function widenedTable({ ledgerSchema }: LedgerPlace, runId: number): TableName {
  return { schema: ledgerSchema, name: `widened_${runId}` }
}

/** The name of the table in which a chunk's refused rows are looked for; it never outlives its transaction. */
export function repairTable({ ledgerSchema }: LedgerPlace, runId: number, chunk: number): TableName {
  return { schema: ledgerSchema, name: `repair_${runId}_${chunk}` }
}

/**
 * Makes the staging table. It is logged: crash recovery empties an unlogged table while receipts survive. Vacuum
 * stays away until the rows are published, for they are read once and dropped.
 */
export async function createStaging(
  session: Session,
  runId: number,
  { columns, checks }: StagingPlan,
): Promise<void> {
  // Our own stand behind the others, where a table that staging becomes has them too.
  const inOrder = [...inTableOrder(columns), ...columns.filter(({ isOwn }) => isOwn)]
  const list = [
    ...inOrder.map(({ name, type, notNull }) => `${quoteName(name)} ${type}${notNull ? " not null" : ""}`),
    ...checks.map(({ name, definition }) => `constraint ${quoteName(name)} ${definition}`),
  ]
  const table = quoteTable(stagingTable(session, runId))
  await session.query(`create table ${table} (${list.join(", ")}) with (autovacuum_enabled = false)`)
}

/** The dataset's columns in the order in which staging has them; those without a place in the table come last. */
export function inTableOrder(columns: readonly StagingColumn[]): StagingColumn[] {
  const placeOf = ({ place }: StagingColumn) => place ?? columns.length
  return columns.filter(({ isOwn }) => !isOwn).toSorted((a, b) => placeOf(a) - placeOf(b))
}

/** Whether a run's staging table is there. */
export async function hasStaging(session: Session, runId: number): Promise<boolean> {
  const { rows } = await session.query("select pg_catalog.to_regclass($1) is not null as there", [
    quoteTable(stagingTable(session, runId)),
  ])
  return rows[0].there
}

/** Counts the rows in staging. */
export async function countStaging(session: Session, runId: number): Promise<number> {
  const { rows } = await session.query(
    `select count(*) as rows from ${quoteTable(stagingTable(session, runId))}`,
  )
  return Number(rows[0].rows)
}

/** Drops staging tables, and what else a run made beside them; those that are gone already are no matter. */
export async function dropStaging(session: Session, runIds: readonly number[]): Promise<void> {
  for (const runId of runIds) {
    const tables = [stagingTable(session, runId), widenedTable(session, runId)].map(quoteTable)
    await session.query(`drop table if exists ${tables.join(", ")}`)
  }
}

/** Drops the wider copy of the table that a publish left which failed: the next one makes it anew. */
export async function dropWidened(session: Session, runId: number): Promise<void> {
  await session.query(`drop table if exists ${quoteTable(widenedTable(session, runId))}`)
}

/** Drops from staging the columns that the table does not get, before it takes the table's place. */
export async function dropIgnored(
  session: Session,
  runId: number,
  columns: readonly StagingColumn[],
): Promise<void> {
  const drops = columns
    .filter(({ isIgnored }) => isIgnored)
    .map(({ name }) => `drop column ${quoteName(name)}`)
  if (drops.length === 0) return
  await session.query(`alter table ${quoteTable(stagingTable(session, runId))} ${drops.join(", ")}`)
}
