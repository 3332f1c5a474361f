// If this fails, telecom's reports say something else than its file, or its README shows what no command prints.
import { execFile } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { promisify } from "node:util"
import { temporaryFolder } from "@flatbed/testing"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { type Example, openExample } from "./example.test-kit.ts"
import { disagreements } from "./readme-output.test-kit.ts"

const folder = resolve(import.meta.dirname, "../data/telecom")
const closers: (() => Promise<unknown>)[] = []

let told: string[]
let samples: Example
let others: Example
let elsewhere: string

beforeAll(async () => {
  samples = await openExample({ folder: "telecom" })
  closers.push(samples.close)
  // The page loads the file itself, as its first command.
  told = await disagreements(join(folder, "README.md"), samples)
  const only = (command: string) => command.includes("flatbed-loader report")
  told.push(...(await disagreements(resolve(folder, "../../README.md"), { ...samples, only })))

  told.push(...(await runModelsExample(samples)))

  const made = await temporaryFolder()
  closers.push(made.remove)
  elsewhere = made.path
  const generator = [join(folder, "generate.mjs"), "--rows", "700", "--seed", "5"]
  const { stdout } = await promisify(execFile)(process.execPath, generator)
  // As an older copy of such files has it: no boolean, but a text.
  await made.write("telecom.csv", stdout.replaceAll(/(True|False)$/gm, " $1."))
  others = await openExample({ folder: "telecom", root: elsewhere })
  closers.push(others.close)
  expect(await others.loader("load")).toMatchObject({ code: 0 })
}, 180_000)

afterAll(async () => {
  for (const close of closers.reverse()) await close()
})

/** What the first README shows of models, done as it says: its SQL and its settings in a folder of their own. */
async function runModelsExample(example: Example): Promise<string[]> {
  const readme = resolve(folder, "../../README.md")
  const section =
    readFileSync(readme, "utf8")
      .split(/^## /m)
      .find((one) => one.startsWith("Models:")) ?? ""
  const block = (language: string) => section.split(`\n\`\`\`${language}\n`)[1]?.split("\n```")[0] ?? ""
  const settings = readFileSync(join(folder, "loader.yaml"), "utf8").split(/^reports:/m)[0]
  const own = await temporaryFolder()
  closers.push(own.remove)
  const sql = await own.write("churn.sql", block("sql"))
  await own.write("my-loader.yaml", `${settings}\n${block("yaml")}\n`)
  const others = (command: string) => {
    const [, before = "", after = ""] = /^sed -i 's\/(.+)\/(.+)\/' churn\.sql$/.exec(command) ?? []
    if (before === "") return undefined
    writeFileSync(sql, readFileSync(sql, "utf8").replace(before, after))
    return Promise.resolve("")
  }
  const shown: string[] = section.match(/^\$ .*$/gm) ?? []
  const only = (command: string) => shown.includes(`$ ${command}`)
  return await disagreements(readme, { ...example, cwd: own.path, others, only })
}

test("the blocks of its README, and the reports and models in the first one, are what its commands print", () => {
  expect(told).toEqual([])
})

describe.each([
  ["the sample file", () => samples, () => folder],
  ["another file of this shape", () => others, () => elsewhere],
])("%s", (_name, example, root) => {
  test("churn_by_plan counts who left", async () => {
    const expected = ["yes no", "no no", "yes yes", "no yes"].map((plans) => {
      const own = readCustomers(root()).filter((one) => one.plans === plans)
      return [...plans.split(" "), own.length, ...leavers(own)]
    })
    const rows = await example().report("churn_by_plan")
    const told = rows.map((row) => Object.values(row).map(String))
    expect(told.map((row) => row.map(plainNumber)).sort()).toEqual(
      expected.map((row) => row.map(plainNumber)).sort(),
    )
    const shares = rows.map((row) => Number(row.percent))
    expect(shares).toEqual([...shares].sort((a, b) => b - a))
  })

  test.each(["25", "100", "7.5"])("daytime_minutes_histogram draws bins of %s minutes", async (width) => {
    const customers = readCustomers(root())
    const bins = new Map<number, ReturnType<typeof readCustomers>>()
    for (const one of customers) {
      // In tenths of a minute, so that nothing is rounded.
      const bin = Math.floor(one.tenths / (Number(width) * 10))
      bins.set(bin, [...(bins.get(bin) ?? []), one])
    }
    const first = Math.min(...bins.keys())
    const places = Array.from({ length: Math.max(...bins.keys()) - first + 1 }, (_, i) => first + i)
    const most = Math.max(...[...bins.values()].map(({ length }) => length))
    const rows = await example().report("daytime_minutes_histogram", { bin_width: width, longest: "30" })
    expect(
      rows.map((row) =>
        [row.from, row.to, row.customers, row["left percent"], String(row.bar).length].map(plainNumber),
      ),
    ).toEqual(
      places.map((bin) => {
        const own = bins.get(bin) ?? []
        const [, percent] = own.length === 0 ? [0, null] : leavers(own)
        const bar = Math.floor((30 * own.length) / most + 0.5)
        return [bin * Number(width), (bin + 1) * Number(width), own.length, percent, bar].map(plainNumber)
      }),
    )
  })
})

type Customer = { readonly plans: string; readonly tenths: number; readonly hasLeft: boolean }

/** No cell of these files has a comma or a quote in it. */
function readCustomers(root: string): Customer[] {
  const [head = "", ...lines] = readFileSync(join(root, "telecom.csv"), "utf8").trimEnd().split("\n")
  const names = head.split(",")
  return lines.map((line) => {
    const cells = line.split(",")
    const cell = (name: string) => cells[names.indexOf(name)] ?? ""
    return {
      plans: `${cell("international plan")} ${cell("voice mail plan")}`,
      tenths: Number(cell("total day minutes").replace(".", "")),
      hasLeft: cell("churn").includes("True"),
    }
  })
}

/** How many left, and in percent with one decimal, halves up. */
function leavers(customers: readonly Customer[]): [number, number] {
  const whole = customers.length
  const left = customers.filter(({ hasLeft }) => hasLeft).length
  return [left, Math.floor((2000 * left + whole) / (2 * whole)) / 10]
}

/** JSON may have a decimal as a number or as a text, with zeros that change nothing. */
function plainNumber(cell: unknown): string {
  return typeof cell === "string" && /^\d+(\.\d+)?$/.test(cell) ? String(Number(cell)) : String(cell)
}
