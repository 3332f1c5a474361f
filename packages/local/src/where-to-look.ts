/** What `npm start` prints when everything is up: lines to copy into another terminal. */

export type WhereToLook = {
  /** `http://host:port` of the source. */
  readonly sourceUrl: string
  readonly datasets: readonly string[]
  readonly databaseUrl: string
  /** Those that are there, views too. */
  readonly tables: readonly string[]
  readonly reports: readonly string[]
  /** The loader's settings, relative to the folder in which the command was typed. */
  readonly config: string
  readonly logs: readonly string[]
}

/** Of more than these the first is shown, and the others are named. */
const shownAtMost = 3

/** The lines, ready to print. Every command in them works as it stands. */
export function describeWhereToLook(look: WhereToLook): string {
  const datasets = `${look.sourceUrl}/v1/datasets`
  const curl = shown(look.datasets, (name) => [
    `curl -s ${datasets}/${name}/chunks/1`,
    `curl -s ${datasets}/${name}`,
    `curl -s -H 'Accept: application/x-ndjson' ${datasets}/${name}/chunks/1`,
  ])
  const psql = shown(look.tables, (table) => [
    `psql '${look.databaseUrl}' -c 'select * from ${table} limit 5'`,
  ])
  const reports = shown(look.reports, (name) => [loaderCommand(look, `report ${name}`)])
  return [
    "",
    "See what the source serves: a chunk, what is known about its dataset, the chunk as the loader reads it",
    ...curl,
    ...(psql.length === 0 ? [] : ["See the tables (any Postgres client will do)", ...psql]),
    ...(reports.length === 0 ? [] : ["Ask a question", ...reports]),
    `Logs: ${look.logs.join(", ")}`,
    "Ctrl-C stops everything.",
    "",
  ].join("\n")
}

function shown(names: readonly string[], commandsOf: (name: string) => string[]): string[] {
  const [first = "", ...others] = names
  if (names.length <= shownAtMost) return names.flatMap(commandsOf).map((line) => `  ${line}`)
  return [...commandsOf(first).map((line) => `  ${line}`), `  and so for: ${others.join(", ")}`]
}

/** The lines after a load that set records aside, or was refused: how to see why. They work where `config` is read. */
export function describeSetAside(look: {
  readonly databaseUrl: string
  /** The loader's settings, relative to the folder in which the command was typed. */
  readonly config: string
  /** Whether Postgres stops now. */
  readonly once: boolean
}): string {
  return [
    `See how each load ended, and which records were set aside${look.once ? " (npm start brings Postgres up again)" : ""}`,
    `  ${loaderCommand(look, "status")}`,
    `  ${loaderCommand(look, "rejects list")}`,
    "",
  ].join("\n")
}

function loaderCommand(
  look: { readonly databaseUrl: string; readonly config: string },
  args: string,
): string {
  return `DATABASE_URL='${look.databaseUrl}' npx flatbed-loader ${args} --config '${look.config}'`
}
