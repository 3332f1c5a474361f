// If this fails, a file of the corpus that CSV parsers are measured by gives other cells than its authors say.
import { readdirSync, readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { basename, dirname, join } from "node:path"
import { expect, test } from "vitest"
import { isByteDialect } from "./byte-table.ts"
import type { CsvDialect } from "./csv-dialect.ts"
import { readerNames, readers } from "./readers.ts"

const root = dirname(createRequire(import.meta.url).resolve("csv-spectrum"))
const names = readdirSync(join(root, "csvs")).map((file) => basename(file, ".csv"))

/** Seconds of arc are written with the sign that quotes cells elsewhere; this file quotes none. */
const dialectOf = (name: string): CsvDialect => ({
  delimiter: ",",
  quote: name === "location_coordinates" ? "" : '"',
})

/** Of one file the corpus has another telephone number in its JSON than in its CSV, and a row instead of a list. */
function expectedOf(name: string): Record<string, string>[] {
  const said = JSON.parse(readFileSync(join(root, "json", `${name}.json`), "utf8"))
  return Array.isArray(said) ? said : [{ ...said, "Contact Phone Number": "2095257564" }]
}

test("csv-spectrum has the twelve files that it is known for", () => {
  expect(names).toHaveLength(12)
})

test.each(names)("%s gives the cells that its authors expect", async (name) => {
  const bytes = readFileSync(join(root, "csvs", `${name}.csv`))
  const expected = expectedOf(name)
  const dialect = dialectOf(name)
  const able = readerNames.filter((reader) => reader === "csv-parse" || isByteDialect(dialect))
  for (const reader of able.map((one) => readers[one])) {
    let headerEnd = 0
    const scan = reader.startScan(
      { file: name, dialect, columns: { drop: [], rename: {}, types: {} }, maxRecordBytes: 1 << 20 },
      {
        header: (end) => {
          headerEnd = end
        },
        record: () => {},
      },
    )
    await scan.push(bytes)
    const { layout, rejects } = await scan.end()
    scan.abandon()
    const records = {
      bytes: bytes.subarray(headerEnd),
      file: name,
      firstRow: 1,
      firstLine: 2,
      byteFrom: headerEnd,
    }
    const { body } = reader.encode({ ...records, rejects }, layout, "cells")
    const rows: string[][] = body
      .toString()
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line))
    const columns = layout.fields.map((field) => field.name)
    expect(rows.map((row) => Object.fromEntries(row.map((cell, i) => [columns[i], cell])))).toEqual(expected)
  }
})

test("seconds of arc in a file of quoted cells are set aside with their place, not guessed at", async () => {
  const bytes = readFileSync(join(root, "csvs", "location_coordinates.csv"))
  const fates: string[] = []
  const scan = readers.bytes.startScan(
    {
      ...{ file: "f.csv", dialect: { delimiter: ",", quote: '"' }, maxRecordBytes: 1 << 20 },
      columns: { drop: [], rename: {}, types: {} },
    },
    { header: () => {}, record: (_end, _line, fate) => fates.push(fate) },
  )
  await scan.push(bytes)
  await scan.end()
  scan.abandon()
  expect(fates).toEqual(["reject"])
})
