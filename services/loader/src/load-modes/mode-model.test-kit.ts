/**
 * What a load mode must make of a table, in plain TypeScript: nothing of the loader is used here. Rows are records of
 * text or NULL; the marks of a soft delete are true or false, since their times are nobody's to foresee.
 */

export type ModelRow = Readonly<Record<string, string | null>>
/** A row of the table, and whether it is marked as deleted. */
export type ModelTableRow = { readonly row: ModelRow; readonly isDeleted: boolean }

export type ModelMode = {
  readonly mode: "replace" | "append" | "upsert" | "mirror"
  readonly key: readonly string[]
  readonly orderBy?: string
  readonly dedupe: "none" | "exact" | "key"
  readonly soft: boolean
}

export type ModelOutcome =
  | {
      readonly table: readonly ModelTableRow[]
      readonly applied: {
        readonly inserted: number
        readonly updated: number
        readonly unchanged: number
        readonly repeated: number
        readonly older: number
        readonly deleted: number
      }
    }
  /** A key stands twice in the version, and nothing says which row wins. */
  | "key-repeated"

/** The table after a version was loaded into it. `compare` orders values of the `orderBy` column. */
export function applyVersion(
  before: readonly ModelTableRow[],
  version: readonly ModelRow[],
  mode: ModelMode,
  compare: (a: string, b: string) => number,
): ModelOutcome {
  const keyOf = (row: ModelRow) => JSON.stringify(mode.key.map((name) => row[name]))
  const same = (a: ModelRow, b: ModelRow) =>
    JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort())
  const isNewer = (a: ModelRow, b: ModelRow) => {
    const [x, y] = [a[mode.orderBy ?? ""] ?? null, b[mode.orderBy ?? ""] ?? null]
    if (x === null) return false
    return y === null || compare(x, y) > 0
  }

  let left = [...version]
  if (mode.dedupe === "exact") left = left.filter((row, i) => !left.slice(0, i).some((one) => same(one, row)))
  if (mode.mode === "append") {
    const others = { updated: 0, unchanged: 0, older: 0, deleted: 0 }
    return {
      table: [...before, ...left.map((row) => ({ row, isDeleted: false }))],
      applied: { inserted: left.length, repeated: version.length - left.length, ...others },
    }
  }
  const winners = new Map<string, ModelRow>()
  for (const row of left) {
    const rival = winners.get(keyOf(row))
    if (rival !== undefined && mode.dedupe !== "key" && mode.orderBy === undefined) return "key-repeated"
    // Of equals the later row of the version wins.
    if (rival === undefined || mode.orderBy === undefined || !isNewer(rival, row))
      winners.set(keyOf(row), row)
  }

  const applied = {
    inserted: 0,
    updated: 0,
    unchanged: 0,
    repeated: version.length - winners.size,
    older: 0,
    deleted: 0,
  }
  const table = new Map(before.map((one) => [keyOf(one.row), one]))
  if (mode.mode !== "upsert") {
    for (const [key, { row, isDeleted }] of [...table]) {
      if (winners.has(key) || isDeleted) continue
      applied.deleted += 1
      if (mode.soft) table.set(key, { row, isDeleted: true })
      else table.delete(key)
    }
  }
  for (const [key, row] of winners) {
    const there = table.get(key)
    if (there === undefined) applied.inserted += 1
    else if (mode.orderBy !== undefined && isNewer(there.row, row)) {
      applied.older += 1
      continue
    } else if (same(there.row, row) && !there.isDeleted) applied.unchanged += 1
    else applied.updated += 1
    table.set(key, { row, isDeleted: false })
  }
  return { table: [...table.values()], applied }
}
