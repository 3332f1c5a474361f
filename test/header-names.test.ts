// If this fails, a column is lost, or its values stand under another column's name, because of how it is called.
import { expect, onTestFinished, test } from "vitest"
import { createInstallation } from "./installation.ts"

const long = "a name that is longer than what Postgres keeps of it, which is sixty-three bytes"

/** As they stand in a header, and as the table's columns are to be called. */
const names: readonly (readonly [written: string, called: string])[] = [
  ["id", "id"],
  ["Id", "Id_2"],
  ["select", "select"],
  ["user", "user"],
  ["table", "table"],
  ["order by", "order by"],
  ["__proto__", "__proto__"],
  ["constructor", "constructor"],
  ["toString", "toString"],
  ["hasOwnProperty", "hasOwnProperty"],
  ['say "so"', 'say "so"'],
  ["it's", "it's"],
  ["''; drop table t; --", "''; drop table t; --"],
  ['"); select 1; --', '"); select 1; --'],
  ["a,b", "a,b"],
  ["two\nlines", "two\nlines"],
  ["two\r\nother lines", "two\r\nother lines"],
  ["back\\slash", "back\\slash"],
  ["\\N", "\\N"],
  ["\\.", "\\."],
  ["$1", "$1"],
  ["$tag$", "$tag$"],
  ["%s %n", "%s %n"],
  ["{{7*7}}", "{{7*7}}"],
  ["<b>", "<b>"],
  ["=1+1", "=1+1"],
  ["null", "null"],
  ["0", "0"],
  ["-1", "-1"],
  ["1e5", "1e5"],
  [" spaced ", " spaced "],
  [".", "."],
  ["äöü ß", "äöü ß"],
  ["日本語", "日本語"],
  ["😀", "😀"],
  ["العربية", "العربية"],
  ["", "column_37"],
  ["  ", "column_38"],
  ["id", "id_3"],
  ["tab\there", "tabhere"],
  ["turn\u202eed", "turned"],
  ["zero\u200bwidth", "zerowidth"],
  ["zerowidth\u0007", "zerowidth_2"],
  // printf '%s' "$long" | sha256sum
  [long, "a name that is longer than what Postgres keeps of it, _4b5e7c96"],
]

const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`

test.each(["bytes", "csv-parse"])(
  "every column arrives under a name of its own, whatever the header calls it, through the reader %s",
  async (reader) => {
    const installation = await createInstallation({
      source: `datasets: { odd: { files: odd.csv, dialect: { reader: ${reader} } } }`,
      loader: "pipelines: { odd: { dataset: odd, table: public.odd_names } }",
    })
    onTestFinished(installation.close)
    const header = names.map(([written]) => quoted(written)).join(",")
    const cells = names.map((_, i) => `cell ${i}`)
    await installation.write("odd.csv", `${header}\n${cells.join(",")}\n`)
    await installation.startSource()
    expect(await installation.load()).toBe(0)
    const columns = await installation.query<{ name: string }>(
      `select attname as name from pg_catalog.pg_attribute
        where attrelid = 'public.odd_names'::regclass and attnum > 0 order by attnum`,
    )
    expect(columns.map(({ name }) => name)).toEqual(names.map(([, called]) => called))
    const [row] = await installation.query<{ cells: string[] }>(
      "select array(select value from json_each_text(to_json(t))) as cells from public.odd_names t",
    )
    expect(row?.cells).toEqual(cells)
  },
)
