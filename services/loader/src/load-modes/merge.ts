/** The work that `upsert`, `mirror` and a `replace` with a key have in common. */
import { Problem } from "@flatbed/contract"
import { deletedAt } from "../columns/own-columns.ts"
import type { Session } from "../postgres/database.ts"
import { quoteName, quoteTable } from "../postgres/identifier.ts"
import { type Changes, changesTable, findChanges, forgetChanges } from "./changes.ts"
import { keepNewest, refuseRepeatedKeys } from "./keyed.ts"
import type { Application, Applied } from "./load-mode.ts"
import { fillNewTable } from "./new-table.ts"
import { inserted as writtenByInsert, updated as writtenByUpdate } from "./written-columns.ts"

/** Leaves each key once in staging, or raises key-repeated. Answers how many rows gave way. */
async function settleKeys(session: Session, application: Application): Promise<number> {
  const { rules } = application
  const { dedupe, orderBy } = rules
  const gone = dedupe === "key" || orderBy !== undefined ? await keepNewest(session, application) : 0
  await refuseRepeatedKeys(session, application)
  return gone
}

/** What a merge does with rows of the table that the version does not have. */
export type AbsentRows =
  | { readonly they: "stay" }
  /** `allow` is told how many they are before anything is written, and may refuse by raising a problem. */
  | { readonly they: "go"; readonly allow: (rows: number) => Promise<void> }

/**
 * Brings the staged rows into the table by their key: deletes what is to go, updates the rows that differ, inserts
 * those that are not there; the others are not written, so triggers, vacuum and replicas see the changes alone. Makes
 * the table when there is none.
 *
 * @throws Problem `key-repeated`; `receipt-unbalanced` when Postgres did something else than was counted before, since
 * a trigger or a policy may keep rows back; and what `allow` raises.
 */
export async function merge(
  session: Session,
  application: Application,
  absent: AbsentRows,
): Promise<Applied> {
  return await mergeByKey(session, application, await settleKeys(session, application), absent)
}

/**
 * The same of staged rows in which each key stands once and none is NULL; `repeated` is how many gave way before. Raises
 * as `merge`, but for `key-repeated`.
 */
export async function mergeByKey(
  session: Session,
  application: Application,
  repeated: number,
  absent: AbsentRows,
): Promise<Applied> {
  const rows = application.staged - repeated
  if (!application.exists) {
    const inserted = await fillNewTable(session, application, repeated)
    expectCount("inserted", rows, inserted)
    return { inserted, updated: 0, unchanged: 0, older: 0, repeated, deleted: 0 }
  }
  let changes = await findChanges(session, application, { absent: absent.they, rows })
  const deleted = changes.absent
  if (deleted > 0) {
    if (absent.they === "go") await absent.allow(deleted)
    // Before the others come: a new row may take what is unique of one that goes.
    expectCount("deleted", deleted, await deleteAbsent(session, application))
    // What fires on a delete, a cascade to the table itself for one, may have changed rows that were compared.
    if (await hasTriggers(session, application)) {
      await forgetChanges(session, application)
      changes = await findChanges(session, application, { absent: "stay", rows })
    }
  }
  await updateChanged(session, application, changes)
  await insertNew(session, application, changes)
  await forgetChanges(session, application)
  const { inserted, updated, unchanged, older } = changes
  return { inserted, updated, unchanged, older, repeated, deleted }
}

/** Deletes the rows that are to go, or marks them as deleted now. Answers how many. */
async function deleteAbsent(session: Session, application: Application): Promise<number | null> {
  const [into, found] = [quoteTable(application.target), quoteTable(changesTable(application))]
  const those = "c.what = 'absent' and t.ctid = c.at and t.tableoid = c.part"
  const text = application.rules.deletes.soft
    ? `update ${into} as t set ${quoteName(deletedAt)} = pg_catalog.now() from ${found} as c where ${those}`
    : `delete from ${into} as t using ${found} as c where ${those}`
  return (await session.query(text)).rowCount
}

async function updateChanged(
  session: Session,
  application: Application,
  { updated }: Changes,
): Promise<void> {
  if (updated === 0) return
  const { staging, target } = application
  const { rowCount } = await session.query(
    `update ${quoteTable(target)} as t set ${writtenByUpdate(application)}
       from ${quoteTable(changesTable(application))} as c join ${quoteTable(staging)} as s on s.ctid = c.staged
      where c.what = 'changed' and t.ctid = c.at and t.tableoid = c.part`,
  )
  expectCount("updated", updated, rowCount)
}

async function insertNew(session: Session, application: Application, { inserted }: Changes): Promise<void> {
  if (inserted === 0) return
  const { staging, target } = application
  const { names, values } = writtenByInsert(application)
  const { rowCount } = await session.query(
    `insert into ${quoteTable(target)} (${names}) select ${values}
       from ${quoteTable(changesTable(application))} as c join ${quoteTable(staging)} as s on s.ctid = c.staged
      where c.what = 'new'`,
  )
  expectCount("inserted", inserted, rowCount)
}

/** Also those of foreign keys, and of a partitioned table's parts. */
async function hasTriggers(session: Session, { target }: Application): Promise<boolean> {
  const { rows } = await session.query(
    `select exists (
       select from pg_catalog.pg_trigger
        where tgrelid = $1::pg_catalog.regclass
           or tgrelid in (select relid from pg_catalog.pg_partition_tree($1::pg_catalog.regclass))) as there`,
    [quoteTable(target)],
  )
  return rows[0].there
}

function expectCount(done: string, expected: number, counted: number | null): void {
  if (counted === expected) return
  throw new Problem(
    "receipt-unbalanced",
    `The load does not add up: ${counted} rows were ${done}, expected ${expected}; a trigger, rule or policy may keep rows back.`,
    { hint: "Nothing was published. Look at the table's triggers, rules and row-level security." },
  )
}
