/** Pure: a dataset's report for people. */

import type { Evidence } from "@flatbed/contract"
import { counted } from "./counted.ts"
import type { ColumnReport, DatasetReport } from "./dataset-report.ts"
import type { MendKind, Mends } from "./formats/format.ts"
import { showUnseen } from "./show-cell.ts"
import { showInLine, textTable } from "./text-table.ts"

const indent = "  "

/** Several lines: the file, how it is read, what is set aside, and why each column has its type. */
export function formatReport(report: DatasetReport): string {
  const { dataset, file, state, reader, written } = report
  const how = `${reader}, ${written}`
  if (report.state === "refused") {
    const { code, detail, hint } = report.problem
    const lines = [`file     ${file}`, `reader   ${how}`, `${code}: ${detail}`, hint ?? ""]
    return [`${dataset}: refused`, ...indented(lines.filter((line) => line !== ""))].join("\n")
  }
  const { bytes, rows, rejects, filtered, chunks, version, columns, first_rejects: firstRejects } = report
  const isAlone = report.files === 1
  const lines = [
    `file     ${file}, ${isAlone ? "" : `${report.files} files, `}${counted(bytes, "byte")}, ${counted(rows + filtered, "record")}, ${counted(rejects, "reject")}` +
      (filtered === 0 ? "" : `, ${filtered} filtered`),
    ...[...report.waiting, ...report.left_out].map(
      ({ file: one, reason }) => `without  ${one}, which ${reason}`,
    ),
    ...(isAlone ? [`text     ${describeText(report)}`] : []),
    `reader   ${how}`,
    ...mendLines(report.mends),
    `version  ${version} in ${counted(chunks, "chunk")}`,
    ...firstRejects.map(
      ({ row, line, byte, code, column, reason, file: one }) =>
        `reject   row ${row}, line ${line}, byte ${byte}${isAlone ? "" : ` of ${one}`}${column === null ? "" : `, column ${JSON.stringify(column)}`}: ` +
        `${code}: ${showControls(reason)}`,
    ),
    ...(rejects > firstRejects.length ? [`reject   … and ${rejects - firstRejects.length} more`] : []),
    ...(report.hint === null ? [] : [`next     ${report.hint}`]),
    ...columns.flatMap(renamedLine),
    ...columnLines(columns),
    ...columns.flatMap(({ name, example }) =>
      example === null ? [] : [`cells    ${name}: ${showExample(example)}`],
    ),
  ]
  return [`${dataset}: ${state === "ok" ? "ok" : "servable, with rejects"}`, ...indented(lines)].join("\n")
}

/** `windows-1252 by settings, gzip, 1234 bytes in UTF-8` */
function describeText(report: Extract<DatasetReport, { encoding: string }>): string {
  const { encoding, encoding_by: by, compression, text_bytes: textBytes } = report
  const length = textBytes === null ? [] : [`${counted(textBytes, "byte")} in UTF-8`]
  return [`${encoding} by ${by}`, ...(compression === null ? [] : [compression]), ...length].join(", ")
}

function renamedLine({ name, evidence }: ColumnReport): readonly string[] {
  return sayRenamed(name, evidence).map((told) => `header   ${told}`)
}

/** What a column is called whose name in the header could not stay, and why; nothing of others. */
export function sayRenamed(name: string, { renamed }: Pick<Evidence, "renamed">): readonly string[] {
  if (renamed === undefined) return []
  const { column, written, because } = renamed
  const called = `${showUnseen(JSON.stringify(showInLine(written)))} is called ${JSON.stringify(showInLine(name))}`
  return [`column ${column}, ${called}: ${showControls(because)}`]
}

const mendWords: Readonly<Record<MendKind, string>> = {
  padded: "filled up with NULL",
  truncated: "cut to the header's width",
  "nul-stripped": "served without NUL",
}

function mendLines(mends: Mends): readonly string[] {
  return (Object.keys(mendWords) as MendKind[]).flatMap((kind) => {
    const mend = mends[kind]
    return mend === undefined
      ? []
      : [`mended   ${counted(mend.records, "record")} ${mendWords[kind]}, the first on line ${mend.line}`]
  })
}

function columnLines(columns: readonly ColumnReport[]): readonly string[] {
  const rows = columns.map((column) => [
    column.name,
    column.declared ?? "—",
    column.found,
    String(column.evidence.nulls),
    whyOf(column),
  ])
  // The last column is a sentence and may be long: it is not cut.
  const { lines } = textTable(
    ["column", "declared", "found", "nulls"],
    rows.map((row) => row.slice(0, -1)),
    { padLast: true },
  )
  return lines.map((line, i) => `${line}  ${i === 0 ? "because" : (rows[i - 1]?.at(-1) ?? "")}`)
}

/** Why a column has its type, in a sentence. */
export function whyOf({ declared, evidence }: Pick<ColumnReport, "declared" | "evidence">): string {
  const { forms, ruled_out: ruledOut } = evidence
  if (ruledOut !== null) {
    const { type, row, line, value, file } = ruledOut
    const where = `row ${row}, line ${line}${file === undefined ? "" : ` of ${file}`}`
    return `${JSON.stringify(showInLine(value))} in ${where}, is no ${type}`
  }
  if (forms.length === 0) return declared === null ? "no row has a value" : "declared; no row has a value"
  return `every value is ${forms.map(({ form }) => form).join(" or ")}`
}

function showExample({ written, changes }: NonNullable<ColumnReport["example"]>): string {
  const show = (cell: string | null) => (cell === null ? "NULL" : showControls(JSON.stringify(cell)))
  return [show(written), ...changes.map(({ by, after }) => `${by} → ${show(after)}`)].join(", ")
}

// Reasons quote cells as JSON, which leaves the C1 controls as they are.
const showControls = (text: string) => text.replace(/\p{Cc}/gu, "\ufffd")

const indented = (lines: readonly string[]) => lines.map((line) => indent + line)
