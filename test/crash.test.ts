// If this fails, a power cut in the middle of a load loses rows, doubles rows, or costs the whole transfer again.
import { afterEach, describe, expect, test } from "vitest"
import { createInstallation, type Installation } from "./installation.ts"

const chunks = 6
const rowsPerChunk = 5
const rows = Array.from({ length: chunks * rowsPerChunk }, (_, i) => ({ id: i + 1, zip: `0${2000 + i}` }))
const csv = `id,zip\n${rows.map(({ id, zip }) => `${id},${zip}\n`).join("")}`
// Two chunks of 40 to 45 bytes go together, or each by itself.
const ways = [
  { name: "chunks one by one", group: "0B", size: 1 },
  { name: "chunks in groups of two", group: "90B", size: 2 },
]
const everyKill = ways.flatMap((way) =>
  Array.from({ length: chunks / way.size + 1 }, (_, commits) => ({ ...way, commits })),
)

let installation: Installation

afterEach(() => installation.close())

async function setup(group: string) {
  installation = await createInstallation({
    source: `datasets:\n  zips: { files: zips.csv, chunk: { rows: ${rowsPerChunk} } }`,
    loader: `connections: 1\nread_ahead: 0\ngroup: ${group}\npipelines:\n  zips: { dataset: zips, table: zips }`,
  })
  await installation.write("zips.csv", csv)
}

const table = () => installation.query("select id, zip from public.zips order by id")
const receipts = async () => {
  const found = await installation.query<{ chunk: string }>("select chunk from flatbed.chunks order by chunk")
  return found.map(({ chunk }) => Number(chunk))
}

/** The chunks that the source's own log says it served, alone or in groups. */
const served = (source: { events(): { event: string; chunk?: unknown; chunks?: unknown }[] }) =>
  source
    .events()
    .filter(({ event }) => event === "chunk.served")
    .flatMap(({ chunk, chunks = 1 }) => Array.from({ length: Number(chunks) }, (_, i) => Number(chunk) + i))

describe.each(everyKill)("$name, after $commits commits", ({ group, size, commits }) => {
  const k = commits * size
  test("a killed loader goes on with the missing chunks and ends row-exact", async () => {
    await setup(group)
    const source = await installation.startSource()
    const loader = installation.loader(["load"])
    if (k === 0) await loader.waitForEvent("run.started")
    else await loader.waitForEvent("chunk.loaded", { count: commits })
    loader.kill("SIGKILL")
    await loader.end()
    const kept = await receipts()
    // Whole groups, from the first on.
    expect(kept).toEqual(Array.from({ length: kept.length }, (_, i) => i + 1))
    expect([k, Math.min(k + size, chunks)]).toContain(kept.length)
    const servedBefore = served(source).length

    expect(await installation.load()).toBe(0)

    expect(await table()).toEqual(rows)
    const missing = Array.from({ length: chunks }, (_, i) => i + 1).filter((chunk) => !kept.includes(chunk))
    const published = kept.length === chunks && missing.length === 0
    const fetched = served(source).slice(servedBefore)
    expect(fetched).toEqual(published ? [] : missing)
  })

  test("a killed source, started again, is asked only for the missing chunks", async () => {
    await setup(group)
    const source = await installation.startSource()
    const loader = installation.loader(["load"])
    if (k === 0) await loader.waitForEvent("run.started")
    else await loader.waitForEvent("chunk.loaded", { count: commits })
    source.kill("SIGKILL")
    await source.end()
    const again = await installation.startSource()

    const { code } = await loader.end()
    // The loader's own retries may have met the new source; if they were used up before, the next load goes on.
    if (code !== 0) expect(await installation.load()).toBe(0)

    expect(await table()).toEqual(rows)
    const wasCommitted = loader.events().filter(({ event }) => event === "chunk.loaded").length * size
    expect(served(again).every((chunk) => chunk > k - size)).toBe(true)
    expect(served(again).length).toBeLessThanOrEqual(chunks - Math.min(k, wasCommitted) + size)
  })
})
