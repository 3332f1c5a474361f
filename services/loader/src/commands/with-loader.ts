/** What every command of the loader begins with: settings read, log opened, and both closed at the end. */
import { readFile } from "node:fs/promises"
import { readSettings } from "@flatbed/config"
import { type CommandContext, createLog } from "@flatbed/edge"
import { createLoader, type Loader } from "../loader.ts"
import type { RunProgress } from "../run-log.ts"
import { checkSettings, settingsSchema } from "../settings.ts"

type Watch = {
  /** Whether a progress bar is drawn on stderr meanwhile. */
  readonly bar: boolean
  readonly onProgress?: (pipeline: string, progress: RunProgress) => void
}

/** The program's version, from its package. */
export async function readVersion(): Promise<string> {
  return JSON.parse(await readFile(new URL("../../package.json", import.meta.url), "utf8")).version
}

/** Gives `work` a loader with the settings that the command line names; answers its exit code. */
export async function withLoader(
  { configFile, env }: CommandContext,
  work: (loader: Loader) => Promise<number>,
  { bar, onProgress }: Watch = { bar: false },
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
  const version = await readVersion()
  try {
    return await work(
      createLoader(settings, { log, version, ...(onProgress === undefined ? {} : { onProgress }) }),
    )
  } finally {
    log.close()
  }
}
