// If this fails, a file with one kind of damage costs more than its damaged record, or passes damage for data.
import { type ExpectedRecord, makePollutedFiles, type PollutedFile, temporaryFolder } from "@flatbed/testing"
import { expect, test } from "vitest"
import { type Arrived, fetchDataset, type Refused } from "./fetch-dataset.ts"
import { startSourceFrom } from "./front-doors.ts"

const filesPerSource = 300
// Damage before, at and behind the end of a chunk.
const chunkRows = [2, 3, 1000]

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
  const names = arrived.columns.map((column) => column.name)
  if (!isSame(names, file.columns)) return `columns are ${tell(names)}, expected ${tell(file.columns)}`
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
    for (const { name } of files) arrived.push(await fetchDataset(source.url, name))
    return arrived
  } finally {
    await source.close()
    await folder.remove()
  }
}
