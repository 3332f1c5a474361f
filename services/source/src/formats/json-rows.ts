/** Pure: the rows of JSON records as they are served, by the layout of the pass that accepted them. */
import { cellOf } from "../cell-rules.ts"
import type { CellSettings } from "../cells/compile-cell.ts"
import type { ColumnSettings, ServedField } from "../served-columns.ts"
import type { WrittenCells } from "./format.ts"
import { cellText } from "./json-cells.ts"
import { kinds, type RecordReader } from "./json-record.ts"
import { absentIndex } from "./shape-row.ts"

/** The rules of a dataset as they hold for JSON, the same for the same settings. */
export function jsonRules(settings: ColumnSettings): ColumnSettings {
  const known = rulesFor.get(settings)
  if (known !== undefined) return known
  const rules = { ...settings, nullWords: settings.nullWords?.filter((word) => word !== "") ?? [] }
  rulesFor.set(settings, rules)
  return rules
}

const rulesFor = new WeakMap<ColumnSettings, ColumnSettings>()

/**
 * What happens to the cells of a column: left out where they are served as they are written. JSON tells NULL from empty
 * text by itself, so no word is NULL unless the column's own settings say so.
 */
export function jsonRulesOf(
  name: string,
  rules: Parameters<typeof cellOf>[1],
): Pick<ServedField, "declared" | "cell"> {
  const cell = cellOf(name, rules)
  const { declared } = cell
  return changesNothing(cell) ? { declared } : { declared, cell }
}

function changesNothing({ nullValues, clean, format, booleans }: CellSettings): boolean {
  return nullValues.length === 0 && clean.length === 0 && format === undefined && booleans === undefined
}

/** The cells of the row that the reader has up, by the numbers of their places, as text. */
export function writtenCellsOf(
  reader: RecordReader,
  bytes: Buffer,
  fields: readonly {
    readonly id: number
    readonly declared: ServedField["declared"]
    readonly cell?: CellSettings | undefined
  }[],
): WrittenCells {
  const texts: string[] = []
  const settled = new Set<number>()
  const { cells, kindAt } = reader
  for (const { id, declared, cell } of fields) {
    if (id === absentIndex) continue
    const kind = kindAt(id)
    if (kind <= kinds.null) continue
    const [from, to] = [cells.starts[id] as number, cells.ends[id] as number]
    // What is declared JSON is judged as JSON: a string with its quotes.
    texts[id] = declared === "jsonb" ? bytes.toString("utf8", from, to) : cellText(bytes, kind, from, to)
    if (cell !== undefined) settled.add(id)
  }
  // Where the settings name words that are NULL, quotes do not matter: every text of JSON stands in them.
  return { texts, isQuoted: (index) => !settled.has(index) }
}
