/** What is told about checks that Postgres does not understand for the columns at hand, all of them in one problem. */
import { findNearest } from "@flatbed/config"
import { Problem } from "@flatbed/contract"
import type pg from "pg"
import { type Check, describeRule } from "./checks/check.ts"
import { columnsUnknown, listColumns, tellNearest, type UnknownColumn } from "./columns/column-names.ts"
import type { Session } from "./postgres/database.ts"
import { quoteName, quoteTable, showTable, type TableName } from "./postgres/identifier.ts"
import type { StagingColumn } from "./postgres/staging.ts"

/** One check that is not understood: a sentence, and what helps with its kind. */
export type WrongCheck = {
  readonly message: string
  readonly hint: string
  /** Where it is a column that is not there. */
  readonly unknown?: UnknownColumn
}

const hints = {
  words: "Words are read as values of the column's type.",
  pattern: "A pattern is a regular expression of Postgres (manual, 9.7.3); in YAML it stands best in '…'.",
  sql: "A condition is one expression over the columns of a row, and functions of your own need their schema.",
  references: "references is table.column or schema.table.column, of a table in the database that is loaded.",
  types:
    "The column and the one that it refers to need types that Postgres compares: declare it in source.yaml.",
}

/** `settings-invalid` with all of them; `column-unknown` when that is all that is wrong. */
export function checksInvalid(pipeline: string, wrong: readonly [WrongCheck, ...WrongCheck[]]): Problem {
  const [first, ...others] = wrong.flatMap(({ unknown }) => unknown ?? [])
  if (first !== undefined && others.length + 1 === wrong.length) return columnsUnknown([first, ...others])
  const lines = wrong.map(
    ({ message, unknown }) => `${message}${unknown === undefined ? "" : tellNearest(unknown)}`,
  )
  const help = new Set(wrong.map(({ hint }) => hint).filter((hint) => hint !== ""))
  const columns = first === undefined ? [] : [listColumns(first.known)]
  return new Problem("settings-invalid", lines.join("\n  "), {
    hint: ["Nothing was loaded.", ...help, ...columns].join(" "),
    facts: { pipeline },
  })
}

/** Columns that a check names and that are not there. `rows` is what gives the rows, as in `the dataset`. */
export function findUnknown(
  at: string,
  check: Check,
  columns: readonly StagingColumn[],
  rows: string,
): WrongCheck[] {
  const known = columns.map(({ name }) => name)
  return check.columns
    .filter((column) => !known.includes(column))
    .map((column) => {
      const message = `${at} names ${JSON.stringify(column)}, which is not a column of ${rows}.`
      return { message, hint: "", unknown: { setting: `checks.${check.place}`, column, message, known } }
    })
}

/** A range of a column whose values have no order that people mean by it. */
export function notOrdered(at: string, { columns: [name] }: Check, type: string): WrongCheck {
  return {
    message:
      `${at} is a range, and ${JSON.stringify(name)} is ${type}, where 9 is more than 10; ` +
      "expected numbers or times: declare the column's type in source.yaml, or use pattern.",
    hint: "",
  }
}

/** A condition that goes on behind its end. */
export function notOneCondition(at: string): WrongCheck {
  return { message: `${at} is more than one condition, expected one.`, hint: hints.sql }
}

/**
 * What Postgres found wrong with a check. The session is one that it answers again.
 *
 * @throws Problem `database-refused` when the role may not read the table that is referred to.
 */
export async function describeWrong(
  session: Session,
  at: string,
  check: Check,
  error: pg.DatabaseError,
  columns: readonly StagingColumn[],
): Promise<WrongCheck> {
  const { rule, place } = check
  if (rule.kind === "references") {
    const missing = await describeReference(session, at, check, rule, error)
    if (missing !== undefined) return missing
  }
  if (error.code === "42703" && rule.kind === "sql") {
    const names = columns.map((column) => column.name)
    // The message may be in any language; the name stands in it between quotes of some kind.
    const column =
      /["\u00ab\u201e\u201c]\s?([^"\u00bb\u201d\u201c]+?)\s?["\u00bb\u201d\u201c]/.exec(error.message)?.[1] ??
      null
    const message = `${at}.sql: ${error.message}.`
    const unknown = { setting: `checks.${place}.sql`, column, message, known: names }
    return {
      message,
      hint: "In a condition, names that are not all small letters need their quotes.",
      unknown,
    }
  }
  const types = check.columns.map((one) => {
    const type = columns.find((column) => column.name === one)?.type ?? "unknown"
    return `${JSON.stringify(one)} is ${type}`
  })
  const found = types.length === 0 ? "" : `, and ${types.join(", ")}`
  return { message: `${at} expects ${describeRule(rule)}${found}: ${error.message}.`, hint: hintOf(check) }
}

function hintOf({ rule }: Check): string {
  switch (rule.kind) {
    case "pattern":
    case "sql":
      return hints[rule.kind]
    case "references":
      return hints.types
    case "not_null":
    case "unique":
    case "one_of":
    case "range":
    case "length":
      return hints.words
  }
}

/** Undefined when table and column are there, and it is their types that do not fit. */
async function describeReference(
  session: Session,
  at: string,
  { name }: Check,
  { table, column }: { readonly table: TableName; readonly column: string },
  error: pg.DatabaseError,
): Promise<WrongCheck | undefined> {
  const shown = showTable(table)
  if (error.code === "42501") {
    throw new Problem("database-refused", `${at} refers to ${shown}: ${error.message}.`, {
      hint: `Give the loader's role the right to read it:  grant usage on schema ${quoteName(table.schema)} to …; grant select on ${quoteTable(table)} to …;`,
      facts: { pipeline: at.split(".")[1] ?? null, check: name, table: shown },
    })
  }
  const looked = `${at}, the check ${name}, looks into ${shown}.${column}, and`
  // 42P01: undefined_table, 42703: undefined_column (Postgres manual, appendix A).
  if (error.code === "42P01") {
    const nearest = findNearest(shown, await listTables(session))
    const meant = nearest === undefined ? "" : ` Did you mean ${nearest}?`
    return { message: `${looked} there is no table ${shown}.${meant}`, hint: hints.references }
  }
  if (error.code === "42703") {
    const known = await readColumns(session, table)
    const message = `${looked} ${shown} has no column ${JSON.stringify(column)}.${tellNearest({ column, known })} ${listColumns(known, "Its")}`
    return { message, hint: hints.references }
  }
  return undefined
}

/** Tables and views that are not Postgres' own. */
async function listTables(session: Session): Promise<string[]> {
  const { rows } = await session.query<{ schema: string; name: string }>(
    `select n.nspname as schema, c.relname as name
       from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
      where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname not in ('information_schema', $1)
        and n.nspname !~ '^pg_' order by 1, 2`,
    [session.ledgerSchema],
  )
  return rows.map(showTable)
}

async function readColumns(session: Session, table: TableName): Promise<string[]> {
  const { rows } = await session.query<{ name: string }>(
    `select attname as name from pg_catalog.pg_attribute
      where attrelid = $1::pg_catalog.regclass and attnum > 0 and not attisdropped order by attnum`,
    [quoteTable(table)],
  )
  return rows.map(({ name }) => name)
}
