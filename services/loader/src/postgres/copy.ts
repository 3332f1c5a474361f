/** COPY … FROM STDIN: bytes in, the number of rows that Postgres counted out. */
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import type { ClientBase } from "pg"
import { from as copyFrom } from "pg-copy-streams"
import { quoteNames, quoteTable, type TableName } from "./identifier.ts"

/**
 * Sends rows in COPY's text format (Postgres manual, COPY, "Text Format") and returns how many Postgres took.
 * The transaction is the caller's. A lost connection or a refused row rejects; ending the connection ends it too.
 * `options` is COPY's list in parentheses, without these.
 */
export async function copyRows(
  client: ClientBase,
  table: TableName,
  columns: readonly string[],
  body: Buffer,
  options?: "on_error ignore",
): Promise<number> {
  const target = `${quoteTable(table)} (${quoteNames(columns)})`
  const stream = client.query(
    copyFrom(`copy ${target} from stdin${options === undefined ? "" : ` (${options})`}`),
  )
  // `pipeline` and not `write`: after a lost connection pg-copy-streams throws from write() synchronously.
  await pipeline(Readable.from(body.length === 0 ? [] : [body], { objectMode: false }), stream)
  return stream.rowCount
}
