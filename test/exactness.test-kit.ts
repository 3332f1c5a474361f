/**
 * Generated files through both services. The generator writes the bytes and the expected cells by itself; it knows
 * nothing of the services.
 */
import { paths } from "@flatbed/contract"
import {
  createRandom,
  createTestDatabase,
  describeCsvClasses,
  type GeneratedCsv,
  generateCsv,
  type TestDatabase,
  temporaryFolder,
} from "@flatbed/testing"
import pg from "pg"
import { expect } from "vitest"
import { createLoaderFrom, startSourceFrom } from "./front-doors.ts"
import { quoteName } from "./quote-name.ts"

const filesPerSource = 250
/** Rows in a chunk. The least of them cost most of the time: each chunk is asked for twice. */
const chunkSizes = [1, 3, 7, 7, 19, 19, 1000, 1000]

type Sample = GeneratedCsv & { readonly name: string; readonly chunkRows: number }

/**
 * Checks this many files, from this seed on: the union of the chunks as JSON and as NDJSON, and the table, are the
 * cells that the generator wrote. Answers the shares of the cell classes.
 */
export async function checkGeneratedFiles(files: number, seed: number): Promise<string> {
  const random = createRandom(seed)
  const counted: Pick<GeneratedCsv, "classes">[] = []
  for (let from = 0; from < files; from += filesPerSource) {
    const samples = Array.from({ length: Math.min(filesPerSource, files - from) }, (_, i): Sample => {
      const csv = generateCsv(seed + from + i)
      return { ...csv, name: `f${seed + from + i}`, chunkRows: random.pick(chunkSizes) }
    })
    await checkSamples(samples)
    counted.push(...samples.map(({ classes }) => ({ classes })))
  }
  return describeCsvClasses(counted)
}

async function checkSamples(samples: readonly Sample[]): Promise<void> {
  const folder = await temporaryFolder()
  const database = await createTestDatabase()
  for (const { name, bytes } of samples) await folder.write(`${name}.csv`, bytes)
  const datasets = samples.map(
    ({ name, chunkRows }) => `  ${name}: { files: ${name}.csv, chunk: { rows: ${chunkRows} } }`,
  )
  const sourceFile = await folder.write(
    "source.yaml",
    `listen: { port: 0 }\nadmin: { port: 0 }\nsettle: 0ms\ndatasets:\n${datasets.join("\n")}\n`,
  )
  const source = await startSourceFrom(sourceFile)
  const pipelines = samples.map(({ name }) => `  ${name}: { dataset: ${name}, table: ${name} }`)
  const loaderFile = await folder.write(
    "loader.yaml",
    `source: { url: "${source.url}" }\ndatabase: { url: "${database.url}" }\npipelines:\n${pipelines.join("\n")}\n`,
  )
  const loader = await createLoaderFrom(loaderFile)
  const outcomes = await loader.load()
  expect(outcomes.filter(({ outcome }) => outcome !== "published")).toEqual([])
  for (const sample of samples) {
    await checkWire(source.url, sample)
  }
  await checkTables(database, samples)
  await loader.stop()
  await source.close()
  await database.drop()
  await folder.remove()
}

/** The union of the chunks, in both forms, is the file's cells. */
async function checkWire(url: string, { name, columns, rows, chunkRows }: Sample): Promise<void> {
  const { version } = await getJson<{ version: string }>(url + paths.dataset(name))
  const manifest = await getJson<{ chunks: unknown[]; columns: { name: string; type: string }[] }>(
    url + paths.version(name, version),
  )
  expect(manifest.chunks.length, name).toBe(Math.ceil(rows.length / chunkRows))
  expect(manifest.columns.map((column) => column.name)).toEqual(columns)
  const lines: unknown[] = []
  const objects: Record<string, unknown>[] = []
  for (let chunk = 1; chunk <= manifest.chunks.length; chunk += 1) {
    const ndjson = await fetch(url + paths.chunk(name, version, chunk), {
      headers: { accept: "application/x-ndjson" },
    })
    const body = await ndjson.text()
    lines.push(
      ...body
        .trimEnd()
        .split("\n")
        .slice(1, -1)
        .map((line) => JSON.parse(line) as unknown),
    )
    objects.push(...(await getJson<Record<string, unknown>[]>(url + paths.chunk(name, version, chunk))))
  }
  expect(lines, name).toEqual(rows)
  expect(objects.length, name).toBe(rows.length)
  for (const [i, object] of objects.entries()) {
    expect(Object.keys(object).sort(), name).toEqual([...columns].sort())
    for (const [c, column] of columns.entries()) {
      const cell = rows[i]?.[c] ?? null
      const value = Object.getOwnPropertyDescriptor(object, column)?.value as unknown
      if (!isSameJson(cell, value))
        throw new Error(`${name} row ${i + 1} ${column}: ${cell} became ${String(value)}`)
    }
  }
}

/** A cell and its JSON value: the same text, or the number or boolean that the text spells. */
function isSameJson(cell: string | null, value: unknown): boolean {
  if (cell === null) return value === null
  if (typeof value === "number") return Number(cell) === value
  if (typeof value === "boolean") return cell.toLowerCase() === String(value)
  return value === cell
}

/** Postgres itself casts the expected cells to the column's type, and compares them as a multiset. */
async function checkTables(database: TestDatabase, samples: readonly Sample[]): Promise<void> {
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  for (const { name, columns, rows } of samples) {
    const { rows: types } = await client.query<{ attname: string; type: string }>(
      `select attname, atttypid::regtype::text as type from pg_catalog.pg_attribute
        where attrelid = $1::regclass and attnum > 0 and not attisdropped order by attnum`,
      [`public.${name}`],
    )
    expect(types.map(({ attname }) => attname)).toEqual(columns)
    const casts = types.map(({ type }, i) => `c${i}::${type}`).join(", ")
    const names = columns.map(quoteName).join(", ")
    const arrays = columns.map((_column, i) => `$${i + 1}::text[]`).join(", ")
    const expected = `select ${casts} from unnest(${arrays}) as e (${columns.map((_column, i) => `c${i}`).join(", ")})`
    const actual = `select ${names} from public.${name}`
    const { rows: differences } = await client.query<{ missing: string; extra: string; count: string }>(
      `select (select count(*) from (${expected} except all ${actual}) a) as missing,
              (select count(*) from (${actual} except all ${expected}) b) as extra,
              (select count(*) from public.${name}) as count`,
      columns.map((_column, i) => rows.map((row) => row[i] ?? null)),
    )
    expect({ name, ...differences[0] }).toEqual({
      name,
      missing: "0",
      extra: "0",
      count: String(rows.length),
    })
  }
  await client.end()
}

async function getJson<T>(url: string): Promise<T> {
  const answer = await fetch(url)
  expect(answer.status, url).toBe(200)
  return (await answer.json()) as T
}
