// If this fails, a value that looks like something else to a parser on the way is changed: a number rounded, a zero lost.
import { afterEach, expect, test } from "vitest"
import { createInstallation, type Installation } from "./installation.ts"

const open: Installation[] = []
afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
})

const digits38 = "12345678901234567890123456789012345678"

/** What stands in the file, and what Postgres prints of it in a column that the file's rows, or the settings, type. */
const cells: readonly {
  readonly name: string
  readonly written: string
  readonly printed: string
  readonly type: string
}[] = [
  { name: "past_a_double", written: "9007199254740993", printed: "9007199254740993", type: "bigint" },
  { name: "wide", written: digits38, printed: digits38, type: "numeric" },
  { name: "scaled", written: "1.10", printed: "1.10", type: "numeric" },
  { name: "minus_zero", written: "-0", printed: "-0", type: "text" },
  { name: "huge", written: "1e400", printed: `1${"0".repeat(400)}`, type: "numeric" },
  { name: "zip", written: "02134", printed: "02134", type: "text" },
  { name: "null_of_copy", written: "\\N", printed: "\\N", type: "text" },
  { name: "end_of_copy", written: "\\.", printed: "\\.", type: "text" },
  { name: "formula", written: "=1+1", printed: "=1+1", type: "text" },
  { name: "not_a_number", written: "NaN", printed: "NaN", type: "text" },
  { name: "thousands", written: '"1,234"', printed: "1,234", type: "text" },
  { name: "null_byte_word", written: "NULL", printed: "NULL", type: "text" },
]

test.each(["bytes", "csv-parse"])("values arrive as they are written, by %s", async (reader) => {
  const installation = await createInstallation({
    source: `datasets:
  values: { files: values.csv, dialect: { reader: ${reader} }, columns: { types: { minus_zero: text } } }
`,
    loader: "pipelines: { values: { dataset: values, table: public.values } }",
  })
  open.push(installation)
  const header = cells.map(({ name }) => name).join(",")
  const row = cells.map(({ written }) => written).join(",")
  await installation.write("values.csv", `${header}\n${row}\n`)
  await installation.startSource()
  expect(await installation.load()).toBe(0)
  const printed = cells.map(
    ({ name }) => `${name}::text, pg_catalog.pg_typeof(${name})::text as type_of_${name}`,
  )
  const [found = {}] = await installation.query<Record<string, string>>(
    `select ${printed.join(", ")} from public.values`,
  )
  for (const { name, printed, type } of cells) {
    expect({ name, printed: found[name], type: found[`type_of_${name}`] }).toEqual({ name, printed, type })
  }
})
