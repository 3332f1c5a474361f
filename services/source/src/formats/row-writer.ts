/** Pure: rows of cells to the bytes of a chunk's body, decided per column once. */
import { lexemeToJson } from "@flatbed/contract"
import type { Layout, RowsForm } from "./format.ts"

/** Takes whole records as cells (null for NULL, dropped columns included) and answers the body at the end. */
export function createRowWriter(layout: Layout, form: RowsForm) {
  const rows: string[] = []
  const fields = layout.fields.map(({ name, type, index }) => ({
    index,
    key: `${JSON.stringify(name)}:`,
    toJson: form === "cells" ? (lexeme: string) => JSON.stringify(lexeme) : lexemeToJson.bind(null, type),
  }))

  // Written by hand so that the order is the columns' and no name, `__proto__` included, means anything.
  function add(cells: readonly (string | null)[]): void {
    let row = ""
    for (const { index, key, toJson } of fields) {
      const cell = cells[index] ?? null
      row += `${row === "" ? "" : ","}${form === "objects" ? key : ""}${cell === null ? "null" : toJson(cell)}`
    }
    rows.push(form === "objects" ? `{${row}}` : `[${row}]\n`)
  }

  return {
    add,
    finish: () => ({ body: Buffer.from(rows.join(form === "objects" ? ",\n" : "")), rows: rows.length }),
  }
}
