/** Pure: rows of cells to the bytes of a chunk's body, decided per column once. */
import type { TakeBuffer } from "@flatbed/codec"
import { lexemeToJson, type Reject } from "@flatbed/contract"
import { spellCsvRecord } from "./csv-spelling.ts"
import type { Layout, RowsForm } from "./format.ts"

/**
 * Takes whole records as cells (null for NULL, dropped columns included) and answers the body at the end. A
 * record set aside stands in its place among cells; objects and CSV leave it out.
 */
export function createRowWriter(layout: Layout, form: RowsForm) {
  const written: string[] = []
  const spell = spellerOf(layout, form)
  let rows = 0
  let rejects = 0

  return {
    add(cells: readonly (string | null)[]): void {
      rows += 1
      written.push(spell(cells))
    },
    addReject(reject: Reject): void {
      rows += 1
      rejects += 1
      if (form === "cells") written.push(`${JSON.stringify({ reject })}\n`)
    },
    finish(take: TakeBuffer = Buffer.allocUnsafe) {
      const text = written.join(form === "objects" ? ",\n" : "")
      const body = take(Buffer.byteLength(text))
      body.write(text)
      return { body, rows, rejects }
    },
  }
}

function spellerOf({ fields }: Layout, form: RowsForm): (cells: readonly (string | null)[]) => string {
  const pick = (cells: readonly (string | null)[]) => fields.map(({ index }) => cells[index] ?? null)
  switch (form) {
    case "csv":
      return (cells) => spellCsvRecord(pick(cells))
    case "cells":
      return (cells) => `${JSON.stringify(pick(cells))}\n`
    case "objects": {
      // Written by hand so that the order is the columns' and no name, `__proto__` included, means anything.
      const keyed = fields.map(({ name, type, index }) => ({ index, type, key: `${JSON.stringify(name)}:` }))
      return (cells) => {
        let row = ""
        for (const { index, type, key } of keyed) {
          const cell = cells[index] ?? null
          row += `${row === "" ? "" : ","}${key}${cell === null ? "null" : lexemeToJson(type, cell)}`
        }
        return `{${row}}`
      }
    }
  }
}
