// If this file fails, a loader that is killed leaves a table that is not what its versions say, or counts that are not.
import { join } from "node:path"
import {
  createRandom,
  createTestDatabase,
  type Random,
  type ScriptedDataset,
  startProcess,
  startScriptedSource,
  temporaryFolder,
  withLedger,
} from "@flatbed/testing"
import pg from "pg"
import { describe, expect, test } from "vitest"
import { deletedAt } from "./columns/own-columns.ts"
import { changeVersion, compareOf, historyColumns, keyedModes } from "./load-modes/histories.test-kit.ts"
import {
  applyVersion,
  type ModelMode,
  type ModelRow,
  type ModelTableRow,
} from "./load-modes/mode-model.test-kit.ts"

/** Of each mode. `npm run test:deep` asks for many more. */
const histories = Number(process.env.FLATBED_TEST_KILLED_HISTORIES ?? 1)
const seed = Number(process.env.FLATBED_TEST_SEED ?? Date.now() % 1_000_000_000)
const versionsOfHistory = 3
/** So many histories of each mode go on side by side, one loader for all of them. */
const atOnce = 20
const loaderBin = join(import.meta.dirname, "..", "bin", "flatbed-loader.mjs")

type Way = {
  readonly name: string
  readonly settings: string
  readonly next: Next
  readonly isSoft: boolean
  /** Each version is the one before with more rows behind it. */
  readonly isGrowing?: true
}
type Next = (
  before: readonly ModelTableRow[],
  version: readonly ModelRow[],
) => ReturnType<typeof applyVersion>

/** Without a key every row is deleted, and every row of the version inserted. */
const replaceAll: Next = (before, version) => ({
  table: version.map((row) => ({ row, isDeleted: false })),
  applied: {
    inserted: version.length,
    updated: 0,
    unchanged: 0,
    repeated: 0,
    older: 0,
    deleted: before.length,
  },
})

/** The table holds what the file held, so what is behind that is new. */
const appendNew: Next = (before, version) => ({
  table: version.map((row) => ({ row, isDeleted: false })),
  applied: {
    inserted: version.length - before.length,
    updated: 0,
    unchanged: 0,
    repeated: 0,
    older: 0,
    deleted: 0,
  },
})

const settingsOf = ({ mode, key, orderBy, dedupe, soft }: ModelMode) =>
  [
    `mode: ${mode}, key: [${key.join(", ")}], dedupe: ${dedupe}`,
    ...(orderBy === undefined ? [] : [`order_by: ${orderBy}`]),
    ...(mode === "mirror" ? [`deletes: { mode: ${soft ? "soft" : "hard"}, limit: { share: 100% } }`] : []),
  ].join(", ")

const ways: Way[] = [
  { name: "replace", settings: "publish: rows", next: replaceAll, isSoft: false },
  { name: "replace by swap", settings: "publish: swap, swap_wait: 1s", next: replaceAll, isSoft: false },
  { name: "append", settings: "mode: append", next: appendNew, isSoft: false, isGrowing: true },
  ...keyedModes.map(([name, mode]) => ({
    name,
    settings: settingsOf(mode),
    next: (before: readonly ModelTableRow[], version: readonly ModelRow[]) =>
      applyVersion(before, version, mode, compareOf(mode)),
    isSoft: mode.soft,
  })),
]

/** One table and what it must hold by now. */
type Lane = {
  readonly name: string
  readonly way: Way
  table: readonly ModelTableRow[]
  version: readonly ModelRow[]
  /** What was published last; the same again is no publication. */
  published: string | undefined
  /** The counts of every publication so far. */
  readonly applied: object[]
}

const contentOf = (lane: Lane): ScriptedDataset => ({
  name: lane.name,
  columns: historyColumns.map((column) => ({ ...column, nullable: true })),
  rows: lane.version.map((row) => historyColumns.map(({ name }) => row[name] ?? null)),
  rowsPerChunk: 3,
})

describe(`histories with a loader that is killed again and again (seed ${seed})`, () => {
  const rounds = Math.ceil(histories / atOnce)
  test.each(Array.from({ length: rounds }, (_, round) => round))(
    "row-exact and count-exact, %i",
    async (round) => {
      const count = Math.min(atOnce, histories - round * atOnce)
      await runHistories(count, createRandom(seed + round))
    },
    Math.max(180_000, Math.min(atOnce, histories) * 60_000),
  )
})

async function runHistories(count: number, random: Random): Promise<void> {
  const lanes: Lane[] = ways.flatMap((way, mode) =>
    Array.from({ length: count }, (_, i) => ({
      name: `mode_${mode}_${i}`,
      way,
      table: [],
      version: [],
      published: undefined,
      applied: [],
    })),
  )
  const database = await createTestDatabase()
  const source = await startScriptedSource(...lanes.map(contentOf))
  const folder = await temporaryFolder()
  const pool = new pg.Pool({ connectionString: database.url, max: 1 })
  const pipelines = lanes.map(
    ({ name, way }) => `  ${name}: { dataset: ${name}, table: ${name}, ${way.settings} }\n`,
  )
  const config = await folder.write(
    "loader.yaml",
    `source: { url: "${source.url}" }
database: { url: "\${DATABASE_URL}" }
connections: 2
read_ahead: 1
group: 0B
pipelines:
${pipelines.join("")}`,
  )
  const startLoader = (names: readonly string[]) =>
    startProcess({
      script: loaderBin,
      args: ["load", ...names, "--config", config],
      cwd: folder.path,
      env: { DATABASE_URL: database.url },
    })
  let kills = 0
  let midway = 0
  try {
    for (let step = 1; step <= versionsOfHistory; step += 1) {
      for (const lane of lanes) takeStep(lane)
      // At most half a kill for each table, so that there is an end; each ends a loader somewhere else.
      for (let n = 0; n < Math.max(2, lanes.length / 5); n += 1) {
        const waiting = await findWaiting()
        if (waiting.length === 0) break
        await killSomewhere(startLoader(waiting), waiting.length)
      }
      const last = startLoader([])
      await last.end(300_000)
      for (const lane of lanes)
        await check(lane, `seed ${seed}, ${lane.way.name}, ${lane.name}, version ${step}`)
    }
  } finally {
    await pool.end()
    await source.close()
    await database.drop()
    await folder.remove()
  }
  process.stdout.write(`${lanes.length} histories, ${kills} kills, ${midway} with a run under way\n`)

  function takeStep(lane: Lane): void {
    lane.version = lane.way.isGrowing
      ? [...lane.version, ...changeVersion([], random)]
      : changeVersion(lane.version, random)
    source.publish(contentOf(lane))
    const content = JSON.stringify(lane.version)
    if (content === lane.published) return
    const outcome = lane.way.next(lane.table, lane.version)
    if (outcome === "key-repeated") return
    lane.table = outcome.table
    lane.published = content
    lane.applied.push(outcome.applied)
  }

  /** Pipelines with a version that is neither published nor refused, the others being only looked at again. */
  async function findWaiting(): Promise<string[]> {
    const { rows } = await pool.query(
      withLedger("select pipeline, count(*)::integer as n from flatbed.publications group by pipeline"),
    )
    const counts = new Map(rows.map(({ pipeline, n }) => [pipeline, n]))
    return lanes
      .filter(({ name, applied }) => (counts.get(name) ?? 0) < applied.length)
      .map(({ name }) => name)
  }

  /** After one of its log's lines, of a load of so many tables, unless it ends before. */
  async function killSomewhere(loader: ReturnType<typeof startLoader>, tables: number): Promise<void> {
    const event = random.pick([
      "run.started",
      "chunk.loaded",
      "chunk.loaded",
      "run.published",
      "run.finished",
    ])
    // Near enough to the beginning for there to be something left to kill.
    const nth = random.between(1, Math.min(tables, 20))
    await loader.waitForEvent(event, { count: nth }).catch(() => undefined)
    loader.kill("SIGKILL")
    const { signal } = await loader.end()
    if (signal !== "SIGKILL") return
    kills += 1
    const open = loader
      .events()
      .filter(({ event }) => event === "run.started" || event === "run.resumed").length
    const over = loader
      .events()
      .filter(({ event }) => event === "run.finished" || event === "run.failed").length
    if (open > over) midway += 1
  }

  async function check({ name, way, table, published, applied }: Lane, place: string): Promise<void> {
    const publications = await pool.query(
      withLedger(`select inserted::integer, updated::integer, unchanged::integer, repeated::integer, older::integer, deleted::integer
         from flatbed.publications where pipeline = $1 order by run_id`),
      [name],
    )
    expect(publications.rows, place).toEqual(applied)
    if (published === undefined) return
    const columns = historyColumns.map((column) => `${column.name}::text`).join(", ")
    const gone = way.isSoft ? `${deletedAt} is not null` : "false"
    const { rows } = await pool.query(`select ${columns}, ${gone} as gone from public.${name}`)
    const stored = rows.map(({ gone, ...row }) => ({ row, isDeleted: gone }))
    expect(sorted(stored), place).toEqual(sorted(table))
  }
}

const sorted = (table: readonly ModelTableRow[]) =>
  table
    .map(({ row, isDeleted }) => JSON.stringify([historyColumns.map(({ name }) => row[name]), isDeleted]))
    .sort()
