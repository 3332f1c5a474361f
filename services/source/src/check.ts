/** The command `check`: what the files look like right now, read without serving them. */
import { exitCodes } from "@flatbed/contract"
import type { Command, CommandContext } from "@flatbed/edge"
import { counted } from "./counted.ts"
import { type DatasetReport, reportDataset } from "./dataset-report.ts"
import { getDeclared, refuseNoDataset } from "./open-declared.ts"
import { formatReport } from "./report-text.ts"
import { readSourceSettings, standardFile } from "./settings.ts"

/** Ends with 5 when a file is refused, with 6 when one has rejects; everything is told first. */
export const checkCommand: Command = {
  name: "check",
  summary: "read the files now and say what would be served, and what would be set aside",
  arguments: [
    {
      name: "dataset",
      summary: `names from ${standardFile}; all unless named`,
      variadic: true,
      optional: true,
    },
  ],
  examples: ["flatbed-source check", "flatbed-source check telecom --json"],
  run: check,
}

async function check({ args, configFile, env, signal, print }: CommandContext): Promise<number> {
  const config = configFile ?? standardFile
  const { settings, file } = await readSourceSettings({ file: config, env })
  refuseNoDataset(settings, config)
  const declared = Object.keys(settings.datasets)
  const named = [...new Set([args.dataset ?? []].flat())]
  const names = named.length === 0 ? declared : named
  // Before the first file is read, which may take long.
  for (const name of names) getDeclared(settings, name)
  const reports: DatasetReport[] = []
  for (const name of names) reports.push(await reportDataset(settings, name, signal))
  const some = names.length < declared.length ? `, ${names.length} of them read` : ""
  const known = `settings: ok, ${counted(declared.length, "dataset")}${some}`
  print({ settings: file, datasets: reports }, [known, ...reports.map(formatReport)].join("\n\n"))
  return exitCodeOf(reports)
}

/** A refusal weighs more than rejects; of several refusals the first. */
function exitCodeOf(reports: readonly DatasetReport[]): number {
  const refused = reports.find((report) => report.state === "refused")
  if (refused?.state === "refused") return refused.exit_code
  return reports.some(({ state }) => state === "rejects") ? exitCodes.rejects : exitCodes.done
}
