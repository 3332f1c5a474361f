/** What the loader's role may do with a table, asked before a row moves. */
import { Problem } from "@flatbed/contract"
import type { Session } from "./database.ts"
import { quoteName, quoteTable, showTable, type TableName } from "./identifier.ts"

/** What a load does with rows of a table that is there; its own tables it owns. */
export type RowRight = "select" | "insert" | "update" | "delete"

type Rights = {
  /** The role, quoted where need be. */
  readonly role: string
  readonly hasSchema: boolean
  readonly mayMakeSchemas: boolean
  readonly mayUse: boolean
  readonly mayCreate: boolean
  readonly hasTable: boolean
  readonly held: readonly RowRight[]
  readonly isFiltered: boolean
}

/**
 * Raises database-refused, with the statements that would help, when the role lacks one of these rights on the table,
 * or may not make it where it is missing; also when a policy would hide rows of it from the load.
 */
export async function refuseMissingRights(
  session: Session,
  table: TableName,
  needed: readonly RowRight[],
): Promise<void> {
  const rights = await findRights(session, table)
  const target = showTable(table)
  const { role } = rights
  const schema = quoteName(table.schema)
  const grants: string[] = []
  const lacks: string[] = []
  const missing = needed.filter((right) => !rights.held.includes(right))
  if (!rights.hasSchema) {
    if (rights.mayMakeSchemas) return
    lacks.push(`there is no schema ${schema}, and it may not make one`)
    grants.push(`create schema ${schema};`, `grant usage, create on schema ${schema} to ${role};`)
  } else {
    if (!rights.mayUse) {
      lacks.push(`it may not use the schema ${schema}`)
      grants.push(`grant usage on schema ${schema} to ${role};`)
    }
    if (!rights.hasTable && !rights.mayCreate) {
      lacks.push(`${target} is not there, and it may not make tables in the schema`)
      grants.push(`grant create on schema ${schema} to ${role};`)
    }
    if (rights.hasTable && missing.length > 0) {
      const list = missing.join(", ")
      lacks.push(`it lacks ${list} on ${target}`)
      grants.push(`grant ${list} on ${quoteTable(table)} to ${role};`)
    }
  }
  if (lacks.length > 0) {
    throw new Problem("database-refused", `The role ${role} cannot load ${target}: ${lacks.join("; ")}.`, {
      hint: `As the owner, or a superuser:  ${grants.join(" ")}`,
      facts: { table: target, role },
    })
  }
  if (!rights.isFiltered) return
  throw new Problem(
    "database-refused",
    `The row-level security of ${target} holds for the role ${role}: it would hide rows from the load.`,
    {
      hint: `As a superuser:  alter role ${role} bypassrls;  or let the role own the table, without \`force row level security\`.`,
      facts: { table: target, role },
    },
  )
}

async function findRights(session: Session, table: TableName): Promise<Rights> {
  // A right on some of the columns is the owner's choice; whether they are the right ones the load will tell.
  const { rows } = await session.query<Rights>(
    `select pg_catalog.quote_ident(current_user) as role, s.oid is not null as "hasSchema",
            pg_catalog.has_database_privilege(pg_catalog.current_database(), 'create') as "mayMakeSchemas",
            coalesce(pg_catalog.has_schema_privilege(s.oid, 'usage'), false) as "mayUse",
            coalesce(pg_catalog.has_schema_privilege(s.oid, 'create'), false) as "mayCreate",
            t.oid is not null as "hasTable",
            array(select r from pg_catalog.unnest(array['select', 'insert', 'update', 'delete']) as r
                   where case when r = 'delete' then pg_catalog.has_table_privilege(t.oid, r)
                              else pg_catalog.has_any_column_privilege(t.oid, r) end) as held,
            coalesce(t.relkind in ('r', 'p') and pg_catalog.row_security_active(t.oid), false) as "isFiltered"
       from (select pg_catalog.to_regnamespace($1) as oid) as s
       left join pg_catalog.pg_class as t on t.relnamespace = s.oid and t.relname = $2`,
    [quoteName(table.schema), table.name],
  )
  const [rights] = rows
  if (rights === undefined) throw new Error("the rights were asked for without an answer")
  return rights
}
