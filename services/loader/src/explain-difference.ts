/** How a row of a table and the row of the version that it comes from differ. */
import { canonicalCells, type RowOrigin } from "@flatbed/contract"
import { askForManifest } from "./fetch/ask-source.ts"
import type { Table } from "./postgres/table.ts"
import type { Pipeline } from "./settings/pipeline-settings.ts"
import { compareByText } from "./verify/canonical-columns.ts"
import { comparedNames, type Place, readCells } from "./verify/compare-rows.ts"
import { chunkWithRow, lineOfRow, readRows, type VerifyParts } from "./verify/verify-parts.ts"

/** A column with what the table has in it, and what the version has, as `verify` compares them. */
export type CellDifference = {
  readonly column: string
  readonly found: string | null
  readonly expected: string | null
}

/** The columns that differ; undefined where the row cannot be compared, since it has moved meanwhile or was set aside. */
export async function compareLive(
  { table: name, dataset, target }: Pipeline,
  table: Table,
  place: Place,
  { version, row }: Pick<RowOrigin, "row"> & { readonly version: string },
  parts: VerifyParts,
): Promise<readonly CellDifference[] | undefined> {
  const manifest = await askForManifest(dataset, version, parts)
  const columns = compareByText(manifest.columns, table)
  const chunk = chunkWithRow(manifest, row)
  const names = comparedNames(columns)
  if (chunk === undefined || names.length === 0) return undefined
  const [found = []] = await parts.database.transaction(
    (session) => readCells(session, name, columns, [place]),
    { doing: `looking at the row in ${target}` },
  )
  const { lines, rows } = await readRows({ manifest, columns, refused: new Set() }, chunk, parts)
  const isServed = rows.some((one) => one.row === row)
  const types = columns.map(({ type }) => type)
  const expected = isServed ? canonicalCells(lineOfRow(lines, chunk, row), types) : []
  parts.source.reuse(lines)
  if (found.length !== names.length || expected.length !== names.length) return undefined
  return names.flatMap((column, i) =>
    found[i] === expected[i] ? [] : [{ column, found: found[i] ?? null, expected: expected[i] ?? null }],
  )
}
