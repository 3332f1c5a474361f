/** The digests of a table's rows, computed where the rows are. */
import { type RowsDigest, sumDigests } from "@flatbed/contract"
import { type ComparedColumn, digestSql } from "../canonical-columns.ts"
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
  // Without OFFSET the row would be hashed once for each half; it does not keep workers from sharing the scan.
  const { rows } = await session.query(
    `select count(*) as rows, ${halvesSql}
       from (select pg_catalog.encode(${digestSql(columns)}, 'hex') as h
               from ${quoteTable(table)} as t ${where === undefined ? "" : `where ${where}`} offset 0) as hashed`,
  )
  return readDigest(rows[0])
}

/** The sums of the halves of `h`, 32 hexadecimal digits. A bigint is the same as its unsigned number modulo 2^64. */
export const halvesSql = ["high", "low"]
  .map((name, i) => {
    const digits = `pg_catalog.substr(h, ${1 + 16 * i}, 16)`
    return `coalesce(sum(('x' || ${digits})::bit(64)::bigint), 0)::text as ${name}`
  })
  .join(", ")

/** A row of such a query. */
export function readDigest(row: { rows: string; high: string; low: string }): RowsDigest {
  return sumDigests(Number(row.rows), BigInt(row.high), BigInt(row.low))
}
