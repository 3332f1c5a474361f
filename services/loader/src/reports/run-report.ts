/** Asks a report's question: one statement, in a transaction that Postgres keeps from writing. */
import { Problem } from "@flatbed/contract"
import type pg from "pg"
import { getModelStatus, type ModelStatus } from "../models/model-status.ts"
import type { Session } from "../postgres/database.ts"
import { findMeaning, isAnswer } from "../postgres/errors.ts"
import { lineOfPosition } from "../sql/statement.ts"
import { showPath } from "../sql-file.ts"
import type { ShowCommand } from "../summary.ts"
import { type AsOf, readAsOf } from "./as-of.ts"
import { checkValues } from "./check-values.ts"
import type { GivenValues } from "./given-parameters.ts"
import type { Needed } from "./needed.ts"
import type { OpenReport } from "./report-file.ts"

export type ReportColumn = {
  readonly name: string
  /** As Postgres writes it: `timestamp with time zone`. */
  readonly type: string
  readonly oid: number
}

export type ReportAnswer = {
  readonly report: string
  /** As Postgres understood them; null is NULL. */
  readonly parameters: ReadonlyMap<string, string | null>
  readonly columns: readonly ReportColumn[]
  /** Cells as Postgres writes them; null is NULL. */
  readonly rows: readonly (readonly (string | null)[])[]
  readonly asOf: readonly AsOf[]
  /** Of each model that the report reads from, directly or through others, how it stands. */
  readonly models: readonly ModelStatus[]
}

type Asked = {
  readonly values: GivenValues
  readonly needed: Needed
  readonly showCommand: ShowCommand
}

/**
 * The answer, and of which versions it is, from one snapshot: the session's transaction is REPEATABLE READ and has asked
 * nothing yet.
 *
 * @throws Problem `usage-invalid` for a value that is none of its type; `report-failed` when Postgres refuses the
 * statement, with its words and the line.
 */
export async function runReport(session: Session, report: OpenReport, asked: Asked): Promise<ReportAnswer> {
  await session.query("set transaction read only")
  const asOf = await readAsOf(session, asked.needed.pipelines)
  const models = await getModelStatus(session, asked.needed.models)
  const parameters = await checkValues(session, report, asked.values)
  const result = await ask(session, report, asked, { asOf, models })
  const columns = await describeColumns(session, result.fields)
  refuseRepeated(report, columns)
  return { report: report.name, parameters, columns, rows: result.rows, asOf, models }
}

type Standing = Pick<ReportAnswer, "asOf" | "models">

async function ask(session: Session, report: OpenReport, asked: Asked, standing: Standing) {
  // The extended protocol takes one statement and no more, whatever its text is (Postgres manual, 53.2.3).
  const question: pg.QueryArrayConfig & { queryMode: "extended" } = {
    text: report.text,
    values: report.order.map((name) => asked.values.get(name) ?? null),
    rowMode: "array",
    types: { getTypeParser: () => (text: unknown) => text },
    queryMode: "extended",
  }
  try {
    return await session.query<(string | null)[]>(question)
  } catch (error) {
    if (!isAnswer(error) || findMeaning(error)?.retry === true) throw error
    const line = lineOfPosition(report.text, error.position)
    const place = `${showPath(report.file)}${line === undefined ? "" : `, line ${line}`}`
    const detail = error.detail === undefined ? "" : ` (${error.detail})`
    throw new Problem("report-failed", `${place}: Postgres said: ${error.message}${detail}.`, {
      ...hintFor(error, asked, standing),
      facts: {
        report: report.name,
        sqlstate: error.code ?? null,
        ...(line === undefined ? {} : { line }),
      },
      cause: error,
    })
  }
}

function hintFor(
  { code, message, hint }: pg.DatabaseError,
  { showCommand }: Asked,
  { asOf, models }: Standing,
): { hint?: string } {
  const unloaded = asOf.filter(({ state }) => state === "none" || state === "gone")
  switch (code) {
    // undefined_table, invalid_schema_name
    case "42P01":
    case "3F000":
      if (unloaded.length > 0) {
        const names = unloaded.map(({ pipeline }) => pipeline).join(" ")
        return { hint: `Load what it needs first: ${showCommand(`load ${names}`)}` }
      }
      if (models.some(({ made_at: madeAt }) => madeAt === null)) {
        const names = models.filter(({ made_at: madeAt }) => madeAt === null).map(({ model }) => model)
        return { hint: `Make what it needs first: ${showCommand(`models run ${names.join(" ")}`)}` }
      }
      if (/"[^".]+"/.test(message) && code === "42P01")
        return { hint: "Names are looked up in no schema: write the table's, as in public.orders." }
      return hint === undefined ? {} : { hint }
    case "25006":
      return { hint: "A report only reads. What is to be kept is made by a model or a migration." }
    case "42501":
      return { hint: "Grant the loader's role the right to read it." }
    case "57014":
      return { hint: "It took longer than deadlines.statement, or somebody cancelled it." }
    default:
      return hint === undefined ? {} : { hint }
  }
}

async function describeColumns(
  session: Session,
  fields: readonly pg.FieldDef[],
): Promise<readonly ReportColumn[]> {
  const { rows } = await session.query<{ type: string }>(
    `select pg_catalog.format_type(asked.oid, asked.modifier) as type
       from unnest($1::pg_catalog.oid[], $2::pg_catalog.int4[]) with ordinality as asked (oid, modifier, place)
      order by asked.place`,
    [fields.map(({ dataTypeID }) => dataTypeID), fields.map(({ dataTypeModifier }) => dataTypeModifier)],
  )
  return fields.map(({ name, dataTypeID }, i) => ({ name, type: rows[i]?.type ?? "", oid: dataTypeID }))
}

/** In JSON one of them would be lost. */
function refuseRepeated({ name, file }: OpenReport, columns: readonly ReportColumn[]): void {
  const names = columns.map((column) => column.name)
  const twice = names.find((column, i) => names.indexOf(column) !== i)
  if (twice === undefined) return
  throw new Problem("report-failed", `${showPath(file)}: two columns are called ${JSON.stringify(twice)}.`, {
    hint: "Give each a name of its own, as in  count(*) as users.",
    facts: { report: name },
  })
}
