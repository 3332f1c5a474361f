/** The settings file that a command names: whether it is there, is the loader's, and how it is read. */
import { readFile } from "node:fs/promises"
import { Problem } from "@flatbed/contract"
import { type CommandContext, commandLine } from "@flatbed/edge"
import { checkSoundChecks } from "../checks/check-settings.ts"
import { checkSettings, settingsSchema } from "../settings/settings.ts"
import type { ShowCommand } from "../summary.ts"

/** Read when no other is named, from the working folder. */
export const standardFile = "loader.yaml"

/** What the command's settings are read from, once it is sure that the file is the loader's; see `refuseWrongFile`. */
export async function settingsInput(context: Pick<CommandContext, "configFile" | "env">) {
  const { configFile = standardFile, env } = context
  await refuseWrongFile(configFile, shownBy(context))
  return {
    schema: settingsSchema,
    prefix: "FLATBED_LOADER",
    file: configFile,
    env,
    check: checkSettings,
    checkParts: checkSoundChecks,
  } as const
}

/** Commands as the user of this one can type them. */
export function shownBy({ configFile, env }: Pick<CommandContext, "configFile" | "env">): ShowCommand {
  return (args) => commandLine("flatbed-loader", args, configFile, { env, script: process.argv[1] })
}

/** @throws Problem `settings-invalid` when there is no such file, or it is one for the source. */
export async function refuseWrongFile(file: string, showCommand: ShowCommand): Promise<void> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") return ""
    throw new Problem("settings-invalid", `There is no settings file ${file}.`, {
      hint: `Name another with --config, or let this one be made from what a source offers: ${showCommand("init")}`,
    })
  })
  // Only keys in the first column are settings of the file itself.
  if (!/^datasets:/m.test(text) || /^(?:pipelines|database|include):/m.test(text)) return
  throw new Problem(
    "settings-invalid",
    `${file} looks like the source's settings: it declares datasets and no pipelines.`,
    { hint: "Name the loader's settings with --config, as a rule a loader.yaml beside it." },
  )
}
