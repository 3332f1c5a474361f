/** The command `discover`: how a file seems to be written, why, and the settings to paste. */
import { basename, relative, resolve, sep } from "node:path"
import { exitCodes } from "@flatbed/contract"
import type { Command, CommandContext } from "@flatbed/edge"
import { discoverFile } from "./discover-file.ts"
import { formatDiscovery } from "./discovery-text.ts"
import { draftDataset, nameDatasets } from "./draft.ts"

/** Writes nothing. Ends with 5 when the file cannot be served as it is. */
export const discoverCommand: Command = {
  name: "discover",
  summary: "propose how a file is to be read, with reasons, and the settings to paste",
  arguments: [{ name: "file", summary: "a CSV or JSON file, packed or not" }],
  examples: ["flatbed-source discover sales.csv", "flatbed-source discover sales.csv.gz --json"],
  run: discover,
}

async function discover({ args, signal, print }: CommandContext): Promise<number> {
  const path = resolve(String(args.file))
  const discovery = await discoverFile(path, signal)
  const {
    dialect,
    settings = {},
    columnSettings,
    because,
    notes,
    evidence,
    columns,
    rows,
    rejects,
    trouble,
  } = discovery
  const [name = "dataset"] = nameDatasets([path])
  const below = relative(process.cwd(), path)
  const file = below.startsWith("..") ? basename(path) : below.split(sep).join("/")
  const { columns: _, rows: __, ...proposed } = discovery
  const yaml = ["datasets:", ...draftDataset(name, file, proposed)].join("\n")
  print(
    {
      file: path,
      dataset: name,
      settings,
      dialect,
      columns: columnSettings,
      because,
      notes,
      rows: rows ?? null,
      rejects: rejects ?? null,
      found: columns?.map((column, i) => ({ ...column, evidence: evidence[i] })) ?? null,
      trouble: trouble ?? null,
      yaml,
    },
    `${formatDiscovery(file, discovery)}\n\n${yaml}`,
  )
  return trouble === undefined ? exitCodes.done : exitCodes.contract
}
