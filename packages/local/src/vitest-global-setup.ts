/**
 * Before the first test: a throw-away Postgres for this run of Vitest, with a template database that holds the
 * ledger. Test files clone the template (see createTestDatabase in @flatbed/testing). Every run has a server of
 * its own in the system's folder for temporary files, so several runs in one clone do not meet.
 */
import { rmSync } from "node:fs"
import { lstat, mkdtemp, readdir, realpath } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { migrateLedger } from "@flatbed/loader"
import { testLedger } from "@flatbed/testing"
import { Client } from "pg"
import { isAlive } from "./command-line.ts"
import { openPostgres, removePostgres } from "./postgres.ts"
import { findAccount } from "./postgres-account.ts"
import { endServerNow } from "./postgres-running.ts"
import { runCommand } from "./run-command.ts"

const folderPrefix = "flatbed-test-postgres-"
const templateName = "flatbed_template"
const buildLimitMs = 120_000

export default async function setUp(): Promise<() => Promise<void>> {
  await build()
  await removeLeftovers()
  const folder = await mkdtemp(join(await realpath(tmpdir()), `${folderPrefix}${process.pid}-`))
  const postgres = await openPostgres({ folder, durable: false, note: () => undefined })
  const url = postgres.url("postgres")
  await createTemplate(url, postgres.url(templateName))
  process.env.FLATBED_TEST_DATABASE_URL = url
  process.env.FLATBED_TEST_TEMPLATE = templateName
  // When Vitest is told to end, it exits without its teardown: then only what needs no waiting can be done.
  const leave = () => {
    endServerNow(join(folder, "data"))
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
  }
  process.once("exit", leave)
  return async () => {
    process.off("exit", leave)
    await removePostgres(folder)
  }
}

// Tests that start a bin run what is built, so what is built must be what stands in the editor. `npm test` has
// built already. A tree that does not compile is reported and tested all the same.
async function build(): Promise<void> {
  if (process.env.FLATBED_BUILT === "1") return
  const cwd = join(import.meta.dirname, "..", "..", "..")
  const args = [join(cwd, "node_modules", "typescript", "bin", "tsc"), "-b"]
  const built = await runCommand({ command: process.execPath, args, cwd, timeoutMs: buildLimitMs })
  if (built.code !== 0) process.stderr.write(`The build has errors, bins may be old:\n${built.output}\n`)
}

async function createTemplate(url: string, templateUrl: string): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  await client.query(`create database ${templateName}`)
  await client.end()
  await migrateLedger(templateUrl, { schema: testLedger })
}

// A run that was killed leaves its server running: the next run ends it. The name carries the run's process.
// The folder is everybody's, so a name proves nothing: only real folders of our own account are touched.
async function removeLeftovers(): Promise<void> {
  const parent = await realpath(tmpdir())
  for (const name of await readdir(parent)) {
    if (!name.startsWith(folderPrefix)) continue
    const pid = Number(name.slice(folderPrefix.length).split("-")[0])
    const folder = join(parent, name)
    if (isAlive(pid) || !(await isOurs(folder))) continue
    // Another run may be removing the same leftovers.
    await removePostgres(folder).catch(() => undefined)
  }
}

async function isOurs(folder: string): Promise<boolean> {
  const found = await lstat(folder).catch(() => undefined)
  const account = await findAccount("/")
  return found?.isDirectory() === true && found.uid === (account?.uid ?? process.getuid?.())
}
