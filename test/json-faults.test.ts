// If this fails, JSON that is made to be hard, or that somebody cut off, costs more than its record, or passes for data.
import { temporaryFolder } from "@flatbed/testing"
import { expect, onTestFinished, test } from "vitest"
import { type Arrived, type ArrivedReject, fetchDataset, type Refused } from "./fetch-dataset.ts"
import { startSourceFrom } from "./front-doors.ts"
import { createInstallation } from "./installation.ts"

type Fault = {
  /** Lines of NDJSON, or one JSON text. */
  readonly lines?: string
  readonly text?: string
  readonly settings?: object
  /** Cells of each row, or a reject's code, line, and words of its reason. */
  readonly rows?: readonly ((string | null)[] | readonly [code: string, line: number, words: RegExp])[]
  readonly refused?: string
  /** Of the refusal. */
  readonly detail?: RegExp
  readonly hint?: RegExp
}

const deep = (levels: number) => `${"[".repeat(levels)}${"]".repeat(levels)}`
const deepObjects = (levels: number) => `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`
const manyKeys = (count: number) => `{${Array.from({ length: count }, (_, i) => `"k${i}":${i}`).join(",")}}`
const whole = { flatten: false }

const faults: Readonly<Record<string, Fault>> = {
  "arrays a hundred thousand deep, in a line": {
    lines: `{"v":1}\n{"v":${deep(100_000)}}\n{"v":2}\n`,
    rows: [["1"], ["too-deep", 2, /100/], ["2"]],
  },
  "objects a hundred thousand deep, in a line": {
    lines: `{"v":1}\n{"v":${deepObjects(100_000)}}\n{"v":2}\n`,
    rows: [["1"], ["too-deep", 2, /100/], ["2"]],
  },
  "arrays a hundred thousand deep, in an array": {
    text: `[{"v":1},\n{"v":${deep(100_000)}},\n{"v":2}]`,
    rows: [["1"], ["too-deep", 2, /100/], ["2"]],
  },
  "brackets a hundred thousand times opened, in a line": {
    lines: `{"v":1}\n{"v":${"[".repeat(100_000)}\n{"v":2}\n`,
    rows: [["1"], ["json-error", 2, /expected/], ["2"]],
  },
  "brackets a hundred thousand times opened": {
    text: `[{"v":1},\n{"v":${"[".repeat(100_000)}`,
    refused: "json-invalid",
    detail: /line 2/,
  },
  "brackets a hundred thousand times opened before the records": {
    text: `${"[".repeat(100_000)}`,
    refused: "json-invalid",
  },
  "as deep as may be, the record being the first of a hundred": {
    lines: `{"v":${deep(99)}}\n{"v":${deep(100)}}\n`,
    rows: [[deep(99)], ["too-deep", 2, /100/]],
  },
  "as many keys as may be": {
    lines: `{"v":${manyKeys(9_999)}}\n{"v":${manyKeys(10_000)}}\n`,
    settings: whole,
    rows: [[manyKeys(9_999)], ["too-many-keys", 2, /10000|10,000/]],
  },
  "a key twice, with the way to it": {
    lines: '{"v":[0,{"a/b":{"k":1,"\\u006b":2}}]}\n{"v":1}\n',
    rows: [["duplicate-key", 1, /\/v\/1\/a~1b\/k/], ["1"]],
  },
  "half a surrogate pair, with the way to it": {
    lines: '{"v":{"a":["\\ud83d"]}}\n{"v":1}\n',
    settings: whole,
    rows: [["encoding-error", 1, /\/v\/a\/0/], ["1"]],
  },
  "NUL, with the way to it": {
    lines: '{"v":{"a":["\\u0000"]}}\n{"v":1}\n',
    settings: whole,
    rows: [["nul-error", 1, /\/v\/a\/0/], ["1"]],
  },
  "a comma too many, in a record": {
    text: '[{"v":1},\n{"v":2,},\n{"v":3}]',
    refused: "json-invalid",
    detail: /line 2, at byte 17, .*a key in quotes/,
  },
  "a comma too many, behind the last record": {
    text: '[{"v":1},\n{"v":2},\n]',
    refused: "json-invalid",
    detail: /line 3/,
  },
  "a comma too many, in a line": {
    lines: '{"v":1}\n{"v":2,}\n{"v":3}\n',
    rows: [["1"], ["json-error", 2, /expected/], ["3"]],
  },
  "a comma behind each line": {
    lines: '{"v":1},\n{"v":2}\n',
    rows: [["json-error", 1, /expected/], ["2"]],
  },
  CRLF: { lines: '{"v":"x\\r\\n"}\r\n{"v":null}\r\n', rows: [["x\r\n"], [null]] },
  "no last line end": { lines: '{"v":"x"}\n{"v":"y"}', rows: [["x"], ["y"]] },
  "a last line that is cut off": {
    lines: '{"v":"x"}\n{"v":"y',
    rows: [["x"], ["json-error", 2, /expected/]],
  },
  "records that are no objects": {
    text: '[{"v":1},2,"x",null,[{"v":3}]]',
    rows: [
      ["1"],
      ["type-error", 1, /number/],
      ["type-error", 1, /string/],
      ["type-error", 1, /null/],
      ["type-error", 1, /array/],
    ],
  },
  "lines read as one text": {
    text: '{"v":1}\n{"v":2}\n',
    refused: "json-invalid",
    hint: /ndjson/,
  },
  "a text read as lines": {
    lines: '[\n{"v":1},\n{"v":2},\n{"v":3},\n]\n',
    refused: "json-invalid",
    hint: /format: json/,
  },
  "a pointer that leads nowhere": {
    text: '{"data":[{"v":1}],"total":1}',
    settings: { records: "/rows" },
    refused: "records-not-found",
    detail: /\/rows|"rows"/,
  },
  "a pointer to a number": {
    text: '{"data":[{"v":1}],"total":1}',
    settings: { records: "/total" },
    refused: "records-not-found",
    detail: /number/,
  },
  "two ways to one name": {
    text: '[{"a":{"b":1}},{"a_b":2}]',
    refused: "header-invalid",
    detail: /\/a\/b.*\/a_b|\/a_b.*\/a\/b/,
    hint: /separator/,
  },
  "more columns than a table has": {
    text: `[${manyKeys(1_601)}]`,
    refused: "header-invalid",
    detail: /1600|1601|1,600|1,601/,
  },
  "an array of nothing": { text: "[]", refused: "file-empty" },
  "a line longer than the limit": {
    lines: `{"v":1}\n{"v":"${"x".repeat(2_000_000)}"}\n`,
    refused: "record-malformed",
    detail: /line 2.*1048576/,
    hint: /record_limit/,
  },
  "a record longer than the limit": {
    text: `[{"v":1},\n{"v":["${"x".repeat(2_000_000)}"]}]`,
    refused: "record-malformed",
    detail: /line 2.*1048576/,
    hint: /record_limit/,
  },
  "a string that is never closed": {
    text: `[{"v":1},\n{"v":"${'x","v":"y'.repeat(200_000)}`,
    refused: "record-malformed",
    detail: /line 2.*1048576/,
  },
}

async function serveAll(): Promise<Map<string, Arrived | Refused>> {
  const folder = await temporaryFolder()
  const names = Object.keys(faults)
  const datasets: Record<string, object> = {}
  for (const [i, name] of names.entries()) {
    const { lines, text = "", settings } = faults[name] as Fault
    const file = `fault${i}.${lines === undefined ? "json" : "ndjson"}`
    await folder.write(file, lines ?? text)
    datasets[`fault${i}`] = { files: file, ...settings }
  }
  const settings = {
    ...{ listen: { port: 0 }, admin: { port: 0 }, settle: "0ms" },
    ...{ record_limit: "1MiB", datasets },
  }
  const source = await startSourceFrom(await folder.write("source.yaml", JSON.stringify(settings)))
  try {
    const arrived = new Map<string, Arrived | Refused>()
    for (const [i, name] of names.entries()) arrived.set(name, await fetchDataset(source.url, `fault${i}`))
    return arrived
  } finally {
    await source.close()
    await folder.remove()
  }
}

test("each fault costs its record, or refuses the file with its place and the way out", async () => {
  const arrived = await serveAll()
  for (const [name, { rows, refused, detail, hint }] of Object.entries(faults)) {
    const found = arrived.get(name)
    if (found === undefined || rows === undefined) {
      if (found === undefined || !("refused" in found))
        throw new Error(`${name}: served, expected ${refused}`)
      expect({ name, refused: found.refused, detail: found.problem.detail }).toMatchObject({ name, refused })
      if (detail !== undefined) expect(found.problem.detail, name).toMatch(detail)
      expect(found.problem.hint, name).toMatch(hint ?? /\w/)
      continue
    }
    if ("refused" in found) throw new Error(`${name}: refused for ${found.problem.detail}`)
    expect(found.records.length, name).toBe(rows.length)
    for (const [i, expected] of rows.entries()) {
      const record = found.records[i]
      const [code, line, words] = expected
      if (!(words instanceof RegExp)) {
        expect(record, `${name}, record ${i + 1}`).toEqual(expected)
        continue
      }
      const reject = record as ArrivedReject
      expect({ name, code: reject.code, line: reject.line, row: reject.row }).toEqual({
        ...{ name, code, line, row: i + 1 },
      })
      expect(reject.reason, name).toMatch(words)
    }
  }
}, 120_000)

test("numbers of any size arrive as they are written, or are set aside with a reason", async () => {
  const digits = "7".repeat(400)
  const flatbed = await createInstallation({
    source: "datasets: { numbers: { files: numbers.ndjson, columns: { types: { n: numeric } } } }\n",
    loader: "pipelines: { numbers: { dataset: numbers, table: public.numbers, max_rejects: 2 } }\n",
  })
  onTestFinished(flatbed.close)
  const records = [
    `{"id":1,"n":9007199254740993,"j":[9007199254740993,1.10]}`,
    `{"id":2,"n":1e400,"j":[1E400]}`,
    `{"id":3,"n":${digits}.5,"j":[${digits}]}`,
    // Beyond what Postgres' numeric holds; 131,072 digits stand before its point at most.
    `{"id":4,"n":1e200000,"j":[]}`,
    `{"id":5,"n":1,"j":[1e200000]}`,
    `{"id":6,"n":100.00,"j":[-0]}`,
  ]
  await flatbed.write("numbers.ndjson", records.join("\n"))
  await flatbed.startSource()
  expect(await flatbed.load()).toBe(6)
  expect(await flatbed.query("select id, n::text, j::text from public.numbers order by id")).toEqual([
    { id: 1, n: "9007199254740993", j: "[9007199254740993, 1.10]" },
    { id: 2, n: `1${"0".repeat(400)}`, j: `[1${"0".repeat(400)}]` },
    { id: 3, n: `${digits}.5`, j: `[${digits}]` },
    // jsonb keeps numbers as numeric, which has no minus zero.
    { id: 6, n: "100.00", j: "[0]" },
  ])
  const rejects = await flatbed.query(
    "select line::integer, code, column_name, raw from flatbed.rejects order by line",
  )
  expect(rejects).toEqual([
    { line: 4, code: "type-error", column_name: "n", raw: Buffer.from(records[3] ?? "") },
    { line: 5, code: "type-error", column_name: "j", raw: Buffer.from(records[4] ?? "") },
  ])
})
