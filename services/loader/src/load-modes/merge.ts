/** The work that `upsert`, `mirror` and a `replace` with a key have in common. */
import { Problem } from "@flatbed/contract"
import { deletedAt } from "../own-columns.ts"
import type { Session } from "../postgres/database.ts"
import { quoteName, quoteTable } from "../postgres/identifier.ts"
import { createTable } from "../postgres/table.ts"
import { differ, isOlder, keepNewest, refuseRepeatedKeys, sameKey } from "./keyed.ts"
import type { Application, Applied } from "./load-mode.ts"
import { inserted, tableColumns, updated } from "./written-columns.ts"

/** Leaves each key once in staging, or raises key-repeated. Answers how many rows gave way. */
export async function settleKeys(session: Session, application: Application): Promise<number> {
  const { rules } = application
  const { dedupe, orderBy } = rules
  const gone = dedupe === "key" || orderBy !== undefined ? await keepNewest(session, application) : 0
  await refuseRepeatedKeys(session, application)
  return gone
}

type Merged = Pick<Applied, "inserted" | "updated" | "unchanged" | "older">

/**
 * Updates the rows that differ and inserts those that are not there; the others are not written, so triggers, vacuum
 * and replicas see the changes alone. Makes the table when there is none. Each key is in staging once. What is to be
 * done is counted first, and raises receipt-unbalanced when Postgres did something else: a trigger or a policy may
 * keep rows back.
 */
export async function mergeByKey(session: Session, application: Application): Promise<Merged> {
  const { staging, target, exists, rules } = application
  const { key } = rules
  if (!exists) await createTable(session, target, tableColumns(application), key)
  const [from, into] = [quoteTable(staging), quoteTable(target)]
  const match = sameKey(key)
  const plan = await planMerge(session, application)
  if (plan.updated > 0) {
    const text = `update ${into} as t set ${updated(application)} from ${from} as s where ${match} and ${plan.isChanged}`
    expectCount("updated", plan.updated, (await session.query(text)).rowCount)
  }
  if (plan.inserted > 0) {
    const { names, values } = inserted(application)
    const text = `insert into ${into} (${names}) select ${values} from ${from} as s
                   where not exists (select from ${into} as t where ${match})`
    expectCount("inserted", plan.inserted, (await session.query(text)).rowCount)
  }
  return { inserted: plan.inserted, updated: plan.updated, unchanged: plan.unchanged, older: plan.older }
}

/** How many staged rows are new, changed, the same, and older than the table's, by one join. */
async function planMerge(
  session: Session,
  { staging, target, columns, rules: { key, orderBy, deletes } }: Application,
): Promise<Merged & { readonly isChanged: string }> {
  const returns = deletes.soft ? ` or t.${quoteName(deletedAt)} is not null` : ""
  const older = orderBy === undefined ? "false" : isOlder(orderBy)
  const isChanged = `not ${older} and (${differ(columns)}${returns})`
  const { rows } = await session.query(
    `select count(*) filter (where t.ctid is null) as inserted,
            count(*) filter (where t.ctid is not null and ${older}) as older,
            count(*) filter (where t.ctid is not null and ${isChanged}) as updated,
            count(*) as staged
       from ${quoteTable(staging)} as s left join ${quoteTable(target)} as t on ${sameKey(key)}`,
  )
  const [inserted, older_, updated, staged] = ["inserted", "older", "updated", "staged"].map((name) =>
    Number(rows[0][name]),
  ) as [number, number, number, number]
  return { inserted, updated, older: older_, unchanged: staged - inserted - updated - older_, isChanged }
}

function expectCount(done: string, expected: number, counted: number | null): void {
  if (counted === expected) return
  throw new Problem(
    "receipt-unbalanced",
    `The load does not add up: ${counted} rows were ${done}, expected ${expected}; a trigger, rule or policy may keep rows back.`,
    { hint: "Nothing was published. Look at the table's triggers, rules and row-level security." },
  )
}

/** Rows of the table that the version does not have, of all that count as there. */
export type Absent = { readonly rows: number; readonly of: number }

/** Counts them. */
export async function countAbsent(session: Session, application: Application): Promise<Absent> {
  const { target, rules } = application
  const live = rules.deletes.soft ? `where t.${quoteName(deletedAt)} is null` : ""
  const { rows } = await session.query(
    `select (select count(*) from ${quoteTable(target)} as t where ${isAbsent(application)}) as rows,
            (select count(*) from ${quoteTable(target)} as t ${live}) as of`,
  )
  return { rows: Number(rows[0].rows), of: Number(rows[0].of) }
}

/** Deletes them, or marks them as deleted now. Answers how many. */
export async function deleteAbsent(session: Session, application: Application): Promise<number> {
  const into = quoteTable(application.target)
  const text = application.rules.deletes.soft
    ? `update ${into} as t set ${quoteName(deletedAt)} = pg_catalog.now() where ${isAbsent(application)}`
    : `delete from ${into} as t where ${isAbsent(application)}`
  return (await session.query(text)).rowCount ?? 0
}

/** A row of the table that counts as there, and that the version does not have. */
function isAbsent({ staging, rules: { key, deletes } }: Application): string {
  const live = deletes.soft ? `t.${quoteName(deletedAt)} is null and ` : ""
  return `${live}not exists (select from ${quoteTable(staging)} as s where ${sameKey(key)})`
}
