/** What a table has that another one cannot take over quietly: with any of it, staging does not take its place. */
import type { Session } from "./database.ts"
import { quoteTable, type TableName } from "./identifier.ts"

// $1 is the table's oid. Each line answers reasons, in the words of a message. What is not among them
// is carried over by swap.ts, or has no bearing on what a table holds or who may do what with it.
const questions = [
  // The table's own kind.
  `select 'it is partitioned' from pg_catalog.pg_class where oid = $1 and relkind = 'p'`,
  `select 'it is a part of another table' from pg_catalog.pg_inherits where inhrelid = $1`,
  `select 'it has tables that inherit from it' from pg_catalog.pg_class where oid = $1 and relkind <> 'p'
      and exists (select from pg_catalog.pg_inherits where inhparent = $1)`,
  `select 'it is not logged' from pg_catalog.pg_class where oid = $1 and relpersistence <> 'p'`,
  `select 'it lies in a tablespace of its own' from pg_catalog.pg_class where oid = $1 and reltablespace <> 0`,
  `select 'it has an access method of its own' from pg_catalog.pg_class as c
     join pg_catalog.pg_am as am on am.oid = c.relam
    where c.oid = $1 and c.relkind = 'r' and am.amname <> pg_catalog.current_setting('default_table_access_method')`,
  `select 'it is made of a type' from pg_catalog.pg_class where oid = $1 and reloftype <> 0`,
  `select 'its TOAST table has settings' from pg_catalog.pg_class as c
     join pg_catalog.pg_class as toast on toast.oid = c.reltoastrelid
    where c.oid = $1 and toast.reloptions is not null`,
  `select 'it has a security label' from pg_catalog.pg_seclabel
    where classoid = 'pg_catalog.pg_class'::pg_catalog.regclass and objoid = $1`,
  `select 'a right on it was granted by another role than its owner' from pg_catalog.pg_class as c,
          pg_catalog.aclexplode(c.relacl) as acl where c.oid = $1 and acl.grantor <> c.relowner`,
  // Its columns.
  `select pg_catalog.format('column %I has storage, compression or statistics of its own', att.attname)
     from pg_catalog.pg_attribute as att join pg_catalog.pg_type as typ on typ.oid = att.atttypid
    where att.attrelid = $1 and att.attnum > 0 and not att.attisdropped
      and (att.attstorage <> typ.typstorage or att.attcompression <> '' or coalesce(att.attstattarget, -1) <> -1
           or att.attoptions is not null)`,
  `select pg_catalog.format('column %I is an identity or generated', attname) from pg_catalog.pg_attribute
    where attrelid = $1 and attnum > 0 and not attisdropped and (attidentity <> '' or attgenerated <> '')`,
  // What would have to happen row by row.
  `select pg_catalog.format('trigger %I fires for its rows', tgname) from pg_catalog.pg_trigger
    where tgrelid = $1 and not tgisinternal`,
  `select pg_catalog.format('rule %I is on it', rulename) from pg_catalog.pg_rewrite where ev_class = $1`,
  `select pg_catalog.format('publication %I replicates its rows', pubname)
     from pg_catalog.pg_publication_tables as published
     join pg_catalog.pg_namespace as n on n.nspname = published.schemaname
     join pg_catalog.pg_class as c on c.relnamespace = n.oid and c.relname = published.tablename where c.oid = $1`,
  `select 'a subscription writes into it' from pg_catalog.pg_subscription_rel where srrelid = $1`,
  // Constraints and statistics.
  `select pg_catalog.format('constraint %I cannot be built beforehand', conname) from pg_catalog.pg_constraint
    where conrelid = $1 and (contype = 'x' or contype = 'f' and confrelid = $1
       or contype = 'c' and (not convalidated or connoinherit or not coalesce(0 < all(conkey), true)))`,
  `select pg_catalog.format('constraint %I cannot be built beforehand', con.conname)
     from pg_catalog.pg_constraint as con
     join pg_catalog.pg_class as idx on idx.oid = con.conindid join pg_catalog.pg_am as am on am.oid = idx.relam
    where con.conrelid = $1 and con.contype in ('p', 'u') and am.amname <> 'btree'`,
  `select pg_catalog.format('index %I is not valid', c.relname) from pg_catalog.pg_index as i
     join pg_catalog.pg_class as c on c.oid = i.indexrelid where i.indrelid = $1 and not i.indisvalid`,
  `select pg_catalog.format('index %I lies in a tablespace of its own', c.relname) from pg_catalog.pg_index as i
     join pg_catalog.pg_class as c on c.oid = i.indexrelid where i.indrelid = $1 and c.reltablespace <> 0`,
  `select pg_catalog.format('it has the extended statistics %I', stxname) from pg_catalog.pg_statistic_ext
    where stxrelid = $1`,
  // Whatever else hangs on it: views, foreign keys, sequences, functions, other tables' policies, columns of its type.
  `select pg_catalog.format('view %s reads it', view.ev_class::pg_catalog.regclass) from pg_catalog.pg_depend as dep
     join pg_catalog.pg_rewrite as view on view.oid = dep.objid
    where dep.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
      and dep.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass and dep.refobjid = $1 and view.ev_class <> $1`,
  `select pg_catalog.format('foreign key %I of %s points at it', conname, conrelid::pg_catalog.regclass)
     from pg_catalog.pg_constraint where contype = 'f' and confrelid = $1 and conrelid <> $1`,
  `select pg_catalog.format('%s depends on it', pg_catalog.pg_describe_object(classid, objid, objsubid))
     from pg_catalog.pg_depend as dep
    where (refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass and refobjid = $1
           or refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass and refobjid in (
                select oid from pg_catalog.pg_type where typrelid = $1
                union all select typarray from pg_catalog.pg_type where typrelid = $1))
      and deptype <> 'i'
      and not case classid
        when 'pg_catalog.pg_class'::pg_catalog.regclass
          then objid = $1 or exists (select from pg_catalog.pg_index where indexrelid = dep.objid and indrelid = $1)
        when 'pg_catalog.pg_constraint'::pg_catalog.regclass
          then exists (select from pg_catalog.pg_constraint where oid = dep.objid and $1 in (conrelid, confrelid))
        when 'pg_catalog.pg_attrdef'::pg_catalog.regclass
          then exists (select from pg_catalog.pg_attrdef where oid = dep.objid and adrelid = $1)
        when 'pg_catalog.pg_policy'::pg_catalog.regclass
          then exists (select from pg_catalog.pg_policy where oid = dep.objid and polrelid = $1)
        when 'pg_catalog.pg_trigger'::pg_catalog.regclass
          then exists (select from pg_catalog.pg_trigger where oid = dep.objid and ($1 in (tgrelid, tgconstrrelid)))
        -- These are named above.
        when 'pg_catalog.pg_rewrite'::pg_catalog.regclass then true
        when 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass then true
        when 'pg_catalog.pg_publication_rel'::pg_catalog.regclass then true
        else false end`,
  `select pg_catalog.format('it belongs to %s', pg_catalog.pg_describe_object(refclassid, refobjid, 0))
     from pg_catalog.pg_depend
    where classid = 'pg_catalog.pg_class'::pg_catalog.regclass and objid = $1 and deptype in ('e', 'x')`,
  // Rights of this loader's role.
  `select pg_catalog.format('its owner is %I, and this role is not a member of it', r.rolname)
     from pg_catalog.pg_class as c join pg_catalog.pg_roles as r on r.oid = c.relowner
    where c.oid = $1 and not pg_catalog.pg_has_role(r.oid, 'USAGE')`,
  `select pg_catalog.format('role %s may not create tables in schema %I', who.role, n.nspname)
     from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    cross join lateral (select distinct rolname as role, oid from pg_catalog.pg_roles
                         where oid = c.relowner or rolname = current_user) as who
    where c.oid = $1 and not pg_catalog.has_schema_privilege(who.oid, n.oid, 'CREATE')`,
]

/**
 * The reasons why another table cannot take this one's place without anybody losing something, in words such as `view
 * public.names reads it`; none when it can. With `columns`, those that are `loaded` must be the table's and those that
 * it is to be `added`, in that order, for readers know them by their order too. A table that is not there has none.
 */
export async function findSwapObstacles(
  session: Session,
  table: TableName,
  columns?: { readonly loaded: readonly string[]; readonly added: readonly string[] },
): Promise<string[]> {
  const found = await session.query("select pg_catalog.to_regclass($1)::pg_catalog.oid as oid", [
    quoteTable(table),
  ])
  const oid = found.rows[0].oid
  if (oid === null) return []
  const { rows } = await session.query<{ reason: string }>(
    questions.map((question) => `select * from (${question}) as q (reason)`).join("\nunion\n"),
    [oid],
  )
  const differ = columns === undefined ? [] : await compareOrder(session, oid, columns)
  return [...differ, ...rows.map(({ reason }) => reason).sort()]
}

async function compareOrder(
  session: Session,
  oid: unknown,
  { loaded, added }: { readonly loaded: readonly string[]; readonly added: readonly string[] },
): Promise<string[]> {
  const { rows } = await session.query(
    `select coalesce(pg_catalog.array_agg(attname::text order by attnum), '{}') as names from pg_catalog.pg_attribute
      where attrelid = $1 and attnum > 0 and not attisdropped`,
    [oid],
  )
  const stored: string[] = rows[0].names
  if (JSON.stringify([...stored, ...added]) === JSON.stringify(loaded)) return []
  return [`its columns are not those of the dataset in their order (${loaded.join(", ")})`]
}
