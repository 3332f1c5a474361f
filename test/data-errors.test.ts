// If this fails, somebody is told that a record is wrong, but not where it stands, what stands there, or what to do.
import { rejectCodes, rejectHints } from "@flatbed/contract"
import { afterEach, expect, test } from "vitest"
import { createInstallation, type Installation } from "./installation.ts"

const open: Installation[] = []
afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
})

type Case = {
  readonly code: string
  readonly record: string | Buffer
  readonly column: string | null
  readonly value: string | null
  /** What the reason must say: what was found, and what was expected. */
  readonly found: RegExp
  readonly format?: "ndjson"
  /** More of the pipeline's settings. */
  readonly pipeline?: string
}

const long = "9".repeat(150)

/** Columns id (integer), day (date), note (text of the table: at most five characters). */
const cases: readonly Case[] = [
  { code: "missing-cell", record: "7,2024-02-29", column: "note", value: null, found: /2 cells; expected 3/ },
  { code: "extra-cell", record: "7,2024-02-29,a,b", column: null, value: "b", found: /4 cells; expected 3/ },
  {
    code: "type-error",
    record: "x7,2024-02-29,a",
    column: "id",
    value: "x7",
    found: /"x7"; expected integer/,
  },
  {
    code: "type-error",
    record: `${long},2024-02-29,a`,
    column: "id",
    value: "9".repeat(100),
    found: /integer/,
  },
  {
    code: "type-error",
    record: "7,2023-02-29,a",
    column: "day",
    value: "2023-02-29",
    found: /expected date/,
  },
  {
    code: "type-error",
    record: "7,0000-00-00,a",
    column: "day",
    value: "0000-00-00",
    found: /expected date/,
  },
  {
    code: "type-error",
    record: "1e400,2024-02-29,a",
    column: "id",
    value: "1e400",
    found: /expected integer/,
  },
  { code: "quote-error", record: '7,2024-02-29,a"b', column: "note", value: null, found: /quote/ },
  { code: "quote-error", record: '7,2024-02-29,"a"b', column: "note", value: null, found: /closing quote/ },
  {
    code: "quote-error",
    record: '7,2024-02-29,"ab',
    column: "note",
    value: null,
    found: /never closed|opened/,
  },
  { code: "quote-error", record: "7,2024-02-29,a\rb", column: "note", value: null, found: /carriage return/ },
  {
    ...{ code: "encoding-error", column: "note", value: null, found: /0xe9.*expected UTF-8/ },
    record: Buffer.from("7,2024-02-29,caf\u00e9", "latin1"),
  },
  { code: "nul-error", record: "7,2024-02-29,a\0b", column: "note", value: null, found: /NUL/ },
  {
    code: "type-error",
    record: "7,2024-02-29,too long",
    column: "note",
    value: "too long",
    found: /too long|5/,
  },
  {
    ...{ code: "json-error", format: "ndjson", column: null, value: null },
    record: '{"id":7,"day":2024-02-29}',
    found: /At \/day, byte 19 /,
  },
  {
    ...{ code: "duplicate-key", format: "ndjson", column: null, value: null },
    record: '{"id":7,"note":"a","note":"b"}',
    found: /\/note.*twice; expected each key once/,
  },
  {
    ...{ code: "too-deep", format: "ndjson", column: null, value: null },
    record: `{"id":7,"note":${"[".repeat(101)}${"]".repeat(101)}}`,
    found: /100/,
  },
  {
    ...{ code: "too-many-keys", format: "ndjson", column: null, value: null },
    record: `{${Array.from({ length: 10_001 }, (_, i) => `"k${i}":null`).join()}}`,
    found: /10,?000/,
  },
  {
    ...{ code: "null-key", pipeline: "mode: upsert, key: [id]", column: "id", value: null },
    record: ",2024-02-29,a",
    found: /key/,
  },
  {
    ...{
      code: "check-error",
      pipeline: "checks: [{ sql: id < 100, severity: reject }]",
      column: null,
      value: null,
    },
    ...{ record: "700,2024-02-29,a", found: /^Check sql_1: .*expected id < 100\.$/ },
  },
  { code: "constraint-error", record: "-7,2024-02-29,a", column: null, value: null, found: /positive/ },
]

test("each code of a reject is among the cases", () => {
  expect(new Set(cases.map(({ code }) => code))).toEqual(new Set(Object.keys(rejectCodes)))
})

const fileOf = (i: number) => `case${i + 1}.${cases[i]?.format ?? "csv"}`

// Two lines in one record before it, or lines that are no records: a line is not a record.
const around = {
  csv: ['id,day,note\n1,2024-01-01,"a\nb"\n', "\n9,2024-01-02,c\n"],
  ndjson: ['{"id":1,"day":"2024-01-01","note":"a"}\n\n\n', '\n{"id":9,"day":"2024-01-02","note":"c"}\n'],
} as const

test("every error of a record names dataset, file, line, byte, column, value, rule and next step", async () => {
  const names = cases.map((_, i) => `case${i + 1}`)
  const installation = await createInstallation({
    source: `datasets:
${names.map((name, i) => `  ${name}: { files: ${fileOf(i)}, columns: { types: { id: integer, day: date } } }`).join("\n")}
`,
    loader: `pipelines:
${cases.map(({ pipeline = "mode: replace" }, i) => `  ${names[i]}: { dataset: ${names[i]}, table: public.${names[i]}, max_rejects: 1, ${pipeline} }`).join("\n")}
`,
  })
  open.push(installation)
  for (const [i, { record, format = "csv" }] of cases.entries()) {
    const [before, after] = around[format]
    const bytes = Buffer.concat([before, record, after].map((part) => Buffer.from(part as string)))
    await installation.write(fileOf(i), bytes)
    await installation.query(
      `create table public.case${i + 1} (id integer constraint positive check (id > 0), day date, note varchar(5))`,
    )
  }
  await installation.startSource()
  expect(await installation.load()).toBe(6)

  const list = installation.loader(["rejects", "list", "--limit", "100", "--json"])
  expect((await list.end()).code).toBe(0)
  const { rejects } = JSON.parse(list.stdout()) as { rejects: Record<string, unknown>[] }
  const byDataset = new Map(rejects.map((reject) => [reject.dataset, reject]))
  for (const [i, { code, record, column, value, found, format = "csv" }] of cases.entries()) {
    const reject = byDataset.get(`case${i + 1}`)
    expect(reject, `${code}: ${record}`).toMatchObject({
      ...{ dataset: `case${i + 1}`, file: fileOf(i), row: 2, line: 4, byte: around[format][0].length, code },
      ...{
        raw: Buffer.from(record as string).toString("base64"),
        hint: rejectHints[code as keyof typeof rejectHints],
      },
      reason: expect.stringMatching(found),
      ...(column === null ? {} : { column }),
      ...(value === null ? {} : { value }),
    })
    expect(await installation.query(`select id from public.case${i + 1} order by id`)).toEqual([
      { id: 1 },
      { id: 9 },
    ])
  }
  const show = installation.loader(["rejects", "show", String(rejects[0]?.run), "2"])
  expect((await show.end()).code).toBe(0)
  expect(show.stdout()).toMatch(/next +\S/)
})
