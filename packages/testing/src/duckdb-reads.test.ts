// If this file fails, the polluted files expect something else than a reader that is not ours finds in them.
import { join } from "node:path"
import { DuckDBInstance } from "@duckdb/node-api"
import { expect, it } from "vitest"
import { temporaryFolder } from "./files.ts"
import { makePollutedFiles, type PollutedFile, type Pollution } from "./polluted-files.ts"

/** What DuckDB cannot be asked, a reason each. */
const beyond: Partial<Record<Pollution, string>> = {
  NUL: "it takes NUL for text",
}

/** Why a clean file cannot be put to DuckDB; undefined when it can. */
function whyNot({ pollution, refused, records, dialect, columns, bytes }: PollutedFile): string | undefined {
  if (refused !== undefined) return "refused"
  if (records.some(({ cells }) => cells === null)) return "damaged"
  if (beyond[pollution] !== undefined) return beyond[pollution]
  if (dialect.encoding !== undefined || bytes[0] === 0xff || bytes[0] === 0xfe)
    return "it reads UTF-8 alone without an extension"
  if (pollution === "header names" && bytes.includes('\ny"\r\n'))
    return "it loses a header of two lines that end differently"
  if (columns.length === 1) return "it passes over blank lines, which are rows of one column"
  return undefined
}

it("DuckDB finds the same cells in the clean files", { timeout: 120_000 }, async () => {
  const folder = await temporaryFolder()
  const instance = await DuckDBInstance.create(":memory:", { threads: "1" })
  const connection = await instance.connect()
  const left = new Map<string, number>()
  let read = 0
  const differing: string[] = []
  try {
    for (const file of makePollutedFiles()) {
      const reason = whyNot(file)
      if (reason !== undefined) {
        left.set(reason, (left.get(reason) ?? 0) + 1)
        continue
      }
      await folder.write(`${file.name}.csv`, file.bytes)
      const rows = await connection.runAndReadAll(queryFor(join(folder.path, `${file.name}.csv`), file)).then(
        (result) => result.getRows(),
        (error) => `${error}`,
      )
      read += 1
      const expected = file.records.map(({ cells }) => cells)
      if (JSON.stringify(rows) !== JSON.stringify(expected)) differing.push(`${file.name}: ${rows}`)
    }
  } finally {
    connection.closeSync()
    instance.closeSync()
    await folder.remove()
  }
  process.stdout.write(`DuckDB agrees on ${read} files; left out: ${JSON.stringify([...left])}\n`)
  expect(differing).toEqual([])
  expect(read).toBeGreaterThan(250)
})

function queryFor(path: string, { dialect, columns, pollution }: PollutedFile): string {
  const sign = (written: unknown, standard: string) =>
    written === undefined ? standard : written === "tab" || written === "\\t" ? "\t" : String(written)
  const literal = (text: string) => `'${text.replaceAll("'", "''")}'`
  const quote = sign(dialect.quote_char, '"')
  const nulls = (dialect.null_values as string[] | undefined) ?? [""]
  const ragged = dialect.ragged
  const options: Record<string, string> = {
    auto_detect: "false",
    all_varchar: "true",
    // Its strict mode refuses what these two classes allow.
    strict_mode: String(ragged !== "truncate" && pollution !== "mixed line ends"),
    null_padding: String(ragged === "pad"),
    allow_quoted_nulls: "false",
    nullstr: `[${nulls.map(literal).join(", ")}]`,
    delim: literal(sign(dialect.delimiter, ",")),
    quote: literal(quote),
    escape: literal(sign(dialect.escape_char, quote)),
    comment: literal(sign(dialect.comment_char, "")),
    skip: String(dialect.skip_lines ?? 0),
    header: String(dialect.header ?? true),
    max_line_size: "4000000",
    parallel: "false",
    columns: `{${columns.map((_name, i) => `'c${i}': 'VARCHAR'`).join(", ")}}`,
  }
  const written = Object.entries(options).map(([name, value]) => `${name} = ${value}`)
  return `select * from read_csv(${literal(path)}, ${written.join(", ")})`
}
