/** The story of `npm start`: Postgres, the source, the first load, then the schedules, until somebody says stop. */
import { mkdir } from "node:fs/promises"
import { basename, join, relative } from "node:path"
import { readSettings } from "@flatbed/config"
import { exitCodes, Problem } from "@flatbed/contract"
import { checkSettings, checkSoundChecks, type LoaderSettings, settingsSchema } from "@flatbed/loader"
import type { DraftFile } from "@flatbed/source"
import { makeDemoFile } from "./demo-file.ts"
import { createStartedServices } from "./left-behind.ts"
import { findOwnFiles } from "./own-files.ts"
import { type SettingsFiles, writeOwnSettings } from "./own-settings.ts"
import { openPostgres } from "./postgres.ts"
import { type Service, startService } from "./service.ts"
import { refuseTaken, waitForSource } from "./source-ready.ts"
import { findTables, findTurn, openDatabase } from "./turn.ts"
import { describeSetAside, describeWhereToLook } from "./where-to-look.ts"

export type StartInput = {
  /** The clone. */
  readonly root: string
  /** End after the first load. */
  readonly once: boolean
  /** CSV files to load instead of data/; relative to `from`. */
  readonly files: readonly string[]
  /** Make and load a demo file of so many rows instead. */
  readonly rows?: number | undefined
  /** Absolute: the folder in which the command was typed. */
  readonly from: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly signal: AbortSignal
  /** A result, for stdout. */
  readonly print: (text: string) => void
  /** What is going on, for stderr. */
  readonly note: (text: string) => void
}

const databaseName = "flatbed"
/** As a shell tells SIGKILL. */
const killedCode = 137
/** Somebody kills a loader to see what happens; a machine without memory kills every one. */
const maxRestarts = 5

/**
 * Runs everything on this machine and answers the exit code: the load's with `once`, otherwise that of the
 * service which ended without being asked. Stops what it started in reverse order, whatever happens.
 */
export async function start(input: StartInput): Promise<number> {
  const closers: (() => Promise<unknown>)[] = []
  const tellStopping = () => input.note("stopping …")
  input.signal.addEventListener("abort", tellStopping, { once: true })
  try {
    return await run(input, closers)
  } finally {
    input.signal.removeEventListener("abort", tellStopping)
    for (const close of closers.reverse()) {
      await close().catch((error: Error) => input.note(`While stopping: ${error.message}`))
    }
    if (input.signal.aborted) input.note("stopped")
  }
}

async function run(input: StartInput, closers: (() => Promise<unknown>)[]): Promise<number> {
  const { root, signal, note } = input
  const state = join(root, ".flatbed")
  // Before anything starts: a mistyped name should not cost a Postgres.
  const own = await findOwnFiles(await chooseFiles(input, join(state, "start")), input.from, signal)
  const logs = { source: join(state, "logs", "source.log"), loader: join(state, "logs", "loader.log") }
  await mkdir(join(state, "logs"), { recursive: true })

  const began = Date.now()
  const postgres = await openPostgres({ folder: join(state, "postgres"), durable: true, note })
  const turn = await findTurn(postgres.url("postgres"))
  if (turn === undefined) {
    throw new Problem("lease-held", "Another npm start runs in this clone.", {
      hint: "Stop it with Ctrl-C first.",
    })
  }
  closers.push(postgres.stop, turn.close)
  await openDatabase(postgres.url("postgres"), databaseName)
  const how = postgres.adopted ? "was still running" : `up in ${((Date.now() - began) / 1000).toFixed(1)} s`
  note(`Postgres 18 ${how}, port ${postgres.port}`)
  signal.throwIfAborted()

  const services = createStartedServices(join(state, "services.json"))
  const leftBehind = await services.endLeftBehind()
  if (leftBehind > 0) note(`Ended ${leftBehind} services that an earlier npm start left behind`)
  closers.push(services.clear)

  const settingsFiles = await chooseSettings(input, own)
  const env = {
    ...input.env,
    DATABASE_URL: postgres.url(databaseName),
    FLATBED_SOURCE__LOG__FILE: logs.source,
    FLATBED_LOADER__LOG__FILE: logs.loader,
  }
  const open = async (name: "source" | "loader", command: string, showsResult: boolean): Promise<Service> => {
    const script = join(root, "services", name, "bin", `flatbed-${name}.mjs`)
    const args = [command, "--config", relative(root, settingsFiles[name])]
    const service = startService({
      name: `flatbed-${name} ${command}`,
      script,
      args,
      cwd: root,
      env,
      showsResult,
    })
    closers.push(service.stop)
    await services.record(service.pid, script)
    return service
  }

  const { settings } = await readSettings({
    schema: settingsSchema,
    prefix: "FLATBED_LOADER",
    file: settingsFiles.loader,
    env,
    check: checkSettings,
    checkParts: checkSoundChecks,
  })
  const sourceUrl = settings.source.url
  await refuseTaken(sourceUrl)
  const source = await open("source", "serve", false)
  const ready = await waitForSource(sourceUrl, source, signal)
  if ("exitCode" in ready) return ready.exitCode

  const unasked = (ended: End) => {
    note(`${ended.what} has ended (exit code ${ended.code}), so everything stops`)
    return ended.code === exitCodes.done ? exitCodes.unexpected : ended.code
  }
  let restarts = 0
  /** Answers how the command of the loader ended, or what else did. One that somebody kills is started again. */
  const runLoader = async (command: string, onOpened: (loader: Service) => void): Promise<End> => {
    for (;;) {
      const loader = await open("loader", command, true)
      onOpened(loader)
      const ended = await Promise.race([firstEnd([loader, source], turn.lost), aborted(signal)])
      const isKilled = ended.what === loader.name && ended.code === killedCode
      if (!isKilled || input.once || restarts === maxRestarts) return ended
      restarts += 1
      note(`${loader.name} was killed; started again, it goes on where it stopped`)
    }
  }
  const isDemo = input.rows !== undefined
  // A demo file has the same rows each time, so its table is either missing or done.
  const [done] = isDemo ? await findTables(postgres.url(databaseName), tablesOf(settings)) : []
  if (isDemo && done !== undefined)
    note(
      `${done} is loaded already; to see a load killed, take another number: npm start -- --rows ${input.rows + 1}`,
    )
  const first = await runLoader("load", (load) => {
    if (isDemo && done === undefined)
      note(`To see it killed and going on: kill -9 ${load.pid} in a second terminal`)
  })
  if (first.what !== "flatbed-loader load") return unasked(first)
  const loaded = first.code
  const config = relative(input.from, settingsFiles.loader)
  const tellSetAside = () => {
    if (loaded !== exitCodes.rejects && loaded !== exitCodes.contract) return
    input.print(describeSetAside({ databaseUrl: postgres.url(databaseName), config, once: input.once }))
  }
  // Wrong settings stay wrong; any other failed load has its chance again at the next tick.
  if (loaded === exitCodes.usage) return loaded
  if (input.once) {
    tellSetAside()
    return loaded
  }

  const look = describeWhereToLook({
    sourceUrl,
    datasets: ready.datasets,
    databaseUrl: postgres.url(databaseName),
    tables: await findTables(postgres.url(databaseName), tablesOf(settings)),
    reports: Object.keys(settings.reports),
    config,
    logs: Object.values(logs).map((log) => relative(root, log)),
  })
  let isFirst = true
  const last = await runLoader("start", () => {
    if (!isFirst) return
    isFirst = false
    input.print(look)
    tellSetAside()
  })
  return unasked(last)
}

async function chooseFiles(input: StartInput, folder: string): Promise<readonly string[]> {
  const { rows, files, root, signal, note } = input
  return rows === undefined ? files : [await makeDemoFile({ root, rows, folder, signal, note })]
}

async function chooseSettings(input: StartInput, own: readonly DraftFile[]): Promise<SettingsFiles> {
  const { root, note } = input
  if (own.length === 0) {
    return { source: join(root, "data", "source.yaml"), loader: join(root, "data", "loader.yaml") }
  }
  const files = await writeOwnSettings(own, join(root, ".flatbed", "start"))
  note(
    `Settings for ${own.length === 1 ? "the file" : `${own.length} files`}: ${relative(root, files.source)}, ${relative(root, files.loader)}`,
  )
  for (const { path, notes = [] } of own) for (const one of notes) note(`${basename(path)}: ${one}`)
  return files
}

/** Those that pipelines load, then those that models make. */
function tablesOf({ pipelines, models }: LoaderSettings): string[] {
  const loaded = Object.values(pipelines).map(({ table }) => table)
  return [...loaded, ...Object.entries(models).map(([name, { table }]) => table ?? `public.${name}`)]
}

type End = { readonly what: string; readonly code: number }

/** Whichever ends first, Postgres included. */
function firstEnd(services: readonly Service[], postgresLost: Promise<void>): Promise<End> {
  const ends = services.map(async ({ name, ended }) => ({ what: name, code: await ended }))
  return Promise.race([...ends, postgresLost.then(() => ({ what: "Postgres", code: exitCodes.database }))])
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason)
    else signal.addEventListener("abort", () => reject(signal.reason), { once: true })
  })
}
