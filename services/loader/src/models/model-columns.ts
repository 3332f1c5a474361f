/** A model's table that is there gets the select's columns, or the select's rows get the table's types. */
import type { Session } from "../postgres/database.ts"
import { findMeaning, isAnswer } from "../postgres/errors.ts"
import { quoteName, quoteTable } from "../postgres/identifier.ts"
import type { Table, TableColumn } from "../postgres/table.ts"
import { counted } from "../summary.ts"
import { findLoss } from "./lossy-cast.ts"
import type { Model } from "./model.ts"
import { failed, type Staged } from "./stage-select.ts"

type Change = {
  readonly table: Table
  readonly staged: Staged
  /** Whether the loader made the table. */
  readonly isOwn: boolean
  /** The select's columns when the model was made last: others are somebody else's. */
  readonly before: readonly string[]
}

/**
 * A table that the loader made follows the select: columns that are new in it are added. Those that are gone, and those
 * of another type, are dropped where all rows come anew (`as: table`); where rows stay, a column that is gone stays with
 * them, and one of another type is cast. A table that was there before stays as it is: staging gets its types. No cast
 * changes a value.
 *
 * @throws Problem `model-failed` naming what depends on a column, or what does not fit.
 */
export async function changeColumns(session: Session, model: Model, change: Change): Promise<void> {
  if (change.isOwn) await followSelect(session, model, change)
  else await fitStaging(session, model, change)
}

async function followSelect(session: Session, model: Model, change: Change): Promise<void> {
  const { table, staged, before } = change
  const wanted = new Map(staged.columns.map((column) => [column.name, column]))
  const there = new Map(table.columns.map((column) => [column.name, column]))
  const added = staged.columns.filter(({ name }) => !there.has(name))
  const others = staged.columns.filter(({ name, type }) => there.has(name) && there.get(name)?.type !== type)
  const gone = before.filter((name) => there.has(name) && !wanted.has(name))
  const drop = (name: string) => `drop column ${quoteName(name)}`
  const add = ({ name, type }: TableColumn) => `add column ${quoteName(name)} ${type}`
  const cast = ({ name, type }: TableColumn) => `alter column ${quoteName(name)} type ${type}`
  const actions =
    model.as === "table"
      ? [...gone.map(drop), ...others.flatMap((one) => [drop(one.name), add(one)]), ...added.map(add)]
      : [...others.map(cast), ...added.map(add)]
  const names = [...gone, ...others.map(({ name }) => name), ...added.map(({ name }) => name)]
  if (model.as !== "table") await refuseLossOfRows(session, model, others, there)
  if (actions.length > 0) await alter(session, model, actions, names)
  await dropOtherPrimaryKey(session, model)
}

async function refuseLossOfRows(
  session: Session,
  model: Model,
  others: readonly TableColumn[],
  there: ReadonlyMap<string, TableColumn>,
): Promise<void> {
  for (const { name, type: into } of others) {
    const from = there.get(name)?.type ?? into
    const loss = await findLoss(session, model.table, { name, from, into })
    if (loss === undefined) continue
    const rows = loss.rows === undefined ? "rows" : counted(loss.rows, "row")
    const found = `${JSON.stringify(name)} is ${from}, the select gives ${into}, and ${rows} of ${model.target} would lose by that, ${loss.would}`
    const hint = `Cast it to ${from} in the SQL or give it another name; or change the table by hand:  alter table ${quoteTable(model.table)} alter column ${quoteName(name)} type ${into};`
    throw failed(model, found, hint)
  }
}

/** A primary key of other columns than the model's key would refuse rows that the model allows. */
async function dropOtherPrimaryKey(session: Session, model: Model): Promise<void> {
  const { rows } = await session.query<{ name: string; columns: string[] }>(
    `select conname as name, array(
              select att.attname::text from pg_catalog.unnest(conkey) with ordinality as k (attnum, place)
                join pg_catalog.pg_attribute as att on att.attrelid = conrelid and att.attnum = k.attnum
               order by place) as columns
       from pg_catalog.pg_constraint where conrelid = $1::pg_catalog.regclass and contype = 'p'`,
    [quoteTable(model.table)],
  )
  for (const { name, columns } of rows) {
    if (JSON.stringify(columns) === JSON.stringify(model.key)) continue
    await alter(session, model, [`drop constraint ${quoteName(name)}`], columns)
  }
}

async function alter(
  session: Session,
  model: Model,
  actions: readonly string[],
  names: readonly string[],
): Promise<void> {
  const statement = `alter table ${quoteTable(model.table)} ${actions.join(", ")}`
  try {
    await session.query(statement)
  } catch (error) {
    if (!isAnswer(error) || findMeaning(error)?.retry === true) throw error
    const detail = error.detail === undefined ? "" : ` (${error.detail.replaceAll("\n", "; ")})`
    const columns = names.map((name) => JSON.stringify(name)).join(", ")
    const found = `the columns ${columns} of ${model.target} changed, and it cannot follow: ${error.message}${detail}`
    const hint = `Take away what depends on them, or change the table by hand:  ${statement};`
    throw failed(model, found, hint, { sqlstate: error.code ?? null })
  }
}

/** `alter column … type` casts as an insert would. */
async function fitStaging(session: Session, model: Model, { table, staged }: Change): Promise<void> {
  const there = new Map(table.columns.map((column) => [column.name, column]))
  const wanted = new Set(staged.columns.map(({ name }) => name))
  const show = (columns: readonly TableColumn[]) => columns.map(({ name }) => JSON.stringify(name)).join(", ")
  const extra = staged.columns.filter(({ name }) => !there.has(name) || there.get(name)?.closed === true)
  const missing = table.columns.filter(
    ({ name, notNull, filledByDatabase, closed }) =>
      notNull && !filledByDatabase && !closed && !wanted.has(name),
  )
  if (extra.length > 0 || missing.length > 0) {
    const parts = [
      ...(extra.length === 0 ? [] : [`it has no place for ${show(extra)}`]),
      ...(missing.length === 0 ? [] : [`it needs ${show(missing)}, which the select does not give`]),
    ]
    const found = `${model.target} was not made by this model, and its columns do not fit: ${parts.join("; ")}`
    throw failed(model, found, "Change the select or the table; or drop the table, then the model makes it.")
  }
  const casts = staged.columns.flatMap(({ name, type }) => {
    const into = there.get(name)?.type
    return into === undefined || into === type ? [] : [`alter column ${quoteName(name)} type ${into}`]
  })
  if (casts.length === 0) return
  for (const { name, type: from } of staged.columns) {
    const into = there.get(name)?.type ?? from
    if (into === from) continue
    const loss = await findLoss(session, staged.staging, { name, from, into })
    if (loss === undefined) continue
    const rows = loss.rows === undefined ? "" : ` in ${counted(loss.rows, "row")},`
    const found = `the select's rows would be changed by the types of ${model.target}: ${JSON.stringify(name)} is ${from} and becomes ${into},${rows} ${loss.does}`
    throw failed(model, found, "Cast or round it in the SQL, if that is meant.")
  }
  try {
    await session.query(`alter table ${quoteTable(staged.staging)} ${casts.join(", ")}`)
  } catch (error) {
    if (!isAnswer(error) || findMeaning(error)?.retry === true) throw error
    const found = `the select's rows do not fit the types of ${model.target}: ${error.message}`
    throw failed(model, found, "Cast the columns in the SQL.", { sqlstate: error.code ?? null })
  }
}
