/** Whether Postgres takes the values of a report for what their types say. They are bound, never pasted. */

import type { Session } from "../postgres/database.ts"
import { isAnswer } from "../postgres/errors.ts"
import { type GivenValues, wrongParameters } from "./given-parameters.ts"
import { type OpenReport, timeZoneParameter } from "./report-file.ts"
import type { Parameter } from "./report-head.ts"

/**
 * The values as Postgres understands them, by name, in its own spelling: moments with the offset that they were taken
 * with. A parameter called `time_zone` becomes the zone of the transaction first. Leaves the transaction as it can go on.
 *
 * @throws Problem `usage-invalid` naming every value that is none of its type, with the type and an example.
 */
export async function checkValues(
  session: Session,
  report: OpenReport,
  values: GivenValues,
): Promise<Map<string, string | null>> {
  const { parameters } = report.head
  if (parameters.length === 0) return new Map()
  const zone = parameters.find(({ name }) => name === timeZoneParameter)
  const ordered = [
    ...(zone === undefined ? [] : [zone]),
    ...parameters.filter(({ name }) => name !== timeZoneParameter),
  ]
  const understood =
    (await castAll(session, ordered, values)) ?? (await castEach(session, report, ordered, values))
  return new Map(parameters.map(({ name }) => [name, understood.get(name) ?? null]))
}

type Understood = ReadonlyMap<string, string | null>

/** All at once, as nearly always; undefined when something is wrong with one of them. */
async function castAll(
  session: Session,
  parameters: readonly Parameter[],
  values: GivenValues,
): Promise<Understood | undefined> {
  const types = parameters.map(({ type }) => type)
  const known = `select pg_catalog.to_regtype(t)::pg_catalog.text from pg_catalog.unnest($1::pg_catalog.text[]) as t`
  const found = await attempt(session, known, [types])
  if ("refused" in found || found.rows.some(([type]) => type === null)) return undefined
  const zone = values.get(timeZoneParameter) ?? null
  if (parameters[0]?.name === timeZoneParameter && zone !== null) {
    if ("refused" in (await attempt(session, setZone, [zone]))) return undefined
  }
  const casts = parameters.map(({ type }, i) => `($${i + 1}::${type})::pg_catalog.text`)
  const given = parameters.map(({ name }) => values.get(name) ?? null)
  const cast = await attempt(session, `select ${casts.join(", ")}`, given)
  if ("refused" in cast) return undefined
  return new Map(parameters.map(({ name }, i) => [name, cast.rows[0]?.[i] ?? null]))
}

/** One by one, the zone first; raises usage-invalid naming all that are wrong. */
async function castEach(
  session: Session,
  report: OpenReport,
  parameters: readonly Parameter[],
  values: GivenValues,
): Promise<Understood> {
  const understood = new Map<string, string | null>()
  const wrong: string[] = []
  for (const one of parameters) {
    const found = await tryCast(session, one, values.get(one.name) ?? null)
    if ("value" in found) understood.set(one.name, found.value)
    else wrong.push(found.wrong)
  }
  if (wrong.length > 0) throw wrongParameters(report, wrong)
  return understood
}

type Tried = { readonly value: string | null } | { readonly wrong: string }

async function tryCast(session: Session, parameter: Parameter, value: string | null): Promise<Tried> {
  const { name, type } = parameter
  if (!(await isType(session, type))) {
    return {
      wrong: `gives ${name} the type ${type}, which Postgres does not know; types of your own need their schema`,
    }
  }
  const cast = await attempt(session, `select ($1::${type})::pg_catalog.text`, [value])
  if ("refused" in cast) return { wrong: describeRefused(parameter, value, cast.refused) }
  if (
    name === timeZoneParameter &&
    value !== null &&
    "refused" in (await attempt(session, setZone, [value]))
  ) {
    return {
      wrong: `takes a time zone for ${name}, such as Europe/Amsterdam, found ${JSON.stringify(value)}`,
    }
  }
  return { value: cast.rows[0]?.[0] ?? null }
}

const setZone = "select pg_catalog.set_config('TimeZone', $1, true)"

/** Before Postgres 16 a name that is no type's at all is an error, and not NULL. */
async function isType(session: Session, type: string): Promise<boolean> {
  const found = await attempt(session, "select pg_catalog.to_regtype($1)::pg_catalog.text", [type])
  return !("refused" in found) && found.rows[0]?.[0] !== null
}

type Cells = readonly (readonly (string | null)[])[]

/** Asks, and goes back to before when Postgres refuses. */
async function attempt(
  session: Session,
  text: string,
  values: readonly unknown[],
): Promise<{ readonly rows: Cells } | { readonly refused: string }> {
  await session.query("savepoint parameter")
  try {
    const { rows } = await session.query<(string | null)[]>({ text, values: [...values], rowMode: "array" })
    await session.query("release savepoint parameter")
    return { rows }
  } catch (error) {
    // 22: data, 23: a domain's constraint, 42: no such type, 0A: a type that takes no text.
    if (!isAnswer(error) || !/^(?:22|23|42|0A)/.test(error.code ?? "")) throw error
    await session.query("rollback to savepoint parameter")
    return { refused: error.message }
  }
}

function describeRefused({ name, type }: Parameter, value: string | null, refused: string): string {
  const example = examples.find(([pattern]) => pattern.test(type))?.[1]
  const such = example === undefined ? "" : `, such as ${example}`
  return `takes ${type} for ${name}${such}, found ${JSON.stringify(value)}; Postgres says: ${refused}`
}

const examples: readonly (readonly [RegExp, string])[] = [
  [/\[\]$/, "{a,b}"],
  [/^timestamp(?: *\(\d\))?(?: without time zone)?$/i, "2021-12-25 07:00:00"],
  [/^timestamp/i, "2021-12-25 07:00:00+01"],
  [/^date$/i, "2021-12-25"],
  [/^time/i, "07:00:00"],
  [/^interval/i, "90 minutes"],
  [/^(?:smallint|integer|int|bigint|int[248])$/i, "7"],
  [/^(?:numeric|decimal|real|float|double)/i, "0.5"],
  [/^bool/i, "true"],
  [/^uuid$/i, "01234567-89ab-cdef-0123-456789abcdef"],
  [/^jsonb?$/i, '{"a": 1}'],
]
