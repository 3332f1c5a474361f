// If this fails, a JSON text that JSON.parse reads is refused, one that it refuses is read, or a cell is not what stands
// there byte for byte.
import { type JsonValueCase, jsonDocumentCases, jsonValueCases, temporaryFolder } from "@flatbed/testing"
import { expect, test } from "vitest"
import { type Arrived, fetchDataset, type Refused } from "./fetch-dataset.ts"
import { startSourceFrom } from "./front-doors.ts"

const datasetsPerSource = 300

/** A file with the settings of its dataset. */
type Served = {
  readonly name: string
  readonly ending: "json" | "ndjson"
  readonly bytes: Buffer
  readonly settings?: object
}

async function serveAll(files: readonly Served[]): Promise<(Arrived | Refused)[]> {
  const arrived: (Arrived | Refused)[] = []
  for (let from = 0; from < files.length; from += datasetsPerSource) {
    const some = files.slice(from, from + datasetsPerSource)
    const folder = await temporaryFolder()
    const datasets = some.map(({ name, ending, settings }) => [
      name,
      { files: `${name}.${ending}`, ...settings },
    ])
    for (const { name, ending, bytes } of some) await folder.write(`${name}.${ending}`, bytes)
    const settings = {
      listen: { port: 0 },
      admin: { port: 0 },
      settle: "0ms",
      datasets: Object.fromEntries(datasets),
    }
    const source = await startSourceFrom(await folder.write("source.yaml", JSON.stringify(settings)))
    try {
      for (const { name } of some) arrived.push(await fetchDataset(source.url, name))
    } finally {
      await source.close()
      await folder.remove()
    }
  }
  return arrived
}

const around = (before: string, { text }: JsonValueCase, after: string) =>
  Buffer.concat([Buffer.from(before), text, Buffer.from(after)])

/** The value in the second of three records, the others being NULL. */
const inArray = (one: JsonValueCase) => around('[{"v":null},\n{"v":', one, '},\n{"v":null}]\n')
const inLines = (one: JsonValueCase) => around('{"v":null}\n{"v":', one, '}\n{"v":null}\n')

const told = (arrived: Arrived | Refused | undefined) =>
  arrived === undefined || "refused" in arrived
    ? arrived?.refused
    : arrived.records.map((record) => (Array.isArray(record) ? record : record.code))

test("a value in an array of records: what JSON.parse reads is a cell as it is written, the rest refuses the file", async () => {
  const files = jsonValueCases.map((one, i) => ({
    ...{ name: `value${i}`, ending: "json" as const, bytes: inArray(one), settings: { flatten: false } },
  }))
  const arrived = await serveAll(files)
  const wrong = jsonValueCases.flatMap((one, i): object[] => {
    const { clause, name, verdict, cell } = one
    const expected =
      verdict === "syntax" ? "json-invalid" : [[null], verdict === "value" ? [cell] : verdict, [null]]
    const found = told(arrived[i])
    return isSame(found, expected) ? [] : [{ clause, name, expected, found }]
  })
  expect(wrong).toEqual([])
}, 300_000)

test("a value in a line: what JSON.parse does not read costs its line and no other", async () => {
  // A line end in the value parts it, and then neither half is JSON.
  const cases = jsonValueCases.filter(({ text }) => !text.includes("\n"))
  expect(cases.length).toBeGreaterThan(380)
  const files = cases.map((one, i) => ({
    ...{ name: `line${i}`, ending: "ndjson" as const, bytes: inLines(one), settings: { flatten: false } },
  }))
  const arrived = await serveAll(files)
  const wrong = cases.flatMap((one, i): object[] => {
    const { clause, name, verdict, cell } = one
    const code = verdict === "syntax" ? "json-error" : verdict
    const expected = [[null], verdict === "value" ? [cell] : code, [null]]
    const found = told(arrived[i])
    if (!isSame(found, expected)) return [{ clause, name, expected, found }]
    const [, reject] = (arrived[i] as Arrived).records
    if (reject === undefined || Array.isArray(reject)) return []
    // The record's place and its bytes, without the line end.
    const { row, line, byte, raw } = reject
    const place = { row: 2, line: 2, byte: 11, raw: around('{"v":', one, "}").toString("base64") }
    return isSame({ row, line, byte, raw }, place) ? [] : [{ clause, name, expected: place, found: reject }]
  })
  expect(wrong).toEqual([])
}, 300_000)

test("a whole document: its records, or the refusal that says where", async () => {
  const files = jsonDocumentCases.map(({ bytes }, i) => ({
    ...{ name: `document${i}`, ending: "json" as const, bytes },
  }))
  const arrived = await serveAll(files)
  const wrong = jsonDocumentCases.flatMap(({ name, cells }, i) => {
    const found = arrived[i]
    const expected = cells?.map((cell) => [cell]) ?? "json-invalid"
    return isSame(told(found), expected) ? [] : [{ name, expected, found: told(found) }]
  })
  expect(wrong).toEqual([])
  for (const one of arrived) {
    if (!("refused" in one)) continue
    expect(one.problem.detail).toMatch(/on line \d+, at byte \d+.*expected/)
    expect(one.problem.hint).not.toBe("")
  }
}, 120_000)

const isSame = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b)
