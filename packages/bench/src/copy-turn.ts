/** The other side of the comparison: `psql \copy`, or where psql is missing a raw COPY stream from this process. */
import { execFileSync } from "node:child_process"
import { createReadStream } from "node:fs"
import { pipeline } from "node:stream/promises"
import pg from "pg"
import { from as copyFrom } from "pg-copy-streams"
import { cpuOfEndedChildren, watchPeaks } from "./processes.ts"
import { startRunning } from "./running.ts"
import { clear, type Server } from "./server.ts"

export type CopyTurn = {
  /** From the start of the program to its end; without psql from connecting to the answer to COPY. */
  readonly seconds: number
  readonly cpu: { readonly client: number | undefined; readonly postgres: number | undefined }
  readonly peak: { readonly client: number | undefined; readonly postgres: number | undefined }
}

export const copyNames = { psql: "psql \\copy", raw: "raw COPY stream" } as const
export type CopyName = keyof typeof copyNames

type Env = Readonly<Record<string, string | undefined>>

/** psql when this environment's PATH has it. */
export function findCopy(env: Env): CopyName {
  try {
    execFileSync("psql", ["--version"], { env: env as NodeJS.ProcessEnv, stdio: "ignore" })
    return "psql"
  } catch {
    return "raw"
  }
}

/** Loads the file into `table`, made anew like `like`; the clock runs only for the load. */
export async function takeCopyTurn(input: {
  readonly server: Server
  readonly copy: CopyName
  readonly env: Env
  readonly file: string
  readonly table: string
  readonly like: string
  readonly signal: AbortSignal
}): Promise<CopyTurn> {
  const { server, copy, table } = input
  await clear(server, table)
  await server.query(`create table ${table} (like ${input.like})`)
  await server.query("checkpoint")
  const cpuBefore = server.cpu()
  const backends = server.watchBackends()
  const { seconds, cpu, peak } = await (copy === "psql" ? runPsql(input) : runRaw(input))
  return {
    seconds,
    cpu: { client: cpu, postgres: difference(server.cpu(), cpuBefore) },
    peak: { client: peak, postgres: backends.stop() },
  }
}

type Load = { readonly seconds: number; readonly cpu: number | undefined; readonly peak: number | undefined }
type LoadInput = {
  readonly server: Server
  readonly env: Env
  readonly file: string
  readonly table: string
  readonly signal: AbortSignal
}

async function runPsql({ server, env, file, table, signal }: LoadInput): Promise<Load> {
  const { username, password, hostname, port, pathname } = new URL(server.url)
  const cpuBefore = cpuOfEndedChildren()
  const psql = startRunning({
    command: "psql",
    // psql takes the rest of \copy's line as it stands, so a quote in the path is doubled as in SQL.
    args: [
      "-Xqc",
      `\\copy ${table} from '${file.replaceAll("'", "''")}' with (format csv, header)`,
      "-v",
      "ON_ERROR_STOP=1",
    ],
    cwd: "/",
    signal,
    env: {
      ...env,
      PGHOST: hostname,
      PGPORT: port,
      PGUSER: decodeURIComponent(username),
      PGPASSWORD: decodeURIComponent(password),
      PGDATABASE: decodeURIComponent(pathname.slice(1)),
    },
  })
  const peaks = watchPeaks(() => [psql.pid])
  try {
    const { at } = await psql.ended
    return {
      seconds: (at - psql.startedAt) / 1000,
      cpu: difference(cpuOfEndedChildren(), cpuBefore),
      peak: peaks.stop(),
    }
  } finally {
    peaks.stop()
  }
}

async function runRaw({ server, file, table, signal }: LoadInput): Promise<Load> {
  const cpuBefore = process.cpuUsage()
  const started = performance.now()
  const client = new pg.Client({ connectionString: server.url })
  await client.connect()
  try {
    const copy = client.query(copyFrom(`copy ${table} from stdin with (format csv, header)`))
    await pipeline(createReadStream(file, { highWaterMark: 256 * 1024 }), copy, { signal })
    const seconds = (performance.now() - started) / 1000
    const { user, system } = process.cpuUsage(cpuBefore)
    // The peak of this process says nothing of the COPY.
    return { seconds, cpu: (user + system) / 1e6, peak: undefined }
  } finally {
    await client.end()
  }
}

/** How much a counter grew; undefined when it could not be read. */
export function difference(after: number | undefined, before: number | undefined): number | undefined {
  return after === undefined || before === undefined ? undefined : after - before
}
