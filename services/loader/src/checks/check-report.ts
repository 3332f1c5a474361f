/** Pure: what is told about rows that break a check, one by one and as a problem. */
import { Problem, type Reject } from "@flatbed/contract"
import { printable } from "../printable.ts"
import { type Refusal, showValue } from "../rejects/refusal.ts"
import { count, counted } from "../summary.ts"
import { type Check, describeRule } from "./check.ts"

/** A row that breaks a check, as Postgres tells it. */
export type FoundRow = {
  readonly row: number
  readonly check: Check
  /** The cell's text, cut; null where there is none, or several. */
  readonly value: string | null
  /** Of a value that stands twice: the row that has it first. */
  readonly first: number | undefined
}

/** A check that does not hold, with its first rows as far as they are known: without their places at the least. */
export type BrokenCheck = {
  readonly check: Check
  readonly failed: number
  readonly rows: readonly (Pick<Refusal, "row" | "value"> & Partial<Pick<Reject, "file" | "line">>)[]
}

/** The row as it is set aside. */
export function toRefusal({ row, check, value, first }: FoundRow): Refusal {
  const { columns, name, rule } = check
  const shown = value === null ? null : showValue(value)
  const found =
    rule.kind === "sql"
      ? "the condition is false"
      : first !== undefined
        ? `the value stands in row ${first} already`
        : shown === null
          ? "the cell is NULL"
          : `the cell is ${JSON.stringify(shown)}`
  return {
    row,
    code: "check-error",
    column: columns.length === 1 ? (columns[0] ?? null) : null,
    value: shown,
    reason: `Check ${name}: ${found}; expected ${describeRule(rule)}.`,
  }
}

/** `zip_pattern: 3 of 3,333 rows …`, with the first of them. `rows` is how many were looked at. */
export function describeBroken({ check, failed, rows: first }: BrokenCheck, rows: number): string {
  const { name, columns, rule } = check
  const where = columns.length === 0 ? "" : ` in ${columns.map((one) => JSON.stringify(one)).join(", ")}`
  const list = first.map(({ row, file, line, value }) => {
    const place = file === undefined ? "" : ` (${file} line ${line})`
    return `row ${row}${place}${value === null ? "" : ` ${JSON.stringify(value)}`}`
  })
  const more = failed > first.length ? "; …" : ""
  return printable(
    `${name}: ${count(failed)} of ${counted(rows, "row")} ${failed === 1 ? "breaks" : "break"} it, expected ${describeRule(rule)}${where}: ${list.join("; ")}${more}`,
  )
}

/** `check-failed` for checks of severity `fail`. */
export function checkFailed(
  { name, target }: { readonly name: string; readonly target: string },
  broken: readonly [BrokenCheck, ...BrokenCheck[]],
  rows: number,
): Problem {
  const lines = broken.map((one) => describeBroken(one, rows))
  const [{ check, failed, rows: first }] = broken
  const [at] = first
  return new Problem(
    "check-failed",
    lines.length === 1
      ? `A check failed. ${lines[0]}`
      : `${lines.length} checks failed.\n  ${lines.join("\n  ")}`,
    {
      hint:
        `Nothing was loaded into ${target}, and nothing deleted. Mend the file, or change the check in pipelines.${name}.checks; ` +
        "with  severity: reject  such rows are set aside, as many as max_rejects allows, with  severity: warn  they are loaded.",
      facts: {
        table: target,
        checks: broken.map((one) => one.check.name).join(", "),
        column: check.columns.join(", ") || null,
        failed,
        ...(at === undefined ? {} : { row: at.row, value: at.value }),
        ...(at?.file === undefined ? {} : { file: at.file, line: at.line ?? null }),
      },
    },
  )
}

/** `check-failed` for a condition that Postgres cannot compute for some row, which is named where it is known. */
export function notComputable(
  target: string,
  { name, rule }: Check,
  cause: Error,
  at?: Pick<Reject, "row"> & Partial<Pick<Reject, "file" | "line">>,
): Problem {
  const place = at?.file === undefined ? "" : ` (${at.file} line ${at.line})`
  const where = at === undefined ? "" : `, first for row ${at.row}${place}`
  return new Problem(
    "check-failed",
    `Check ${name} cannot be asked of every row: ${cause.message}${where}.`,
    {
      hint: `Nothing was loaded into ${target}, and nothing deleted. Mend the rows, or write the condition so that every row has an answer, as with nullif(…, 0) below a division.`,
      facts: {
        ...{ table: target, checks: name, expected: describeRule(rule) },
        ...(at === undefined ? {} : { row: at.row }),
        ...(at?.file === undefined ? {} : { file: at.file, line: at.line ?? null }),
      },
      cause,
    },
  )
}
