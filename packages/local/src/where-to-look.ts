/** What `npm start` prints when everything is up: lines to copy into another terminal. */

export type WhereToLook = {
  /** `http://host:port` of the source. */
  readonly sourceUrl: string
  readonly datasets: readonly string[]
  readonly databaseUrl: string
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
    "See the tables (any Postgres client will do)",
    ...psql,
    `Logs: ${look.logs.join(", ")}`,
    "Ctrl-C stops everything.",
    "",
  ].join("\n")
}
