/** Pure: the history of tables' columns for a terminal. */

import { formatTable } from "../text-table.ts"
import type { ColumnEvent } from "./column-ledger.ts"

/** One line per event, in their order. */
export function formatColumnEvents(events: readonly ColumnEvent[]): string {
  if (events.length === 0) return "no columns yet"
  const head = ["RUN", "TABLE", "COLUMN", "BEFORE", "IN THE FILE", "CONTRACT", "WHAT HAPPENED", "AT"]
  const lines = events.map((event) => [
    ...[String(event.run), event.table, event.column, event.before ?? "-", event.file ?? "-"],
    ...[
      event.policy ?? "-",
      `${event.outcome}${event.earlier_table ? ", in an earlier table" : ""}`,
      event.at,
    ],
  ])
  return formatTable(head, lines)
}
