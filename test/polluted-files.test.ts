// If this fails, a file with one kind of damage costs more than its damaged record, or passes damage for data.
import { paths } from "@flatbed/contract"
import {
  type ExpectedRecord,
  makePollutedFiles,
  type PollutedFile,
  temporaryFolder,
  waitFor,
} from "@flatbed/testing"
import { expect, test } from "vitest"
import { startSourceFrom } from "./front-doors.ts"

const filesPerSource = 300
// Damage before, at and behind the end of a chunk.
const chunkRows = [2, 3, 1000]

/** What arrived of one file. */
type Arrived = {
  readonly version: string
  readonly columns: readonly string[]
  readonly records: readonly ((string | null)[] | ArrivedReject)[]
}
type ArrivedReject = {
  readonly row: number
  readonly line: number
  readonly byte: number
  readonly code: string
  readonly reason: string
  readonly raw: string
}
type Refused = { readonly refused: string }

test("given its dialect, every clean cell of a polluted file arrives, and the damaged record, and only it, is set aside at its line", async () => {
  const files = makePollutedFiles()
  const score = { cells: 0, cellsArrived: 0, damaged: 0, found: 0, falselyFound: 0 }
  const wrong: string[] = []
  for (let from = 0; from < files.length; from += filesPerSource) {
    const some = files.slice(from, from + filesPerSource)
    // By the reader that the source chooses, which is the fast one where it knows the dialect; then by the other.
    const chosen = await readAll(some, undefined)
    const general = await readAll(some, "csv-parse")
    for (const [i, file] of some.entries()) {
      const [one, other] = [chosen[i], general[i]]
      const difference =
        compare(file, one) ?? (isSame(one, other) ? undefined : `the readers differ: ${tell(other)}`)
      if (difference !== undefined) wrong.push(`${file.name}: ${difference}`)
      addTo(score, file, one)
    }
  }
  const percent = (part: number, whole: number) => ((100 * part) / whole).toFixed(2)
  process.stdout.write(
    `polluted files: ${files.length} of ${new Set(files.map(({ pollution }) => pollution)).size} classes, by both readers; ` +
      `clean cells that arrive ${percent(score.cellsArrived, score.cells)} % of ${score.cells}; ` +
      `damaged records set aside at their line ${percent(score.found, score.damaged)} % of ${score.damaged}, ` +
      `others set aside ${score.falselyFound}\n`,
  )
  expect(wrong).toEqual([])
}, 300_000)

/** What the first difference is between what the file holds and what arrived. */
function compare(file: PollutedFile, arrived: Arrived | Refused | undefined): string | undefined {
  if (arrived === undefined) return "nothing arrived"
  if ("refused" in arrived)
    return arrived.refused === file.refused ? undefined : `refused for ${arrived.refused}`
  if (file.refused !== undefined) return `served, expected ${file.refused}`
  if (!isSame(arrived.columns, file.columns))
    return `columns are ${tell(arrived.columns)}, expected ${tell(file.columns)}`
  for (const [i, expected] of file.records.entries()) {
    const found = arrived.records[i]
    if (!isRight(file, i, expected, found))
      return `record ${i + 1}: ${tell(found)}, expected ${tell(expected)}`
  }
  const { length } = file.records
  return arrived.records.length === length
    ? undefined
    : `${arrived.records.length} records, expected ${length}`
}

function isRight(
  file: PollutedFile,
  index: number,
  expected: ExpectedRecord,
  found: Arrived["records"][number] | undefined,
) {
  if (expected.cells !== null) return isSame(found, expected.cells)
  if (found === undefined || Array.isArray(found)) return false
  const raw = file.bytes.subarray(expected.byteFrom, expected.byteTo).toString("base64")
  return (
    found.row === index + 1 &&
    found.line === expected.line &&
    found.byte === expected.byteFrom &&
    found.raw === raw
  )
}

function addTo(
  score: { cells: number; cellsArrived: number; damaged: number; found: number; falselyFound: number },
  file: PollutedFile,
  arrived: Arrived | Refused | undefined,
): void {
  const records = arrived === undefined || "refused" in arrived ? [] : arrived.records
  for (const [i, expected] of file.records.entries()) {
    const right = isRight(file, i, expected, records[i])
    if (expected.cells === null) {
      score.damaged += 1
      if (right) score.found += 1
      continue
    }
    score.cells += expected.cells.length
    if (right) score.cellsArrived += expected.cells.length
  }
  const places = new Set(file.records.filter(({ cells }) => cells === null).map(({ byteFrom }) => byteFrom))
  for (const record of records)
    if (!Array.isArray(record) && !places.has(record.byte)) score.falselyFound += 1
}

const isSame = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b)
const tell = (value: unknown) => (JSON.stringify(value) ?? "nothing").slice(0, 300)

/** Serves the files and fetches every chunk as the loader does. */
async function readAll(
  files: readonly PollutedFile[],
  reader: string | undefined,
): Promise<(Arrived | Refused)[]> {
  const folder = await temporaryFolder()
  for (const { name, bytes } of files) await folder.write(`${name}.csv`, bytes)
  const datasets = files.map(({ name, dialect, types, records }, i) => [
    name,
    {
      files: `${name}.csv`,
      dialect: { ...dialect, ...(reader === undefined ? {} : { reader }) },
      columns: { types },
      chunk: { rows: records.length > 100 ? 100 : chunkRows[i % chunkRows.length] },
    },
  ])
  const settings = {
    listen: { port: 0 },
    admin: { port: 0 },
    settle: "0ms",
    datasets: Object.fromEntries(datasets),
  }
  const source = await startSourceFrom(await folder.write("source.yaml", JSON.stringify(settings)))
  try {
    const arrived: (Arrived | Refused)[] = []
    for (const { name } of files) arrived.push(await fetchAll(source.url, name))
    return arrived
  } finally {
    await source.close()
    await folder.remove()
  }
}

async function fetchAll(url: string, name: string): Promise<Arrived | Refused> {
  type Told = { state: string; version: string; problem?: { code: string } }
  const dataset = await waitFor(
    async () => {
      const told = (await (await fetch(url + paths.dataset(name))).json()) as Told
      return told.state === "ready" || told.state === "failed" ? told : undefined
    },
    { limitMs: 20_000, what: `the index of ${name}` },
  )
  if (dataset.problem !== undefined) return { refused: dataset.problem.code }
  const { version } = dataset
  const manifest = (await (await fetch(url + paths.version(name, version))).json()) as {
    columns: { name: string }[]
    chunks: unknown[]
    rows: number
    rejects: number
  }
  const records: Arrived["records"][number][] = []
  for (let chunk = 1; chunk <= manifest.chunks.length; chunk += 1) {
    const answer = await fetch(url + paths.chunk(name, version, chunk), {
      headers: { accept: "application/x-ndjson" },
    })
    const lines = (await answer.text()).trimEnd().split("\n").slice(1, -1)
    for (const line of lines) {
      const record = JSON.parse(line) as (string | null)[] | { reject: ArrivedReject }
      records.push(Array.isArray(record) ? record : record.reject)
    }
  }
  const rejects = records.filter((record) => !Array.isArray(record)).length
  expect({ rows: manifest.rows, rejects: manifest.rejects }, name).toEqual({ rows: records.length, rejects })
  return { version, columns: manifest.columns.map((column) => column.name), records }
}
