/** Names in SQL: the one place that quotes them. */

/** A table by its schema and name, both as Postgres stores them. */
export type TableName = { readonly schema: string; readonly name: string }

/** A name as a quoted identifier. Quotes inside are doubled (Postgres manual 4.1.1). */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** A table as `"schema"."table"`. */
export function quoteTable(table: TableName): string {
  return `${quoteName(table.schema)}.${quoteName(table.name)}`
}

/** A name as people write it: with quotes only where Postgres needs them. */
export function showName(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : quoteName(name)
}

/** A table as people write it: `schema.table`. One table, one text. */
export function showTable(table: TableName): string {
  return `${showName(table.schema)}.${showName(table.name)}`
}

/** Column names as a quoted list, in their order. */
export function quoteNames(names: readonly string[]): string {
  return names.map(quoteName).join(", ")
}

/**
 * Reads `table` or `schema.table` from the settings; without a schema it is `public`. Names are taken as
 * written, without folding their case. Returns undefined when it is neither.
 */
export function parseTable(written: string): TableName | undefined {
  const parts = written.split(".")
  const [first, second] = parts
  if (parts.length > 2 || !isName(first)) return undefined
  if (second === undefined) return { schema: "public", name: first }
  return isName(second) ? { schema: first, name: second } : undefined
}

/** Why no schema of the loader's own can be called so, as the end of a sentence; undefined when one can. */
export function findSchemaError(name: string): string | undefined {
  // The program that migrates the ledger doubles no quotes.
  if (!isName(name) || /["'\\]/.test(name)) {
    return `is ${JSON.stringify(name)}, expected the name of a schema: 1 to 63 bytes, without quotes and backslashes`
  }
  // The prefix is Postgres's own (Postgres manual, CREATE SCHEMA); the other is full of its views.
  if (!name.startsWith("pg_") && name !== "information_schema") return undefined
  return `is ${name}, which belongs to Postgres; expected a name of your own, such as flatbed`
}

// Postgres cuts identifiers at 63 bytes (NAMEDATALEN - 1), which would let two names meet quietly.
function isName(name: string | undefined): name is string {
  return name !== undefined && name !== "" && Buffer.byteLength(name) <= 63 && !name.includes("\0")
}
