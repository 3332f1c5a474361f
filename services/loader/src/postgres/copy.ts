/** COPY … FROM STDIN: bytes in, the number of rows that Postgres counted out. */
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import type { ClientBase } from "pg"
import { from as copyFrom } from "pg-copy-streams"
import { quoteName, quoteNames, quoteTable, type TableName } from "./identifier.ts"

/**
 * Sends rows in COPY's text format (Postgres manual, COPY, "Text Format") and returns how many Postgres took.
 * The transaction is the caller's. A lost connection or a refused row rejects; ending the connection ends it too.
 * With `savepoint` it is done behind one of that name, in the same message; a COPY that is refused leaves it there.
 */
export async function copyRows(
  client: ClientBase,
  table: TableName,
  columns: readonly string[],
  body: Buffer,
  savepoint?: string,
): Promise<number> {
  const copy = `copy ${quoteTable(table)} (${quoteNames(columns)}) from stdin`
  const name = savepoint === undefined ? undefined : quoteName(savepoint)
  const stream = client.query(
    copyFrom(name === undefined ? copy : `savepoint ${name}; ${copy}; release savepoint ${name}`),
  )
  // `pipeline` and not `write`: after a lost connection pg-copy-streams throws from write() synchronously.
  await pipeline(Readable.from(body.length === 0 ? [] : [body], { objectMode: false }), stream)
  return stream.rowCount
}
