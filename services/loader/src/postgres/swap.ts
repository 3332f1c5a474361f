/** Staging takes the place of a table that is there, with everything that belongs to the table. */
import { randomBytes } from "node:crypto"
import { findConstraintNames, moveStatements, renameNotNulls } from "./adopt.ts"
import type { Session } from "./database.ts"
import { quoteName, quoteTable, type TableName } from "./identifier.ts"
import { lockOutReaders } from "./lock-out.ts"
import { analyzeTable } from "./table.ts"

/**
 * Drops the target and gives staging its name, its owner, grants, row-level security, indexes, constraints, defaults,
 * comments and settings. What takes long (indexes, foreign keys, statistics) is made before the target is locked
 * against readers; then only names change. The target must have no obstacles (swap-obstacles.ts), the same columns in
 * the same order, and every reader must see all of staging's rows (seesWholeRun).
 *
 * Answers the number of rows that went; undefined when readers held the table for longer than `waitMs`: then it is
 * as it was, and staging still staging.
 */
export async function swapTable(
  session: Session,
  staging: TableName,
  target: TableName,
  waitMs: number,
): Promise<number | undefined> {
  const belongings = await describeBelongings(session, target)
  const made = await furnish(session, staging, target)
  await analyzeTable(session, staging)
  const renames = renameNotNulls(
    target,
    await findConstraintNames(session, staging),
    await findConstraintNames(session, target),
  )
  const revokes = await findForeignGrants(session, staging, target)
  const { rows } = await session.query(`select count(*) as rows from ${quoteTable(target)}`)
  if (!(await lockOutReaders(session, target, waitMs))) return undefined
  const indexes = made.map(({ passing, name, isConstraint }) =>
    isConstraint
      ? `alter table ${quoteTable(target)} rename constraint ${passing} to ${quoteName(name)}`
      : `alter index ${quoteName(target.schema)}.${passing} rename to ${quoteName(name)}`,
  )
  const moves = [`drop table ${quoteTable(target)}`, ...moveStatements(staging, target)]
  // At one go: readers wait by now, and each round trip would be theirs too.
  await session.query([...moves, ...indexes, ...renames, ...revokes, ...belongings].join(";\n"))
  return Number(rows[0].rows)
}

type Made = { readonly passing: string; readonly name: string; readonly isConstraint: boolean }

/** Gives staging the target's collations, defaults, indexes and foreign keys; indexes under names of their own. */
async function furnish(session: Session, staging: TableName, target: TableName): Promise<Made[]> {
  const [into, from] = [quoteTable(staging), quoteTable(target)]
  const columns = await session.query<{ statement: string }>(
    `select pg_catalog.format('alter column %I type %s collate %s', att.attname,
              pg_catalog.format_type(att.atttypid, att.atttypmod), att.attcollation::pg_catalog.regcollation) as statement
       from pg_catalog.pg_attribute as att
       join pg_catalog.pg_attribute as own on own.attrelid = $2::pg_catalog.regclass and own.attname = att.attname
      where att.attrelid = $1::pg_catalog.regclass and att.attnum > 0 and att.attcollation <> own.attcollation
      union all
     select pg_catalog.format('alter column %I set default %s', att.attname, pg_catalog.pg_get_expr(def.adbin, def.adrelid))
       from pg_catalog.pg_attrdef as def
       join pg_catalog.pg_attribute as att on att.attrelid = def.adrelid and att.attnum = def.adnum
      where def.adrelid = $1::pg_catalog.regclass`,
    [from, into],
  )
  for (const { statement } of columns.rows) await session.query(`alter table ${into} ${statement}`)
  const indexes = await session.query<Index>(
    `select c.relname as name, i.indisunique as "isUnique", con.contype::text as constraint,
            con.condeferrable as "isDeferrable", con.condeferred as "isDeferred",
            pg_catalog.pg_get_indexdef(i.indexrelid) as definition,
            pg_catalog.format('CREATE %sINDEX %I ON %I.%I ', case when i.indisunique then 'UNIQUE ' else '' end,
              c.relname, n.nspname, t.relname) as beginning
       from pg_catalog.pg_index as i
       join pg_catalog.pg_class as c on c.oid = i.indexrelid
       join pg_catalog.pg_class as t on t.oid = i.indrelid
       join pg_catalog.pg_namespace as n on n.oid = t.relnamespace
       left join pg_catalog.pg_constraint as con on con.conindid = i.indexrelid and con.contype in ('p', 'u')
      where i.indrelid = $1::pg_catalog.regclass order by c.relname`,
    [from],
  )
  const prefix = `flatbed_${randomBytes(8).toString("hex")}`
  const made: Made[] = []
  for (const [number, index] of indexes.rows.entries()) {
    const passing = `${prefix}_${number}`
    await makeIndex(session, into, passing, index)
    made.push({ passing, name: index.name, isConstraint: index.constraint !== null })
  }
  const foreign = await session.query<{ name: string; definition: string }>(
    `select conname as name, pg_catalog.pg_get_constraintdef(oid) as definition from pg_catalog.pg_constraint
      where conrelid = $1::pg_catalog.regclass and contype = 'f' order by conname`,
    [from],
  )
  for (const { name, definition } of foreign.rows)
    await session.query(`alter table ${into} add constraint ${quoteName(name)} ${definition}`)
  return made
}

type Index = {
  readonly name: string
  readonly isUnique: boolean
  readonly definition: string
  readonly beginning: string
  readonly constraint: "p" | "u" | null
  readonly isDeferrable: boolean | null
  readonly isDeferred: boolean | null
}

async function makeIndex(session: Session, table: string, passing: string, index: Index): Promise<void> {
  // The definition begins with both names (Postgres: ruleutils.c, pg_get_indexdef); the rest is the index itself.
  if (!index.definition.startsWith(index.beginning))
    throw new Error(`pg_get_indexdef answered what it never does: ${index.definition}`)
  const rest = index.definition.slice(index.beginning.length)
  await session.query(`create ${index.isUnique ? "unique " : ""}index ${passing} on ${table} ${rest}`)
  if (index.constraint === null) return
  const kind = index.constraint === "p" ? "primary key" : "unique"
  const when = index.isDeferrable ? ` deferrable${index.isDeferred ? " initially deferred" : ""}` : ""
  await session.query(`alter table ${table} add constraint ${passing} ${kind} using index ${passing}${when}`)
}

/** Statements that give a table of the target's name what the target has beside rows, indexes and constraints. */
async function describeBelongings(session: Session, target: TableName): Promise<string[]> {
  const { rows } = await session.query<{ statement: string }>(belongingsSql, [quoteTable(target)])
  return rows.map(({ statement }) => statement)
}

// `t` is the table: its oid, and its name as SQL writes it. The owner comes first, for the rights are granted in its
// name; they are counted from none at all, since the owner may have given some of its own away.
const belongingsSql = `
with t as (select c.*, pg_catalog.format('%I.%I', n.nspname, c.relname) as name, n.nspname
             from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
            where c.oid = $1::pg_catalog.regclass)
select statement from (
  select 1 as place, 0 as number, pg_catalog.format('alter table %s owner to %I', t.name, r.rolname) as statement
    from t join pg_catalog.pg_roles as r on r.oid = t.relowner where r.rolname <> current_user
  union all
  select 2, 0, pg_catalog.format('revoke all on table %s from %I', t.name, r.rolname)
    from t join pg_catalog.pg_roles as r on r.oid = t.relowner where t.relacl is not null
  union all
  select 3, acl.number, pg_catalog.format('grant %s on table %s to %s%s', acl.privilege_type, t.name,
         case when acl.grantee = 0 then 'public' else pg_catalog.quote_ident(r.rolname) end,
         case when acl.is_grantable and acl.grantee <> t.relowner then ' with grant option' else '' end)
    from t cross join lateral pg_catalog.aclexplode(t.relacl) with ordinality
           as acl (grantor, grantee, privilege_type, is_grantable, number)
    left join pg_catalog.pg_roles as r on r.oid = acl.grantee
  union all
  select 4, att.attnum, pg_catalog.format('grant %s (%I) on table %s to %s%s', acl.privilege_type, att.attname, t.name,
         case when acl.grantee = 0 then 'public' else pg_catalog.quote_ident(r.rolname) end,
         case when acl.is_grantable then ' with grant option' else '' end)
    from t join pg_catalog.pg_attribute as att on att.attrelid = t.oid and att.attnum > 0 and not att.attisdropped
   cross join lateral pg_catalog.aclexplode(att.attacl) as acl
    left join pg_catalog.pg_roles as r on r.oid = acl.grantee
  union all
  select 5, 0, pg_catalog.format('alter table %s set (%I = %L)', t.name, option.option_name, option.option_value)
    from t cross join lateral pg_catalog.pg_options_to_table(t.reloptions) as option
  union all
  select 6, 0, pg_catalog.format('alter table %s enable row level security', t.name) from t where t.relrowsecurity
  union all
  select 6, 1, pg_catalog.format('alter table %s force row level security', t.name) from t where t.relforcerowsecurity
  union all
  select 7, 0, pg_catalog.format('create policy %I on %s as %s for %s to %s%s%s', pol.polname, t.name,
         case when pol.polpermissive then 'permissive' else 'restrictive' end,
         case pol.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all' end,
         (select pg_catalog.string_agg(case when who.oid = 0 then 'public' else pg_catalog.quote_ident(r.rolname) end, ', ')
            from pg_catalog.unnest(pol.polroles) as who (oid) left join pg_catalog.pg_roles as r on r.oid = who.oid),
         ' using (' || pg_catalog.pg_get_expr(pol.polqual, pol.polrelid) || ')',
         ' with check (' || pg_catalog.pg_get_expr(pol.polwithcheck, pol.polrelid) || ')')
    from t join pg_catalog.pg_policy as pol on pol.polrelid = t.oid
  union all
  select 8, 0, pg_catalog.format('alter table %s cluster on %I', t.name, c.relname)
    from t join pg_catalog.pg_index as i on i.indrelid = t.oid join pg_catalog.pg_class as c on c.oid = i.indexrelid
   where i.indisclustered
  union all
  select 8, 1, pg_catalog.format('alter table %s replica identity %s', t.name,
         case t.relreplident when 'f' then 'full' when 'n' then 'nothing'
              else 'using index ' || (select pg_catalog.quote_ident(c.relname) from pg_catalog.pg_index as i
                                        join pg_catalog.pg_class as c on c.oid = i.indexrelid
                                       where i.indrelid = t.oid and i.indisreplident) end)
    from t where t.relreplident <> 'd'
  union all
  select 9, des.objsubid, pg_catalog.format('comment on %s is %L', case
           when des.objsubid > 0 then pg_catalog.format('column %s.%I', t.name, att.attname)
           else 'table ' || t.name end, des.description)
    from t join pg_catalog.pg_description as des
           on des.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass and des.objoid = t.oid
    left join pg_catalog.pg_attribute as att on att.attrelid = t.oid and att.attnum = des.objsubid and des.objsubid > 0
  union all
  select 9, 0, pg_catalog.format('comment on index %I.%I is %L', t.nspname, c.relname, des.description)
    from t join pg_catalog.pg_index as i on i.indrelid = t.oid join pg_catalog.pg_class as c on c.oid = i.indexrelid
    join pg_catalog.pg_description as des
      on des.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass and des.objoid = i.indexrelid
  union all
  select 9, 0, pg_catalog.format('comment on constraint %I on %s is %L', con.conname, t.name, des.description)
    from t join pg_catalog.pg_constraint as con on con.conrelid = t.oid
    join pg_catalog.pg_description as des
      on des.classoid = 'pg_catalog.pg_constraint'::pg_catalog.regclass and des.objoid = con.oid
  union all
  select 9, 0, pg_catalog.format('comment on policy %I on %s is %L', pol.polname, t.name, des.description)
    from t join pg_catalog.pg_policy as pol on pol.polrelid = t.oid
    join pg_catalog.pg_description as des
      on des.classoid = 'pg_catalog.pg_policy'::pg_catalog.regclass and des.objoid = pol.oid
) as told order by place, number, statement`

/** Statements that take the rights away that staging got where it was made, by default privileges of this role. */
async function findForeignGrants(session: Session, staging: TableName, target: TableName): Promise<string[]> {
  const { rows } = await session.query<{ grantee: string }>(
    `select distinct case when acl.grantee = 0 then 'public' else pg_catalog.quote_ident(role.rolname) end as grantee
       from pg_catalog.pg_class as t
      cross join pg_catalog.aclexplode(t.relacl) as acl
       left join pg_catalog.pg_roles as role on role.oid = acl.grantee
      where t.oid = $1::pg_catalog.regclass and acl.grantee <> t.relowner`,
    [quoteTable(staging)],
  )
  return rows.map(({ grantee }) => `revoke all on table ${quoteTable(target)} from ${grantee}`)
}
