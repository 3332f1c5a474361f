/** What `npm start` prints when everything is up: lines to copy into another terminal. */

export type WhereToLook = {
  /** `http://host:port` of the source. */
  readonly sourceUrl: string
  readonly datasets: readonly string[]
  readonly databaseUrl: string
  /** Those that are there. */
  readonly tables: readonly string[]
  readonly logs: readonly string[]
}

/** The lines, ready to print. Every command in them works as it stands. */
export function describeWhereToLook(look: WhereToLook): string {
  const curl = look.datasets.flatMap((name) => {
    const dataset = `${look.sourceUrl}/v1/datasets/${name}`
    return [
      `  curl -s ${dataset}/chunks/1`,
      `  curl -s ${dataset}`,
      `  curl -s -H 'Accept: application/x-ndjson' ${dataset}/chunks/1`,
    ]
  })
  const psql = look.tables.map((table) => `  psql '${look.databaseUrl}' -c 'select * from ${table} limit 5'`)
  return [
    "",
    "See what the source serves: a chunk, what is known about its dataset, the chunk as the loader reads it",
    ...curl,
    ...(psql.length === 0 ? [] : ["See the tables (any Postgres client will do)", ...psql]),
    `Logs: ${look.logs.join(", ")}`,
    "Ctrl-C stops everything.",
    "",
  ].join("\n")
}

/** The lines after a load that set records aside, or was refused: how to see why. They work where `config` is read. */
export function describeSetAside(look: {
  readonly databaseUrl: string
  /** The loader's settings, relative to the folder in which the command was typed. */
  readonly config: string
  /** Whether Postgres stops now. */
  readonly once: boolean
}): string {
  const command = (args: string) =>
    `  DATABASE_URL='${look.databaseUrl}' npx flatbed-loader ${args} --config '${look.config}'`
  return [
    `See how each load ended, and which records were set aside${look.once ? " (npm start brings Postgres up again)" : ""}`,
    command("status"),
    command("rejects list"),
    "",
  ].join("\n")
}
