/** What every command of the loader begins with: settings read, log opened, and both closed at the end. */
import { readSettings } from "@flatbed/config"
import { type CommandContext, commandLine, createLog } from "@flatbed/edge"
import { createLoader, type Loader, type LoaderParts } from "../loader.ts"
import { readVersion } from "../own-files.ts"
import { checkSettings, settingsSchema } from "../settings.ts"
import type { ShowCommand } from "../summary.ts"
import { refuseWrongFile, standardFile } from "./settings-file.ts"

type Watch = Pick<LoaderParts, "onProgress" | "onEnd"> & {
  /** Whether a progress bar is drawn on stderr meanwhile. */
  readonly bar: boolean
  /** Whether the command prints how each run ended. */
  readonly tellsEnds: boolean
}

/** Commands as the user of this one can type them. */
export function shownBy({ configFile, env }: Pick<CommandContext, "configFile" | "env">): ShowCommand {
  return (args) => commandLine("flatbed-loader", args, configFile, { env, script: process.argv[1] })
}

/** Gives `work` a loader with the settings that the command line names; answers its exit code. */
export async function withLoader(
  context: CommandContext,
  work: (loader: Loader) => Promise<number>,
  { bar, tellsEnds, ...told }: Watch = { bar: false, tellsEnds: false },
): Promise<number> {
  const { configFile = standardFile, env, stdout, stderr } = context
  await refuseWrongFile(configFile, shownBy(context))
  const { settings } = await readSettings({
    schema: settingsSchema,
    prefix: "FLATBED_LOADER",
    file: configFile,
    env,
    check: checkSettings,
  })
  const { level, file } = settings.log
  // A bar and the log on one terminal would overwrite each other: the bar stands in for what is not a warning.
  const quiet = bar && file === undefined && level === "info"
  const oneTerminal = file === undefined && isTerminal(stdout) && isTerminal(stderr)
  const log = createLog({
    service: "loader",
    level: quiet ? "warn" : level,
    file,
    leaveOut: tellsEnds && oneTerminal ? endEvents : [],
  })
  const version = await readVersion()
  try {
    return await work(createLoader(settings, { ...told, log, version, showCommand: shownBy(context) }))
  } finally {
    log.close()
  }
}

// What the commands print themselves: nobody wants to read it twice on one terminal.
const endEvents = ["run.finished", "run.skipped", "run.stopped", "run.failed"]

function isTerminal(stream: NodeJS.WritableStream): boolean {
  return (stream as { isTTY?: boolean }).isTTY === true
}
