import { execFile } from "node:child_process"
import { readFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { expect, it } from "vitest"

const generator = fileURLToPath(new URL("../../../data/telecom/generate.mjs", import.meta.url))
const committed = fileURLToPath(new URL("../../../data/telecom/telecom.csv", import.meta.url))

async function generate(...args: string[]): Promise<string> {
  const limits = { maxBuffer: 100_000_000 }
  return (await promisify(execFile)(process.execPath, [generator, ...args], limits)).stdout
}

it("is byte for byte what the generator makes", async () => {
  expect(await generate()).toBe(await readFile(committed, "utf8"))
})

it("has 3,333 customers, 21 columns, phone numbers that do not repeat, and charges that add up", async () => {
  const [header = "", ...records] = (await readFile(committed, "utf8")).trimEnd().split("\n")
  const names = header.split(",")
  expect(names).toHaveLength(21)
  expect(records).toHaveLength(3333)
  const rows = records.map((record) => {
    const cells = record.split(",")
    expect(cells).toHaveLength(21)
    return Object.fromEntries(names.map((name, index) => [name, cells[index] ?? ""]))
  })
  expect(new Set(rows.map((row) => row["phone number"])).size).toBe(3333)
  for (const row of rows) {
    expect(row["phone number"]).toMatch(/^[2-9][0-9]{2}-[0-9]{4}$/)
    expect(["True", "False"]).toContain(row.churn)
    // $0.17 a minute: tenths of a minute times 1.7 cents, half a cent rounded up.
    const cents = Math.floor((Number(row["total day minutes"]?.replace(".", "")) * 17 + 5) / 10)
    expect(row["total day charge"]).toBe((cents / 100).toFixed(2))
  }
})

it("makes as many rows as asked for, other ones for another seed", async () => {
  const [seven, eight] = await Promise.all([
    generate("--rows", "20000", "--seed", "7"),
    generate("--seed", "8"),
  ])
  expect(seven.trimEnd().split("\n")).toHaveLength(20_001)
  expect(eight.split("\n")[1]).not.toBe(seven.split("\n")[1])
})
