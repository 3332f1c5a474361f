/** Incremental models: after one new file they are to cost what the days cost that it is about, not what there is. */
import { execFile } from "node:child_process"
import { cp, mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { setTimeout as wait } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { type LogLine, type Running, startRunning } from "./running.ts"
import { type Fingerprint, fingerprint, type Server } from "./server.ts"
import { bins } from "./services.ts"
import { type Bench, requireSame } from "./throughput.ts"

export type ModelTurn = {
  /** Of how many days the new file has rows. */
  readonly days: number
  /** All models together, each from the beginning of its transaction to its end. */
  readonly modelSeconds: number
  /** `flatbed-loader load` of the new file with its models, from the start of its process to its end. */
  readonly loadSeconds: number
}

export type Models = {
  readonly streams: number
  readonly days: number
  /** Rows of each new file. */
  readonly rows: number
  readonly turns: readonly ModelTurn[]
  /** All models together, made anew from all rows. */
  readonly fullSeconds: readonly number[]
}

const example = join(dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url))))), "data", "music")
const days = 30
const touched = [1, 10]
const lookEveryMs = 20
const publishLooks = 6_000
const tables = ["music.genre_day", "music.days", "music.hours"]

/**
 * Loads so many streams of thirty days by the settings of data/music; then, so many times, a file about one day, one
 * about ten days, and a rebuild from nothing. Throws an Error when the rebuild makes other rows than the steps did.
 */
export async function measureModels(
  wanted: { readonly streams: number; readonly rounds: number; readonly dataFolder: string },
  bench: Bench,
): Promise<Models> {
  const { server, note } = bench
  const perDay = Math.ceil(wanted.streams / days)
  const rows = Math.min(10_000, perDay)
  const made = await findMusic(perDay, wanted.dataFolder, note)
  const files = join(bench.folder, "models", "files")
  await rm(dirname(files), { recursive: true, force: true })
  await cp(made, files, { recursive: true })
  const services = await startMusic(files, bench)
  const turns: ModelTurn[] = []
  const fullSeconds: number[] = []
  try {
    await services.run("load")
    for (let round = 1; round <= wanted.rounds; round++) {
      for (const count of touched) {
        const turn = await takeTurn({ services, files, made, round, count, rows })
        turns.push(turn)
        const { modelSeconds, loadSeconds } = turn
        note(
          `models, round ${round}, ${count} of ${days} days: ${modelSeconds.toFixed(2)} s, with the load ${loadSeconds.toFixed(2)} s`,
        )
      }
      const before = await fingerprints(server)
      for (const table of tables) await server.query(`drop table ${table}`)
      await server.query("checkpoint")
      const full = secondsOf((await services.run("models", "run")).made)
      fullSeconds.push(full)
      note(`models, round ${round}, all anew: ${full.toFixed(2)} s`)
      const after = await fingerprints(server)
      tables.forEach((table, i) => {
        const [one, other] = [before[i], after[i]]
        if (one !== undefined && other !== undefined) requireSame(`${table}, round ${round}`, one, other)
      })
    }
    return { streams: perDay * days, days, rows, turns, fullSeconds }
  } finally {
    await services.close()
    await server.query("drop schema if exists music cascade")
  }
}

async function fingerprints(server: Server): Promise<Fingerprint[]> {
  const found: Fingerprint[] = []
  for (const table of tables) found.push(await fingerprint(server, table))
  return found
}

type Turn = {
  readonly services: MusicServices
  readonly files: string
  readonly made: string
  readonly round: number
  /** Of how many days the new file is to have rows. */
  readonly count: number
  readonly rows: number
}

/** Writes a file with plays that nobody knows yet, waits until the source serves it, and loads it. */
async function takeTurn({ services, files, made, round, count, rows }: Turn): Promise<ModelTurn> {
  const each = Math.max(1, Math.floor(rows / count))
  const parts: string[] = []
  for (let i = 0; i < count; i++) {
    // Other days in each round; they do not lie beside each other.
    const day = ((round * 7 + i * 3) % days) + 1
    const lines = (await readFile(join(made, "streams", `streams${day}.csv`), "utf8")).trimEnd().split("\n")
    // Tracks and times of that day, by users of this round.
    parts.push(
      ...lines.slice(1, 1 + each).map((line, row) => `late-${round}-${row}${line.slice(line.indexOf(","))}`),
    )
  }
  const served = services.versions()
  const half = join(files, `late-${round}-${count}.half`)
  await writeFile(half, `user_id,track_id,listen_time\n${parts.map((line) => `${line}\n`).join("")}`)
  await rename(half, join(files, "streams", `late-${round}-${count}.csv`))
  for (let looks = 0; services.versions() === served; looks++) {
    if (looks === publishLooks) throw new Error("The source did not publish the new file.")
    await wait(lookEveryMs)
  }
  await services.checkpoint()
  const { made: models, seconds } = await services.run("load", "music_streams")
  return { days: count, modelSeconds: secondsOf(models), loadSeconds: seconds }
}

/** What the models took together. Throws an Error when one of them was not made. */
function secondsOf(made: readonly LogLine[]): number {
  if (made.length !== tables.length)
    throw new Error(`${made.length} models were made, expected ${tables.length}: ${JSON.stringify(made)}`)
  return made.reduce((sum, { duration_ms }) => sum + Number(duration_ms), 0) / 1000
}

/** The example's files, so many streams a day; made once. */
async function findMusic(perDay: number, folder: string, note: (text: string) => void): Promise<string> {
  const path = join(folder, `music-${perDay}x${days}.v1`)
  if ((await stat(path).catch(() => undefined)) !== undefined) return path
  const half = `${path}.half`
  await rm(half, { recursive: true, force: true })
  const counts = {
    streams: perDay,
    days,
    songs: Math.max(50, Math.round(perDay / 3)),
    users: Math.max(20, Math.round(perDay / 2)),
  }
  const args = Object.entries(counts).flatMap(([name, count]) => [`--${name}`, String(count)])
  await promisify(execFile)(process.execPath, [join(example, "generate.mjs"), "--folder", half, ...args])
  await rename(half, path)
  note(`made ${path}`)
  return path
}

type MusicServices = {
  /** Runs a command of the loader to its end; answers the models that it made. */
  run(...args: string[]): Promise<{ readonly made: readonly LogLine[]; readonly seconds: number }>
  /** How many versions of the streams the source has published. */
  versions(): number
  checkpoint(): Promise<unknown>
  close(): Promise<void>
}

/** The source and the loader with the settings of data/music, over these files. */
async function startMusic(files: string, { env, server, signal }: Bench): Promise<MusicServices> {
  const folder = dirname(files)
  await mkdir(folder, { recursive: true })
  const start = (script: string, args: readonly string[], events: readonly string[], more: object) =>
    startRunning({
      ...{ command: process.execPath, args: [script, ...args], cwd: folder, events, signal },
      env: { ...env, ...more },
    })
  const source = start(
    bins.source,
    ["serve", "--config", join(example, "source.yaml")],
    ["source.started", "version.published"],
    {
      FLATBED_SOURCE__ROOT: files,
      FLATBED_SOURCE__CACHE: join(folder, "cache"),
      FLATBED_SOURCE__LISTEN__PORT: "0",
      FLATBED_SOURCE__ADMIN__PORT: "0",
      // Files are renamed into their place whole.
      FLATBED_SOURCE__SETTLE: "0ms",
    },
  )
  const started = await source.waitFor("source.started")
  const running = new Set<Running>()

  async function run(...args: string[]) {
    const more = { DATABASE_URL: server.url, FLATBED_LOADER__SOURCE__URL: String(started.url) }
    const config = ["--config", join(example, "loader.yaml")]
    const loader = start(bins.loader, [...args, ...config], ["model.made"], more)
    running.add(loader)
    try {
      const { at } = await loader.ended
      return { made: loader.linesOf("model.made"), seconds: (at - loader.startedAt) / 1000 }
    } finally {
      running.delete(loader)
    }
  }

  return {
    run,
    versions: () =>
      source.linesOf("version.published").filter((line) => line.dataset === "music_streams").length,
    checkpoint: () => server.query("checkpoint"),
    async close() {
      for (const loader of running) await loader.stop()
      await source.stop()
    },
  }
}
