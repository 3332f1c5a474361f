/** The staged rows of a model come into its table, in the transaction that makes the model. */

import { append } from "../load-modes/append.ts"
import type { Application } from "../load-modes/load-mode.ts"
import { mergeByKey } from "../load-modes/merge.ts"
import { replace } from "../load-modes/replace.ts"
import type { Session } from "../postgres/database.ts"
import { quoteName, quoteNames, quoteTable } from "../postgres/identifier.ts"
import { findTable, type Table } from "../postgres/table.ts"
import type { AppliedRows, Model } from "./model.ts"
import { changeColumns } from "./model-columns.ts"
import type { MadeTable } from "./model-ledger.ts"
import { failed, type Staged } from "./stage-select.ts"

/** What the transaction did to the table. */
export type AppliedTable = {
  readonly applied: AppliedRows
  readonly targetOid: number
  readonly isOwn: boolean
  readonly tableRows: number
}

/**
 * Applies them as the model says. The table itself stays, and with it its views, grants, comments and indexes; a first
 * time it is made. Its columns follow the select only if the loader made it.
 *
 * @throws Problem `model-failed` when keys repeat, what depends on the table is in the way, or it is of another kind.
 */
export async function applyRows(
  session: Session,
  model: Model,
  staged: Staged,
  made: MadeTable | undefined,
): Promise<AppliedTable> {
  const { table, as, key } = model
  await refuseBrokenKeys(session, model, staged)
  const found = await findTable(session, table)
  const isOwn = found === undefined || (made?.targetOid === found.oid && made.isOwn)
  if (found !== undefined) {
    await refuseUnsuitable(session, model, found, made)
    await lock(session, model)
    await changeColumns(session, model, { table: found, staged, isOwn, before: made?.columns ?? [] })
  }
  const application = describeApplication(model, staged, found !== undefined)
  const done =
    as === "append"
      ? await append(session, application)
      : key.length === 0
        ? await replace(session, application)
        : await mergeByKey(session, application, 0, as === "table" ? gone : { they: "stay" })
  if (found !== undefined && isOwn && key.length > 0) await addPrimaryKey(session, model)
  const now = found ?? (await findTable(session, table))
  if (now === undefined) throw new Error(`${model.target} was made and is not there`)
  const { inserted, updated, unchanged, deleted } = done
  const applied = { inserted, updated, unchanged, deleted }
  const before = found === undefined ? 0 : made?.targetOid === found.oid ? made.tableRows : undefined
  const tableRows =
    as === "table"
      ? staged.rows
      : before === undefined
        ? await countTable(session, model)
        : before + inserted - deleted
  return { applied, targetOid: now.oid, isOwn, tableRows }
}

const gone = { they: "go", allow: async () => undefined } as const

function describeApplication(model: Model, { staging, columns, rows }: Staged, exists: boolean): Application {
  return {
    ...{ staging, target: model.table, name: model.target, exists },
    columns: columns.map(({ name }) => name),
    types: columns.map(({ type }) => type),
    staged: rows,
    ...{ mayAdopt: false, swapWaitMs: 0, onNotSwapped: () => undefined },
    ...{ version: "", rejects: 0 },
    rules: {
      ...{ key: model.key, orderBy: undefined, dedupe: "none" },
      ...{ lineage: false, numbered: false, swap: false },
      deletes: { soft: false, maxRows: 0, maxShare: "0%", afterRejects: false, allowedFor: undefined },
    },
  }
}

const shownKeys = 5

/** A key that stands twice in the select, or has NULL in it. */
async function refuseBrokenKeys(session: Session, model: Model, { staging, columns }: Staged): Promise<void> {
  const { key } = model
  if (key.length === 0) return
  const known = columns.map(({ name }) => name)
  const missing = key.find((name) => !known.includes(name))
  if (missing !== undefined) {
    const found = `its key names ${JSON.stringify(missing)}, which the select does not have`
    throw failed(model, found, `Its columns are ${known.join(", ")}.`)
  }
  const [table, names] = [quoteTable(staging), quoteNames(key)]
  const qualified = key.map((name) => `s.${quoteName(name)}`).join(", ")
  const empty = await session.query(
    `select count(*) as rows from ${table} where pg_catalog.num_nulls(${names}) > 0`,
  )
  const nulls = Number(empty.rows[0].rows)
  if (nulls > 0) {
    const found = `${nulls} of the select's rows ${nulls === 1 ? "has" : "have"} NULL in the key (${key.join(", ")})`
    throw failed(model, found, "Leave such rows out in the SQL, or give them a value.")
  }
  const { rows } = await session.query<{ key: string; times: string; keys: string }>(
    `select (select pg_catalog.row_to_json(k)::text from (select ${qualified}) as k) as key, count(*) as times,
            count(*) over () as keys
       from ${table} as s group by ${qualified} having count(*) > 1 order by 1 limit ${shownKeys}`,
  )
  const [first] = rows
  if (first === undefined) return
  const list = rows.map(({ key: shown, times }) => `${shown} in ${times} rows`).join("; ")
  const found = `${first.keys} ${first.keys === "1" ? "key stands" : "keys stand"} more than once in the select: ${list}`
  throw failed(model, found, `One row of each key (${key.join(", ")}) is expected: group by them in the SQL.`)
}

async function refuseUnsuitable(
  session: Session,
  model: Model,
  table: Table,
  made: MadeTable | undefined,
): Promise<void> {
  const { target, as, key } = model
  if (table.kind !== "r" && table.kind !== "p") {
    const kind = table.kind === "v" ? "a view" : "no table"
    throw failed(
      model,
      `${target} is ${kind}, and the model is to be a table`,
      `Drop it, or name another table`,
    )
  }
  const isOther = made !== undefined && made.targetOid !== table.oid
  if (as === "upsert" || (as === "append" && !isOther)) return
  if (as === "table" && key.length === 0 && table.referencedBy.length > 0) {
    const found = `${table.referencedBy.join(", ")} refer to ${target}, so its rows cannot all be deleted`
    throw failed(model, found, "With  key: […]  only rows that change are written.")
  }
  if (as === "table" && made?.targetOid === table.oid) return
  const { rows } = await session.query(`select exists (select from ${quoteTable(model.table)}) as "hasRows"`)
  if (!rows[0].hasRows) return
  if (as === "append") {
    const found = `${target} is not the table that the model made, and it holds rows, of which nobody knows the versions`
    throw failed(model, found, `Empty it, and the rows of all versions come in; or name another table.`)
  }
  const found = `${target} holds rows that no model put there, and they would be deleted`
  throw failed(model, found, `Empty it, or name another table.`)
}

/** Other writers wait until the commit, readers do not. */
async function lock(session: Session, { table, as }: Model): Promise<void> {
  const mode = as === "append" ? "row exclusive" : "share row exclusive"
  await session.query(`lock table ${quoteTable(table)} in ${mode} mode`)
}

/** A table whose key was named since it was made, or whose key's columns are new, gets its primary key. */
async function addPrimaryKey(session: Session, { table, key }: Model): Promise<void> {
  const { columns = [] } = (await findTable(session, table)) ?? {}
  if (columns.some(({ isPrimary }) => isPrimary)) return
  await session.query(`alter table ${quoteTable(table)} add primary key (${quoteNames(key)})`)
}

async function countTable(session: Session, { table }: Model): Promise<number> {
  const { rows } = await session.query(`select count(*) as rows from ${quoteTable(table)}`)
  return Number(rows[0].rows)
}
