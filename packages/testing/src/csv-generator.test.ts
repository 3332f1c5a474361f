import { expect, it } from "vitest"
import { csvCellClasses, describeCsvClasses, generateCsv } from "./csv-generator.ts"

const files = Array.from({ length: 1000 }, (_, seed) => generateCsv(seed))

it("gives the same file for the same seed", () => {
  expect(generateCsv(7)).toEqual(generateCsv(7))
  expect(generateCsv(7).bytes).not.toEqual(generateCsv(8).bytes)
})

it("makes every class of cell at least 5 % of all cells, and says so", () => {
  const table = describeCsvClasses(files)
  const shares = [...table.matchAll(/([0-9.]+) %$/gm)].map((match) => Number(match[1]))
  expect(shares).toHaveLength(csvCellClasses.length)
  for (const share of shares) expect(share, table).toBeGreaterThanOrEqual(5)
})

it("varies size, newline, BOM and last newline", () => {
  const has = (share: (text: string) => boolean) =>
    files.filter((file) => share(file.bytes.toString("utf8"))).length
  expect(has((text) => text.startsWith("\ufeff"))).toBeGreaterThan(100)
  expect(has((text) => !text.endsWith("\n"))).toBeGreaterThan(100)
  expect(files.filter((file) => file.rows.length === 0).length).toBeGreaterThan(0)
  expect(new Set(files.map((file) => file.columns.length)).size).toBe(12)
  expect(Math.max(...files.map((file) => file.rows.length))).toBe(60)
  expect(files.flatMap((file) => file.columns)).toContain("__proto__")
})

it("names every column once, in at most 63 bytes, and gives every row as many cells", () => {
  for (const { columns, rows } of files) {
    expect(new Set(columns).size).toBe(columns.length)
    for (const name of columns) expect(Buffer.byteLength(name)).toBeLessThanOrEqual(63)
    for (const row of rows) expect(row).toHaveLength(columns.length)
  }
})

it("writes what it says: Postgres itself reads the cells out of the bytes", { timeout: 60_000 }, async () => {
  const { Client } = await import("pg")
  const { createTestDatabase } = await import("./database.ts")
  const database = await createTestDatabase({ template: false })
  const client = new Client({ connectionString: database.url })
  await client.connect()
  try {
    for (const file of files.slice(0, 150))
      expect(await readWithPostgres(client, file.bytes, file.columns)).toEqual(file.rows)
  } finally {
    await client.end()
    await database.drop()
  }
})

// A reader that is not ours: COPY FROM PROGRAM, fed the bytes in hex. Postgres wants one kind of newline per file
// and no BOM, so a bare CR in quotes, which it also accepts, is left to it.
async function readWithPostgres(
  client: import("pg").Client,
  bytes: Buffer,
  columns: readonly string[],
): Promise<(string | null)[][]> {
  const withoutBom = bytes.subarray(0, 3).equals(Buffer.from("\ufeff")) ? bytes.subarray(3) : bytes
  const names = columns.map((_, index) => `c${index}`)
  await client.query(
    `create temp table t (n int generated always as identity, ${names.map((n) => `${n} text`).join(", ")})`,
  )
  const octal = [...withoutBom].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("")
  await client.query(
    `copy pg_temp.t (${names.join(", ")}) from program $flatbed$printf '%b' '${octal.replaceAll("\\", "\\0")}'$flatbed$ with (format csv, header true)`,
  )
  const { rows } = await client.query({
    text: `select ${names.join(", ")} from pg_temp.t order by n`,
    rowMode: "array",
  })
  await client.query("drop table pg_temp.t")
  return rows
}
