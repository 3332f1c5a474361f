/** The command `init`: a source.yaml for the CSV and JSON files of a folder. */
import type { Dirent } from "node:fs"
import { access, mkdir, readdir, writeFile } from "node:fs/promises"
import { dirname, join, resolve } from "node:path"
import { Problem } from "@flatbed/contract"
import { type Command, type CommandContext, commandLine } from "@flatbed/edge"
import { counted } from "./counted.ts"
import { discoverFile } from "./discover-file.ts"
import { type DraftFile, draftSourceYaml, sayRejects } from "./draft.ts"
import { schemaFile, schemaLine, schemaText } from "./settings-schema.ts"
import { shellWord } from "./shell-word.ts"

const standardFile = "source.yaml"

/** Reads every file once, writes the settings and their schema for editors, and overwrites nothing. */
export const initCommand: Command = {
  name: "init",
  summary: `write ${standardFile} for the CSV and JSON files of a folder`,
  arguments: [
    { name: "folder", summary: "the folder in which the .csv, .tsv, .json, .ndjson or .jsonl files lie" },
  ],
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
  await refuseExisting(target, config, String(args.folder))
  const paths = await findDataFiles(root, String(args.folder))
  const files: DraftFile[] = []
  for (const path of paths) {
    note(`reading ${path}`)
    files.push(await discoverFile(path, signal))
  }
  const { yaml, datasets } = draftSourceYaml(files, {
    folder: dirname(target),
    root,
    tokenCommand: commandLine("flatbed-source", "token new"),
  })
  await write(target, config, yaml, String(args.folder))
  await writeSchema(dirname(target))
  const found = datasets.map(({ name, file }, i) => {
    const { rows = null, rejects = null, columns, trouble = null, notes = [] } = files[i] ?? {}
    return { name, file, rows, rejects, columns: columns?.length ?? null, trouble, notes }
  })
  const lines = found.flatMap(({ name, file, rows, rejects, columns, trouble, notes }) => {
    const told = notes.map((one) => `    ${one}`)
    if (trouble !== null)
      return [`  ${file} cannot be served as it is and stands in a comment: ${trouble}`, ...told]
    const counts = `${counted(rows ?? 0, "row")}, ${counted(columns ?? 0, "column")}`
    const aside = rejects === null ? [] : [`    ${sayRejects(rejects)}`]
    return [`  ${name}: ${file}, ${counts}`, ...aside, ...told]
  })
  print({ file: target, datasets: found }, [`wrote ${config}:`, ...lines].join("\n"))
  const served = found.find(({ trouble }) => trouble === null)
  if (served === undefined) {
    note(`Nothing can be served yet: mend a file, then take the # away from its lines in ${config}.`)
    return
  }
  const serve = commandLine("flatbed-source", "serve", configFile)
  note(`Next: ${serve}\nThen: curl -s localhost:4000/v1/datasets/${served.name}/chunks/1`)
}

async function findDataFiles(folder: string, written: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    throw noFolder(written, error)
  })
  const names = entries
    .filter(isDataFile)
    .map(({ name }) => name)
    .sort()
  if (names.length > 0) return names.map((name) => join(folder, name))
  const below = await findFolderWithData(folder, entries)
  throw new Problem(
    "usage-invalid",
    `${written} holds no file whose name ends in .csv, .tsv, .json, .ndjson or .jsonl.`,
    {
      hint:
        below === undefined
          ? "Name the folder in which the files themselves lie (.csv, .tsv, .json, .ndjson or .jsonl, also with .gz or .zst); folders below it are not searched."
          : `Folders below it are not searched, but ${join(written, below)} holds some: name that one.`,
    },
  )
}

const isDataFile = (entry: Dirent) =>
  !entry.isDirectory() && /^[^.].*\.(?:csv|tsv|json|ndjson|jsonl)(?:\.gz|\.zst)?$/i.test(entry.name)

async function findFolderWithData(folder: string, entries: readonly Dirent[]): Promise<string | undefined> {
  for (const entry of entries) {
    if (!entry.isDirectory() || entry.name.startsWith(".")) continue
    const inner = await readdir(join(folder, entry.name), { withFileTypes: true }).catch(() => [])
    if (inner.some(isDataFile)) return entry.name
  }
  return undefined
}

function noFolder(written: string, error: NodeJS.ErrnoException): Problem {
  const [found, hint] =
    error.code === "ENOENT"
      ? [`${written} is not there; expected a folder.`, "Name the folder in which the files lie."]
      : error.code === "ENOTDIR"
        ? [
            `${written} is a file; expected a folder.`,
            `Name the folder in which it lies: ${dirname(written)}`,
          ]
        : [
            `${written} cannot be read as a folder (${error.code}).`,
            "Give this user the right to read it, or name another.",
          ]
  return new Problem("usage-invalid", found, { hint, cause: error })
}

// Asked before the files are read, which may take long; `wx` decides.
async function refuseExisting(target: string, config: string, folder: string): Promise<void> {
  const isThere = await access(target).then(
    () => true,
    () => false,
  )
  if (isThere) throw exists(config, folder)
}

async function write(target: string, config: string, yaml: string, folder: string): Promise<void> {
  try {
    await writeFile(target, `${schemaLine}\n${yaml}`, { flag: "wx" })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === "EEXIST") throw exists(config, folder)
    throw new Problem("usage-invalid", `${config} cannot be written (${code}).`, {
      hint: "Name a file in a folder that is there and that this user may write, with --config.",
      cause: error,
    })
  }
}

/** One that is there stays: `config schema` prints a newer one. */
async function writeSchema(folder: string): Promise<void> {
  const file = join(folder, schemaFile)
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, schemaText(), { flag: "wx" }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error
  })
}

function exists(config: string, folder: string): Problem {
  const other = commandLine("flatbed-source", `init ${shellWord(folder)}`, join(dirname(config), "new.yaml"))

  return new Problem("file-exists", `${config} is there already and stays as it is.`, {
    hint: `Move it away, or have another file written: ${other}`,
    facts: { file: config },
  })
}
