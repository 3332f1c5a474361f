// If this fails, a record of a folder that is appended stands in the table twice, or never.
import { createHash } from "node:crypto"
import { mkdir, rename, rm } from "node:fs/promises"
import { dirname, join } from "node:path"
import { gzipSync } from "node:zlib"
import type { Dataset } from "@flatbed/contract"
import type { Loader } from "@flatbed/loader"
import type { RunningSource } from "@flatbed/source"
import {
  createRandom,
  createTestDatabase,
  type TemporaryFolder,
  type TestDatabase,
  temporaryFolder,
  waitFor,
  withLedger,
} from "@flatbed/testing"
import pg from "pg"
import { afterEach, beforeEach, expect, test } from "vitest"
import { createLoaderFrom, startSourceFrom } from "./front-doors.ts"
import { createInstallation } from "./installation.ts"

const seed = Number(process.env.FLATBED_TEST_SEED ?? Date.now() % 1_000_000_000)
const histories = Number(process.env.FLATBED_TEST_APPEND_HISTORIES ?? 3)

let folder: TemporaryFolder
let database: TestDatabase
let pool: pg.Pool
let source: RunningSource
let loader: Loader
/** SHA-256 of what lies at each path. */
let disk: Map<string, string>

beforeEach(async () => {
  folder = await temporaryFolder()
  database = await createTestDatabase()
  pool = new pg.Pool({ connectionString: database.url, max: 2 })
  disk = new Map()
})

afterEach(async () => {
  await loader?.stop()
  await source?.close()
  await pool.end()
  await database.drop()
  await folder.remove()
})

/** Both services over the folder `files`, with these settings of the one dataset and its pipeline. */
async function start(dataset: string, pipeline = ""): Promise<void> {
  const yaml = `root: ./files\nlisten: { port: 0 }\nadmin: { port: 0 }\nsettle: 0ms\ndatasets:\n  logs: ${dataset}\n`
  source = await startSourceFrom(await folder.write("source.yaml", yaml))
  const file = await folder.write(
    "loader.yaml",
    `source: { url: "${source.url}" }\ndatabase: { url: "\${DATABASE_URL}" }\nadmin: { port: 0 }\npipelines:\n` +
      `  logs: { dataset: logs, table: logs, mode: append${pipeline} }\n`,
  )
  loader = await createLoaderFrom(file, { DATABASE_URL: database.url })
}

const place = (file: string) => join(folder.path, "files", file)

async function write(file: string, content: string | Buffer): Promise<void> {
  await folder.write(join("files", file), content)
  disk.set(file, createHash("sha256").update(content).digest("hex"))
}

async function move(from: string, to: string): Promise<void> {
  await mkdir(dirname(place(to)), { recursive: true })
  await rename(place(from), place(to))
  disk.set(to, disk.get(from) ?? "")
  disk.delete(from)
}

async function remove(file: string): Promise<void> {
  await rm(place(file))
  disk.delete(file)
}

/** Waits until the source serves what lies there, then loads it. */
async function load() {
  const wanted = JSON.stringify([...disk].sort())
  const isServed = async () => {
    const answer = await fetch(`${source.url}/v1/datasets/logs`)
    const { state, files } = (await answer.json()) as Dataset
    return state === "ready" && JSON.stringify(files?.map((one) => [one.file, one.sha256]).sort()) === wanted
  }
  await waitFor(isServed, { what: "a version of what lies there" })
  const [outcome] = await loader.load()
  if (outcome === undefined) throw new Error("no outcome")
  return outcome
}

const idsOf = async () =>
  (await pool.query("select id from public.logs order by id")).rows.map(({ id }) => Number(id))

type Entry = {
  /** What is in it, in its order; a negative number is a record that is set aside. */
  readonly ids: readonly number[]
  readonly packed: boolean
}

const head = "id,word\n"
const lineOf = (id: number) => (id < 0 ? `${-id},a,cell too many\n` : `${id},"line\n${id}"\n`)
const textOf = (ids: readonly number[]) => head + ids.map(lineOf).join("")

const bytesOf = ({ ids, packed }: Entry) => (packed ? gzipSync(textOf(ids)) : textOf(ids))

// The model is one sentence: whatever stood in a file when it was loaded is in the table, once.
test.each(Array.from({ length: histories }, (_, n) => [n + 1, seed + n]))(
  "history %i: every record of every file arrives once (seed %i)",
  async (_, own) => {
    const random = createRandom(own)
    const entries = new Map<string, Entry>()
    const arrived = new Set<number>()
    const story: string[] = []
    let last = 0
    let named = 0
    const records = (most: number) =>
      Array.from({ length: random.between(0, most) }, () => {
        last += 1
        return random.chance(0.1) ? -last : last
      })
    const newName = (entry?: Entry) => {
      named += 1
      return `d/${random.pick(["", "a/", "z/"])}${random.between(0, 99)}-${named}.csv${entry?.packed ? ".gz" : ""}`
    }
    const put = async (file: string, entry: Entry) => {
      entries.set(file, entry)
      await write(file, bytesOf(entry))
    }
    const moveEntry = async (from: string, to: string) => {
      const entry = entries.get(from)
      if (entry === undefined) return
      entries.delete(from)
      entries.set(to, entry)
      await move(from, to)
    }
    // Each file is touched once between two loads, but for the log that is rotated.
    const acts: Readonly<Record<string, (file: string, entry: Entry) => Promise<void>>> = {
      grow: (file, entry) => put(file, { ...entry, ids: [...entry.ids, ...records(6)] }),
      rename: (file, entry) => moveEntry(file, newName(entry)),
      remove: async (file) => {
        entries.delete(file)
        await remove(file)
      },
      copy: (_file, entry) => put(newName(entry), entry),
      pack: async (file, entry) => {
        if (entry.packed) return
        await remove(file)
        entries.delete(file)
        await put(`${file}.gz`, { ...entry, packed: true })
      },
      "grow and rename": async (file, entry) => {
        await put(file, { ...entry, ids: [...entry.ids, ...records(6)] })
        await moveEntry(file, newName(entry))
      },
      rotate: async (file, entry) => {
        if (entry.packed) return
        if (random.chance(0.5)) await put(file, { ...entry, ids: [...entry.ids, ...records(4)] })
        await moveEntry(file, newName())
        last += 1
        await put(file, { ids: [last, ...records(4)], packed: false })
      },
    }

    last += 1
    await put("d/first.csv", { ids: [last, ...records(5)], packed: false })
    await start(
      `{ files: d, chunk: { rows: ${random.between(1, 5)} }, columns: { types: { id: integer } } }`,
      ", max_rejects: 100%",
    )
    for (let step = 0; step < 8; step += 1) {
      if (step > 0) {
        const touched = new Set<string>()
        for (let n = random.between(1, 3); n > 0; n -= 1) {
          const free = [...entries].filter(([file]) => !touched.has(file))
          const [file, entry] = free.length === 0 ? (["", undefined] as const) : random.pick(free)
          const act = random.pick(["add", ...Object.keys(acts)])
          if (act === "add" || entry === undefined) {
            last += 1
            const added = newName()
            await put(added, { ids: [last, ...records(9)], packed: false })
            touched.add(added)
          } else {
            const before = new Set(entries.keys())
            await acts[act]?.(file, entry)
            touched.add(file)
            for (const one of entries.keys()) if (!before.has(one)) touched.add(one)
            // What it is a copy of would otherwise grow beside it, and be another file that begins alike.
            for (const [one, { ids }] of entries) if (ids.join() === entry.ids.join()) touched.add(one)
          }
          story.push(`${step}: ${act} ${file}`)
        }
      }
      if (entries.size === 0) {
        last += 1
        // Under a name of its own: one that was there before would be a file that was rewritten.
        await put(newName(), { ids: [last], packed: false })
      }
      const before = arrived.size
      const outcome = await load()
      const place = `seed ${own}, step ${step}\n${story.join("\n")}\n${outcome.problem?.message ?? ""}`
      expect(outcome.problem, place).toBeUndefined()
      for (const { ids } of entries.values()) for (const id of ids) arrived.add(id)
      const good = [...arrived].filter((id) => id > 0).sort((a, b) => a - b)
      expect(await idsOf(), place).toEqual(good)
      const rejects = await pool.query(withLedger("select count(*)::integer as n from flatbed.rejects"))
      expect(rejects.rows[0].n, place).toBe(arrived.size - good.length)
      if (outcome.outcome === "published")
        expect(outcome.rows + outcome.rejects, place).toBe(arrived.size - before)
      else expect(arrived.size, place).toBe(before)
    }
  },
  120_000,
)

test("a header alone is a file like any other: its first rows come when they are there", async () => {
  await write("a.csv", "id,word\n")
  await start("{ files: '*.csv', columns: { types: { id: integer } } }")
  expect(await load()).toMatchObject({ outcome: "published", rows: 0, files: { new: 1, grown: 0, known: 0 } })
  await write("a.csv", "id,word\n1,x\n")
  expect(await load()).toMatchObject({ rows: 1, files: { new: 0, grown: 1, known: 0 } })
  expect(await idsOf()).toEqual([1])
})

test.each([
  ["no byte", ""],
  ["blank lines", "\n\n"],
])(
  "NDJSON that begins with %s is appended to once there are rows, alone and beside others",
  async (_, nothing) => {
    await write("d/a.ndjson", nothing)
    await start("{ files: d/*.ndjson, columns: { types: { id: integer } } }")
    await waitFor(
      async () =>
        ((await (await fetch(`${source.url}/v1/datasets/logs`)).json()) as Dataset).state === "failed",
    )
    expect((await loader.load())[0]).toMatchObject({ outcome: "failed", problem: { code: "file-empty" } })
    await write("d/a.ndjson", '{"id":1}\n')
    expect(await load()).toMatchObject({ outcome: "published", rows: 1 })
    await write("d/b.ndjson", nothing)
    expect(await load()).toMatchObject({ outcome: "published", rows: 0, files: { new: 1, known: 1 } })
    await write("d/a.ndjson", '{"id":1}\n{"id":2}\n')
    await write("d/b.ndjson", `${nothing}{"id":3}\n`)
    expect(await load()).toMatchObject({ outcome: "published", rows: 2 })
    expect(await idsOf()).toEqual([1, 2, 3])
  },
)

test("a JSON array that was empty is a new file when it is not", async () => {
  await write("d/a.json", '[{"id":1}]')
  await write("d/b.json", "[]")
  await start("{ files: d/*.json }")
  expect(await load()).toMatchObject({ rows: 1 })
  await write("d/b.json", '[{"id":2}]')
  expect(await load()).toMatchObject({ rows: 1, files: { new: 1, grown: 0, known: 1 } })
  expect(await idsOf()).toEqual([1, 2])
})

test.each([
  ["NDJSON", "a.ndjson", "ndjson", ['{"id":1}\n', '{"id":2}\n'], "ascii"],
  ["fixed-width", "a.txt", "fixed, widths: [{ name: id, width: 4 }]", ["1   \n", "2   \n"], "ascii"],
  ["UTF-16", "a.csv", "csv, dialect: { encoding: utf-16le }", ["id\n1\n", "2\n"], "utf16le"],
] as const)("a growing file that is %s is appended to", async (_, file, format, [old, more], encoding) => {
  const bytes = (text: string) => Buffer.from(text, encoding === "ascii" ? "latin1" : "utf16le")
  await write(file, bytes(old))
  await start(`{ files: ${file}, format: ${format}, columns: { types: { id: integer } } }`)
  expect(await load()).toMatchObject({ rows: 1 })
  await write(file, bytes(old + more))
  expect(await load()).toMatchObject({ rows: 1, files: { grown: 1 } })
  expect(await idsOf()).toEqual([1, 2])
})

test("gzip members that are written one behind the other are appended one by one", async () => {
  const members = ["id\n1\n", "2\n3\n"].map((text) => gzipSync(text)) as [Buffer, Buffer]
  await write("a.csv.gz", members[0])
  await start("{ files: a.csv.gz }")
  await load()
  await write("a.csv.gz", Buffer.concat(members))
  expect(await load()).toMatchObject({ rows: 2, files: { grown: 1 } })
  expect(await idsOf()).toEqual([1, 2, 3])
})

test("a JSON document that has grown is a file that changed: its closing bracket stood elsewhere", async () => {
  await write("a.json", '[{"id":1}]')
  await start("{ files: a.json, format: json }")
  await load()
  await write("a.json", '[{"id":1},{"id":2}]')
  const { problem } = await load()
  expect(problem).toMatchObject({ code: "file-changed", exitCode: 5 })
  expect(await idsOf()).toEqual([1])
})

test("records that the source's filter leaves out are counted once, whatever the settings say later", async () => {
  await write("a.csv", "id,keep\n1,y\n2,n\n3,y\n")
  const settings = (keep: string) =>
    `{ files: a.csv, columns: { types: { id: integer } }, filter: { keep: { eq: "${keep}" } } }`
  await start(settings("y"))
  expect(await load()).toMatchObject({ rows: 2, filtered: 1 })
  await write("a.csv", "id,keep\n1,y\n2,n\n3,y\n4,n\n5,y\n")
  expect(await load()).toMatchObject({ rows: 1, filtered: 1, files: { grown: 1 } })
  await source.close()
  await start(settings("n"))
  expect(await load()).toMatchObject({ rows: 0, files: { known: 1 } })
  expect(await idsOf()).toEqual([1, 3, 5])
})

test("by the programs: new, renamed and growing files; a kill in the middle; a file that was rewritten", async () => {
  const flatbed = await createInstallation({
    source: "datasets:\n  logs: { files: logs, chunk: { rows: 3 } }\n",
    loader:
      "connections: 1\nread_ahead: 0\ngroup: 0B\npipelines:\n  logs: { dataset: logs, table: logs, mode: append }\n",
  })
  try {
    const lines = (from: number, to: number) =>
      Array.from({ length: to - from + 1 }, (_, i) => `${from + i}\n`).join("")
    const ids = async () =>
      (await flatbed.query<{ id: number }>("select id from public.logs order by id")).map(({ id }) => id)
    const run = async (...args: string[]) => {
      const program = flatbed.loader(args)
      const { code } = await program.end(60_000)
      return { code, said: program.stdout() + program.stderr() }
    }
    const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1)
    await flatbed.write("logs/a.csv", `id\n${lines(1, 5)}`)
    await flatbed.startSource()
    expect((await run("load")).said).toContain("logs: 5 rows")

    await flatbed.write("logs/a.csv", `id\n${lines(1, 9)}`)
    await flatbed.write("logs/b.csv", `id\n${lines(10, 12)}`)
    expect((await run("load")).said).toMatch(
      /logs: 7 rows, .* into public\.logs \(files: 1 new, 1 grown, 0 known\), version/,
    )
    expect(await ids()).toEqual(upTo(12))
    expect((await run("runs", "show", "2")).said).toMatch(
      /files +1 new, 1 grown, 0 known \(5 rows were there\)/,
    )
    expect((await run("load")).said).toMatch(/logs: up to date, public\.logs has version \S+ of 12 rows/)

    // Renamed so that it comes before the others; and so long that it can be killed on the way.
    await rename(join(flatbed.folder, "files/logs/b.csv"), join(flatbed.folder, "files/logs/A.csv"))
    await flatbed.write("logs/a.csv", `id\n${lines(1, 9)}${lines(13, 40)}`)
    const killed = flatbed.loader(["load"])
    await killed.waitForEvent("chunk.loaded", { count: 3 })
    killed.kill("SIGKILL")
    await killed.end()
    expect(await ids()).toEqual(upTo(12))
    expect((await run("load")).said).toContain("(files: 0 new, 1 grown, 1 known)")
    expect(await ids()).toEqual(upTo(40))
    expect(
      await flatbed.query("select run_id::integer as run, attempts from flatbed.runs where run_id = 3"),
    ).toEqual([{ run: 3, attempts: 2 }])

    await flatbed.write("logs/a.csv", `id\n7${lines(1, 50)}`)
    const { code, said } = await run("load")
    expect(code).toBe(5)
    expect(said).toContain("failed with file-changed: logs/a.csv does not begin with the ")
    expect(await ids()).toEqual(upTo(40))
  } finally {
    await flatbed.close()
  }
}, 60_000)
