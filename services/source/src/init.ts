/** The command `init`: a source.yaml for the CSV files of a folder. */
import { access, readdir, writeFile } from "node:fs/promises"
import { dirname, join, resolve } from "node:path"
import { Problem } from "@flatbed/contract"
import type { Command, CommandContext } from "@flatbed/edge"
import { type DraftFile, draftSourceYaml } from "./draft.ts"
import { surveyFile } from "./survey.ts"

const standardFile = "source.yaml"

/** Reads every file once, writes one file, and overwrites none. */
export const initCommand: Command = {
  name: "init",
  summary: `write ${standardFile} for the CSV files of a folder`,
  arguments: [{ name: "folder", summary: "the folder in which the .csv files lie" }],
  examples: [
    "flatbed-source init data",
    "flatbed-source init /srv/exports --config /etc/flatbed/source.yaml",
  ],
  run: init,
}

async function init({ args, configFile, signal, print, note }: CommandContext): Promise<void> {
  const config = configFile ?? standardFile
  const target = resolve(config)
  const root = resolve(String(args.folder))
  await refuseExisting(target, config)
  const paths = await findCsvFiles(root, String(args.folder))
  const files: DraftFile[] = []
  for (const path of paths) {
    note(`reading ${path}`)
    files.push(await surveyFile(path, signal))
  }
  const { yaml, datasets } = draftSourceYaml(files, { folder: dirname(target), root })
  await write(target, config, yaml)
  const found = datasets.map(({ name, file }, i) => {
    const { rows = null, columns, trouble = null } = files[i] ?? {}
    return { name, file, rows, columns: columns?.length ?? null, trouble }
  })
  const lines = found.map(({ name, file, rows, columns, trouble }) =>
    trouble === null
      ? `  ${name}: ${file}, ${rows} rows, ${columns} columns`
      : `  ${name}: ${file} cannot be served as it is: ${trouble}`,
  )
  print({ file: target, datasets: found }, [`wrote ${config}:`, ...lines].join("\n"))
  const flag = configFile === undefined ? "" : ` --config ${configFile}`
  note(
    `Next: flatbed-source serve${flag}\nThen: curl -s localhost:4000/v1/datasets/${found[0]?.name}/chunks/1`,
  )
}

async function findCsvFiles(folder: string, written: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    throw new Problem("usage-invalid", `${written} cannot be read as a folder (${error.code}).`, {
      hint: "Name the folder in which the .csv files lie.",
      cause: error,
    })
  })
  const names = entries
    .filter((entry) => !entry.isDirectory() && /^[^.].*\.csv$/i.test(entry.name))
    .map(({ name }) => name)
    .sort()
  if (names.length > 0) return names.map((name) => join(folder, name))
  throw new Problem("usage-invalid", `${written} holds no .csv file.`, {
    hint: "Name the folder in which the .csv files themselves lie; folders below it are not searched.",
  })
}

// Asked before the files are read, which may take long; `wx` decides.
async function refuseExisting(target: string, config: string): Promise<void> {
  const isThere = await access(target).then(
    () => true,
    () => false,
  )
  if (isThere) throw exists(config)
}

async function write(target: string, config: string, yaml: string): Promise<void> {
  try {
    await writeFile(target, yaml, { flag: "wx" })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === "EEXIST") throw exists(config)
    throw new Problem("usage-invalid", `${config} cannot be written (${code}).`, {
      hint: "Name a file in a folder that is there and that this user may write, with --config.",
      cause: error,
    })
  }
}

function exists(config: string): Problem {
  return new Problem("file-exists", `${config} is there already and stays as it is.`, {
    hint: "Move it away, or name another file with --config.",
    facts: { file: config },
  })
}
