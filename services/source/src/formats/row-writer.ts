/** Pure: rows to the bytes of a chunk's body, decided per column once. */
import type { TakeBuffer } from "@flatbed/codec"
import { lexemeToJson, type Reject } from "@flatbed/contract"
import { spellCsvRecord } from "./csv-spelling.ts"
import type { EncodedRows, Layout, RowsForm } from "./format.ts"

type Cells = readonly (string | null)[]

/**
 * Takes the served cells of whole records (null for NULL) and answers the body at the end. A record set aside stands in
 * its place among cells; objects and CSV leave it out.
 */
export function createRowWriter(layout: Layout, form: RowsForm) {
  const written: string[] = []
  const spell = spellerOf(layout, form)
  let rows = 0
  let rejects = 0

  return {
    add(cells: Cells): void {
      rows += 1
      written.push(spell(cells))
    },
    addReject(reject: Reject): void {
      rows += 1
      rejects += 1
      if (form === "cells") written.push(`${JSON.stringify({ reject })}\n`)
    },
    finish(take: TakeBuffer = Buffer.allocUnsafe): EncodedRows {
      const text = written.join(form === "objects" ? ",\n" : "")
      const body = take(Buffer.byteLength(text))
      body.write(text)
      return { body, rows, rejects }
    },
  }
}

function spellerOf({ fields }: Layout, form: RowsForm): (cells: Cells) => string {
  switch (form) {
    case "csv":
      return spellCsvRecord
    case "cells":
      return (cells) => `${JSON.stringify(cells)}\n`
    case "objects": {
      // Written by hand so that the order is the columns' and no name, `__proto__` included, means anything.
      const keyed = fields.map(({ name, type }) => ({ type, key: `${JSON.stringify(name)}:` }))
      return (cells) => {
        let row = ""
        keyed.forEach(({ key, type }, i) => {
          const cell = cells[i] ?? null
          row += `${row === "" ? "" : ","}${key}${cell === null ? "null" : lexemeToJson(type, cell)}`
        })
        return `{${row}}`
      }
    }
  }
}
