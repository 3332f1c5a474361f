// If this fails, one bad record in a big file stops all the others, or goes missing without a trace.
import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { afterEach, beforeEach, expect, test } from "vitest"
import { createInstallation, type Installation } from "./installation.ts"

const records = 100_000
const bad = 500
let flatbed: Installation

const loader = (maxRejects: string) => `pipelines:
  orders: { dataset: orders, table: public.orders, max_rejects: ${maxRejects} }
  strict: { dataset: orders, table: public.strict }
`

beforeEach(async () => {
  flatbed = await createInstallation({
    source: `datasets:
  orders:
    files: orders.csv
    columns: { types: { id: integer, amount: numeric, day: date } }
    chunk: { bytes: 256KiB }
`,
    loader: loader("1%"),
  })
})

afterEach(async () => {
  await flatbed.close()
})

/** Five ways of being bad, and the code that each gets. */
const kinds: readonly { readonly code: string; readonly make: (id: number) => Buffer }[] = [
  { code: "missing-cell", make: (id) => Buffer.from(`${id},1.50,2024-02-29`) },
  { code: "extra-cell", make: (id) => Buffer.from(`${id},1.50,2024-02-29,"a, b",x`) },
  { code: "type-error", make: (id) => Buffer.from(`${id},1.50,2023-02-29,Zoë`) },
  {
    code: "encoding-error",
    make: (id) => Buffer.from([...Buffer.from(`${id},1.50,2024-02-29,`), 0xe9, 0x28]),
  },
  { code: "nul-error", make: (id) => Buffer.from(`${id},1.50,2024-02-29,"a\0b"`) },
]
const kindOf = (id: number) =>
  id % (records / bad) === 0 ? kinds[(id / (records / bad)) % kinds.length] : undefined

/** The file, and where each bad record begins in it: what this test knows by itself. */
function makeFile() {
  const parts: Buffer[] = [Buffer.from("id,amount,day,note\r\n")]
  const places = new Map<number, { code: string; line: number; byte: number; raw: Buffer }>()
  let byte = (parts[0] as Buffer).length
  let line = 2
  for (let id = 1; id <= records; id++) {
    const kind = kindOf(id)
    // Every tenth record takes two lines, so that lines and rows are not the same number.
    const note = id % 10 === 3 ? '"two\r\nlines"' : `note ${id}`
    const raw = kind?.make(id) ?? Buffer.from(`${id},${id}.50,2024-02-29,${note}`)
    if (kind !== undefined) places.set(id, { code: kind.code, line, byte, raw })
    parts.push(raw, Buffer.from("\r\n"))
    byte += raw.length + 2
    line += raw.includes("\r\n") ? 2 : 1
  }
  return { content: Buffer.concat(parts), places }
}

test("100,000 records with 500 bad ones of five kinds: the others are loaded, and each bad one is told", async () => {
  const { content, places } = makeFile()
  const file = await flatbed.write("orders.csv", content)
  await flatbed.startSource()

  expect(await flatbed.load("orders")).toBe(6)
  expect(
    await flatbed.query("select count(*)::integer as n, sum(id)::bigint::text as sum from public.orders"),
  ).toEqual([{ n: records - bad, sum: String(sumOfGood()) }])
  expect(await flatbed.query("select rows::integer, rejects::integer from flatbed.publications")).toEqual([
    { rows: records - bad, rejects: bad },
  ])

  const rejects = await flatbed.query<{ row: number; code: string; line: number; byte: number; raw: Buffer }>(
    "select row::integer, code, line::integer, byte::integer, raw from flatbed.rejects order by row",
  )
  expect(rejects.map(({ row }) => row)).toEqual([...places.keys()])
  const bytes = await readFile(file)
  for (const { row, code, line, byte, raw } of rejects) {
    expect({ code, line, byte }).toEqual({
      code: places.get(row)?.code,
      line: places.get(row)?.line,
      byte: places.get(row)?.byte,
    })
    expect(raw.equals(bytes.subarray(byte, byte + raw.length))).toBe(true)
    expect(raw.equals(places.get(row)?.raw ?? Buffer.alloc(0))).toBe(true)
  }
  expect(await flatbed.load("orders")).toBe(0)
})

test("by default one bad record leaves the table as it was; so does one more than the limit, wherever it lies", async () => {
  await flatbed.write("orders.csv", "id,amount,day,note\n1,1.50,2024-02-29,before\n")
  await flatbed.startSource()
  expect(await flatbed.load()).toBe(0)
  await flatbed.query("alter table public.orders add constraint not_the_last check (id <> 100000)")

  const { content } = makeFile()
  const rest = content.subarray(0, content.lastIndexOf("\r\n", content.length - 3) + 2)
  await flatbed.write("orders.csv", Buffer.concat([rest, Buffer.from("100000,1.50,2024-02-29,last\r\n")]))
  const strict = flatbed.loader(["load", "strict"])
  expect((await strict.end()).code).toBe(5)
  expect(strict.stdout()).toMatch(/rejects-over-limit: 499 of 100,000 records.*orders\.csv line 2\d\d/)

  // 499 are the source's; the last row of the last chunk is refused by Postgres, and 500 are one too many.
  await setLimit("499")
  expect(await flatbed.load("orders")).toBe(5)
  for (const table of ["orders", "strict"]) {
    expect(await flatbed.query(`select id, note from public.${table}`)).toEqual([{ id: 1, note: "before" }])
  }
  expect(
    await flatbed.query(
      "select row::integer, column_name, value from flatbed.rejects where found_by = 'loader'",
    ),
  ).toEqual([{ row: 100_000, column_name: "id", value: "100000" }])

  await setLimit("500")
  expect(await flatbed.load("orders")).toBe(6)
  expect(await flatbed.query("select count(*)::integer as n from public.orders")).toEqual([{ n: 99_500 }])
})

async function setLimit(maxRejects: string): Promise<void> {
  const file = join(flatbed.folder, "loader.yaml")
  const yaml = await readFile(file, "utf8")
  await writeFile(
    file,
    yaml.replace(loader("1%"), loader(maxRejects)).replace(loader("499"), loader(maxRejects)),
  )
}

function sumOfGood(): number {
  let sum = 0
  for (let id = 1; id <= records; id++) if (kindOf(id) === undefined) sum += id
  return sum
}
