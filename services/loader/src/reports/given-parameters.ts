/** Pure: what the command line gives a report, held against what the report declares. */
import { findNearest } from "@flatbed/config"
import { Problem } from "@flatbed/contract"
import type { OpenReport } from "./report-file.ts"
import type { Parameter } from "./report-head.ts"

/** By name, as typed; null is NULL. */
export type GivenValues = ReadonlyMap<string, string | null>

/** Reads `name=value`. Raises usage-invalid for anything else, and for a name that stands twice. */
export function readGiven(written: readonly string[]): Map<string, string> {
  const given = new Map<string, string>()
  for (const one of written) {
    const equals = one.indexOf("=")
    if (equals < 1) {
      throw new Problem(
        "usage-invalid",
        `--param is ${JSON.stringify(one)}; expected a name and a value, as in  --param day=2021-12-25`,
      )
    }
    const name = one.slice(0, equals).replace(/^:/, "")
    if (given.has(name))
      throw new Problem("usage-invalid", `--param ${name} is given twice; expected it once.`)
    given.set(name, one.slice(equals + 1))
  }
  return given
}

/**
 * The value of each parameter: what is given, else its default.
 *
 * @throws Problem `usage-invalid` naming all that is missing, unknown, or none of the choices, with all parameters.
 */
export function chooseValues(report: OpenReport, given: ReadonlyMap<string, string>): GivenValues {
  const { parameters } = report.head
  const names = parameters.map(({ name }) => name)
  const missing = parameters.filter((one) => one.standard === undefined && !given.has(one.name))
  const wrong = [
    ...[...given.keys()].filter((name) => !names.includes(name)).map((name) => describeUnknown(name, names)),
    ...(missing.length === 0 ? [] : [`needs ${listNames(missing)}`]),
    ...parameters.flatMap((one) => findNoChoice(one, given.get(one.name))),
  ]
  if (wrong.length > 0) throw wrongParameters(report, wrong)
  return new Map(parameters.map((one) => [one.name, given.get(one.name) ?? one.standard ?? null]))
}

/** The problem of a report that is asked wrongly: each line goes on after its name, and all parameters stand below. */
export function wrongParameters(report: OpenReport, wrong: readonly string[]): Problem {
  const { name, head } = report
  const lines = wrong.map((line) => `report ${name} ${line}`)
  const list = head.parameters.length === 0 ? [] : [describeParameters(head.parameters)]
  return new Problem("usage-invalid", [...lines, ...list].join("\n"), {
    ...(head.parameters.length === 0 ? {} : { hint: "Each is given as in  --param name=value" }),
    facts: { report: name },
  })
}

/** A line each, their parts under each other, two blanks before. */
export function describeParameters(parameters: readonly Parameter[]): string {
  const cells = parameters.map((one) => [`:${one.name}`, describeType(one), one.meaning ?? ""] as const)
  const width = (at: 0 | 1) => Math.max(...cells.map((line) => line[at].length))
  return cells
    .map(([name, type, meaning]) =>
      `  ${name.padEnd(width(0))}  ${type.padEnd(Math.min(width(1), 50))}  ${meaning}`.trimEnd(),
    )
    .join("\n")
}

/** `text = overlaps | starts_within`, `date = ''`, `integer, required`. */
function describeType({ type, standard, choices }: Parameter): string {
  if (standard === undefined) return `${type}, required`
  return `${type} = ${(choices ?? [standard]).map(showValue).join(" | ")}`
}

function showValue(value: string | null): string {
  if (value === null) return "null"
  return value === "" || /['|=]|--|^null$|^\s|\s$/i.test(value) ? `'${value.replaceAll("'", "''")}'` : value
}

function describeUnknown(name: string, names: readonly string[]): string {
  const nearest = findNearest(name, names)
  if (nearest !== undefined) return `has no parameter ${name}; did you mean ${nearest}?`
  return names.length === 0
    ? `has no parameter ${name}; it takes none`
    : `has no parameter ${name}; it has ${names.join(", ")}`
}

function findNoChoice({ name, choices }: Parameter, value: string | undefined): string[] {
  if (choices === undefined || value === undefined || choices.includes(value)) return []
  const nearest = findNearest(value, choices)
  const meant = nearest === undefined ? "" : `; did you mean ${showValue(nearest)}?`
  return [`takes ${choices.map(showValue).join(", ")} for ${name}, found ${JSON.stringify(value)}${meant}`]
}

function listNames(parameters: readonly Parameter[]): string {
  const names = parameters.map(({ name }) => name)
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`
}
