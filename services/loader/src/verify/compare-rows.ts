/** Which rows of a table and of a version are not the same, once their digests have shown that some are not. */
import { canonicalCells } from "@flatbed/contract"
import { askForRows } from "../fetch/ask-source.ts"
import { copyRows } from "../postgres/copy.ts"
import type { Session } from "../postgres/database.ts"
import { quoteTable, type TableName } from "../postgres/identifier.ts"
import type { RowsOf } from "../postgres/table-digest.ts"
import { type ComparedColumn, cellsSql, digestSql } from "./canonical-columns.ts"
import {
  type Cells,
  changedRow,
  type Difference,
  type Differences,
  extraRow,
  findCounterpart,
  missingRow,
  repeatedRow,
} from "./verify-difference.ts"
import { type ComparedVersion, chunkWithRow, lineOfRow, readRows, type VerifyParts } from "./verify-parts.ts"

/** Where a row of the table stands; only valid within the transaction's snapshot. */
export type Place = { readonly part: string; readonly at: string }

// Of so many rows that differ the nearest is looked for.
const candidates = 100
const temporary = (name: string): TableName => ({ schema: "pg_temp", name })
const live = temporary("flatbed_live")
const wanted = temporary("flatbed_wanted")

/** Makes a table of this session with a digest for each row; `more` are further columns of it, of rows `t`. */
export async function noteLiveRows(
  session: Session,
  { table, where }: RowsOf,
  columns: readonly ComparedColumn[],
  more = "",
): Promise<TableName> {
  await session.query(
    `create temp table ${quoteTable(live)} on commit drop as
     select hashed.*, row_number() over (partition by h order by part, at) as n
       from (select t.tableoid as part, t.ctid as at, pg_catalog.substr(${digestSql(columns)}, 1, 16) as h ${more}
               from ${quoteTable(table)} as t ${where === undefined ? "" : `where ${where}`}) as hashed`,
  )
  await session.query(`analyze ${quoteTable(live)}`)
  return live
}

/**
 * The difference of both as multisets, by tables of the session with a row's number and digest each: so memory here does
 * not grow with the rows. All of the version is fetched for it. With `mayLack` some of its rows are rightly absent, and
 * nobody knows which, so the first difference is one of the table's rows.
 */
export async function compareRows(
  session: Session,
  rowsOf: RowsOf,
  version: ComparedVersion,
  { key, mayLack }: { readonly key: readonly string[]; readonly mayLack: boolean },
  parts: VerifyParts,
): Promise<Differences> {
  const { manifest, columns } = version
  await noteLiveRows(session, rowsOf, columns)
  await session.query(`create temp table ${quoteTable(wanted)} ("row" bigint, h bytea) on commit drop`)
  for (const chunk of manifest.chunks) {
    const { lines, rows } = await readRows(version, chunk, parts)
    const text = rows.map(({ row, digest }) => `${row}\t\\\\x${digest.toString("hex")}\n`).join("")
    await copyRows(session, wanted, ["row", "h"], Buffer.from(text))
    parts.source.reuse(lines)
  }
  await session.query(`analyze ${quoteTable(wanted)}`)
  const numbered = `(select "row", h, row_number() over (partition by h order by "row") as n from ${quoteTable(wanted)})`
  const missing = await session.query(
    `select w."row", count(*) over () as total from ${numbered} as w
       left join ${quoteTable(live)} as l on l.h = w.h and l.n = w.n where l.at is null order by 1 limit 1`,
  )
  const { rows: extra } = await session.query(
    `select * from (
       select part::text, at::text, row_number() over places as n, is_repeated, "row",
              count(*) over (partition by is_repeated) as total
         from (select l.part, l.at, like_it."row" is not null as is_repeated, like_it."row"
                 from ${quoteTable(live)} as l
                 left join ${numbered} as w on w.h = l.h and w.n = l.n
                 left join (select h, min("row") as "row" from ${quoteTable(wanted)} group by h) as like_it on like_it.h = l.h
                where w."row" is null) as extra
       window places as (partition by is_repeated order by part, at)) as numbered
      where n <= $1 order by is_repeated, n`,
    [candidates],
  )
  const others = extra.filter((one) => !one.is_repeated)
  const [repeated] = extra.filter((one) => one.is_repeated)
  const firstMissing = missing.rows[0] === undefined ? undefined : Number(missing.rows[0].row)
  const counts = {
    missing: Number(missing.rows[0]?.total ?? 0),
    extra: Number(others[0]?.total ?? 0) + Number(repeated?.total ?? 0),
    repeated: Number(repeated?.total ?? 0),
  }
  const firstOther = await describeFirst(others)
  const firstRepeated = repeated === undefined ? undefined : await describeRepeated(Number(repeated.row))
  return firstOther === undefined
    ? { ...counts, first: firstRepeated, firstRepeated: undefined }
    : { ...counts, first: firstOther, firstRepeated }

  async function describeFirst(places: readonly Place[]): Promise<Difference | undefined> {
    const cells = await readCells(session, rowsOf.table, columns, places)
    // A row that is one of the version is no other row of it with other cells.
    if (firstMissing !== undefined && !mayLack)
      return await describeRow(version, firstMissing, cells, key, parts)
    return places.length === 0 ? undefined : extraRow(comparedNames(columns), cells[0] ?? [])
  }

  async function describeRepeated(row: number): Promise<Difference | undefined> {
    const [origin] = await askForRows(manifest.dataset, manifest.version, [row], parts)
    return origin === undefined ? undefined : repeatedRow(origin)
  }
}

/** A row of the version that the table does not have so; `others` are rows of the table that may be it. */
export async function describeRow(
  version: ComparedVersion,
  row: number,
  others: readonly Cells[],
  key: readonly string[],
  parts: VerifyParts,
): Promise<Difference | undefined> {
  const { manifest, columns } = version
  const names = comparedNames(columns)
  const chunk = chunkWithRow(manifest, row)
  const [origin] = await askForRows(manifest.dataset, manifest.version, [row], parts)
  if (chunk === undefined || origin === undefined) return undefined
  const { lines } = await readRows(version, chunk, parts)
  const types = columns.map(({ type }) => type)
  const expected = canonicalCells(lineOfRow(lines, chunk, row), types)
  parts.source.reuse(lines)
  const keyPlaces = key.map((name) => names.indexOf(name)).filter((place) => place !== -1)
  const other = others[findCounterpart(expected, others, keyPlaces)]
  return other === undefined ? missingRow(origin) : changedRow(origin, names, expected, other)
}

/** Names of the columns that are compared, in the order of their cells. */
export function comparedNames(columns: readonly ComparedColumn[]): string[] {
  return columns.flatMap(({ name, type }) => (type === "left-out" ? [] : [name]))
}

/** The canonical cells of these rows of the table, in the order of the places. */
export async function readCells(
  session: Session,
  table: TableName,
  columns: readonly ComparedColumn[],
  places: readonly Place[],
): Promise<Cells[]> {
  const { rows } = await session.query(
    `select t.tableoid::text as part, t.ctid::text as at, pg_catalog.array_to_json(${cellsSql(columns)})::text as cells
       from ${quoteTable(table)} as t where t.ctid = any($1::tid[])`,
    [places.map(({ at }) => at)],
  )
  const found = new Map(rows.map(({ part, at, cells }) => [`${part} ${at}`, JSON.parse(cells) as Cells]))
  return places.map(({ part, at }) => found.get(`${part} ${at}`) ?? [])
}
