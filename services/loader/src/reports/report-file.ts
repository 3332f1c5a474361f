/** A report's file: its head, and its SQL with numbers for the parameters. */
import { findNearest } from "@flatbed/config"
import type { Problem } from "@flatbed/contract"
import type { Report } from "../settings/report-settings.ts"
import { bindNames } from "../sql/bind-names.ts"
import { isQuery, listStatements } from "../sql/statement.ts"
import { readSqlFile, showPath, wrongFiles } from "../sql-file.ts"
import { type HeadProblem, type ReportHead, readReportHead } from "./report-head.ts"

export type OpenReport = Report & {
  readonly head: ReportHead
  /** The file as Postgres gets it, line for line. */
  readonly text: string
  /** The parameters that it uses, in the order of their numbers. */
  readonly order: readonly string[]
}

export type InspectedReports = {
  /** Those whose files can be used. */
  readonly reports: readonly OpenReport[]
  /** What is wrong with the others, each line with its file. */
  readonly wrong: readonly string[]
  /** The same as one `settings-invalid`. */
  readonly problem: Problem | undefined
}

/** Reads their files. One that cannot be used hides no other. */
export async function inspectReports(reports: readonly Report[]): Promise<InspectedReports> {
  const read = await Promise.all(reports.map(readReport))
  const wrong = read.flatMap(({ problems }) => problems)
  return {
    reports: read.flatMap(({ report, problems }) => (problems.length > 0 ? [] : (report ?? []))),
    wrong,
    problem: wrongFiles(wrong, "services/loader/REPORTS.md says what a report's file is like."),
  }
}

/**
 * Reads the report's file.
 *
 * @throws Problem `settings-invalid` with all that is wrong in it, each with its line.
 */
export async function openReport(report: Report): Promise<OpenReport> {
  const { reports, problem } = await inspectReports([report])
  if (problem !== undefined) throw problem
  const [open] = reports
  if (open === undefined) throw new Error(`report ${report.name} was not opened`)
  return open
}

async function readReport(
  report: Report,
): Promise<{ readonly report?: OpenReport; readonly problems: readonly string[] }> {
  const shown = showPath(report.file)
  const read = await readSqlFile(report.file)
  if ("why" in read) return { problems: [`reports.${report.name}.sql: the file ${shown} ${read.why}`] }
  const { report: open, problems } = parseReport(report, read.text)
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
