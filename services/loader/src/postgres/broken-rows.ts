/** Rows of staging that break checks: counted, and found. The session is in a transaction. */
import type { Check } from "../checks/check.ts"
import type { FoundRow } from "../checks/check-report.ts"
import {
  boundsOfRows,
  type CheckedRows,
  type CompiledCheck,
  countAstray,
  countBroken,
  countBrokenUpTo,
  countRepeated,
  findAstray,
  findBroken,
  findRepeated,
} from "../checks/check-sql.ts"
import type { Session } from "./database.ts"
import { findMeaning, isAnswer } from "./errors.ts"

/** Checks that are asked by one statement. */
export type Question = readonly [CompiledCheck, ...CompiledCheck[]]

/**
 * One question for all checks that a row alone tells, and one for each of the others: those that look into another
 * table, then those that hold rows against each other.
 */
export function listQuestions(checks: readonly CompiledCheck[]): Question[] {
  const those = (wanted: (check: Check) => boolean) => checks.filter(wanted)
  const [first, ...others] = checks.filter(({ condition }) => condition !== undefined)
  return [
    ...(first === undefined ? [] : [[first, ...others] as const]),
    ...those(({ rule }) => rule.kind === "references").map((check) => [check] as const),
    ...those(({ rule }) => rule.kind === "unique").map((check) => [check] as const),
  ]
}

/** Raised in place of an error that a check's condition met on some row: the first in the version, where it is known. */
export type OnNotComputable = (check: Check, error: Error, row: number | undefined) => Error

/** How many rows break each check of the question, in their order. */
export async function countRows(
  session: Session,
  question: Question,
  rows: CheckedRows,
  onNotComputable: OnNotComputable,
): Promise<number[]> {
  const { rows: found } = await ask(session, question, rows, countText(question, rows), onNotComputable)
  return question.map((_, i) => Number(found[0][`c${i}`]))
}

/** The first rows that break one of the question's checks, each with the first that it breaks, in the rows' order. */
export async function findRows(
  session: Session,
  question: Question,
  rows: CheckedRows,
  most: number,
  onNotComputable: OnNotComputable,
): Promise<FoundRow[]> {
  const { rows: found } = await ask(session, question, rows, findText(question, rows, most), onNotComputable)
  return found.map(({ row, place, value, first }) => ({
    row: Number(row),
    check: question[place] ?? question[0],
    value,
    first: first === undefined ? undefined : Number(first),
  }))
}

function countText(question: Question, rows: CheckedRows): string {
  const [{ columns, rule }] = question
  switch (rule.kind) {
    case "unique":
      return countRepeated(columns, rows)
    case "references":
      return countAstray(columns[0] ?? "", rule, rows)
    default:
      return countBroken(question, rows)
  }
}

function findText(question: Question, rows: CheckedRows, most: number): string {
  const [{ columns, rule }] = question
  switch (rule.kind) {
    case "unique":
      return findRepeated(columns, rows, most)
    case "references":
      return findAstray(columns[0] ?? "", rule, rows, most)
    default:
      return findBroken(question, rows, most)
  }
}

// A query that was cancelled took too long; to ask again would take as long.
const cancelled = "57014"

async function ask(
  session: Session,
  question: Question,
  rows: CheckedRows,
  text: string,
  onNotComputable: OnNotComputable,
) {
  await session.query("savepoint ask")
  try {
    return await session.query(text)
  } catch (error) {
    if (!isAnswer(error) || findMeaning(error)?.retry === true || error.code === cancelled) throw error
    for (const check of question) {
      if (check.condition === undefined) break
      await session.query("rollback to savepoint ask")
      const cause = await session.query(countBroken([check], rows)).then(
        () => undefined,
        (reason: unknown) => reason,
      )
      if (!(cause instanceof Error)) continue
      if (!isAnswer(cause)) throw cause
      throw onNotComputable(check, cause, await findNotComputable(session, check, cause, rows))
    }
    throw error
  }
}

// A condition that writes is refused whatever the row.
const readOnly = "25006"

/** The first row for which the condition cannot be computed: of a million it takes twenty scans. */
async function findNotComputable(
  session: Session,
  check: CompiledCheck,
  cause: { readonly code?: string | undefined },
  rows: CheckedRows,
): Promise<number | undefined> {
  if (cause.code === readOnly) return undefined
  await session.query("rollback to savepoint ask")
  const { rows: found } = await session.query(boundsOfRows(rows))
  let [least, most] = [Number(found[0].least), Number(found[0].most)]
  while (least < most) {
    const middle = Math.floor((least + most) / 2)
    try {
      await session.query(countBrokenUpTo(check, rows), [middle])
      least = middle + 1
    } catch (error) {
      if (!isAnswer(error) || error.code === cancelled) throw error
      await session.query("rollback to savepoint ask")
      most = middle
    }
  }
  return least
}
