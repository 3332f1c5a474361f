/** Flatbed as a user runs it: two programs, two settings files, one dataset and one pipeline. */
import { createHash, randomBytes } from "node:crypto"
import { link, mkdir, rename, rm, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { setTimeout as wait } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import type { Form } from "./data-sets.ts"
import { type LogLine, type Running, startRunning } from "./running.ts"

export const table = "public.bench_flatbed"

const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))))
export const bins = {
  source: join(root, "services/source/bin/flatbed-source.mjs"),
  loader: join(root, "services/loader/bin/flatbed-loader.mjs"),
}

type Env = Readonly<Record<string, string | undefined>>

export type ServicesInput = {
  /** For settings, the served file and the cache; emptied first. */
  readonly folder: string
  readonly databaseUrl: string
  readonly env: Env
  /** Which reader the source is to use, when not the one it would choose. */
  readonly reader?: string | undefined
  /** How the served files are written; CSV unless told. */
  readonly form?: Form | undefined
  /** Settings of the pipeline beside its dataset and table, as YAML inside braces; none unless told. */
  readonly pipeline?: string | undefined
  /** Where the source runs when that is another host: it listens there, and asks for a token. */
  readonly remote?: { readonly host: string; readonly under: readonly string[] } | undefined
}

export type Source = {
  readonly program: Running
  readonly url: string
  readonly adminUrl: string
  /** The version of the file that is served, as the source's log tells it; waits for it. */
  published(): Promise<LogLine>
}

/** The reader that served a version's rows, and how many, by the source's log. */
export type Served = { readonly reader: string; readonly servedRows: number }

/** What the line of a published version says of it. */
export function readServed({ reader, rows }: LogLine): Served {
  return { reader: String(reader), servedRows: Number(rows) }
}

export type Services = {
  /** Starts a source that has never seen a file; the one before is stopped. */
  startSource(): Promise<Source>
  /** The same, with a file in its place and a version of it. */
  startPublished(path: string): Promise<Source>
  /** Puts the data file in its place, in one step. */
  placeFile(path: string): Promise<void>
  /** Puts a data file in the place of the one that is served, in one step; answers when its version is published. */
  replaceFile(path: string): Promise<void>
  /** Runs `flatbed-loader` with these arguments. `options` go over the settings. */
  startLoader(args: readonly string[], options?: LoaderOptions): Running
  /** Stops what runs. */
  close(): Promise<void>
}

export type LoaderOptions = {
  /** The source's address, when a proxy leads to it. */
  readonly sourceUrl?: string | undefined
  readonly compression?: string | undefined
  /** Log events to keep beside those of a run. */
  readonly events?: readonly string[] | undefined
}

const lookEveryMs = 20
const publishLooks = 6_000

/** Writes the settings files; starts nothing. Everything that is not said there is a default. */
async function createServices(input: ServicesInput): Promise<Services> {
  const { folder, env, remote, form = "csv" } = input
  const files = join(folder, "files")
  const served = join(files, `data.${form}`)
  const cache = join(folder, "cache")
  const token = `flatbed_${randomBytes(32).toString("base64url")}`
  const sha256 = createHash("sha256").update(token).digest("hex")
  await rm(folder, { recursive: true, force: true })
  await mkdir(files, { recursive: true })
  const [sourceYaml, loaderYaml] = [join(folder, "source.yaml"), join(folder, "loader.yaml")]
  await writeFile(
    sourceYaml,
    `root: ./files
cache: ./cache
listen: { host: ${remote?.host ?? "127.0.0.1"}, port: 0 }
admin: { port: 0 }
# The file is renamed into place whole: waiting for its writer would measure the waiting.
settle: 0ms
${remote === undefined ? "" : `auth: { tokens: [{ name: bench, sha256: "${sha256}", datasets: ["*"] }] }\n`}datasets:
  bench: { files: data.${form}${input.reader === undefined ? "" : `, dialect: { reader: ${input.reader} }`} }
`,
  )
  await writeFile(
    loaderYaml,
    `source: { url: "\${BENCH_SOURCE_URL}"${remote === undefined ? "" : `, token: "${token}", allow_plain_http: true`} }
database: { url: "\${DATABASE_URL}" }
pipelines:
  bench: { dataset: bench, table: ${table}${input.pipeline === undefined ? "" : `, ${input.pipeline}`} }
`,
  )
  let source: Source | undefined
  const loaders = new Set<Running>()

  async function startSource(): Promise<Source> {
    await source?.program.stop()
    await rm(cache, { recursive: true, force: true })
    await rm(served, { force: true })
    const [command = process.execPath, ...before] = [...(remote?.under ?? []), process.execPath]
    const program = startRunning({
      command,
      args: [...before, bins.source, "serve", "--config", sourceYaml],
      cwd: folder,
      env,
      events: ["source.started", "version.published"],
    })
    const started = await program.waitFor("source.started")
    source = {
      program,
      url: String(started.url),
      adminUrl: String(started.admin_url),
      published: () => program.waitFor("version.published"),
    }
    return source
  }

  return {
    startSource,
    placeFile: (path) => link(path, served),
    async replaceFile(path) {
      if (source === undefined) throw new Error("No source runs that could serve the file.")
      const { program } = source
      const versions = () => program.linesOf("version.published").length
      const before = versions()
      await link(path, `${served}.next`)
      await rename(`${served}.next`, served)
      for (let looks = 0; versions() === before; looks++) {
        if (looks === publishLooks) throw new Error("The source did not publish the new file.")
        await wait(lookEveryMs)
      }
    },
    async startPublished(path) {
      const started = await startSource()
      await link(path, served)
      await started.published()
      return started
    },
    startLoader(args, options = {}) {
      const { compression } = options
      const program = startRunning({
        command: process.execPath,
        args: [bins.loader, ...args, "--config", loaderYaml],
        cwd: folder,
        env: {
          ...env,
          DATABASE_URL: input.databaseUrl,
          BENCH_SOURCE_URL: options.sourceUrl ?? source?.url,
          ...(compression === undefined ? {} : { FLATBED_LOADER__SOURCE__COMPRESSION: compression }),
        },
        events: ["run.started", "run.published", "run.finished", ...(options.events ?? [])],
      })
      loaders.add(program)
      program.ended.catch(() => undefined).finally(() => loaders.delete(program))
      return program
    },
    async close() {
      for (const loader of loaders) await loader.stop()
      await source?.program.stop()
    },
  }
}

/** Makes services, uses them, and stops what still runs, also when the signal says so. */
export async function withServices<T>(
  input: ServicesInput & { readonly signal: AbortSignal },
  use: (services: Services) => Promise<T>,
): Promise<T> {
  const services = await createServices(input)
  const stop = () => void services.close()
  input.signal.addEventListener("abort", stop, { once: true })
  try {
    input.signal.throwIfAborted()
    return await use(services)
  } finally {
    input.signal.removeEventListener("abort", stop)
    await services.close()
  }
}
