/** What every command of the loader begins with: settings read, log opened, and both closed at the end. */
import { readSettings, secretsOf } from "@flatbed/config"
import { type CommandContext, createLog, rememberSecrets } from "@flatbed/edge"
import { createLoader, type Loader, type LoaderParts } from "../loader.ts"
import { readVersion } from "../own-files.ts"
import { settingsSchema } from "../settings/settings.ts"
import { settingsInput, shownBy } from "./settings-file.ts"

export { shownBy }

type Watch = Pick<LoaderParts, "onProgress" | "onEnd" | "onModel"> & {
  /** Whether a progress bar is drawn on stderr meanwhile. */
  readonly bar: boolean
  /** Whether the command prints how each run ended. */
  readonly tellsEnds: boolean
}

/** Gives `work` a loader with the settings that the command line names; answers its exit code. */
export async function withLoader(
  context: CommandContext,
  work: (loader: Loader) => Promise<number>,
  { bar, tellsEnds, ...told }: Watch = { bar: false, tellsEnds: false },
): Promise<number> {
  const { stdout, stderr } = context
  const { settings } = await readSettings(await settingsInput(context))
  rememberSecrets([...secretsOf(settingsSchema, settings), context.env.PGPASSWORD ?? ""])
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
const endEvents = [
  ...["run.finished", "run.skipped", "run.stopped", "run.failed"],
  ...["model.made", "model.skipped", "model.failed"],
]

function isTerminal(stream: NodeJS.WritableStream): boolean {
  return (stream as { isTTY?: boolean }).isTTY === true
}
