/** The key of a row as it is typed, and the rows of a table that have it. */
import { findNearest } from "@flatbed/config"
import { Problem } from "@flatbed/contract"
import type { Session } from "../postgres/database.ts"
import { quoteName, quoteTable } from "../postgres/identifier.ts"
import type { Table } from "../postgres/table.ts"
import type { Pipeline } from "../settings/pipeline-settings.ts"
import type { Place } from "./compare-rows.ts"

export type KeyValue = { readonly column: string; readonly value: string | null }

/** A row's columns as text. */
export type ExplainedRow = {
  readonly cells: Readonly<Record<string, string | null>>
  /** Where it stood when it was found. */
  readonly place: Place
}

/**
 * `7`, or `id=7`; a value for each column of the key, in its order, or `column=value` for any columns of the table.
 *
 * @throws Problem `usage-invalid` when it is neither.
 */
export function readKey(
  { name, target, rules }: Pick<Pipeline, "name" | "target" | "rules">,
  table: Table,
  words: readonly string[],
): KeyValue[] {
  const columns = table.columns.map((column) => column.name)
  const named = words.map((word) => splitWord(word, columns))
  const known = named.filter((one) => one !== undefined)
  if (words.length > 0 && known.length === words.length) return known
  const { key } = rules
  if (known.length === 0 && key.length > 0 && key.length === words.length)
    return key.map((column, i) => ({ column, value: words[i] ?? "" }))
  const astray = words.find((word, i) => named[i] === undefined && word.includes("="))
  const column = astray?.slice(0, astray.indexOf("="))
  if (column !== undefined && key.length !== words.length) throw unknownColumn(target, column, columns)
  const asked = key.length === 0 ? "has no key in the settings" : `has the key ${key.join(", ")}`
  throw new Problem(
    "usage-invalid",
    `${target} ${asked}; ${words.length === 0 ? "no value was" : `${words.join(" ")} was`} given.`,
    {
      hint: `Give a value for each column of the key, or name columns: explain ${name} ${JSON.stringify(`${columns[0]}=…`)}; or a row's number: --row 17.`,
      facts: { table: target },
    },
  )
}

/** `id=7` where id is a column; the longest name that fits, for a name may hold the sign too. */
function splitWord(word: string, columns: readonly string[]): KeyValue | undefined {
  const [column] = columns.filter((name) => word.startsWith(`${name}=`)).sort((a, b) => b.length - a.length)
  return column === undefined ? undefined : { column, value: word.slice(column.length + 1) }
}

function unknownColumn(target: string, column: string, columns: readonly string[]): Problem {
  const near = findNearest(column, columns)
  return new Problem("usage-invalid", `${target} has no column ${JSON.stringify(column)}.`, {
    hint:
      near === undefined
        ? `Its columns are ${columns.map((name) => JSON.stringify(name)).join(", ")}.`
        : `Did you mean ${JSON.stringify(near)}?`,
    facts: { table: target, column },
  })
}

// "invalid input syntax", "out of range" and the like (Postgres manual, appendix A).
const unreadable = /^22/

/** How many rows of the table have the key, and the first of them. */
export async function findRowsByKey(
  session: Session,
  { target, table: name }: Pick<Pipeline, "target" | "table">,
  table: Table,
  key: readonly KeyValue[],
): Promise<{ readonly matches: number; readonly rows: readonly ExplainedRow[] }> {
  const types = new Map(table.columns.map((column) => [column.name, column.type]))
  const conditions = key.map(({ column }, i) => `t.${quoteName(column)} = $${i + 1}::${types.get(column)}`)
  const columns = table.columns.map((column) => column.name)
  const cells = columns.map((column) => `t.${quoteName(column)}::text`)
  try {
    const { rows } = await session.query(
      `select pg_catalog.array_to_json(array[${cells.join(", ")}]::text[])::text as cells,
              t.tableoid::text as part, t.ctid::text as at, count(*) over () as matches
         from ${quoteTable(name)} as t where ${conditions.join(" and ")} order by t.ctid limit 1`,
      key.map(({ value }) => value),
    )
    const [first] = rows
    if (first === undefined) return { matches: 0, rows: [] }
    const values: (string | null)[] = JSON.parse(first.cells)
    const named = Object.fromEntries(columns.map((column, i) => [column, values[i] ?? null]))
    return {
      matches: Number(first.matches),
      rows: [{ cells: named, place: { part: first.part, at: first.at } }],
    }
  } catch (error) {
    const { code, message } = error as { code?: string; message: string }
    if (code === undefined || !unreadable.test(code)) throw error
    throw new Problem("usage-invalid", `The key of ${target} cannot be that: ${message}.`, {
      hint: `Its columns are ${key.map(({ column }) => `${column} ${types.get(column)}`).join(", ")}.`,
      facts: { table: target },
    })
  }
}
