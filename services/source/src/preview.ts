/** The command `preview`: the first rows of a dataset, as a table. */
import { join } from "node:path"
import { Problem } from "@flatbed/contract"
import { type Command, type CommandContext, commandLine } from "@flatbed/edge"
import { wrapRows } from "./chunk-body.ts"
import { counted } from "./counted.ts"
import { readFirstRecords } from "./first-records.ts"
import { createIndexFolder, noIndexes } from "./index-folder.ts"
import { refuseNoDataset, withDeclared } from "./open-declared.ts"
import { maxLimit, parseLimit, standardLimit } from "./preview-limit.ts"
import { readSourceSettings, standardFile } from "./settings.ts"
import { textTable } from "./text-table.ts"

/** Needs no running source; what one has indexed already is not read again. */
export const previewCommand: Command = {
  name: "preview",
  summary: "show the first rows of a dataset",
  arguments: [{ name: "dataset", summary: `a name from ${standardFile}` }],
  options: [{ flag: "--rows <n>", summary: `how many, 1 to ${maxLimit}; ${standardLimit} unless told` }],
  examples: ["flatbed-source preview telecom", "flatbed-source preview telecom --rows 3 --json"],
  run: preview,
}

async function preview({ args, options, configFile, env, signal, stdout, print, note }: CommandContext) {
  const limit = readLimit(options.rows)
  const dataset = String(args.dataset)
  const config = configFile ?? standardFile
  const { settings } = await readSourceSettings({ file: config, env })
  refuseNoDataset(settings, config)
  const { find } = createIndexFolder(join(settings.cache, dataset))
  const indexes = { ...noIndexes, find }
  await withDeclared(settings, dataset, { indexes, signal }, async (version) => {
    const { manifest, layout } = version.index
    const objects = await readFirstRecords(version, limit, "json")
    const cells = await readFirstRecords(version, limit, "ndjson")
    const rows = cells.bodies.flatMap((body) => readRowLines(body))
    const { columns } = manifest
    const head = columns.map(({ name }) => name)
    const width = (stdout as { readonly columns?: number }).columns
    const { lines, shownColumns } = textTable(
      head,
      rows.map((row) => row.map(showCellInTable)),
      { width },
    )
    const { rows: records, rejects } = manifest
    print(
      {
        dataset,
        version: manifest.version,
        columns,
        records,
        rejects,
        rows: JSON.parse(wrapRows(layout, objects.bodies, "json").toString()),
      },
      lines.join("\n"),
    )
    if (shownColumns < head.length) note(`Too narrow for: ${head.slice(shownColumns).join(", ")}`)
    if (cells.rejects > 0) {
      const check = commandLine("flatbed-source", `check ${dataset}`, configFile)
      note(
        `Of ${cells.rows === 1 ? "this 1 record" : `these ${cells.rows} records`} ${cells.rejects} ` +
          `${cells.rejects === 1 ? "is" : "are"} set aside; see: ${check}`,
      )
    }
    note(`${rows.length} of ${counted(records, "row")}`)
  })
}

function readRowLines(body: Buffer): (string | null)[][] {
  const lines = body.toString().split("\n")
  return lines.filter((line) => line.startsWith("[")).map((line) => JSON.parse(line))
}

// As they are told apart in the file: nothing, and quotes around nothing.
function showCellInTable(cell: string | null): string {
  if (cell === null) return "NULL"
  return cell === "" ? '""' : cell
}

function readLimit(written: unknown): number {
  const limit = parseLimit(written)
  if (limit !== undefined) return limit
  throw new Problem("usage-invalid", `--rows is ${JSON.stringify(written)}, expected 1 to ${maxLimit}.`, {
    hint: "For all rows walk the chunks of a running source.",
  })
}
