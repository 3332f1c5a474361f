/** A model that is a view: made, replaced, or, where its columns changed, dropped and made anew with its belongings. */
import type { Session } from "../postgres/database.ts"
import { isAnswer } from "../postgres/errors.ts"
import { quoteName, quoteTable } from "../postgres/identifier.ts"
import { findTable } from "../postgres/table.ts"
import type { Model } from "./model.ts"
import type { MadeTable } from "./model-ledger.ts"
import { failed, runSelect } from "./stage-select.ts"

// invalid_table_definition: the columns that were there are not the first of the new ones, by name and type.
const otherColumns = "42P16"

/**
 * Leaves a view that is there and was made by this definition as it is. Answers its oid.
 *
 * @throws Problem `model-failed` when something else has its name, or depends on a view that has to be dropped.
 */
export async function applyView(
  session: Session,
  model: Model,
  made: MadeTable | undefined,
): Promise<number> {
  const found = await findTable(session, model.table)
  if (found !== undefined && found.kind !== "v") {
    const found = `${model.target} is there and no view`
    throw failed(model, found, `Drop it, as in  drop table ${quoteTable(model.table)};  or name another`)
  }
  const stands = made?.targetOid === found?.oid && made?.definitionSha256 === model.definitionSha256
  if (found !== undefined && stands) return found.oid
  const head = `view ${quoteTable(model.table)} as\n`
  if (found === undefined) {
    await makeSchema(session, model)
    await runSelect(session, model, `create ${head}`)
  } else {
    await session.query("savepoint replacing")
    try {
      await runSelect(session, model, `create or replace ${head}`)
    } catch (error) {
      if (!isOtherColumns(error)) throw error
      await session.query("rollback to savepoint replacing")
      await makeAnew(session, model, `create ${head}`)
    }
  }
  const now = await findTable(session, model.table)
  if (now === undefined) throw new Error(`${model.target} was made and is not there`)
  return now.oid
}

function isOtherColumns(error: unknown): boolean {
  const facts = (error as { facts?: { sqlstate?: string } }).facts
  return facts?.sqlstate === otherColumns
}

async function makeSchema(session: Session, { table }: Model): Promise<void> {
  // Asked first: `if not exists` needs the right to create also when there is nothing to do.
  const { rowCount } = await session.query("select from pg_catalog.pg_namespace where nspname = $1", [
    table.schema,
  ])
  if (rowCount === 0) await session.query(`create schema if not exists ${quoteName(table.schema)}`)
}

async function makeAnew(session: Session, model: Model, head: string): Promise<void> {
  const name = quoteTable(model.table)
  const own = await session.query<{ what: string }>(ownSql, [name])
  if (own.rows.length > 0) {
    const found = `the columns of the view ${model.target} changed, and it has what would be lost: ${own.rows.map(({ what }) => what).join(", ")}`
    throw failed(model, found, `Drop the view by hand:  drop view ${name};`)
  }
  const belongings = await session.query<{ statement: string }>(belongingsSql, [name])
  try {
    await session.query(`drop view ${name}`)
  } catch (error) {
    // dependent_objects_still_exist
    if (!isAnswer(error) || error.code !== "2BP01") throw error
    const detail = error.detail?.replaceAll("\n", "; ") ?? error.message
    const found = `the columns of the view ${model.target} changed, so it has to be made anew, and ${detail}`
    throw failed(model, found, "Drop what depends on it, or make it a model that needs this one.")
  }
  await runSelect(session, model, head)
  const granted = await session.query<{ statement: string }>(revokesSql, [name])
  for (const { statement } of [...granted.rows, ...belongings.rows]) await session.query(statement)
}

/** Triggers, rules and defaults of the view's own. */
const ownSql = `
select 'trigger ' || tgname as what from pg_catalog.pg_trigger where tgrelid = $1::pg_catalog.regclass and not tgisinternal
union all
select 'rule ' || rulename from pg_catalog.pg_rewrite where ev_class = $1::pg_catalog.regclass and rulename <> '_RETURN'
union all
select 'a default of a column' from pg_catalog.pg_attrdef where adrelid = $1::pg_catalog.regclass`

// The owner comes last: who gives a view away cannot grant any more.
const belongingsSql = `
with v as (select c.*, pg_catalog.format('%I.%I', n.nspname, c.relname) as name
             from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
            where c.oid = $1::pg_catalog.regclass)
select statement from (
  select 1 as place, acl.number as number, pg_catalog.format('grant %s on table %s to %s%s', acl.privilege_type, v.name,
         case when acl.grantee = 0 then 'public' else pg_catalog.quote_ident(r.rolname) end,
         case when acl.is_grantable then ' with grant option' else '' end) as statement
    from v cross join lateral pg_catalog.aclexplode(v.relacl) with ordinality
           as acl (grantor, grantee, privilege_type, is_grantable, number)
    left join pg_catalog.pg_roles as r on r.oid = acl.grantee
   where acl.grantee <> v.relowner
  union all
  select 2, 0, pg_catalog.format('alter view %s set (%I = %L)', v.name, option.option_name, option.option_value)
    from v cross join lateral pg_catalog.pg_options_to_table(v.reloptions) as option
  union all
  select 3, 0, pg_catalog.format('comment on view %s is %L', v.name, des.description)
    from v join pg_catalog.pg_description as des
      on des.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass and des.objoid = v.oid and des.objsubid = 0
  union all
  select 4, 0, pg_catalog.format('alter view %s owner to %I', v.name, r.rolname)
    from v join pg_catalog.pg_roles as r on r.oid = v.relowner where r.rolname <> current_user
) as told order by place, number, statement`

/** What the new view got by default privileges: the grants of the old one are all that it is to have. */
const revokesSql = `
select distinct pg_catalog.format('revoke all on table %s from %s', $1::text,
         case when acl.grantee = 0 then 'public' else pg_catalog.quote_ident(r.rolname) end) as statement
  from pg_catalog.pg_class as c cross join lateral pg_catalog.aclexplode(c.relacl) as acl
  left join pg_catalog.pg_roles as r on r.oid = acl.grantee
 where c.oid = $1::pg_catalog.regclass and acl.grantee <> c.relowner`
