/** `explain`: where one row of a table comes from. */
import type { Command, CommandContext } from "@flatbed/edge"
import { explainRow } from "../verify/explain.ts"
import { explainedToJson, formatExplained } from "../verify/explain-report.ts"
import { readNumber } from "./numbers.ts"
import { withLoader } from "./with-loader.ts"

export const explainCommand: Command = {
  name: "explain",
  summary: "tells where a row of a table comes from: run, version, file, line, bytes, and its record",
  arguments: [
    { name: "table", summary: "a table that a pipeline loads, or the pipeline's name" },
    {
      name: "key",
      summary: "a value for each column of the key, or column=value",
      variadic: true,
      optional: true,
    },
  ],
  options: [{ flag: "--row <n>", summary: "instead of a key: the row's number in the version, from 1" }],
  examples: [
    "flatbed-loader explain vendor.authors 7",
    'flatbed-loader explain telecom "phone number=382-4657"',
    "flatbed-loader explain telecom --row 17 --json",
  ],
  run: explain,
}

async function explain(context: CommandContext): Promise<number> {
  const { args, options, signal, print } = context
  const row = options.row === undefined ? undefined : readNumber(options.row, "--row")
  const asked = { table: String(args.table), key: [args.key ?? []].flat(), row }
  return await withLoader(context, async (loader) => {
    const explained = await loader.look(
      ({ pipelines, showCommand, ...parts }) => explainRow(pipelines, asked, parts, showCommand),
      signal,
    )
    print(explainedToJson(explained), formatExplained(explained))
    return 0
  })
}
