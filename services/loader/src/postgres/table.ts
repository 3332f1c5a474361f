/** A table as it stands in the database: its kind, its columns, what points at it. */
import type { Session } from "./database.ts"
import { quoteName, quoteNames, quoteTable, type TableName } from "./identifier.ts"
import type { StagingColumn } from "./staging.ts"

export type TableColumn = {
  readonly name: string
  /** As format_type writes it, with its modifier: `numeric(10,2)`, `character varying(20)`. */
  readonly type: string
  readonly notNull: boolean
  /** Whether the database fills it in by itself when a row does not. */
  readonly filledByDatabase: boolean
  /** Whether no value may be given for it: generated columns, identities declared `always`. */
  readonly closed: boolean
  /** Set for columns of the primary key. */
  readonly isPrimary?: boolean
  /** Its collation as SQL names it, where it is not the one of its type. */
  readonly collation?: string
}

/** A CHECK constraint; its definition is what may follow its name in a CREATE TABLE. */
export type TableCheck = { readonly name: string; readonly definition: string }

export type Table = {
  readonly oid: number
  /** pg_class.relkind: `r` is an ordinary table, `p` a partitioned one. */
  readonly kind: string
  readonly columns: readonly TableColumn[]
  /** Foreign keys of other tables that point here, as `table (constraint)`. */
  readonly referencedBy: readonly string[]
  /** By name; `columns` are those it speaks of. Left out: what is not enforced, what speaks of the whole row. */
  readonly checks: readonly (TableCheck & { readonly columns: readonly string[] })[]
}

/** Reads the table from the catalogs; undefined when nothing has this name. */
export async function findTable(session: Session, table: TableName): Promise<Table | undefined> {
  const found = await session.query(
    `select c.oid, c.relkind as kind from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where n.nspname = $1 and c.relname = $2`,
    [table.schema, table.name],
  )
  if (found.rows[0] === undefined) return undefined
  const oid = Number(found.rows[0].oid)
  const columns = await session.query(
    `select attname as name, pg_catalog.format_type(atttypid, atttypmod) as type, attnotnull as not_null,
            atthasdef or attidentity <> '' as filled, attgenerated <> '' or attidentity = 'a' as closed,
            exists (select from pg_catalog.pg_index as i
                     where i.indrelid = attrelid and i.indisprimary and attnum = any(i.indkey)) as "isPrimary",
            case when attcollation <> t.typcollation then attcollation::pg_catalog.regcollation::text end as collation
       from pg_catalog.pg_attribute join pg_catalog.pg_type as t on t.oid = atttypid
      where attrelid = $1 and attnum > 0 and not attisdropped order by attnum`,
    [oid],
  )
  const referencedBy = await session.query(
    `select conrelid::pg_catalog.regclass::text as "table", conname as constraint from pg_catalog.pg_constraint
      where contype = 'f' and confrelid = $1 and conrelid <> confrelid order by 1, 2`,
    [oid],
  )
  const checks = await session.query(
    `select conname as name, pg_catalog.pg_get_constraintdef(oid) as definition,
            array(select attname::text from pg_catalog.pg_attribute
                   where attrelid = conrelid and attnum = any(conkey)) as columns
       from pg_catalog.pg_constraint
      where conrelid = $1 and contype = 'c' and coalesce(0 < all(conkey), true) order by conname`,
    [oid],
  )
  return {
    oid,
    kind: found.rows[0].kind,
    columns: columns.rows.map((row) => ({
      name: row.name,
      type: row.type,
      notNull: row.not_null,
      filledByDatabase: row.filled,
      closed: row.closed,
      ...(row.isPrimary ? { isPrimary: true } : {}),
      ...(row.collation === null ? {} : { collation: row.collation }),
    })),
    referencedBy: referencedBy.rows.map((row) => `${row.table} (${row.constraint})`),
    checks: checks.rows
      // Of the table only: what a child or a later release adds after the expression says nothing about a row.
      .map(({ name, definition, columns }) => ({ name, columns, definition: definition as string }))
      .filter(({ definition }) => !definition.endsWith(" NOT ENFORCED"))
      .map((check) => ({
        ...check,
        definition: check.definition.replace(/(?: NO INHERIT| NOT VALID)+$/, ""),
      })),
  }
}

/**
 * Makes the table, and its schema where that is missing too. Columns take NULL, since a later version may bring one;
 * those of the key do not.
 */
export async function createTable(
  session: Session,
  table: TableName,
  columns: readonly StagingColumn[],
  key: readonly string[] = [],
): Promise<void> {
  // Asked first, because `create schema if not exists` needs the right to create even when there is nothing to do.
  const schema = await session.query("select from pg_catalog.pg_namespace where nspname = $1", [table.schema])
  if (schema.rowCount === 0) await session.query(`create schema if not exists ${quoteName(table.schema)}`)
  await session.query(createTableStatement(table, columns, key))
}

/** The statement that makes the table, in one line. */
export function createTableStatement(
  table: TableName,
  columns: readonly StagingColumn[],
  key: readonly string[] = [],
): string {
  const list = columns.map(({ name, type }) => `${quoteName(name)} ${type}`)
  const primary = key.length === 0 ? [] : [`primary key (${quoteNames(key)})`]
  return `create table ${quoteTable(table)} (${[...list, ...primary].join(", ")})`
}

/** Renews the planner's statistics. */
export async function analyzeTable(session: Session, table: TableName): Promise<void> {
  await session.query(`analyze ${quoteTable(table)}`)
}
