// If this file fails, somebody who looks at a table while it is loaded sees it torn, empty, or as a mix of two versions.
import { EventEmitter, once } from "node:events"
import { createRandom, type Random } from "@flatbed/testing"
import pg from "pg"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { applyVersion, type ModelRow, type ModelTableRow } from "./load-modes/mode-model.test-kit.ts"
import { type Bench, column, openBench, pipelineOf } from "./loader.test-kit.ts"

/** Over all modes. `npm run test:deep` asks for many more. */
const polls = Number(process.env.FLATBED_TEST_POLLS ?? 3_000)
const seed = Number(process.env.FLATBED_TEST_SEED ?? Date.now() % 1_000_000_000)
const rowsInVersion = 240
/** So many loads, then the table is dropped, and the next one is a first load. */
const loadsOfTable = 3
/** When a swap does not come about. */
const mostLoads = 40

type Settings = Parameters<typeof pipelineOf>[0]
type Case = {
  readonly name: string
  readonly settings: NonNullable<Settings>
  readonly isSoft?: true
  /** Each version is the one before with more rows behind it. */
  readonly isGrowing?: true
  /** The table after a version, by a model that knows nothing of the loader. */
  readonly next: (before: readonly ModelTableRow[], version: readonly ModelRow[]) => readonly ModelTableRow[]
}

const keyed =
  (mode: "replace" | "upsert" | "mirror", soft = false): Case["next"] =>
  (before, version) => {
    const numbers = (a: string, b: string) => Number(a) - Number(b)
    const outcome = applyVersion(before, version, { mode, key: ["id"], dedupe: "none", soft }, numbers)
    if (outcome === "key-repeated") throw new Error("The test made a version with a key twice")
    return outcome.table
  }
const all: Case["next"] = (_, version) => version.map((row) => ({ row, isDeleted: false }))
const limit = { rows: 10_000, share: "100%" }

const cases: Case[] = [
  { name: "replace", settings: {}, next: all },
  { name: "replace by swap", settings: { publish: "swap" }, next: all },
  { name: "replace by difference", settings: { key: ["id"] }, next: keyed("replace") },
  { name: "append", settings: { mode: "append" }, isGrowing: true, next: all },
  { name: "upsert", settings: { mode: "upsert", key: ["id"] }, next: keyed("upsert") },
  {
    name: "mirror",
    settings: { mode: "mirror", key: ["id"], deletes: { mode: "hard", limit, after_rejects: "refuse" } },
    next: keyed("mirror"),
  },
  {
    name: "mirror that marks",
    settings: { mode: "mirror", key: ["id"], deletes: { mode: "soft", limit, after_rejects: "refuse" } },
    isSoft: true,
    next: keyed("mirror", true),
  },
]

/** What a look at the table sees: its rows in numbers by which no two states of one test are alike. */
type Sight = string
const nothing: Sight = "no table"

function sightOf(table: readonly ModelTableRow[]): Sight {
  const live = table.filter(({ isDeleted }) => !isDeleted).map(({ row }) => row)
  const sum = (of: (row: ModelRow) => number) => live.reduce((total, row) => total + of(row), 0)
  const hash = sum(
    ({ id, gen, value }) => (Number(id) * 7919 + Number(gen) * 104_729 + Number(value)) % 999_983,
  )
  const mark = live.length === 0 ? null : String(Math.max(...live.map(({ gen }) => Number(gen))))
  return JSON.stringify([table.length, live.length, mark, hash, sum(({ value }) => Number(value))])
}

const lookSql = (isSoft: boolean) => {
  const live = isSoft ? "_deleted_at is null" : "true"
  return `select count(*)::integer as all, count(*) filter (where ${live})::integer as live,
                 (max(gen) filter (where ${live}))::text as mark,
                 coalesce(sum((id::bigint * 7919 + gen::bigint * 104729 + value) % 999983) filter (where ${live}), 0)::integer as hash,
                 coalesce(sum(value) filter (where ${live}), 0)::integer as total
            from public.people`
}

let bench: Bench

const version = (rows: readonly ModelRow[]) => ({
  name: "people",
  columns: ["id", "gen", "value"].map((name) => column(name, "integer", false)),
  rows: rows.map(({ id, gen, value }) => [id ?? null, gen ?? null, value ?? null]),
  rowsPerChunk: 100,
})

beforeEach(async () => {
  bench = await openBench(version([{ id: "0", gen: "0", value: "0" }]))
})

afterEach(async () => {
  await bench.close()
})

describe(`pollers at READ COMMITTED and REPEATABLE READ (seed ${seed})`, () => {
  test.each(cases)(
    "$name: each look sees one version, whole",
    async ({ name, settings, isSoft = false, isGrowing = false, next }) => {
      const random = createRandom(seed)
      const loader = bench.createLoader({
        pipelines: { people: pipelineOf({ ...settings, swap_wait: 200 }) },
      })
      // Every state that the table has had or is about to get, and which of them was the last to be committed.
      const states: Sight[] = [nothing]
      let committed = 0
      const changes = new EventEmitter()
      const commit = () => {
        committed = states.length - 1
        changes.emit("change")
      }
      const wanted = Math.ceil(polls / cases.length)
      const counts = { polls: 0, loads: 0, firstLoads: 0, swaps: 0, overPublish: 0, beforeFirst: 0 }
      const wrong: string[] = []
      let mayHold = true
      let isOver = false

      const pollers = [0, 1, 2, 3].map((number) => poll(number, createRandom(seed + number)))
      try {
        await loadOverAndOver()
      } finally {
        isOver = true
        changes.emit("change")
        await Promise.all(pollers)
      }
      process.stdout.write(`${name}: ${JSON.stringify(counts)}\n`)
      expect(wrong.slice(0, 5), `${wrong.length} of ${counts.polls} looks, seed ${seed}`).toEqual([])
      expect(counts.polls).toBeGreaterThanOrEqual(wanted)
      expect(counts.overPublish).toBeGreaterThan(0)
      if (settings.publish === "swap") expect(counts.swaps).toBeGreaterThan(0)

      async function loadOverAndOver(): Promise<void> {
        let table: readonly ModelTableRow[] = []
        let rows: ModelRow[] = []
        const isEnough = (gen: number) =>
          counts.polls >= wanted &&
          // The first load of the second table is one that somebody's snapshot is older than.
          gen > loadsOfTable + 1 &&
          // Somebody else's long transaction, anywhere on the server, keeps a swap from happening.
          (settings.publish !== "swap" || counts.swaps > 0 || gen > mostLoads)
        for (let gen = 1; !isEnough(gen); gen += 1) {
          // Whoever holds a snapshot keeps staging from becoming the table: half of the loads are without.
          mayHold = gen % 2 === 0
          rows = isGrowing ? longerVersion(rows, gen, random) : nextVersion(rows, gen, random)
          table = next(table, rows)
          states.push(sightOf(table))
          bench.source.publish(version(rows))
          const before = await oidOf()
          const [outcome] = await loader.load()
          expect(outcome?.problem, `load ${gen}, seed ${seed}`).toBeUndefined()
          commit()
          counts.loads += 1
          if (before === null) counts.firstLoads += 1
          else if (before !== (await oidOf())) counts.swaps += 1
          if (gen % loadsOfTable !== 0) continue
          states.push(nothing)
          await bench.query("drop table public.people")
          commit()
          table = []
        }
      }

      async function oidOf(): Promise<string | null> {
        return (await bench.query("select to_regclass('public.people')::oid as oid"))[0]?.oid
      }

      async function poll(number: number, choices: Random): Promise<void> {
        const client = new pg.Client({ connectionString: bench.databaseUrl })
        client.on("error", () => undefined)
        await client.connect()
        try {
          while (!isOver) {
            if (choices.chance(0.5)) judge(committed, await look(client), `poller ${number}`)
            else await pollInSnapshot(client, number, choices)
          }
        } finally {
          await client.end()
        }
      }

      /** The snapshot is taken now; the table is touched for the first time later, perhaps after a publish. */
      async function pollInSnapshot(client: pg.Client, number: number, choices: Random): Promise<void> {
        const since = committed
        await client.query("begin isolation level repeatable read")
        await client.query("select 1")
        if (mayHold && !isOver && choices.chance(0.3)) await once(changes, "change")
        else for (let turns = choices.between(0, 3); turns > 0; turns -= 1) await client.query("select 2")
        const sight = await look(client)
        judge(since, sight, `poller ${number} with a snapshot of state ${since}`)
        if (committed > since) counts.overPublish += 1
        if (sight !== nothing) {
          const again = await look(client)
          if (again !== sight) wrong.push(`poller ${number} in one snapshot: ${sight}, then ${again}`)
          counts.polls += 1
        }
        await client.query("rollback")
      }

      async function look(client: pg.Client): Promise<Sight> {
        try {
          const { rows } = await client.query(lookSql(isSoft))
          const { all, live, mark, hash, total } = rows[0]
          return JSON.stringify([all, live, mark, hash, total])
        } catch (error) {
          if (error instanceof pg.DatabaseError && error.code === "42P01") return nothing
          throw error
        }
      }

      function judge(since: number, sight: Sight, who: string): void {
        counts.polls += 1
        const possible = states.slice(since)
        if (possible.includes(sight)) return
        // A snapshot from before a first load cannot but see the table that the load made; of its rows it sees none.
        if (sight === sightOf([]) && possible.includes(nothing)) {
          counts.beforeFirst += 1
          return
        }
        wrong.push(`${who}: saw ${sight}, possible was ${possible.join(" or ")}`)
      }
    },
    Math.max(90_000, polls * 20),
  )
})

/** The row 0 is in every version and bears its number; of the others some change, some go, some come. */
function longerVersion(before: readonly ModelRow[], gen: number, random: Random): ModelRow[] {
  const fresh = Array.from({ length: 70 }, (_, i) => ({
    id: String(before.length + i),
    gen: String(gen),
    value: String(random.between(1, 1000)),
  }))
  return [...before, ...fresh]
}

function nextVersion(before: readonly ModelRow[], gen: number, random: Random): ModelRow[] {
  const write = (id: number) => ({
    id: String(id),
    gen: String(gen),
    value: String(id === 0 ? 0 : random.between(1, 1000)),
  })
  if (before.length === 0) return Array.from({ length: rowsInVersion }, (_, id) => write(id))
  const others = before
    .slice(1)
    .filter(() => !random.chance(0.03))
    .map((row) => (random.chance(0.05) ? write(Number(row.id)) : row))
  const newest = Math.max(...before.map(({ id }) => Number(id)))
  const fresh = Array.from({ length: Math.max(0, rowsInVersion - 1 - others.length) }, (_, i) =>
    write(newest + 1 + i),
  )
  return [write(0), ...others, ...fresh]
}
