/** Both services inside the test's own process, by their front doors; quick, where a crash is not the subject. */
import { readSettings } from "@flatbed/config"
import { createLog } from "@flatbed/edge"
import { checkSettings, createLoader, type Loader, settingsSchema } from "@flatbed/loader"
import { type RunningSource, readSourceSettings, startSource } from "@flatbed/source"
import { ledgerVariable } from "@flatbed/testing"

type Env = Readonly<Record<string, string>>

const quiet = (service: "source" | "loader") => createLog({ service, level: "error" })

/** A source that listens, from its settings file. */
export async function startSourceFrom(file: string, env: Env = {}): Promise<RunningSource> {
  const { settings } = await readSourceSettings({ file, env })
  return await startSource(settings, { log: quiet("source") })
}

/** A loader from its settings file. */
export async function createLoaderFrom(file: string, env: Env = {}): Promise<Loader> {
  const { settings } = await readSettings({
    schema: settingsSchema,
    prefix: "FLATBED_LOADER",
    file,
    env: { ...ledgerVariable, ...env },
    check: checkSettings,
  })
  return createLoader(settings, { log: quiet("loader"), version: "test" })
}
