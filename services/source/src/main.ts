/** The program flatbed-source: from the command line to a source that runs until a signal. */
import { once } from "node:events"
import { type CommandContext, createLog, runProgram } from "@flatbed/edge"
import { readSourceSettings } from "./settings.ts"
import { readSourceVersion } from "./source-version.ts"
import { startSource } from "./start-source.ts"

process.exitCode = await runProgram({
  name: "flatbed-source",
  summary: "Serves flat files as versioned, immutable chunks over HTTP.",
  version: readSourceVersion(),
  commands: [
    {
      name: "serve",
      summary: "serve the datasets of source.yaml until Ctrl-C",
      examples: ["flatbed-source serve", "flatbed-source serve --config /etc/flatbed/source.yaml"],
      run: serve,
    },
  ],
})

async function serve({ configFile, env, signal, print }: CommandContext): Promise<void> {
  const { settings } = await readSourceSettings({ file: configFile ?? "source.yaml", env })
  const log = createLog({ service: "source", level: settings.log.level, file: settings.log.file })
  try {
    const source = await startSource(settings, { log })
    try {
      print(
        { url: source.url, admin_url: source.adminUrl },
        `serving on ${source.url}, admin on ${source.adminUrl}`,
      )
      if (!signal.aborted) await once(signal, "abort")
    } finally {
      await source.close()
    }
  } finally {
    log.close()
  }
}
