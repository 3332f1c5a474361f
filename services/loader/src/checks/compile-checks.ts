/**
 * Checks before a row moves: Postgres reads each condition as a CHECK constraint of an empty table with staging's
 * columns, and gives it back as it understands it. So a condition is one expression over one row and nothing else: no
 * second statement, no subquery, no other table (Postgres manual, CREATE TABLE, "CHECK").
 */
import { randomBytes } from "node:crypto"
import type pg from "pg"
import type { Lease } from "../lease.ts"
import type { Session } from "../postgres/database.ts"
import { findMeaning, isAnswer } from "../postgres/errors.ts"
import { quoteName, quoteTable, type TableName } from "../postgres/identifier.ts"
import type { StagingColumn } from "../postgres/staging.ts"
import type { Pipeline } from "../settings/pipeline-settings.ts"
import {
  checksInvalid,
  describeWrong,
  findUnknown,
  notOneCondition,
  notOrdered,
  type WrongCheck,
} from "../wrong-checks.ts"
import type { Check } from "./check.ts"
import { type CompiledCheck, countAstray, countRepeated, rowCondition } from "./check-sql.ts"

/**
 * The pipeline's checks, ready to be asked of rows with these columns.
 *
 * @throws Problem `settings-invalid` naming every check that Postgres does not understand for the columns' types;
 * `column-unknown`, with the nearest names, when all that is wrong are columns that are not there; `database-refused`
 * when the role may not read a table that is referred to.
 */
export async function compileChecks(
  { name, checks }: Pick<Pipeline, "name" | "checks">,
  columns: readonly StagingColumn[],
  lease: Lease,
): Promise<CompiledCheck[]> {
  if (checks.length === 0) return []
  const loaded = columns.filter(({ isOwn, isIgnored, isBeside }) => !isOwn && !isIgnored && !isBeside)
  const whose = { name, path: `pipelines.${name}`, rows: "the dataset" }
  return await lease.transaction((session) => compileIn(session, whose, checks, loaded), {
    doing: `reading the checks of ${name}`,
  })
}

/** Whose checks they are: by name, by the place in the settings, and what gives the rows, as messages write it. */
export type ChecksOwner = { readonly name: string; readonly path: string; readonly rows: string }

/** The same in a transaction of the caller's. */
export async function compileIn(
  session: Session,
  whose: ChecksOwner,
  checks: readonly Check[],
  columns: readonly StagingColumn[],
): Promise<CompiledCheck[]> {
  const probe: TableName = { schema: session.ledgerSchema, name: `probe_${randomBytes(8).toString("hex")}` }
  const list = columns.map(({ name, type }) => `${quoteName(name)} ${type}`)
  await session.query(`create table ${quoteTable(probe)} (${list.join(", ")})`)
  const wrong: WrongCheck[] = []
  const compiled: CompiledCheck[] = []
  for (const check of checks) {
    const at = `${whose.path}.checks.${check.place}`
    const unknown = findUnknown(at, check, columns, whose.rows)
    const type = findUnordered(check, columns)
    if (unknown.length > 0 || type !== undefined) {
      wrong.push(...unknown, ...(type === undefined ? [] : [notOrdered(at, check, type)]))
      continue
    }
    await session.query("savepoint try")
    // Whatever it did is gone again.
    const undo = () => session.query("rollback to savepoint try")
    try {
      const condition = await tryCheck(session, probe, check)
      compiled.push({ ...check, condition })
      await undo()
    } catch (error) {
      if (error instanceof NotOneCondition) {
        await undo()
        wrong.push(notOneCondition(at))
      } else if (!isAnswer(error) || findMeaning(error)?.retry === true) throw error
      else {
        await undo()
        wrong.push(await describeWrong(session, at, check, error, columns))
      }
    }
  }
  const [first, ...others] = wrong
  if (first !== undefined) throw checksInvalid(whose.name, [first, ...others])
  await session.query(`drop table ${quoteTable(probe)}`)
  return compiled
}

/** The type of a column whose values have no order that people mean by a range; undefined when they have. */
function findUnordered(
  { rule, columns: [name] }: Check,
  columns: readonly StagingColumn[],
): string | undefined {
  if (rule.kind !== "range") return undefined
  const type = columns.find((column) => column.name === name)?.type
  return type !== undefined && /^(?:text|character|boolean|json)/.test(type) ? type : undefined
}

/** The check's condition as Postgres reads it; undefined for one that a row alone does not tell. */
async function tryCheck(session: Session, probe: TableName, check: Check): Promise<string | undefined> {
  const { rule, columns } = check
  const rows = {
    staging: probe,
    columns: [],
    rules: { key: [], orderBy: undefined, dedupe: "none" },
  } as const
  // A pattern is read when it is first used.
  if (rule.kind === "pattern") await session.query("select '' ~ $1", [rule.pattern])
  if (rule.kind === "unique") await session.query(countRepeated(columns, rows))
  if (rule.kind === "references") await session.query(countAstray(columns[0] ?? "", rule, rows))
  const condition = rowCondition(check)
  return condition === undefined ? undefined : await readCondition(session, probe, condition)
}

async function readCondition(session: Session, probe: TableName, condition: string): Promise<string> {
  // By the extended protocol, which takes one statement and no more (Postgres manual, 53.2.3); and what follows the
  // parenthesis can follow a constraint alone.
  const add: pg.QueryConfig & { queryMode: "extended" } = {
    text: `alter table ${quoteTable(probe)} add check (${condition}) not valid`,
    queryMode: "extended",
  }
  await session.query(add)
  const { rows } = await session.query<{ condition: string | null }>(
    `select pg_catalog.pg_get_expr(conbin, conrelid) as condition
       from pg_catalog.pg_constraint where conrelid = $1::pg_catalog.regclass`,
    [quoteTable(probe)],
  )
  const [only, ...others] = rows
  if (only?.condition == null || others.length > 0) throw new NotOneCondition()
  return only.condition
}

/** The text goes on behind the condition, with another constraint. */
class NotOneCondition extends Error {}
