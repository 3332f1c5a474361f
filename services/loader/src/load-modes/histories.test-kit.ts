/** Random histories of a table: the modes that meet them, and one version after another. */
import type { Column } from "@flatbed/contract"
import type { Random } from "@flatbed/testing"
import type { ModelMode, ModelRow } from "./mode-model.test-kit.ts"

export const historyColumns = [
  { name: "id", type: "integer" },
  { name: "part", type: "text" },
  { name: "name", type: "text" },
  { name: "amount", type: "numeric" },
  { name: "seen", type: "timestamp" },
] as const satisfies readonly Pick<Column, "name" | "type">[]

export const keyedModes: readonly [string, ModelMode][] = [
  ["upsert", { mode: "upsert", key: ["id"], dedupe: "none", soft: false }],
  ["upsert by two columns", { mode: "upsert", key: ["id", "part"], dedupe: "exact", soft: false }],
  ["upsert, the last of each key", { mode: "upsert", key: ["id"], dedupe: "key", soft: false }],
  [
    "upsert, the newest of each key",
    { mode: "upsert", key: ["id"], orderBy: "seen", dedupe: "none", soft: false },
  ],
  ["mirror", { mode: "mirror", key: ["id"], dedupe: "exact", soft: false }],
  ["mirror that marks", { mode: "mirror", key: ["id", "part"], dedupe: "key", soft: true }],
  [
    "mirror that marks, the newest of each key",
    { mode: "mirror", key: ["id"], orderBy: "amount", dedupe: "none", soft: true },
  ],
  ["replace by difference", { mode: "replace", key: ["id"], dedupe: "key", soft: false }],
]

/** How values of the column that tells the newest row are ordered. */
export function compareOf({ orderBy }: ModelMode): (a: string, b: string) => number {
  if (orderBy === "amount") return (a, b) => Number(a) - Number(b)
  return (a, b) => (a < b ? -1 : a > b ? 1 : 0)
}

/** The next version: of the rows before some are gone, some changed, some twice; others are new. */
export function changeVersion(version: readonly ModelRow[], random: Random): ModelRow[] {
  const int = (below: number) => random.between(0, below - 1)
  const rows = version.filter(() => int(6) > 0).map((row) => (int(4) === 0 ? vary(row) : row))
  for (let n = int(5); n > 0; n -= 1) rows.push(makeRow())
  if (rows.length > 0 && int(3) === 0) rows.push(int(2) === 0 ? random.pick(rows) : vary(random.pick(rows)))
  return rows

  function vary(row: ModelRow): ModelRow {
    const name = random.pick(["name", "amount", "seen"] as const)
    return { ...row, [name]: makeCell(name) }
  }

  function makeRow(): ModelRow {
    return Object.fromEntries(historyColumns.map(({ name }) => [name, makeCell(name)]))
  }

  function makeCell(name: (typeof historyColumns)[number]["name"]): string | null {
    switch (name) {
      case "id":
        return String(int(12))
      case "part":
        return random.pick(["a", "A", ""])
      case "name":
        return random.pick([null, "", "x", "x ", "\\N", "é", "1.10"])
      case "amount":
        return random.pick([null, "1.1", "1.10", "0.0", "0", "9007199254740993", "100"])
      case "seen":
        return random.pick([null, "2024-01-01 00:00:00", "2024-01-02 00:00:00", "2024-01-02 00:00:00.5"])
    }
  }
}
