// If this fails, chunks that travel together are loaded in part, twice, or under another chunk's number.
import { createHash } from "node:crypto"
import { formatReprDigest, hashColumns, Problem } from "@flatbed/contract"
import { makeScriptedVersion, type ScriptedDataset, waitFor } from "@flatbed/testing"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { type Expected, proveChunks } from "../fetch/chunk-proof.ts"
import { type Bench, openBench, people, pipelineOf } from "../loader.test-kit.ts"

// Two rows a chunk, of 20 to 22 bytes each: three chunks fit.
const group = 132
const content = people(20, 2)
const everybody = content.rows.map(([id, name]) => ({ id: Number(id), name }))

let bench: Bench

beforeEach(async () => {
  bench = await openBench(content)
})
afterEach(() => bench.close())

const createLoader = (change = {}) => bench.createLoader({ connections: 1, read_ahead: 0, group, ...change })
const table = () => bench.query("select id, name from public.people order by id")
const receipts = () =>
  bench.query(
    "select chunk::integer, first_row::integer, rows::integer, rejects::integer, refused::integer from flatbed.chunks order by chunk",
  )
const asked = () =>
  bench.source.requests().flatMap(({ path }) => /\/chunks\/([0-9-]+)$/.exec(path)?.[1] ?? [])

describe("small chunks", () => {
  test("are fetched and committed together, and each has its own receipt", async () => {
    const [outcome] = await createLoader().load()
    expect(outcome).toMatchObject({ outcome: "published", rows: 20, fetched: 10 })
    expect(asked()).toEqual(["1-3", "4-6", "7-9", "10"])
    expect(await table()).toEqual(everybody)
    expect(await receipts()).toEqual(
      Array.from({ length: 10 }, (_, i) => ({
        ...{ chunk: i + 1, first_row: 2 * i + 1, rows: 2, rejects: 0, refused: 0 },
      })),
    )
    const commits = await bench.query("select count(distinct xmin::text)::integer as n from flatbed.chunks")
    expect(commits).toEqual([{ n: 4 }])
  })

  test("are one line of the log, and all of them count as progress", async () => {
    const seen: number[] = []
    await bench
      .createLoader({ connections: 1, group }, { onProgress: (_pipeline, { chunks }) => seen.push(chunks) })
      .load()
    expect(
      bench.log.events("chunk.loaded").map(({ chunk, chunks, of, rows }) => [chunk, chunks, of, rows]),
    ).toEqual([
      [1, 3, 10, 6],
      [4, 3, 10, 6],
      [7, 3, 10, 6],
      [10, 1, 10, 2],
    ])
    expect(bench.log.events("chunk.loaded")[0]?.msg).toBe("chunks 1 to 3 of 10: 6 rows")
    expect(seen).toEqual([0, 3, 6, 9, 10])
  })

  test("that are missing are fetched alone when their neighbours are there", async () => {
    bench.source.fault(/\/chunks\/4-6$/, ...Array(4).fill({ kind: "reset" }))
    const [failed] = await createLoader().load()
    expect(failed).toMatchObject({ outcome: "failed", problem: { code: "source-unreachable" } })
    expect(await receipts()).toHaveLength(3)
    bench.source.forgetRequests()
    const [again] = await createLoader({ group: 90 }).load()
    expect(again).toMatchObject({ outcome: "published", rows: 20, fetched: 7 })
    expect(asked()).toEqual(["4-5", "6-7", "8-9", "10"])
    expect(await table()).toEqual(everybody)
  })

  test("of which some are there already are loaded one by one", async () => {
    bench.source.fault(/\/chunks\/1-3$/, { kind: "delay", ms: 400 })
    const loading = createLoader().load()
    await waitFor(() => asked().length > 0)
    const [run] = await bench.query<{ id: number }>("select run_id::integer as id from flatbed.runs")
    const [, chunk] = makeScriptedVersion(content).manifest.chunks
    await bench.query(`begin;
      insert into flatbed.staging_${run?.id} values (3, 'a 3', null), (4, 'a 4', null);
      insert into flatbed.chunks (run_id, chunk, first_row, rows, rejects, filtered, raw_sha256, refused)
        values (${run?.id}, 2, 3, 2, 0, 0, '${chunk?.sha256}', 0);
      commit`)
    expect(await loading).toMatchObject([{ outcome: "published", rows: 20 }])
    expect(asked()).toEqual(["1-3", "1", "2", "3", "4-6", "7-9", "10"])
    expect(await table()).toEqual(everybody)
    expect(await receipts()).toHaveLength(10)
  })
})

describe("bad rows in chunks that travel together", () => {
  const setAside = new Map(
    [2, 6].map((row) => [
      row,
      { code: "extra-cell", column: null, value: null, reason: "one too many" } as const,
    ]),
  )
  const bad = new Set([3, 4, 12, 20])
  const withBad: ScriptedDataset = {
    ...content,
    setAside,
    rows: content.rows.map((row, i) => (bad.has(i + 1) ? [row[0] ?? "", row[1] ?? "", "2001-13-01"] : row)),
  }
  const max_rejects = (limit: number) => ({ pipelines: { people: pipelineOf({ max_rejects: limit }) } })

  test("are told under their own chunk, each with its place, by one request a group", async () => {
    const { origins } = bench.source.publish(withBad)
    const [outcome] = await createLoader(max_rejects(6)).load()
    expect(outcome).toMatchObject({ outcome: "published", rows: 14, rejects: 6 })
    const found = await bench.query(
      "select row::integer, chunk::integer, line::integer, byte::integer, found_by from flatbed.rejects order by row",
    )
    expect(found).toEqual(
      [2, 3, 4, 6, 12, 20].map((row) => ({
        row,
        chunk: Math.ceil(row / 2),
        line: row,
        byte: origins[row - 1]?.byte_from,
        found_by: setAside.has(row) ? "source" : "loader",
      })),
    )
    expect((await receipts()).map(({ refused, rejects }) => `${refused}${rejects}`).join(" ")).toBe(
      "01 20 01 00 00 10 00 00 00 10",
    )
    const placed = bench.source.requests().flatMap(({ path }) => /\/rows\?rows=(.*)$/.exec(path)?.[1] ?? [])
    expect(placed).toEqual(["3,4", "12", "20"])
    expect((await table()).map(({ id }) => id)).toEqual(
      everybody.map(({ id }) => id).filter((id) => !bad.has(id) && !setAside.has(id)),
    )
  })

  test("beyond the limit end the run; what was found is in the ledger", async () => {
    bench.source.publish(withBad)
    const [outcome] = await createLoader(max_rejects(3)).load()
    expect(outcome).toMatchObject({ outcome: "failed", problem: { code: "rejects-over-limit" } })
    const rows = await bench.query("select row::integer from flatbed.rejects order by row")
    expect(rows.map(({ row }) => row)).toEqual([2, 3, 4, 6])
    expect(await bench.query("select to_regclass('public.people') as made")).toEqual([{ made: null }])
  })

  test("condemned by the manifest alone are read in groups too", async () => {
    bench.source.publish({
      ...content,
      setAside: new Map(
        content.rows.map((_, i) => [i + 1, { code: "extra-cell", column: null, value: null, reason: "x" }]),
      ),
    })
    const [outcome] = await createLoader().load()
    expect(outcome).toMatchObject({ outcome: "failed", problem: { code: "rejects-over-limit" } })
    expect(asked()).toEqual(["1-3", "4-6", "7-9", "10"])
    expect(
      await bench.query("select count(*)::integer as n from flatbed.rejects where chunk = (row + 1) / 2"),
    ).toEqual([{ n: 20 }])
  })
})

describe("a damaged group", () => {
  const { version, manifest, chunks } = makeScriptedVersion(content)
  const [one, two, three] = manifest.chunks.slice(3, 6)
  if (one === undefined || two === undefined || three === undefined) throw new Error("there are ten chunks")
  const expected: Expected = {
    dataset: "people",
    version,
    columnsSha256: hashColumns(content.columns),
    chunks: [one, two, three],
  }
  const [first, second, third] = chunks.slice(3, 6) as [Buffer, Buffer, Buffer]
  const body = Buffer.concat([first, second, third])
  const rules = { compression: "none", maxBodyBytes: 2 ** 20 } as const

  /** `digestOf`: whose digest the answer carries. */
  async function prove(sent: Buffer, digestOf = sent): Promise<string> {
    const headers = {
      "content-type": "application/x-ndjson",
      "repr-digest": formatReprDigest(createHash("sha256").update(digestOf).digest()),
    }
    return await proveChunks({ headers, body: Buffer.from(sent) }, expected, rules).then(
      (lines) => lines.toString(),
      (error: unknown) => {
        if (error instanceof Problem && error.code === "chunk-damaged") return `damaged: ${error.message}`
        throw error
      },
    )
  }

  test("is one that is not right to the last byte: the right one gives its rows", async () => {
    const rows = content.rows.slice(6, 12).map((row) => `${JSON.stringify(row)}\n`)
    expect(await prove(body)).toBe(rows.join(""))
    expect(await prove(body.subarray(0, -1))).toBe(rows.join(""))
  })

  test("with any bit flipped is refused", async () => {
    for (let bit = 0; bit < body.length * 8; bit++) {
      const flipped = Buffer.from(body)
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(await prove(flipped, body), `bit ${bit}`).toMatch(/^damaged: Chunks 4 to 6 .*SHA-256/)
    }
  })

  test("cut off anywhere is refused, also when its digest is right", async () => {
    for (let length = 0; length < body.length - 1; length++)
      expect(await prove(body.subarray(0, length)), `cut to ${length}`).toMatch(/^damaged: /)
  })

  test.each<[string, Buffer[]]>([
    ["two chunks swapped", [second, first, third]],
    ["the first missing", [second, third]],
    ["the middle one missing", [first, third]],
    ["the last missing", [first, second]],
    ["one twice", [first, second, second, third]],
    ["one in another's place", [first, first, third]],
    ["one too many", [first, second, third, chunks[6] as Buffer]],
    ["a foreign line behind it", [first, second, third, Buffer.from("[]\n")]],
    ["nothing", []],
  ])("with %s is refused, also when its digest is right", async (_name, parts) => {
    expect(await prove(Buffer.concat(parts))).toMatch(/^damaged: Chunk/)
  })

  test("a row moved from one chunk into the next is refused", async () => {
    const lines = body.toString().split("\n")
    const [moved = ""] = lines.splice(2, 1)
    lines.splice(4, 0, moved)
    expect(await prove(Buffer.from(lines.join("\n")))).toMatch(/^damaged: Chunk /)
  })

  test("commits nothing; asked for again and right, it is loaded", async () => {
    const swapped = { kind: "replace-body", change: () => Buffer.concat([first, third, second]) } as const
    const flip = { kind: "flip-body", bit: 777 } as const
    const cut = { kind: "truncate", framing: "close", keep: body.length / 2 } as const
    bench.source.fault(/\/chunks\/4-6$/, swapped, flip, cut)
    const [outcome] = await createLoader().load()
    expect(outcome).toMatchObject({ outcome: "published", rows: 20 })
    expect(asked()).toEqual(["1-3", "4-6", "4-6", "4-6", "4-6", "7-9", "10"])
    expect(bench.log.events("chunk.retried")).toMatchObject(Array(3).fill({ chunk: 4, chunks: 3 }))
    expect(await table()).toEqual(everybody)
  })
})
