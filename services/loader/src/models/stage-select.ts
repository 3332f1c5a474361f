/** A model's select: asked whether it is one, run into a staging table, and its mistakes told by their line. */
import { randomBytes } from "node:crypto"
import { Problem } from "@flatbed/contract"
import type pg from "pg"
import type { Session } from "../postgres/database.ts"
import { findMeaning, isAnswer } from "../postgres/errors.ts"
import { quoteTable, type TableName } from "../postgres/identifier.ts"
import { findTable, type TableColumn } from "../postgres/table.ts"
import { lineOfPosition } from "../sql/statement.ts"
import type { Model } from "./model.ts"

/** The select's rows, in a table that ends with the transaction which made it. */
export type Staged = {
  readonly staging: TableName
  readonly columns: readonly TableColumn[]
  readonly rows: number
}

/**
 * Runs the select into a new table of the ledger's schema. `versions` are the value of `:new_versions`.
 *
 * @throws Problem `model-failed` with Postgres' words and the line in the file.
 */
export async function stageSelect(
  session: Session,
  model: Model,
  versions: readonly string[] | undefined,
): Promise<Staged> {
  const staging = { schema: session.ledgerSchema, name: `model_${randomBytes(8).toString("hex")}` }
  const values = versions === undefined ? [] : [[...versions]]
  await refuseOther(session, model, values)
  // Not logged: it does not outlive this transaction, and a crash ends that one too.
  const head = `create unlogged table ${quoteTable(staging)} as\n`
  const { rowCount } = await runSelect(session, model, head, values)
  const { columns = [] } = (await findTable(session, staging)) ?? {}
  if (columns.length === 0)
    throw failed(model, "the select has no columns", "Name what is to be in the table.")
  return { staging, columns, rows: rowCount ?? 0 }
}

/**
 * A cursor is declared for a select and nothing else, also not for one that writes by a WITH (Postgres manual, DECLARE).
 * It is planned and not run.
 */
async function refuseOther(session: Session, model: Model, values: readonly unknown[]): Promise<void> {
  await runSelect(session, model, "declare model no scroll cursor for\n", values)
  await session.query("close model")
}

/**
 * Runs a statement that ends in the model's select; `head` is what stands before it, a line.
 *
 * @throws Problem `model-failed` as `stageSelect`; errors after which the transaction may be tried again come as they are.
 */
export async function runSelect(
  session: Session,
  model: Model,
  head: string,
  values: readonly unknown[] = [],
): Promise<pg.QueryResult> {
  // Extended, also without values: then no second statement can follow (Postgres manual, 53.2.3).
  const query: pg.QueryConfig & { queryMode: "extended" } = {
    text: `${head}${model.select}`,
    values: [...values],
    queryMode: "extended",
  }
  try {
    return await session.query(query)
  } catch (error) {
    if (!isAnswer(error) || findMeaning(error)?.retry === true) throw error
    throw describeFailure(model, error, query.text)
  }
}

function describeFailure(model: Model, error: pg.DatabaseError, text: string): Problem {
  const found = lineOfPosition(text, error.position)
  // What stands before the select is a line of its own.
  const line = found === undefined ? undefined : Math.max(1, found - 1)
  const place = line === undefined ? model.file : `${model.file} line ${line}`
  const detail = error.detail === undefined ? "" : ` (${error.detail})`
  const hint = hintOf(error) ?? error.hint ?? "Mend the SQL."
  return failed(model, `${place}: ${error.message}${detail}`, hint, {
    sqlstate: error.code ?? null,
    ...(line === undefined ? {} : { line }),
  })
}

function hintOf({ code }: pg.DatabaseError): string | undefined {
  switch (code) {
    // undefined_table, undefined_function, undefined_object (Postgres manual, appendix A)
    case "42P01":
    case "42883":
    case "42704":
      return "Names need their schema, as in music.streams: search_path is empty."
    case "42501":
      return "Grant the loader's role the right to read what the select reads."
    case "42601":
      return "Expected one select, which writes nothing."
    case "57014":
      return "It took longer than deadlines.statement."
    default:
      return undefined
  }
}

/** `model-failed` with what was found; the old model stays. */
export function failed(
  model: Pick<Model, "name" | "target">,
  found: string,
  hint: string,
  facts: Readonly<Record<string, string | number | null>> = {},
): Problem {
  return new Problem("model-failed", `Model ${model.name} failed: ${found.replace(/\.$/, "")}.`, {
    // Behind a statement that is to be typed as it stands no full stop.
    hint: `${hint.endsWith(";") ? `${hint} ` : `${hint.replace(/\.$/, "")}.`} The loaded data and ${model.target} are as they were; the next load tries again.`,
    facts: { model: model.name, table: model.target, ...facts },
  })
}
