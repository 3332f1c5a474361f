/** SQL that the modes with a key share: which rows meet, which of them differ, which stand twice. */
import { Problem } from "@flatbed/contract"
import { rowColumn } from "../columns/own-columns.ts"
import type { Session } from "../postgres/database.ts"
import { quoteName, quoteNames, quoteTable, type TableName } from "../postgres/identifier.ts"
import { printable } from "../printable.ts"
import type { Application } from "./load-mode.ts"

const shownKeys = 5
const shownRows = 10

/** `s` is a row of staging, `t` one of the table. */
export const sameKey = (key: readonly string[]) =>
  key.map((name) => `t.${quoteName(name)} = s.${quoteName(name)}`).join(" and ")

/**
 * Whether the two rows are written differently: by their bytes, since equal is not the same. 1.10 is 1.1 to `=`, but
 * not to who reads the table (Postgres manual, 9.25.6 "Composite Type Comparison", record image operators).
 */
export function differ(columns: readonly string[]): string {
  const image = (alias: string) =>
    `row(${columns.map((name) => `${alias}.${quoteName(name)}`).join(", ")})::record`
  return `${image("t")} operator(pg_catalog.*<>) ${image("s")}`
}

/** Whether the row of the table is newer than the staged one. */
export function isOlder(orderBy: string): string {
  const name = quoteName(orderBy)
  // Never NULL, for it is negated.
  return `coalesce(s.${name} < t.${name}, s.${name} is null and t.${name} is not null)`
}

/**
 * Leaves one staged row of each key: the newest by `orderBy`, of those the last of the version. Answers how many are
 * gone.
 */
export async function keepNewest(
  session: Session,
  { staging, rules: { key, orderBy } }: Application,
): Promise<number> {
  const order = orderBy === undefined ? "" : `${quoteName(orderBy)} desc nulls last, `
  return await deleteAllButFirst(session, staging, quoteNames(key), `${order}${quoteName(rowColumn)} desc`)
}

/** Leaves the first of staged rows that are the same in every column. Answers how many are gone. */
export async function keepFirst(
  session: Session,
  staging: TableName,
  columns: readonly string[],
  order: string,
): Promise<number> {
  // As text, since not every type can be sorted; the session's settings for text are pinned.
  return await deleteAllButFirst(session, staging, `row(${quoteNames(columns)})::text`, order)
}

async function deleteAllButFirst(
  session: Session,
  staging: TableName,
  group: string,
  order: string,
): Promise<number> {
  const table = quoteTable(staging)
  const { rowCount } = await session.query(
    `delete from ${table} as s using
       (select ctid as at, row_number() over (partition by ${group} order by ${order}) as place from ${table}) as p
      where s.ctid = p.at and p.place > 1`,
  )
  return rowCount ?? 0
}

/**
 * Raises key-repeated when a key stands twice in staging, naming the version's rows, or in the table itself, where no
 * unique index says that it cannot.
 */
export async function refuseRepeatedKeys(session: Session, application: Application): Promise<void> {
  const { staging, target, name, exists, rules } = application
  const { key } = rules
  const names = quoteNames(key)
  // Whether there are any is asked first: hashing the keys is all that it takes.
  const { rows } = await session.query(
    `select exists (select from ${quoteTable(staging)} group by ${names} having count(*) > 1) as found`,
  )
  if (rows[0].found) throw await describeRepeatedKeys(session, application)
  if (!exists || (await hasUniqueIndex(session, target, key))) return
  const stored = await session.query(
    `select ${asJson(names)}, count(*) as times, count(*) over () as keys from ${quoteTable(target)}
      where ${key.map((one) => `${quoteName(one)} is not null`).join(" and ")}
      group by ${names} having count(*) > 1 order by 1 limit ${shownKeys}`,
  )
  if (stored.rows.length === 0) return
  const list = stored.rows.map((row) => `${showKey(row.key)} in ${row.times} rows`)
  throw new Problem(
    "key-repeated",
    `${countKeys(Number(stored.rows[0].keys))} more than once in ${name} already: ${list.join("; ")}.`,
    {
      hint: `Nothing was changed. Remove the rows that are too many, then keep others out: create unique index on ${name} (${names});`,
      facts: { table: name, key: key.join(", ") },
    },
  )
}

/** Names the first keys that stand in staging more than once, with the version's rows. */
async function describeRepeatedKeys(
  session: Session,
  { staging, name, rules: { key } }: Application,
): Promise<Problem> {
  const names = quoteNames(key)
  const { rows } = await session.query(
    `select ${asJson(names)}, (array_agg(${quoteName(rowColumn)} order by ${quoteName(rowColumn)}))[1:${shownRows}] as rows,
            count(*) over () as keys
       from ${quoteTable(staging)} group by ${names} having count(*) > 1 order by 2 limit ${shownKeys}`,
  )
  const list = rows.map((row) => `${showKey(row.key)} in rows ${row.rows.join(", ")}`)
  return new Problem(
    "key-repeated",
    `${countKeys(Number(rows[0].keys))} more than once in the version: ${list.join("; ")}.`,
    {
      hint: "Mend the file; or let one row of each key win: `order_by` names the column by which the newest is known, and `dedupe: key` takes the last.",
      facts: { table: name, key: key.join(", "), rows: rows[0].rows.join(", ") },
    },
  )
}

const asJson = (names: string) => `row_to_json(row(${names}))::text as key`

const countKeys = (keys: number) => (keys === 1 ? "1 key stands" : `${keys} keys stand`)

/** `row_to_json` calls the columns f1, f2 …; people want the values. */
function showKey(json: string): string {
  const values = Object.values(JSON.parse(json) as Record<string, unknown>)
  return printable(values.map((value) => JSON.stringify(value)).join(", "))
}

/** Whether an index keeps two rows from having one key. One over NULLs that are alike or not is the same here. */
async function hasUniqueIndex(session: Session, target: TableName, key: readonly string[]): Promise<boolean> {
  const { rows } = await session.query(
    `select exists (
       select from pg_catalog.pg_index i
        where i.indrelid = $1::pg_catalog.regclass and i.indisunique and i.indisvalid and i.indimmediate
          and i.indpred is null and i.indexprs is null
          and (select pg_catalog.array_agg(a.attname::text) from pg_catalog.unnest(i.indkey) with ordinality as k (attnum, at)
                 join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
                where k.at <= i.indnkeyatts) <@ $2::text[]) as there`,
    [quoteTable(target), [...key]],
  )
  return rows[0].there
}
