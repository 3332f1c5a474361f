/** A staging table becomes the table itself, so that a first load writes its rows once. */
import { randomBytes } from "node:crypto"
import type { Session } from "./database.ts"
import { quoteName, quoteNames, quoteTable, type TableName } from "./identifier.ts"
import type { StagingColumn } from "./staging.ts"
import { createTable } from "./table.ts"

/**
 * Renames staging to a target that is not there. It gets the rights that a table made in that place gets: an empty
 * one is made the ordinary way, and tells what the default privileges are (Postgres manual, ALTER DEFAULT PRIVILEGES).
 * Of staging's columns those in `columns` stay; one that staging does not have is added, NULL in every row. With a
 * `key` they are the primary key, under the name that Postgres gives one.
 */
export async function adoptStaging(
  session: Session,
  staging: TableName,
  target: TableName,
  columns: readonly StagingColumn[],
  key: readonly string[] = [],
): Promise<void> {
  await createTable(session, target, columns, key)
  const grants = await findGrants(session, target)
  const names = await findConstraintNames(session, target)
  await session.query(`drop table ${quoteTable(target)}`)
  await shapeColumns(session, staging, columns)
  await session.query(moveStatements(staging, target).join(";"))
  const primary = names.find(({ type }) => type === "p")
  if (primary !== undefined) {
    await session.query(
      `alter table ${quoteTable(target)} add constraint ${quoteName(primary.name)} primary key (${quoteNames(key)})`,
    )
  }
  const renames = renameNotNulls(target, await findConstraintNames(session, target), names)
  for (const statement of [...renames, ...grants]) await session.query(statement)
}

/** Statements that take a table out of the ledger's schema to another place and name, where there is none; vacuum sees to it again. */
export function moveStatements(from: TableName, to: TableName): string[] {
  // Under a name that nobody has, since each of both schemas may hold a table of the other's name.
  const passing = `flatbed_${randomBytes(8).toString("hex")}`
  return [
    `alter table ${quoteTable(from)} rename to ${passing}`,
    `alter table ${quoteTable({ ...from, name: passing })} set schema ${quoteName(to.schema)}`,
    `alter table ${quoteTable({ schema: to.schema, name: passing })} rename to ${quoteName(to.name)}`,
    `alter table ${quoteTable(to)} reset (autovacuum_enabled)`,
  ]
}

/** Drops what staging has beside these columns, such as the rows' numbers, and adds what it lacks. */
async function shapeColumns(
  session: Session,
  staging: TableName,
  columns: readonly StagingColumn[],
): Promise<void> {
  const { rows } = await session.query<{ name: string }>(
    `select attname as name from pg_catalog.pg_attribute
      where attrelid = $1::pg_catalog.regclass and attnum > 0 and not attisdropped`,
    [quoteTable(staging)],
  )
  const there = new Set(rows.map(({ name }) => name))
  const wanted = new Set(columns.map(({ name }) => name))
  const changes = [
    ...[...there].filter((name) => !wanted.has(name)).map((name) => `drop column ${quoteName(name)}`),
    ...columns
      .filter(({ name }) => !there.has(name))
      .map(({ name, type }) => `add column ${quoteName(name)} ${type}`),
  ]
  if (changes.length > 0) await session.query(`alter table ${quoteTable(staging)} ${changes.join(", ")}`)
}

/** A constraint by its type in pg_constraint; `column` is the first that it speaks of. */
export type ConstraintName = { readonly name: string; readonly type: string; readonly column: string }

/** Names of the primary key and, where they have any (Postgres 18), of the NOT NULL constraints. */
export async function findConstraintNames(session: Session, table: TableName): Promise<ConstraintName[]> {
  const { rows } = await session.query<ConstraintName>(
    `select con.conname as name, con.contype::text as type, att.attname as column
       from pg_catalog.pg_constraint as con
       join pg_catalog.pg_attribute as att on att.attrelid = con.conrelid and att.attnum = con.conkey[1]
      where con.conrelid = $1::pg_catalog.regclass and con.contype in ('p', 'n')`,
    [quoteTable(table)],
  )
  return rows
}

/** Staging's NOT NULL constraints are called after staging: statements that give them the `wanted` names on `table`. */
export function renameNotNulls(
  table: TableName,
  named: readonly ConstraintName[],
  wanted: readonly ConstraintName[],
): string[] {
  const names = new Map(wanted.filter(({ type }) => type === "n").map(({ column, name }) => [column, name]))
  return named.flatMap(({ type, column, name }) => {
    const right = names.get(column)
    if (type !== "n" || right === undefined || right === name) return []
    return [`alter table ${quoteTable(table)} rename constraint ${quoteName(name)} to ${quoteName(right)}`]
  })
}

/** The statements that give others the rights they have on a table; its owner has all of them anyway. */
async function findGrants(session: Session, table: TableName): Promise<string[]> {
  const name = quoteTable(table)
  const { rows } = await session.query<{ privilege: string; grantee: string; option: boolean }>(
    `select acl.privilege_type as privilege, acl.is_grantable as option,
            case when acl.grantee = 0 then 'public' else pg_catalog.quote_ident(role.rolname) end as grantee
       from pg_catalog.pg_class as t
      cross join pg_catalog.aclexplode(t.relacl) as acl
       left join pg_catalog.pg_roles as role on role.oid = acl.grantee
      where t.oid = $1::pg_catalog.regclass and acl.grantee <> t.relowner`,
    [name],
  )
  return rows.map(
    ({ privilege, grantee, option }) =>
      `grant ${privilege} on table ${name} to ${grantee}${option ? " with grant option" : ""}`,
  )
}

/**
 * Whether every snapshot that a session of this database holds now sees all chunks of the run. Only then may staging
 * become the table: a reader with an older snapshot that first touches the table later would see a part of it. A
 * snapshot taken from now on sees all, for they are committed.
 */
export async function seesWholeRun(session: Session, runId: number): Promise<boolean> {
  // xmin of a receipt is its chunk's transaction: the snapshot must be younger than the youngest chunk.
  const age = `(select pg_catalog.min(pg_catalog.age(xmin)) from ${session.ledger}.chunks where run_id = $1)`
  const { rows } = await session.query<{ whole: boolean }>(`select ${noneOlderThan(age)} as whole`, [runId])
  return rows[0]?.whole === true
}

/** Likewise for one transaction that has committed, told by its number. */
export async function seesTransaction(session: Session, xid: string): Promise<boolean> {
  // Sessions are shown as they were when the transaction asked first.
  await session.query("select pg_catalog.pg_stat_clear_snapshot()")
  const age = "pg_catalog.age($1::pg_catalog.xid)"
  const { rows } = await session.query<{ seen: boolean }>(`select ${noneOlderThan(age)} as seen`, [xid])
  return rows[0]?.seen === true
}

// A backend's xmin is the oldest transaction that its snapshot takes for unfinished (Postgres manual, pg_stat_activity).
// Of another role's session the type is not shown; only those of clients and their workers have a user.
const noneOlderThan = (age: string) => `not exists (
  select from pg_catalog.pg_stat_activity as reader
   where reader.datname = pg_catalog.current_database() and reader.pid <> pg_catalog.pg_backend_pid()
     and coalesce(reader.backend_type in ('client backend', 'parallel worker', 'background worker'),
                  reader.usesysid is not null)
     and pg_catalog.age(reader.backend_xmin) >= ${age})`
