/** The checks of a model, asked of the select's rows in staging before they come into its table. */
import type { Check, CheckResult } from "../checks/check.ts"
import { describeRule } from "../checks/check.ts"
import { type CompiledCheck, isBroken } from "../checks/check-sql.ts"
import { compileIn } from "../checks/compile-checks.ts"
import { count, counted } from "../counted.ts"
import type { Session } from "../postgres/database.ts"
import { findMeaning, isAnswer } from "../postgres/errors.ts"
import { quoteTable } from "../postgres/identifier.ts"
import { printable } from "../printable.ts"
import type { Model } from "./model.ts"
import { failed, type Staged } from "./stage-select.ts"

export type Checked = {
  readonly results: readonly CheckResult[]
  /** Rows that were left out. */
  readonly rejects: number
  /** What is told of checks with severity `warn` and `reject` that do not hold. */
  readonly told: readonly string[]
}

const shownRows = 3
/** Rows that are kept of each check; all are counted. */
const keptRows = 1_000

/**
 * Rows that break a check of severity `reject` leave staging first and are kept with the run, so that the others are
 * asked of what is left.
 *
 * @throws Problem `model-failed` for a check that Postgres does not understand, cannot compute, or that fails.
 */
export async function askChecks(
  session: Session,
  model: Model,
  number: number,
  { staging, columns, rows }: Staged,
): Promise<Checked> {
  if (model.checks.length === 0) return { results: [], rejects: 0, told: [] }
  const whose = { name: model.name, path: `models.${model.name}`, rows: "the select" }
  const compiled = await compileIn(session, whose, model.checks, columns)
  const found: { check: Check; failed: number; told: string }[] = []
  let left = rows
  for (const check of compiled.filter(({ severity }) => severity === "reject")) {
    const first = await ask(check, showBroken)
    const gone = await ask(check, leaveOut)
    found.push({ check, failed: gone, told: describe(check, gone, left, first) })
    left -= gone
  }
  for (const check of compiled.filter(({ severity }) => severity !== "reject")) {
    const broken = await ask(check, countBroken)
    const first = broken === 0 ? [] : await ask(check, showBroken)
    found.push({ check, failed: broken, told: describe(check, broken, left, first) })
  }
  const broken = found.filter(({ failed }) => failed > 0)
  const failing = broken.filter(({ check }) => check.severity === "fail")
  if (failing.length > 0) {
    const list = failing.map(({ told }) => told)
    const text = list.length === 1 ? `check ${list[0]}` : `${list.length} checks: ${list.join("; ")}`
    const hint = `Mend the SQL or the data, or change models.${model.name}.checks`
    throw failed(model, text, hint, { checks: failing.map(({ check }) => check.name).join(", ") })
  }
  const results = found
    .toSorted((a, b) => a.check.place - b.check.place)
    .map(({ check: { name, severity }, failed }) => ({ name, severity, failed }))
  return { results, rejects: rows - left, told: broken.map(({ told }) => told) }

  async function countBroken(check: CompiledCheck): Promise<number> {
    const text = `select count(*) as rows from ${quoteTable(staging)} as s where ${isBroken(check, staging)}`
    return Number((await session.query(text)).rows[0].rows)
  }

  async function showBroken(check: CompiledCheck): Promise<string[]> {
    const { rows: first } = await session.query<{ row: string }>(
      `select pg_catalog.row_to_json(s)::text as row from ${quoteTable(staging)} as s
        where ${isBroken(check, staging)} limit ${shownRows}`,
    )
    return first.map(({ row }) => row)
  }

  async function leaveOut(check: CompiledCheck): Promise<number> {
    const { rows: counted } = await session.query(
      `with gone as (delete from ${quoteTable(staging)} as s where ${isBroken(check, staging)}
                     returning pg_catalog.to_jsonb(s) as cells),
            kept as (insert into ${session.ledger}.model_rejects (model, number, check_name, cells)
                     select $1, $2, $3, cells from gone limit ${keptRows})
       select count(*) as rows from gone`,
      [model.name, number, check.name],
    )
    return Number(counted[0].rows)
  }

  async function ask<T>(check: CompiledCheck, question: (check: CompiledCheck) => Promise<T>): Promise<T> {
    try {
      return await question(check)
    } catch (error) {
      if (!isAnswer(error) || findMeaning(error)?.retry === true) throw error
      const text = `check ${check.name} cannot be asked of every row: ${error.message}`
      throw failed(model, text, "Write the condition so that every row has an answer.", {
        checks: check.name,
      })
    }
  }
}

function describe({ name, rule, columns }: Check, broken: number, rows: number, first: readonly string[]) {
  const where = columns.length === 0 ? "" : ` in ${columns.map((one) => JSON.stringify(one)).join(", ")}`
  const breaks = broken === 1 ? "breaks" : "break"
  const more = broken > first.length ? "; …" : ""
  return printable(
    `${name}: ${count(broken)} of ${counted(rows, "row")} ${breaks} it, expected ${describeRule(rule)}${where}: ${first.join("; ")}${more}`,
  )
}
