// If this fails, some character does not arrive as it was written.
import { expect, onTestFinished, test } from "vitest"
import { createInstallation } from "./installation.ts"

const perRow = 1024

/** All Unicode scalar values but NUL, so many a row (Unicode 16, D76: every code point but the surrogates). */
function* scalarRows(): Generator<string> {
  for (let from = 0; from < 0x110000; from += perRow) {
    let row = ""
    for (let code = Math.max(from, 1); code < from + perRow; code += 1) {
      if (code < 0xd800 || code > 0xdfff) row += String.fromCodePoint(code)
    }
    if (row !== "") yield row
  }
}

test.each(["bytes", "csv-parse"])(
  "all 1,112,064 Unicode scalar values reach Postgres through the reader %s, NUL as a reject",
  async (reader) => {
    const rows = [...scalarRows()]
    expect(rows.reduce((sum, row) => sum + [...row].length, 0)).toBe(1_112_063)
    const installation = await createInstallation({
      source: `datasets: { all: { files: all.csv, dialect: { reader: ${reader} }, chunk: { rows: 100 } } }`,
      loader: "pipelines: { all: { dataset: all, table: public.all_scalars, max_rejects: 1 } }",
    })
    onTestFinished(installation.close)
    const records = rows.map((row, i) => `${i},"${row.replaceAll('"', '""')}"\n`)
    await installation.write("all.csv", `n,text\n${records.join("")}${rows.length},"\0"\n`)
    await installation.startSource()
    expect(await installation.load()).toBe(6)
    const loaded = await installation.query<{ text: string }>(
      "select text from public.all_scalars order by n",
    )
    expect(loaded.map(({ text }) => text)).toEqual(rows)
    const rejects = await installation.query("select row, raw from flatbed.rejects")
    expect(rejects).toEqual([{ row: String(rows.length + 1), raw: Buffer.from(`${rows.length},"\0"`) }])
  },
  60_000,
)
