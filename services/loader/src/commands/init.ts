/** `init`: a loader.yaml for what a source offers. */
import { access, mkdir, writeFile } from "node:fs/promises"
import { dirname, join, relative, resolve, sep } from "node:path"
import { type DatasetSummary, Problem } from "@flatbed/contract"
import { type Command, type CommandContext, commandLine } from "@flatbed/edge"
import { type DraftDataset, draftLoaderYaml, standardSourceUrl } from "../draft.ts"
import { readAuthorities } from "../fetch/certificates.ts"
import { checkSource } from "../fetch/check-source.ts"
import { createSourceClient } from "../fetch/source-client.ts"
import { schemaFile, schemaLine, schemaText } from "../settings/settings-schema.ts"
import { counted } from "../summary.ts"
import { standardFile } from "./settings-file.ts"

const limits = {
  maxBodyBytes: 2 ** 26,
  compression: "none",
  connectMs: 4_000,
  idleMs: 15_000,
  requestMs: 30_000,
} as const

/** Asks the source once, writes the settings and their schema for editors, and overwrites nothing. */
export const initCommand: Command = {
  name: "init",
  summary: `writes ${standardFile} for what a source offers; a token is read from FLATBED_TOKEN`,
  options: [
    { flag: "--source <url>", summary: `the source's address; ${standardSourceUrl} unless given` },
    { flag: "--ca <file>", summary: "PEM file with the authority that signed the source's certificate" },
    { flag: "--allow-plain-http", summary: "send the token over plain http beyond this machine" },
  ],
  examples: [
    "flatbed-loader init",
    "flatbed-loader init --source https://files.example:4000 --ca ca.pem --config /etc/flatbed/loader.yaml",
  ],
  run: init,
}

async function init({ options, configFile, env, signal, print, note }: CommandContext): Promise<void> {
  const config = configFile ?? standardFile
  const target = resolve(config)
  await refuseExisting(target, config)
  const url = String(options.source ?? standardSourceUrl)
  const ca = options.ca === undefined ? undefined : resolve(String(options.ca))
  const allowPlainHttp = options.allowPlainHttp === true
  const token = env.FLATBED_TOKEN?.trim() || undefined
  refuseAddress({ url, token, ca, allow_plain_http: allowPlainHttp })

  const offered = await askSource({ url, token, ca: await readAuthorities(ca), ...limits }, signal)
  const { yaml, pipelines } = draftLoaderYaml(offered, {
    url,
    token: token !== undefined,
    ...(ca === undefined ? {} : { ca: relative(dirname(target), ca).split(sep).join("/") }),
    allowPlainHttp,
  })
  await write(target, config, yaml)
  await writeSchema(dirname(target))
  const lines = pipelines.map(({ name, table }, i) => {
    const { rows, trouble } = offered[i] ?? { rows: null }
    if (trouble !== undefined) return `  ${name}: cannot be loaded as it is: ${trouble}`
    return `  ${name}: ${rows === null || rows === undefined ? "" : `${counted(rows, "record")} `}into ${table}`
  })
  print({ file: target, source: url, pipelines }, [`wrote ${config}:`, ...lines].join("\n"))
  const started = { env, script: process.argv[1] }
  const show = (args: string) => commandLine("flatbed-loader", args, configFile, started)
  const login =
    env.DATABASE_URL === undefined
      ? "export DATABASE_URL=postgres://user:password@host:5432/database\n      "
      : ""
  note(`Next: ${login}${show("load")}\nThen: ${show("start")}`)
}

async function askSource(
  settings: Parameters<typeof createSourceClient>[0],
  signal: AbortSignal,
): Promise<DraftDataset[]> {
  const source = createSourceClient(settings, 1)
  try {
    const datasets = await source.listDatasets(signal)
    if (datasets.length > 0) return datasets.map(describe)
    throw new Problem(
      "dataset-not-found",
      `${settings.url} offers no dataset${settings.token === undefined ? "" : " to this token"}.`,
      { hint: "Declare one in source.yaml, and let the token see it." },
    )
  } finally {
    await source.close()
  }
}

function describe({ name, state, rows, problem }: DatasetSummary): DraftDataset {
  if (state !== "failed" || problem === undefined) return { name, rows }
  return { name, rows, trouble: problem.detail }
}

/** The rules that loader.yaml will be held to, before a token goes anywhere. */
function refuseAddress(source: Parameters<typeof checkSource>[0]): void {
  const [first] = checkSource(source)
  if (first === undefined) return
  throw new Problem("usage-invalid", `${first.path} ${first.message}.`, {
    hint: "--source gives source.url, --ca source.ca, --allow-plain-http source.allow_plain_http, FLATBED_TOKEN source.token.",
  })
}

// Asked before the source is; `wx` decides.
async function refuseExisting(target: string, config: string): Promise<void> {
  const isThere = await access(target).then(
    () => true,
    () => false,
  )
  if (isThere) throw exists(config)
}

async function write(target: string, config: string, yaml: string): Promise<void> {
  try {
    await writeFile(target, `${schemaLine}\n${yaml}`, { flag: "wx" })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === "EEXIST") throw exists(config)
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

function exists(config: string): Problem {
  return new Problem("file-exists", `${config} is there already and stays as it is.`, {
    hint: "Move it away, or name another file with --config.",
    facts: { file: config },
  })
}
