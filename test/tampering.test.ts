// If this fails, somebody between the files and the table can take a row away, change one or add one, and nobody hears of it.
import { headers, mediaTypes } from "@flatbed/contract"
import { verifyPipeline } from "@flatbed/loader"
import {
  createTestDatabase,
  type PassedAnswer,
  startTamperingProxy,
  type TamperingProxy,
  type TemporaryFolder,
  type TestDatabase,
  temporaryFolder,
  withBody,
  withHeader,
  withLedger,
  withProvenBody,
} from "@flatbed/testing"
import pg from "pg"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { createLoaderFrom, startSourceFrom } from "./front-doors.ts"

const pipelines: Readonly<Record<string, string>> = {
  replaced: "mode: replace",
  swapped: "mode: replace, publish: swap",
  appended: "mode: append",
  upserted: "mode: upsert, key: [id]",
  mirrored: "mode: mirror, key: [id]",
}
const modes = Object.keys(pipelines)

let folder: TemporaryFolder
let database: TestDatabase
let pool: pg.Pool
let proxy: TamperingProxy
let source: Awaited<ReturnType<typeof startSourceFrom>>
let loader: Awaited<ReturnType<typeof createLoaderFrom>>
let before: Record<string, unknown>

const people = (ids: readonly number[]) => ids.map((id) => `${id},person ${id},2001-02-03\n`).join("")
const firstIds = [1, 2, 3, 4, 5, 6]
const nextIds = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]

/** Rows with their place, and which table it is: whoever writes one of them, or all anew, is seen. */
async function look(): Promise<Record<string, unknown>> {
  const seen: Record<string, unknown> = {}
  for (const table of modes) {
    const { rows } = await pool.query(
      `select tableoid::text, ctid::text, xmin::text, t.* from public.${table} as t order by id`,
    )
    seen[table] = rows
  }
  seen.publications = (
    await pool.query(withLedger("select run_id from flatbed.publications order by 1"))
  ).rows
  return seen
}

beforeAll(async () => {
  folder = await temporaryFolder()
  database = await createTestDatabase()
  pool = new pg.Pool({ connectionString: database.url, max: 2 })
  // Behind the rows of the first version, so that `append` has something to do as well.
  await folder.write("files/people.csv", `id,name,born\n${people(firstIds)}`)
  const yaml = await folder.write(
    "source.yaml",
    "root: ./files\nlisten: { port: 0 }\nadmin: { port: 0 }\nsettle: 0ms\ndatasets:\n  people: { files: people.csv, chunk: { rows: 3 } }\n",
  )
  source = await startSourceFrom(yaml)
  proxy = await startTamperingProxy(source.url)
  const list = Object.entries(pipelines).map(
    ([name, settings]) => `  ${name}: { dataset: people, table: ${name}, ${settings} }\n`,
  )
  const settings = await folder.write(
    "loader.yaml",
    `source: { url: "${proxy.url}" }
database: { url: "${database.url}" }
group: 0B
retries: { attempts: 1, cap: 1ms }
pipelines:
${list.join("")}`,
  )
  loader = await createLoaderFrom(settings)
  expect((await loader.load()).map(({ outcome }) => outcome)).toEqual(modes.map(() => "published"))
  await folder.write("files/people.csv", `id,name,born\n${people(nextIds)}`)
  before = await look()
})

afterAll(async () => {
  await loader.stop()
  await proxy.close()
  await source.close()
  await pool.end()
  await database.drop()
  await folder.remove()
})

let turn = 0
/** The modes take turns, since what is proven of an answer is the same for all of them. */
const nextMode = () => [modes[turn++ % modes.length] as string]

/** The load of these pipelines meets a lie, on its third chunk; each fails, and no row is another than before. */
async function expectRed(
  path: RegExp,
  change: (answer: PassedAnswer) => PassedAnswer,
  names = nextMode(),
): Promise<string[]> {
  proxy.tamper(path, change)
  const outcomes = await loader.load(names)
  const changed = proxy.changed()
  proxy.tamper(path, undefined)
  expect(changed).toBeGreaterThanOrEqual(names.length)
  expect(outcomes.map(({ pipeline, outcome }) => [pipeline, outcome])).toEqual(
    names.map((name) => [name, "failed"]),
  )
  expect(await look()).toEqual(before)
  return [...new Set(outcomes.map(({ problem }) => problem?.code ?? ""))]
}

const chunk3 = /\/chunks\/3$/

/** The lines of a chunk: its head, its rows, its tail. */
const linesOf = (body: Buffer) => body.toString().trimEnd().split("\n")
const bodyOf = (lines: readonly string[]) => Buffer.from(lines.map((line) => `${line}\n`).join(""))
const withRows = (body: Buffer, change: (rows: string[]) => string[]) => {
  const [head = "", ...rest] = linesOf(body)
  const tail = rest.pop() ?? ""
  return bodyOf([head, ...change(rest), tail])
}
/** The same, and head and tail count what is there now. */
const withCountedRows = (body: Buffer, change: (rows: string[]) => string[]) => {
  const [head = "", ...rest] = linesOf(withRows(body, change))
  rest.pop()
  const rows = rest.length
  return bodyOf([
    JSON.stringify({ ...JSON.parse(head), rows }),
    ...rest,
    JSON.stringify({ rows, rejects: 0 }),
  ])
}

const dropLast = (rows: string[]) => rows.slice(0, -1)
const repeatFirst = (rows: string[]) => [rows[0] ?? "", ...rows]
const flipCell = (rows: string[]) => rows.map((row, i) => (i === 0 ? row.replace("person", "parson") : row))

test("in no mode a row is dropped, doubled or changed without a red run, nor with a header that lies", async () => {
  const lies: ((answer: PassedAnswer) => PassedAnswer)[] = [
    (answer) => withProvenBody(answer, withRows(answer.body, dropLast)),
    (answer) => withProvenBody(answer, withRows(answer.body, repeatFirst)),
    (answer) => withBody(answer, withRows(answer.body, flipCell)),
    (answer) => withHeader(answer, headers.rows, "2"),
  ]
  for (const lie of lies) expect(await expectRed(chunk3, lie, modes)).toEqual(["chunk-damaged"])
})

describe("the body of a chunk is changed on its way", () => {
  const changes: Readonly<Record<string, (body: Buffer) => Buffer>> = {
    "its last row is dropped": (body) => withRows(body, dropLast),
    "its last row is dropped, and the counts are made right": (body) => withCountedRows(body, dropLast),
    "a row stands twice": (body) => withRows(body, repeatFirst),
    "a row stands twice, and the counts are made right": (body) => withCountedRows(body, repeatFirst),
    "two rows change places": (body) => withRows(body, ([a = "", b = "", ...rest]) => [b, a, ...rest]),
    "a cell is another": (body) => withRows(body, flipCell),
    "its tail is gone": (body) => bodyOf(linesOf(body).slice(0, -1)),
    "its head says another chunk": (body) => Buffer.from(body.toString().replace('"chunk":3', '"chunk":2')),
  }
  test.each(Object.entries(changes))("%s", async (_name, change) => {
    expect(await expectRed(chunk3, (answer) => withBody(answer, change(answer.body)))).toEqual([
      "chunk-damaged",
    ])
  })

  const { "two rows change places": _places, "a cell is another": _cell, ...counted } = changes
  test.each(Object.entries(counted))("%s, and the digest is made anew", async (_name, change) => {
    expect(await expectRed(chunk3, (answer) => withProvenBody(answer, change(answer.body)))).toEqual([
      "chunk-damaged",
    ])
  })
})

test.each([
  ["content-type", mediaTypes.json],
  ["content-encoding", "gzip"],
  [headers.reprDigest, `sha-256=:${"A".repeat(43)}=:`],
  [headers.version, "f".repeat(64)],
  [headers.chunk, "2/4"],
  [headers.rows, "2"],
  [headers.rejects, "1"],
  [headers.firstRow, "4"],
])("the header %s of a chunk lies", async (name, value) => {
  expect(await expectRed(chunk3, (answer) => withHeader(answer, name, value))).toEqual(["chunk-damaged"])
})

describe("the manifest lies, with a digest made anew", () => {
  type Json = { rows: number; filtered: number; files: { bytes: number }[]; chunks: Chunk[] }
  type Chunk = { chunk: number; rows: number; byte_from: number; byte_to: number; sha256: string }
  const third = (manifest: Json) => manifest.chunks[2] as Chunk
  const lies: Readonly<Record<string, (manifest: Json) => unknown>> = {
    "a record more than its chunks have": (manifest) => ({ ...manifest, rows: manifest.rows + 1 }),
    "a record filtered that no chunk has": (manifest) => ({ ...manifest, filtered: 1 }),
    "its last chunk taken out, and the total made right": (manifest) => ({
      ...manifest,
      rows: manifest.rows - 3,
      chunks: manifest.chunks.slice(0, -1),
    }),
    "a chunk of fewer rows, and numbers and totals made right": (manifest) => {
      third(manifest).rows -= 1
      const [, , , last] = manifest.chunks as unknown as { first_row: number }[]
      if (last !== undefined) last.first_row -= 1
      return { ...manifest, rows: manifest.rows - 1 }
    },
    "another digest of a chunk's bytes": (manifest) => {
      third(manifest).sha256 = "0".repeat(64)
      return manifest
    },
    "a hole between two chunks": (manifest) => {
      third(manifest).byte_from += 1
      return manifest
    },
    "another version": (manifest) => ({ ...manifest, version: "0".repeat(64) }),
  }
  test.each(Object.entries(lies))("%s", async (_name, lie) => {
    const change = (answer: PassedAnswer) =>
      withProvenBody(answer, Buffer.from(JSON.stringify(lie(JSON.parse(answer.body.toString())))))
    expect(await expectRed(/\/versions\/[0-9a-f]{64}$/, change)).toEqual(["chunk-damaged"])
  })
})

// What is left to TLS and to `verify`: the manifest holds digests of the file's bytes, not of the rows made of them.
test("who changes a cell together with the digest is not seen by the load; verify names the cell", async () => {
  proxy.tamper(chunk3, (answer) => withProvenBody(answer, withRows(answer.body, flipCell)))
  const [first, ...others] = await loader.load()
  expect(first).toMatchObject({ pipeline: "replaced", outcome: "published", rows: 12 })
  expect(others.map(({ outcome }) => outcome)).toEqual(modes.slice(1).map(() => "published"))
  expect((await pool.query("select name from public.replaced where id = 7")).rows).toEqual([
    { name: "parson 7" },
  ])
  proxy.tamper(chunk3, undefined)
  const verified = await loader.look(async ({ pipelines: known, showCommand, ...parts }) => {
    const [replaced] = known
    if (replaced === undefined) throw new Error("the settings have pipelines")
    return await verifyPipeline(replaced, parts, showCommand)
  })
  expect(verified).toMatchObject({ outcome: "failed", missing: 1, extra: 1, problem: { exitCode: 7 } })
  expect(verified.problem?.message).toContain('"name" is "parson 7", expected "person 7"')
})
