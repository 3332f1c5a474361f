/** A report's file: its head, and its SQL with numbers for the parameters. */
import { readFile } from "node:fs/promises"
import { relative } from "node:path"
import { findNearest } from "@flatbed/config"
import { Problem } from "@flatbed/contract"
import type { Report } from "../settings/report-settings.ts"
import { bindNames } from "../sql/bind-names.ts"
import { isQuery, listStatements } from "../sql/statement.ts"
import { type HeadProblem, type ReportHead, readReportHead } from "./report-head.ts"

export type OpenReport = Report & {
  readonly head: ReportHead
  /** The file as Postgres gets it, line for line. */
  readonly text: string
  /** The parameters that it uses, in the order of their numbers. */
  readonly order: readonly string[]
}

/**
 * Reads their files.
 *
 * @throws Problem `settings-invalid` with every problem of all of them, each with file and line.
 */
export async function openReports(reports: readonly Report[]): Promise<OpenReport[]> {
  const read = await Promise.all(reports.map(readReport))
  const lines = read.flatMap(({ problems }) => problems)
  if (lines.length === 0) return read.flatMap(({ report }) => report ?? [])
  const detail =
    lines.length === 1
      ? (lines[0] ?? "")
      : [`${lines.length} problems:`, ...lines.map((l) => `  ${l}`)].join("\n")
  throw new Problem("settings-invalid", detail, {
    hint: "services/loader/REPORTS.md says what a report's file is like.",
    facts: { problems: lines.length },
  })
}

async function readReport(
  report: Report,
): Promise<{ readonly report?: OpenReport; readonly problems: readonly string[] }> {
  const shown = showPath(report.file)
  const sql = await readFile(report.file, "utf8").catch((error: NodeJS.ErrnoException) => error)
  if (typeof sql !== "string") {
    const why = sql.code === "ENOENT" ? "is not there" : `cannot be read: ${sql.message}`
    return { problems: [`reports.${report.name}.sql: the file ${shown} ${why}`] }
  }
  // Editors on Windows begin a file with a mark that is no SQL.
  const { report: open, problems } = parseReport(report, sql.replace(/^\ufeff/, ""))
  return { report: open, problems: problems.map(({ line, message }) => `${shown}:${line}: ${message}`) }
}

/** Pure: the file's text as a report, and what is wrong with it. */
export function parseReport(report: Report, sql: string): { report: OpenReport; problems: HeadProblem[] } {
  const { head, problems } = readReportHead(sql)
  const names = head.parameters.map(({ name }) => name)
  const types = new Map(head.parameters.map(({ name, type }) => [name, type]))
  const { text, order, unknown, numbered } = bindNames(sql, names, (name) => types.get(name))
  return {
    report: { ...report, head, text, order },
    problems: [
      ...problems,
      ...findStatementProblems(sql),
      ...unknown.map((name) => ({ line: lineOf(sql, `:${name}`), message: undeclared(name, names) })),
      ...numbered.map((written) => ({
        line: lineOf(sql, written),
        message: `uses ${written}; a report's parameters have names, as in :day`,
      })),
      ...head.parameters
        // One for which the report is run, rather than one that it uses.
        .filter(({ name }) => !order.includes(name) && name !== timeZoneParameter)
        .map(({ name, line }) => ({ line, message: `declares :${name}, which the report does not use` })),
    ],
  }
}

/** A parameter of this name is also the time zone in which the report is run. */
export const timeZoneParameter = "time_zone"

function findStatementProblems(sql: string): HeadProblem[] {
  const statements = listStatements(sql)
  const [first, second] = statements
  if (first === undefined) return [{ line: 1, message: "holds no SQL, expected one select" }]
  if (second !== undefined) {
    const message = `begins another statement (${second.firstWord}); a report is one select`
    return [{ line: second.line, message }]
  }
  if (isQuery(first)) return []
  const found = first.firstWord.toUpperCase()
  return [{ line: first.line, message: `begins with ${found}, expected a select: a report only reads` }]
}

function undeclared(name: string, names: readonly string[]): string {
  const nearest = findNearest(name, names)
  const meant = nearest === undefined ? "" : `did you mean :${nearest}? Else `
  return `uses :${name}, which its first lines do not declare; ${meant}add a line such as  -- :${name} text`
}

// Nearly always right; what stands in a string before it is not worth another scan.
function lineOf(sql: string, written: string): number {
  const lines = sql.split("\n")
  const at = lines.findIndex((line) => !line.trimStart().startsWith("--") && line.includes(written))
  return at + 1 || 1
}

/** A path as a person in the working folder would type it. */
export function showPath(file: string): string {
  const fromHere = relative(process.cwd(), file)
  return fromHere.startsWith("..") ? file : fromHere
}
