/** The indexes that a pipeline asks for: looked for, and made where they are missing. */
import { Problem } from "@flatbed/contract"
import type { WantedIndex } from "../settings/index-settings.ts"
import type { Session } from "./database.ts"
import { findMeaning, isAnswer } from "./errors.ts"
import { quoteName, quoteNames, quoteTable, showTable, type TableName } from "./identifier.ts"

type FoundIndex = {
  readonly name: string
  readonly unique: boolean
  readonly columns: readonly string[]
  /** Whether it holds every row by these columns alone, and can be used. */
  readonly plain: boolean
}

/**
 * Makes what the table lacks and answers the names. An index with the same columns does, whatever its name, and a
 * unique one for one that need not be. `on` is staging when that is about to take the table's place: made behind the
 * swap, they would keep readers waiting. All of it belongs to the caller's transaction.
 *
 * @throws Problem `data-refused` when rows repeat in a unique one; `settings-invalid` when a name is taken;
 * `database-refused` when the table is another role's; `database-failed` when Postgres makes no such index.
 */
export async function makeMissingIndexes(
  session: Session,
  table: TableName,
  wanted: readonly WantedIndex[],
  on = table,
): Promise<string[]> {
  const missing = await findMissingIndexes(session, table, wanted)
  for (const index of missing) await makeIndex(session, table, index, on)
  return missing.map(({ name }) => name)
}

/** Those that a table that is there lacks. Raises settings-invalid when another index has the name of one. */
export async function findMissingIndexes(
  session: Session,
  table: TableName,
  wanted: readonly WantedIndex[],
): Promise<WantedIndex[]> {
  if (wanted.length === 0) return []
  const found = await findIndexes(session, table)
  return wanted.filter((index) => {
    if (found.some((one) => isLike(one, index))) return false
    const namesake = found.find(({ name }) => name === index.name)
    if (namesake !== undefined) throw otherIndex(table, index, namesake)
    return true
  })
}

function isLike(found: FoundIndex, { columns, unique }: WantedIndex): boolean {
  const same = JSON.stringify(found.columns) === JSON.stringify(columns)
  return same && found.plain && (found.unique || !unique)
}

async function findIndexes(session: Session, table: TableName): Promise<FoundIndex[]> {
  const { rows } = await session.query<FoundIndex>(
    `select c.relname as name, i.indisunique as unique,
            i.indpred is null and i.indexprs is null and i.indisvalid and am.amname = 'btree' as plain,
            array(select a.attname::text from pg_catalog.unnest(i.indkey) with ordinality as k (attnum, place)
                    join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
                   where k.place <= i.indnkeyatts order by k.place) as columns
       from pg_catalog.pg_index i
       join pg_catalog.pg_class c on c.oid = i.indexrelid
       join pg_catalog.pg_am am on am.oid = c.relam
      where i.indrelid = $1::pg_catalog.regclass`,
    [quoteTable(table)],
  )
  return rows
}

/** The statement that makes it, in one line. */
export function createIndexStatement(table: TableName, { name, columns, unique }: WantedIndex): string {
  return `create ${unique ? "unique " : ""}index ${quoteName(name)} on ${quoteTable(table)} (${quoteNames(columns)})`
}

async function makeIndex(
  session: Session,
  table: TableName,
  index: WantedIndex,
  on: TableName,
): Promise<void> {
  const { name, columns } = index
  const statement = (at: TableName) => createIndexStatement(at, index)
  try {
    await session.query(statement(on))
  } catch (error) {
    if (!isAnswer(error) || findMeaning(error)?.retry === true) throw error
    const target = showTable(table)
    const nothing = `The index ${quoteName(name)} cannot be made on ${target}`
    const facts = { table: target, index: name, columns: columns.join(", ") }
    switch (error.code) {
      case "23505":
        throw new Problem("data-refused", `${nothing}: ${error.detail ?? error.message}`, {
          hint: "It is to be unique, and the rows are not. Nothing was changed. Mend the file, or take `unique` out of `indexes`.",
          facts,
          cause: error,
        })
      case "42P07":
        throw new Problem(
          "settings-invalid",
          `${nothing}: something else in its schema is called so already.`,
          {
            hint: "Give it another name: indexes: [{ columns: [...], name: ... }].",
            facts,
            cause: error,
          },
        )
      case "42501":
        throw new Problem("database-refused", `${nothing}: ${error.message}.`, {
          hint: `Only the table's owner may. Let them run this, or take the index out of the settings:  ${statement(table)};`,
          facts,
          cause: error,
        })
      default:
        throw new Problem("database-failed", `${nothing}: ${error.message}.`, {
          hint: `Nothing was changed. Change the index in the settings, or take it out.${error.hint === undefined ? "" : ` Postgres: ${error.hint}`}`,
          facts,
          cause: error,
        })
    }
  }
}

function otherIndex(table: TableName, { name, columns, unique }: WantedIndex, found: FoundIndex): Problem {
  const show = (one: { readonly columns: readonly string[]; readonly unique: boolean }) =>
    `${one.unique ? "unique " : ""}(${one.columns.join(", ")})`
  const special = found.plain ? "" : " of its own kind"
  return new Problem(
    "settings-invalid",
    `The index ${quoteName(name)} of ${showTable(table)} is ${show(found)}${special}, the settings ask for ${show({ columns, unique })}.`,
    {
      hint: `Drop it, and the next load makes it anew; or give the other one another name in \`indexes\`.`,
      facts: { table: showTable(table), index: name },
    },
  )
}
