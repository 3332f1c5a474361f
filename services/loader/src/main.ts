/** The program `flatbed-loader`: its commands, and what they print. */
import { readFile } from "node:fs/promises"
import { readSettings } from "@flatbed/config"
import { type CommandContext, createLog, runProgram } from "@flatbed/edge"
import { createLoader, type Loader } from "./loader.ts"
import { createProgress } from "./progress.ts"
import { checkSettings, settingsSchema } from "./settings.ts"
import { formatStatus } from "./status.ts"
import { outcomeToJson, type RunOutcome, summarize } from "./summary.ts"

const { version } = JSON.parse(await readFile(new URL("../package.json", import.meta.url), "utf8"))

process.exitCode = await runProgram({
  name: "flatbed-loader",
  summary: "Pulls chunks from a source, proves them, and publishes them in Postgres",
  version,
  commands: [
    {
      name: "load",
      summary: "loads pipelines once, in the order named; without a name all, in the order of the file",
      arguments: [{ name: "pipeline", summary: "names from loader.yaml", variadic: true, optional: true }],
      examples: ["flatbed-loader load", "flatbed-loader load telecom --json"],
      run: load,
    },
    {
      name: "start",
      summary: "runs the schedules until it is stopped",
      examples: ["flatbed-loader start --config /etc/flatbed/loader.yaml"],
      run: start,
    },
    {
      name: "status",
      summary: "says per pipeline what is published, how the last run ended, and when the next is due",
      examples: ["flatbed-loader status", "flatbed-loader status --json"],
      run: status,
    },
  ],
})

async function load(context: CommandContext): Promise<number> {
  const { args, signal, stderr, json, print, note } = context
  const isTTY = (stderr as { isTTY?: boolean }).isTTY === true
  const progress = createProgress({ write: (text) => stderr.write(text), isTTY })
  return await withLoader(context, { bar: isTTY, onProgress: progress.show }, async (loader) => {
    const outcomes = await loader.load([args.pipeline ?? []].flat(), signal)
    progress.close()
    const lines = outcomes.map(summarize)
    print({ runs: outcomes.map(outcomeToJson) }, lines.length === 0 ? "nothing to load" : lines.join("\n"))
    for (const { pipeline, problem } of outcomes) {
      if (problem?.hint !== undefined && !json) note(`${pipeline}: ${problem.hint}`)
    }
    return exitCodeOf(outcomes)
  })
}

async function start(context: CommandContext): Promise<number> {
  const { signal, note } = context
  return await withLoader(context, { bar: false }, async (loader) => {
    try {
      note(`flatbed-loader runs its schedules; health and metrics at ${await loader.start()}`)
      await aborted(signal)
    } finally {
      await loader.stop()
    }
    return 0
  })
}

async function status(context: CommandContext): Promise<number> {
  return await withLoader(context, { bar: false }, async (loader) => {
    const statuses = await loader.status()
    context.print({ pipelines: statuses }, formatStatus(statuses))
    return 0
  })
}

type Watch = { readonly bar: boolean; readonly onProgress?: Parameters<typeof createLoader>[1]["onProgress"] }

async function withLoader(
  { configFile, env }: CommandContext,
  { bar, onProgress }: Watch,
  work: (loader: Loader) => Promise<number>,
): Promise<number> {
  const { settings } = await readSettings({
    schema: settingsSchema,
    prefix: "FLATBED_LOADER",
    file: configFile ?? "loader.yaml",
    env,
    check: checkSettings,
  })
  const { level, file } = settings.log
  // A bar and the log on one terminal would overwrite each other: the bar stands in for what is not a warning.
  const quiet = bar && file === undefined && level === "info"
  const log = createLog({ service: "loader", level: quiet ? "warn" : level, file })
  try {
    return await work(
      createLoader(settings, { log, version, ...(onProgress === undefined ? {} : { onProgress }) }),
    )
  } finally {
    log.close()
  }
}

/** The first failure's code: that is where to look first. */
function exitCodeOf(outcomes: readonly RunOutcome[]): number {
  return outcomes.find(({ problem }) => problem !== undefined)?.problem?.exitCode ?? 0
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }))
}
