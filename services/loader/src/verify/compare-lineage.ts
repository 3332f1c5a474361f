/** Whether each row of a table is what its lineage says: that row of that version. */
import { formatDigest, type Manifest, type ManifestChunk, noRows, versionPattern } from "@flatbed/contract"
import { rowColumn, versionColumn } from "../columns/own-columns.ts"
import { askForManifest, askForRows } from "../fetch/ask-source.ts"
import type { Session } from "../postgres/database.ts"
import { quoteName, quoteTable, type TableName } from "../postgres/identifier.ts"
import type { Table } from "../postgres/table.ts"
import { type RowsOf, readDigest, sumSql } from "../postgres/table-digest.ts"
import { isVersionLost } from "../retry.ts"
import { counted } from "../summary.ts"
import { compareByText } from "./canonical-columns.ts"
import { comparedNames, describeRow, noteLiveRows, readCells } from "./compare-rows.ts"
import {
  type Differences,
  extraRow,
  type LackingVersion,
  noDifferences,
  repeatedRow,
} from "./verify-difference.ts"
import { type Expected, findRefusedOf } from "./verify-ledger.ts"
import { type ComparedVersion, digestChunks, readRows, type VerifyParts } from "./verify-parts.ts"

export type LineageResult = Differences & {
  /** Rows that were compared. */
  readonly rows: number
  readonly versions: number
  /** All rows of the table, also those that name no version. */
  readonly allRows: number
  /** The versions of which fewer rows are there than were published. */
  readonly lacking: readonly LackingVersion[]
  /** What could not be compared, and why. */
  readonly notes: readonly string[]
}

type Asked = {
  readonly dataset: string
  readonly target: string
  readonly table: Table
  readonly rowsOf: RowsOf
  /** Whether every row that a version brought is still to be there. */
  readonly keepsRows: boolean
  readonly expected: Expected
}

/** `isWhole`: each of its rows is to be in the table. */
type BroughtVersion = ComparedVersion & { readonly isWhole: boolean }

type Found = { -readonly [Name in keyof Differences]: Differences[Name] }

/** Compares row by row, version by version; of a chunk whose rows are all there the digest is enough. */
export async function compareLineage(
  session: Session,
  asked: Asked,
  parts: VerifyParts,
): Promise<LineageResult> {
  const { dataset, target, table, rowsOf, keepsRows, expected } = asked
  const total: Found = { ...noDifferences }
  const notes: string[] = []
  const wanted = new Map(expected.versions.map((one) => [one.version, one.rows]))
  const there = new Map<string, number>()
  let [rows, versions, allRows, unnamed] = [0, 0, 0, 0]
  const { rows: brought } = await session.query(
    `select t.${quoteName(versionColumn)} as version, count(*) as rows from ${quoteTable(rowsOf.table)} as t
      ${rowsOf.where === undefined ? "" : `where ${rowsOf.where}`} group by 1 order by 1`,
  )
  for (const group of brought) {
    const count = Number(group.rows)
    allRows += count
    if (group.version === null) {
      unnamed = count
      notes.push(`${counted(count, "row")} ${count === 1 ? "says" : "say"} no version`)
      continue
    }
    const wantedRows = wanted.get(group.version) ?? 0
    there.set(group.version, count)
    const manifest = await findManifest(dataset, group.version, parts)
    if (manifest === undefined) {
      notes.push(`the source no longer has version ${group.version.slice(0, 12)} of ${counted(count, "row")}`)
      total.missing += Math.max(0, wantedRows - count)
      continue
    }
    const columns = compareByText(manifest.columns, table)
    const refused = await findRefusedOf(session, target, table.oid, manifest.version)
    const isWhole = keepsRows && wantedRows === manifest.rows - manifest.rejects - refused.size
    const found = await compareVersion(session, rowsOf, { manifest, columns, refused, isWhole }, parts)
    include(total, found)
    // A row that stands in the version, as it is or changed; which others were appended in part nobody knows here.
    const own = isWhole ? count - found.extra : count - found.extra + found.missing
    there.set(group.version, isWhole ? Math.min(count, wantedRows) : own)
    if (!isWhole) total.missing += Math.max(0, wantedRows - own)
    rows += count
    versions += 1
  }
  const lacking = findLacking(expected, there, unnamed)
  for (const one of lacking) if (!there.has(one.version)) total.missing += one.expected - one.found
  const only = total.first === undefined ? { first: total.firstRepeated, firstRepeated: undefined } : {}
  return { ...total, ...only, rows, versions, allRows, lacking, notes }
}

/**
 * The versions of which fewer rows are there than were published. Those that came when the pipeline had other settings,
 * perhaps without lineage, may be among the rows that name no version, as far as those reach.
 */
function findLacking(
  { versions }: Expected,
  there: ReadonlyMap<string, number>,
  unnamed: number,
): LackingVersion[] {
  let left = unnamed
  return versions.flatMap(({ version, rows, isNamed }) => {
    const named = there.get(version)
    const found = named ?? (isNamed ? 0 : Math.min(left, rows))
    if (named === undefined && !isNamed) left -= found
    return found < rows ? [{ version, expected: rows, found }] : []
  })
}

async function findManifest(
  dataset: string,
  version: string,
  parts: VerifyParts,
): Promise<Manifest | undefined> {
  // It comes from the table, where anybody may have written it.
  if (!new RegExp(versionPattern).test(version)) return undefined
  try {
    return await askForManifest(dataset, version, parts)
  } catch (error) {
    if (isVersionLost(error)) return undefined
    throw error
  }
}

/** The rows of the table that this version brought. */
async function compareVersion(
  session: Session,
  rowsOf: RowsOf,
  version: BroughtVersion,
  parts: VerifyParts,
): Promise<Found> {
  const { manifest, columns, refused, isWhole } = version
  const [versionName, rowName] = [versionColumn, rowColumn].map((name) => `t.${quoteName(name)}`)
  const of = `${versionName} = '${manifest.version}'${rowsOf.where === undefined ? "" : ` and ${rowsOf.where}`}`
  await session.query("drop table if exists pg_temp.flatbed_live")
  const live = await noteLiveRows(session, { ...rowsOf, where: of }, columns, `, ${rowName} as "row"`)
  const firsts = manifest.chunks.map((chunk) => chunk.first_row)
  const counts = await session.query(
    `select pg_catalog.width_bucket("row", $1::bigint[]) as chunk, count(*) as rows, ${sumSql("h")}
       from ${quoteTable(live)} group by 1 order by 1`,
    [firsts],
  )
  const perChunk = new Map(counts.rows.map((row) => [Number(row.chunk), readDigest(row)]))
  if (isWhole) for (const { chunk } of manifest.chunks) if (!perChunk.has(chunk)) perChunk.set(chunk, noRows)
  const there = [...perChunk].sort(([a], [b]) => a - b)
  const wanted = (chunk: ManifestChunk) =>
    chunk.rows -
    chunk.rejects -
    [...refused].filter((row) => row >= chunk.first_row && row < chunk.first_row + chunk.rows).length
  const whole = manifest.chunks.filter((one) => perChunk.get(one.chunk)?.rows === wanted(one))
  const digests = await digestChunks(version, whole, parts)
  const found: Found = { ...noDifferences }
  for (const [chunk, digest] of there) {
    const told = digests.get(chunk)
    if (told !== undefined && formatDigest(told) === formatDigest(digest)) continue
    const served = manifest.chunks[chunk - 1]
    include(found, await compareChunk(session, rowsOf.table, live, version, served, parts))
  }
  return found
}

/** Row by row: `served` is the chunk, undefined for rows that are in none. */
async function compareChunk(
  session: Session,
  table: TableName,
  live: TableName,
  version: BroughtVersion,
  served: ManifestChunk | undefined,
  parts: VerifyParts,
): Promise<Found> {
  const { manifest, columns } = version
  const found: Found = { ...noDifferences }
  const [from, to] =
    served === undefined ? [Number.MIN_SAFE_INTEGER, 0] : [served.first_row, endOf(manifest, served)]
  const { rows } = await session.query(
    `select part::text, at::text, h, "row" from ${quoteTable(live)} where "row" between $1 and $2 order by "row", at`,
    [from, to],
  )
  const expected = new Map<number, Buffer>()
  if (served !== undefined) {
    const { lines, rows } = await readRows(version, served, parts)
    for (const { row, digest } of rows) expected.set(row, Buffer.from(digest))
    parts.source.reuse(lines)
  }
  let before: number | undefined
  for (const { part, at, h, row: written } of rows) {
    const row = Number(written)
    const digest = expected.get(row)
    const isRepeated = row === before
    before = row
    if (!isRepeated && digest?.equals(h)) continue
    if (digest !== undefined && !isRepeated) found.missing += 1
    found.extra += 1
    if (isRepeated && digest !== undefined) {
      found.repeated += 1
      if (found.firstRepeated !== undefined) continue
      const [origin] = await askForRows(manifest.dataset, manifest.version, [row], parts)
      found.firstRepeated = origin === undefined ? undefined : repeatedRow(origin)
      continue
    }
    if (found.first !== undefined) continue
    const [cells = []] = await readCells(session, table, columns, [{ part, at }])
    if (digest === undefined) found.first = extraRow(comparedNames(columns), cells)
    else found.first = await describeRow(version, row, [cells], [], parts)
  }
  if (!version.isWhole) return found
  const seen = new Set(rows.map((row) => Number(row.row)))
  const lost = [...expected.keys()].filter((row) => !seen.has(row))
  found.missing += lost.length
  if (lost[0] !== undefined && (found.first?.row ?? lost[0] + 1) > lost[0])
    found.first = await describeRow(version, lost[0], [], [], parts)
  return found
}

function include(total: Found, more: Differences): void {
  total.missing += more.missing
  total.extra += more.extra
  total.repeated += more.repeated
  total.first ??= more.first
  total.firstRepeated ??= more.firstRepeated
}

/** The last chunk also has the rows behind the version's last one. */
function endOf({ chunks }: Manifest, { chunk, first_row: first, rows }: ManifestChunk): number {
  return chunk === chunks.at(-1)?.chunk ? Number.MAX_SAFE_INTEGER : first + rows - 1
}
