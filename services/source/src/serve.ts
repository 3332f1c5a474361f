/** The command `serve`: a source that runs until a signal. */
import { once } from "node:events"
import { type Command, type CommandContext, createLog } from "@flatbed/edge"
import { refuseNoDataset } from "./open-declared.ts"
import { readSourceSettings, standardFile } from "./settings.ts"
import { startSource } from "./start-source.ts"

/** Prints where it listens once it does; everything after that is in the log. */
export const serveCommand: Command = {
  name: "serve",
  summary: `serve the datasets of ${standardFile} until Ctrl-C`,
  examples: ["flatbed-source serve", "flatbed-source serve --config /etc/flatbed/source.yaml"],
  run: serve,
}

async function serve({ configFile, env, signal, print, note }: CommandContext): Promise<void> {
  const config = configFile ?? standardFile
  const { settings } = await readSourceSettings({ file: config, env })
  refuseNoDataset(settings, config)
  const { level, file } = settings.log
  // With the log in a file, a dataset that cannot be read would go unnoticed by whoever looks at the terminal.
  const onLine = (event: string, text: string) => {
    if (file !== undefined && event === "version.failed") note(text)
  }
  const log = createLog({ service: "source", level, file, onLine })
  try {
    const source = await startSource(settings, { log })
    try {
      const { url, adminUrl } = source
      const reload = () => void source.reload()
      // Unheard, it would end the process.
      process.on("SIGHUP", reload)
      try {
        print({ url, admin_url: adminUrl }, `serving on ${url}, admin on ${adminUrl}`)
        if (!signal.aborted) await once(signal, "abort")
      } finally {
        process.off("SIGHUP", reload)
      }
    } finally {
      await source.close()
    }
  } finally {
    log.close()
  }
}
