/** The digests of a table's rows, computed where the rows are. */
import { type RowsDigest, sumDigests } from "@flatbed/contract"
import { type ComparedColumn, digestSql } from "../verify/canonical-columns.ts"
import type { Session } from "./database.ts"
import { quoteTable, type TableName } from "./identifier.ts"

/** Of which rows: a condition on `t`; undefined: all. */
export type RowsOf = { readonly table: TableName; readonly where: string | undefined }

/** Of all its rows, in one statement. */
export async function digestTable(
  session: Session,
  { table, where }: RowsOf,
  columns: readonly ComparedColumn[],
): Promise<RowsDigest> {
  const { rows } = await session.query(
    `select count(*) as rows, ${sumSql(digestSql(columns))} from ${quoteTable(table)} as t
      ${where === undefined ? "" : `where ${where}`}`,
  )
  return readDigest(rows[0])
}

/**
 * The sum of digests of rows, of which `digest` is SQL, by their first 8 bytes. A bigint is the same as its unsigned number
 * modulo 2^64. One sum of 64 bits and not two: the digest would be computed for each.
 */
export function sumSql(digest: string): string {
  const digits = `pg_catalog.encode(pg_catalog.substr(${digest}, 1, 8), 'hex')`
  return `coalesce(sum(('x' || ${digits})::bit(64)::bigint), 0)::text as sum`
}

/** A row of such a query. */
export function readDigest(row: { rows: string; sum: string }): RowsDigest {
  return sumDigests(Number(row.rows), BigInt(row.sum))
}
