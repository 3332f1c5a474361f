/** Changes of a table's columns: whether they can be made, asked before a row moves, and the making of them. */
import { Problem } from "@flatbed/contract"
import { alterActions } from "../columns/column-changes.ts"
import type { ColumnChange } from "../columns/column-contract.ts"
import type { Session } from "./database.ts"
import { findMeaning, isAnswer } from "./errors.ts"
import { quoteTable, showTable, type TableName } from "./identifier.ts"
import { lockOutReaders } from "./lock-out.ts"
import { findSwapObstacles } from "./swap-obstacles.ts"

/** Whether Postgres would have to write every row of the table anew. */
export function rewrites(changes: readonly ColumnChange[]): boolean {
  return changes.some(({ effect }) => effect?.does === "widen" && effect.rewrites)
}

/**
 * Raises, before a row moves, what would keep the table from being changed: `database-refused` with the statements that
 * help when the role is not its owner; `table-unsuitable` naming what hangs on a column that is to get another type.
 */
export async function refuseUnchangeable(
  session: Session,
  table: TableName,
  changes: readonly ColumnChange[],
): Promise<void> {
  const actions = alterActions(changes)
  if (actions.length === 0) return
  const target = showTable(table)
  const statement = `alter table ${quoteTable(table)} ${actions.join(", ")};`
  const facts = { table: target }
  const { rows } = await session.query<{ role: string; isOwner: boolean; isPart: boolean }>(
    `select pg_catalog.quote_ident(current_user) as role, pg_catalog.pg_has_role(relowner, 'usage') as "isOwner",
            relispartition as "isPart"
       from pg_catalog.pg_class where oid = $1::pg_catalog.regclass`,
    [quoteTable(table)],
  )
  const [found] = rows
  if (found === undefined) throw new Error(`${target} was asked for without an answer`)
  const { role, isOwner, isPart } = found
  if (!isOwner) {
    throw new Problem(
      "database-refused",
      `The role ${role} cannot change the columns of ${target}, as the contract says: only its owner can.`,
      {
        hint: `Nothing was loaded. As the owner, or a superuser:  ${statement}  or  alter table ${quoteTable(table)} owner to ${role};`,
        facts: { ...facts, role },
      },
    )
  }
  if (isPart) {
    throw new Problem(
      "table-unsuitable",
      `${target} is a part of another table, which decides its columns.`,
      {
        hint: "Nothing was loaded. Load into the whole table, or change the columns of that one by hand.",
        facts,
      },
    )
  }
  const obstacles = rewrites(changes)
    ? await findSwapObstacles(session, table)
    : await findTypeObstacles(session, table, changes)
  if (obstacles.length === 0) return
  const names = changes.flatMap(({ column, effect }) => (effect?.does === "widen" ? [`"${column}"`] : []))
  throw new Problem(
    "table-unsuitable",
    `${names.join(", ")} of ${target} cannot be widened, as the contract says: ${obstacles.join("; ")}.`,
    {
      hint: `Nothing was loaded. Take away what is named until the load is done; or, where Postgres lets you, change the table by hand while nobody reads it:  ${statement}`,
      facts,
    },
  )
}

/** What keeps Postgres from changing the type of columns whose rows it need not write (manual, ALTER TABLE). */
async function findTypeObstacles(
  session: Session,
  table: TableName,
  changes: readonly ColumnChange[],
): Promise<string[]> {
  const names = changes.flatMap(({ column, effect }) => (effect?.does === "widen" ? [column] : []))
  if (names.length === 0) return []
  const { rows } = await session.query<{ reason: string }>(
    `select case classid when 'pg_catalog.pg_rewrite'::pg_catalog.regclass
                  then pg_catalog.format('view %s reads it',
                         (select ev_class::pg_catalog.regclass from pg_catalog.pg_rewrite as r where r.oid = dep.objid))
                  else pg_catalog.format('%s depends on it', pg_catalog.pg_describe_object(classid, objid, objsubid)) end as reason
       from pg_catalog.pg_depend as dep
       join pg_catalog.pg_attribute as att on att.attrelid = dep.refobjid and att.attnum = dep.refobjsubid
      where refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass and refobjid = $1::pg_catalog.regclass
        and att.attname = any($2)
        and case classid
              when 'pg_catalog.pg_attrdef'::pg_catalog.regclass
                then exists (select from pg_catalog.pg_attrdef as def where def.oid = dep.objid and def.adnum <> att.attnum)
              else classid = any(array['pg_catalog.pg_rewrite', 'pg_catalog.pg_policy', 'pg_catalog.pg_trigger',
                                       'pg_catalog.pg_proc']::pg_catalog.regclass[]) end
      union
     select pg_catalog.format('the table is partitioned by %I', att.attname)
       from pg_catalog.pg_partitioned_table as part
       join pg_catalog.pg_attribute as att on att.attrelid = part.partrelid and att.attnum = any(part.partattrs)
      where part.partrelid = $1::pg_catalog.regclass and att.attname = any($2)
      order by 1`,
    [quoteTable(table), names],
  )
  return rows.map(({ reason }) => reason)
}

/**
 * Changes the table where it stands, in the caller's transaction; readers wait from then on until it ends. For changes
 * that write no row anew.
 *
 * @throws Problem `database-failed` when readers held the table for longer than `waitMs`, or Postgres does not change it.
 */
export async function alterColumns(
  session: Session,
  table: TableName,
  changes: readonly ColumnChange[],
  waitMs: number,
): Promise<void> {
  const actions = alterActions(changes)
  if (actions.length === 0) return
  if (!(await lockOutReaders(session, table, waitMs))) throw readersStay(table)
  const statement = `alter table ${quoteTable(table)} ${actions.join(", ")}`
  try {
    await session.query(statement)
  } catch (error) {
    if (!isAnswer(error) || findMeaning(error)?.retry === true) throw error
    throw new Problem(
      "database-failed",
      `The columns of ${showTable(table)} cannot be changed as the contract says: ${error.message}.`,
      {
        hint: `Nothing was changed. Remove what is in the way, or change the table by hand:  ${statement};`,
        facts: { table: showTable(table), sqlstate: error.code ?? null },
        cause: error,
      },
    )
  }
}

/** The problem of a table whose columns cannot be changed, since somebody reads it. */
export function readersStay(table: TableName): Problem {
  const target = showTable(table)
  return new Problem(
    "database-failed",
    `Readers held ${target}, or a snapshot older than the change of its columns, for longer than swap_wait.`,
    {
      hint: "Nothing was changed, and the next load goes on with what was fetched. End what has read for long (see pg_stat_activity), or raise swap_wait.",
      facts: { table: target },
    },
  )
}
