/** Pure: a report's answer as text, in each format. */
import { counted } from "../counted.ts"
import type { ModelStatus } from "../models/model-status.ts"
import { printable } from "../printable.ts"
import type { AsOf } from "./as-of.ts"
import type { ReportAnswer, ReportColumn } from "./run-report.ts"

export const reportFormats = ["table", "csv", "json", "markdown"] as const
export type ReportFormat = (typeof reportFormats)[number]

/** The text for stdout, with its last line's end; and lines that belong beside it, for stderr. */
export function writeAnswer(
  answer: ReportAnswer,
  format: ReportFormat,
): { readonly text: string; readonly beside: readonly string[] } {
  switch (format) {
    case "table":
      return { text: `${writeTable(answer)}\n\n${writeBelow(answer).join("\n")}\n`, beside: [] }
    case "markdown":
      return { text: `${writeMarkdown(answer)}\n\n${writeBelow(answer).join("  \n")}\n`, beside: [] }
    case "csv":
      return { text: writeCsv(answer), beside: writeBelow(answer) }
    case "json":
      return { text: `${writeJson(answer)}\n`, beside: [] }
  }
}

function writeBelow({ rows, parameters, asOf, models }: ReportAnswer): string[] {
  const asked = [...parameters].map(([name, value]) => `${name} = ${printable(showValue(value))}`)
  return [
    ...(rows.length === 0 ? ["no rows"] : []),
    ...(asked.length === 0 ? [] : [`asked with: ${asked.join(", ")}`]),
    ...(asOf.length === 0 ? ["data as of: the report names nothing in needs"] : asOf.map(describeAsOf)),
    ...models.flatMap(describeModel),
  ]
}

function describeAsOf(asOf: AsOf): string {
  const { failed } = asOf
  const since = failed === null ? "" : `; the last load failed at ${failed.at} with ${failed.code}`
  return `data as of: ${describeShown(asOf)}${since}`
}

function describeShown({ pipeline, table, state, ...one }: AsOf): string {
  const version = `version ${one.version?.slice(0, 12)}, published ${one.published_at}, ${counted(one.rows ?? 0, "row")}`
  const balanced = one.balanced === false ? "its receipt does not add up" : "balanced"
  switch (state) {
    case "none":
      return `${pipeline} has published nothing into ${table} yet`
    case "gone":
      return `${pipeline} ${version}, ${balanced}, but ${table} is not there any more`
    case "replaced":
      return `${pipeline} ${version}, ${balanced}, but ${table} is another table since`
    case "published":
      return `${pipeline} ${version}, ${balanced}`
  }
}

/** In quotes where it could be taken for nothing, for two, or for NULL. */
function showValue(value: string | null): string {
  if (value === null) return "NULL"
  return /^$|^\s|\s$|,|^null$/i.test(value) ? `'${value.replaceAll("'", "''")}'` : value
}

/** A model that is as it should be is not told. */
function describeModel({ model, state, reason, problem, run, made_at: madeAt }: ModelStatus): string[] {
  const shows = madeAt === null ? "it was never made" : `it shows what was made at ${madeAt}`
  const why = reason === null ? "" : ` (${reason})`
  switch (state) {
    case "made":
      return []
    case "never":
      return [`model ${model} was never made${why}`]
    case "stale":
      return [`model ${model} is stale${why}: ${shows}`]
    case "failed":
      return [`model ${model} failed in its run ${run} with ${problem?.code}: ${shows}`]
  }
}

/** Columns as wide as their widest cell; numbers end under each other. */
function writeTable({ columns, rows }: ReportAnswer): string {
  const head = columns.map(({ name }) => printable(name))
  const lines = rows.map((row) => row.map((cell) => printable(cell ?? "NULL")))
  const widths = head.map((word, i) =>
    lines.reduce((most, line) => Math.max(most, widthOf(line[i])), widthOf(word)),
  )
  const pad = (line: readonly string[]) =>
    line
      .map((cell, i) => {
        const blanks = " ".repeat(Math.max(0, (widths[i] ?? 0) - widthOf(cell)))
        return isNumber(columns[i]) ? blanks + cell : cell + blanks
      })
      .join("  ")
      .trimEnd()
  return [head, widths.map((width) => "-".repeat(width)), ...lines].map(pad).join("\n")
}

/** In characters, as far as a terminal has one place for each. */
function widthOf(cell = ""): number {
  return [...cell].length
}

/** GitHub Flavored Markdown, 4.10: a bar in a cell is escaped. What could be taken for HTML is too. */
function writeMarkdown({ columns, rows }: ReportAnswer): string {
  const cell = (text: string) =>
    printable(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll("|", "\\|")
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`
  return [
    line(columns.map(({ name }) => cell(name))),
    line(columns.map((column) => (isNumber(column) ? "---:" : "---"))),
    ...rows.map((row) => line(row.map((one) => cell(one ?? "NULL")))),
  ].join("\n")
}

/** RFC 4180, with a header; NULL is empty and the empty text is `""`. */
function writeCsv({ columns, rows }: ReportAnswer): string {
  const quote = (text: string) => `"${text.replaceAll('"', '""')}"`
  const cell = (text: string | null) =>
    text === null ? "" : text === "" || /[",\r\n]/.test(text) || text.trim() !== text ? quote(text) : text
  const lines = [columns.map(({ name }) => cell(name)), ...rows.map((row) => row.map(cell))]
  return lines.map((line) => `${line.join(",")}\r\n`).join("")
}

/** Numbers keep the digits that Postgres wrote: whoever reads them decides how exact they are to be. */
function writeJson({ report, parameters, columns, rows, asOf, models }: ReportAnswer): string {
  const names = columns.map(({ name }) => JSON.stringify(name))
  const object = (row: readonly (string | null)[]) =>
    `{${row.map((cell, i) => `${names[i]}:${jsonValue(cell, columns[i])}`).join(",")}}`
  const fields = [
    `"report":${JSON.stringify(report)}`,
    `"parameters":${JSON.stringify(Object.fromEntries(parameters))}`,
    `"columns":${JSON.stringify(columns.map(({ name, type }) => ({ name, type })))}`,
    `"rows":[${rows.map(object).join(",")}]`,
    `"as_of":${JSON.stringify(asOf)}`,
    `"models":${JSON.stringify(models.map(({ model, state, reason, made_at }) => ({ model, state, reason, made_at })))}`,
  ]
  return `{${fields.join(",")}}`
}

// pg_type.dat: int2, int4, int8, oid, float4, float8, numeric; money is text, with its sign.
const numberOids = [21, 23, 20, 26, 700, 701, 1700]
const booleanOid = 16
const jsonOids = [114, 3802]

function isNumber(column: ReportColumn | undefined): boolean {
  return column !== undefined && numberOids.includes(column.oid)
}

function jsonValue(cell: string | null, column: ReportColumn | undefined): string {
  if (cell === null) return "null"
  // NaN and Infinity are no numbers of JSON (RFC 8259, 6).
  if (isNumber(column) && /^-?[0-9]/.test(cell)) return cell
  if (column?.oid === booleanOid) return String(cell === "t")
  // On one line: json keeps line ends as they were written, and in its strings there are none.
  if (column !== undefined && jsonOids.includes(column.oid)) return cell.replace(/[\r\n]+/g, " ")
  return JSON.stringify(cell)
}
