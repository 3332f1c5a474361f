// If this fails, bad records in a big file slip into the table, good ones are taken for bad, or finding them out makes
// the load crawl.
import { open } from "node:fs/promises"
import {
  type BadRecord,
  badRecordTable,
  badRecordTypes,
  codeOf,
  startStatementLog,
  writeBadRecords,
} from "@flatbed/testing"
import { expect, onTestFinished, test } from "vitest"
import { createInstallation } from "./installation.ts"

const records = Number(process.env.FLATBED_TEST_RECORDS ?? 100_000)
const patienceMs = Math.max(240_000, 2 * records)
const seed = Number(process.env.FLATBED_TEST_SEED ?? Date.now() % 1_000_000_000)

test(
  `of ${records} records the bad hundredth, of 14 kinds, is set aside and nothing else (seed ${seed})`,
  async () => {
    const flatbed = await createInstallation({
      source: `datasets:
  orders:
    files: orders.csv
    columns: { types: ${JSON.stringify(badRecordTypes)} }
    filter: { code: { ne: C7 } }
`,
      loader: "pipelines: { orders: { dataset: orders, table: public.orders, max_rejects: 2% } }\n",
    })
    onTestFinished(flatbed.close)
    const log = await startStatementLog(flatbed.databaseUrl)
    onTestFinished(log.close)
    await flatbed.query(`create table public.orders ${badRecordTable}`)
    const file = await open(await flatbed.write("orders.csv", ""), "w")
    const bad = await writeBadRecords(records, seed, (bytes) => file.write(bytes))
    await file.close()
    await flatbed.startSource()

    const loader = flatbed.loader(["load"], { databaseUrl: log.rewrite(flatbed.databaseUrl) })
    const { code } = await loader.end(patienceMs)
    expect(code, loader.stderr().slice(-2000)).toBe(6)

    const found = await flatbed.query<FoundReject>(
      "select row::integer, line::integer, byte::integer, code, raw, chunk::integer, found_by from flatbed.rejects order by row",
    )
    const [run] = await flatbed.query<{
      records: number
      rejects: number
      filtered: number
      loaded: number
      chunks: number
    }>(
      `select rows::integer as records, rejects::integer, filtered::integer, chunks::integer,
            (select count(*)::integer from public.orders) as loaded from flatbed.runs`,
    )
    const repaired = new Set(found.filter(({ found_by }) => found_by === "loader").map(({ chunk }) => chunk))
      .size
    const sent = (pattern: RegExp) => log.statements().filter((text) => pattern.test(text)).length
    const copies = sent(/ from stdin\b/)
    // What bad rows cost beside what a clean chunk costs: a message that finds them, a statement that sets them aside.
    const searches = sent(/\brepair_/)
    const written = sent(/insert into (?:flatbed|"[^"]+")\.rejects\b/)
    const filtered = listFiltered(bad)
    const { right, missed, wrong } = compare(bad, found, filtered)
    const percent = (part: number, whole: number) => ((100 * part) / whole).toFixed(2)
    process.stdout.write(
      `${records} records, ${bad.length} bad of 14 kinds: precision ${percent(right, found.length)} %, recall ${percent(right, bad.length)} %; ` +
        `${run?.loaded} loaded + ${run?.rejects} rejected + ${run?.filtered} filtered; ` +
        `${run?.chunks} chunks, ${repaired} of them with rows that Postgres refused, ${copies} COPYs, ${searches} messages to find them and ${written} to set them aside\n`,
    )
    expect({ missed, wrong }).toEqual({ missed: [], wrong: [] })
    expect(run).toMatchObject({
      records: records - filtered.length,
      rejects: bad.length,
      filtered: filtered.length,
      loaded: records - bad.length - filtered.length,
    })
    expect(copies).toBeLessThanOrEqual((run?.chunks ?? 0) + repaired)
    // None at all would mean that they are called otherwise by now, and that nothing was counted.
    expect(searches).toBeGreaterThan(0)
    expect(searches).toBeLessThanOrEqual(repaired)
    expect(written).toBeGreaterThan(0)
    expect(written).toBeLessThanOrEqual(run?.chunks ?? 0)
    expect(await flatbed.query("select sum(id::bigint)::text as sum from public.orders")).toEqual([
      { sum: sumWithout([...bad.map(({ row }) => row), ...filtered]) },
    ])
  },
  2 * patienceMs,
)

type FoundReject = {
  readonly row: number
  readonly line: number
  readonly byte: number
  readonly code: string
  readonly raw: Buffer
  readonly chunk: number
  readonly found_by: string
}

/** By line number; then code, place and bytes have to be right too. */
function compare(bad: readonly BadRecord[], found: readonly FoundReject[], filtered: readonly number[]) {
  const byLine = new Map(found.map((reject) => [reject.line, reject]))
  const lines = new Set(bad.map(({ line }) => line))
  const told = (one: object) => JSON.stringify(one)
  const wrong = found
    .filter(({ line }) => !lines.has(line))
    .map(({ row, line, code }) => told({ row, line, code }))
  const missed: string[] = []
  const seen = new Map<string, number>()
  let before = 0
  for (const { kind, row, line, byte, raw } of bad) {
    // Rows are counted without those that the filter leaves out.
    while ((filtered[before] ?? records) < row) before += 1
    const turn = seen.get(kind) ?? 0
    seen.set(kind, turn + 1)
    const reject = byLine.get(line)
    const isRight =
      reject?.row === row - before &&
      reject.byte === byte &&
      reject.code === codeOf(kind, turn) &&
      reject.raw.equals(raw)
    if (!isRight)
      missed.push(`${told({ kind, row, line, byte })} is ${told({ ...reject, raw: reject?.raw.toString() })}`)
  }
  return { right: bad.length - missed.length, missed: missed.slice(0, 20), wrong: wrong.slice(0, 20) }
}

/** The numbers of the clean records that the filter leaves out: the generator gives one in a thousand the code C7. */
function listFiltered(bad: readonly BadRecord[]): number[] {
  const isBad = new Set(bad.map(({ row }) => row))
  const rows: number[] = []
  for (let row = 7; row <= records; row += 1000) if (!isBad.has(row)) rows.push(row)
  return rows
}

function sumWithout(rows: readonly number[]): string {
  const all = (BigInt(records) * BigInt(records + 1)) / 2n
  return String(rows.reduce((sum, row) => sum - BigInt(row), all))
}
