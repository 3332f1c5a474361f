/**
 * Checks before a row moves: Postgres reads each condition as a CHECK constraint of an empty table with staging's
 * columns, and gives it back as it understands it. So a condition is one expression over one row and nothing else: no
 * second statement, no subquery, no other table (Postgres manual, CREATE TABLE, "CHECK").
 */
import { randomBytes } from "node:crypto"
import { findNearest } from "@flatbed/config"
import { Problem } from "@flatbed/contract"
import type pg from "pg"
import { type Check, describeRule } from "./check.ts"
import { type CompiledCheck, countAstray, countRepeated, rowCondition } from "./check-sql.ts"
import type { Lease } from "./lease.ts"
import type { Pipeline } from "./pipeline-settings.ts"
import type { Session } from "./postgres/database.ts"
import { findMeaning, isAnswer } from "./postgres/errors.ts"
import { quoteName, quoteTable, showTable, type TableName } from "./postgres/identifier.ts"
import type { StagingColumn } from "./postgres/staging.ts"

/**
 * The pipeline's checks, ready to be asked of rows with these columns.
 *
 * @throws Problem `settings-invalid` naming every check that Postgres does not understand for the columns' types;
 * `column-unknown`, with the nearest name, when a condition names a column that is not there; `database-refused` when
 * the role may not read a table that is referred to.
 */
export async function compileChecks(
  { name, checks }: Pick<Pipeline, "name" | "checks">,
  columns: readonly StagingColumn[],
  lease: Lease,
): Promise<CompiledCheck[]> {
  if (checks.length === 0) return []
  const loaded = columns.filter(({ isOwn, isIgnored, isBeside }) => !isOwn && !isIgnored && !isBeside)
  return await lease.transaction((session) => compile(session, name, checks, loaded), {
    doing: `reading the checks of ${name}`,
  })
}

async function compile(
  session: Session,
  pipeline: string,
  checks: readonly Check[],
  columns: readonly StagingColumn[],
): Promise<CompiledCheck[]> {
  const probe: TableName = { schema: session.ledgerSchema, name: `probe_${randomBytes(8).toString("hex")}` }
  const list = columns.map(({ name, type }) => `${quoteName(name)} ${type}`)
  await session.query(`create table ${quoteTable(probe)} (${list.join(", ")})`)
  const wrong: string[] = []
  const compiled: CompiledCheck[] = []
  for (const check of checks) {
    const type = findUnordered(check, columns)
    if (type !== undefined) {
      wrong.push(
        `pipelines.${pipeline}.checks.${check.place} is a range, and ${JSON.stringify(check.columns[0])} is ${type}, ` +
          "where 9 is more than 10; expected numbers or times: declare the column's type in source.yaml, or use pattern.",
      )
      continue
    }
    await session.query("savepoint try")
    try {
      const condition = await tryCheck(session, probe, check)
      compiled.push({ ...check, condition })
    } catch (error) {
      if (error instanceof NotOneCondition)
        wrong.push(`pipelines.${pipeline}.checks.${check.place} is more than one condition, expected one.`)
      else if (!isAnswer(error) || findMeaning(error)?.retry === true) throw error
      else wrong.push(describeWrong(pipeline, check, error, columns))
    }
    // Whatever it did is gone again.
    await session.query("rollback to savepoint try")
  }
  if (wrong.length > 0) {
    throw new Problem("settings-invalid", wrong.join("\n  "), {
      hint: "Nothing was loaded. Words are read as values of the column's type; a condition is one expression over the columns of a row, and functions of your own need their schema.",
      facts: { pipeline },
    })
  }
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

/** One line for `settings-invalid`; raises the problem itself where it is another one. */
function describeWrong(
  pipeline: string,
  check: Check,
  error: pg.DatabaseError,
  columns: readonly StagingColumn[],
): string {
  const { name, rule, place } = check
  const at = `pipelines.${pipeline}.checks.${place}`
  if (error.code === "42501" && rule.kind === "references") {
    const table = showTable(rule.table)
    throw new Problem("database-refused", `${at} refers to ${table}: ${error.message}.`, {
      hint: `Give the loader's role the right to read it:  grant usage on schema ${quoteName(rule.table.schema)} to …; grant select on ${quoteTable(rule.table)} to …;`,
      facts: { pipeline, check: name, table },
    })
  }
  if (error.code === "42703" && rule.kind === "sql") {
    const names = columns.map((column) => column.name)
    // The message may be in any language; the name stands in it between quotes of some kind.
    const unknown = /["\u00ab\u201e\u201c]\s?([^"\u00bb\u201d\u201c]+?)\s?["\u00bb\u201d\u201c]/.exec(
      error.message,
    )?.[1]
    const nearest = unknown === undefined ? undefined : findNearest(unknown, names)
    throw new Problem("column-unknown", `${at}.sql: ${error.message}.`, {
      hint:
        nearest === undefined
          ? `The columns are ${names.map(quoteName).join(", ")}.`
          : `Did you mean ${quoteName(nearest)}? Names that are not all small letters need their quotes.`,
      facts: { setting: `checks.${place}.sql`, column: unknown ?? null },
    })
  }
  const types = check.columns.map((one) => {
    const type = columns.find((column) => column.name === one)?.type ?? "unknown"
    return `${JSON.stringify(one)} is ${type}`
  })
  const found = types.length === 0 ? "" : `, and ${types.join(", ")}`
  return `${at} expects ${describeRule(rule)}${found}: ${error.message}.`
}
