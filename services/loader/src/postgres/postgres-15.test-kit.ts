/** A Postgres 15 of its own for a test file, where this machine has Debian's. */
import { execFile } from "node:child_process"
import { existsSync } from "node:fs"
import { chown, mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { findFreePort } from "@flatbed/testing"

const run = promisify(execFile)
const binaries = "/usr/lib/postgresql/15/bin"

/** Whether there is one here. Tests that need it are written inside an `if` of this. */
export const hasPostgres15 = existsSync(join(binaries, "initdb"))

export type OwnPostgres = { readonly url: string; stop(): Promise<void> }

/** Starts it in a folder of its own on a free port. Postgres refuses root, so under root it runs as postgres. */
export async function startPostgres15(): Promise<OwnPostgres> {
  const account = process.getuid?.() === 0 ? await findAccount() : undefined
  const folder = await mkdtemp(join(tmpdir(), "flatbed-postgres-15-"))
  if (account !== undefined) await chown(folder, account.uid, account.gid)
  const data = join(folder, "data")
  const tool = async (name: string, ...args: string[]) =>
    await run(join(binaries, name), args, { cwd: folder, ...account })
  await tool("initdb", "-D", data, "-U", "flatbed", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
  const port = await findFreePort()
  const options = `-c port=${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off`
  await tool("pg_ctl", "-D", data, "-w", "-l", join(folder, "log"), "-o", options, "start")
  return {
    url: `postgres://flatbed@127.0.0.1:${port}/postgres`,
    async stop() {
      await tool("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function findAccount(): Promise<{ uid: number; gid: number }> {
  const id = async (flag: string) => Number((await run("id", [flag, "postgres"])).stdout)
  return { uid: await id("-u"), gid: await id("-g") }
}
