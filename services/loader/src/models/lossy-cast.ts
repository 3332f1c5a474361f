/** Whether rows would be other ones after their column got another type: `numeric` made `integer` rounds in silence. */
import type { Session } from "../postgres/database.ts"
import { isAnswer } from "../postgres/errors.ts"
import { quoteName, quoteTable, type TableName } from "../postgres/identifier.ts"

/** What a cast would do to a value that is there, as words to follow "lose by that, " and "becomes integer, ". */
export type Loss = {
  /** How many rows would be other ones; undefined when Postgres cannot say. */
  readonly rows: number | undefined
  readonly would: string
  readonly does: string
}

const shownCharacters = 60

/**
 * Casts each value there and back, as `alter column … type` would cast it there; what comes back is another one where
 * something is lost. Undefined when nothing is. Types are written as format_type does.
 *
 * An error of the cast itself, such as a text that is no number, is left to the statement that casts.
 */
export async function findLoss(
  session: Session,
  table: TableName,
  { name, from, into }: { readonly name: string; readonly from: string; readonly into: string },
): Promise<Loss | undefined> {
  const column = quoteName(name)
  const back = `((${column}::${into})::${from})`
  // 1.50 and 1.5 are one number; of other types what is written tells more than what is equal.
  const differs = from.startsWith("numeric")
    ? `${back} is distinct from ${column}`
    : `${back}::pg_catalog.text is distinct from ${column}::pg_catalog.text`
  await session.query("savepoint casting")
  try {
    const { rows } = await session.query<{ was: string; becomes: string; rows: string }>(
      `select pg_catalog.left(${column}::pg_catalog.text, ${shownCharacters}) as was,
              pg_catalog.left(${column}::${into}::pg_catalog.text, ${shownCharacters}) as becomes,
              count(*) over () as rows
         from ${quoteTable(table)} where ${column} is not null and ${differs} limit 1`,
    )
    await session.query("release savepoint casting")
    const [first] = rows
    if (first === undefined) return undefined
    const { was, becomes } = first
    return {
      rows: Number(first.rows),
      would: `as ${was} would become ${becomes}`,
      does: `as ${was} becomes ${becomes}`,
    }
  } catch (error) {
    if (!isAnswer(error)) throw error
    await session.query("rollback to savepoint casting")
    // cannot_coerce
    if (error.code !== "42846") return undefined
    const why = `as Postgres has no way back: ${error.message}`
    return { rows: undefined, would: why, does: why }
  }
}
