/** Whether the server of a data folder still runs, from the lock file that Postgres keeps in it. */
import { readFileSync } from "node:fs"
import { readFile, rm } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as wait } from "node:timers/promises"
import { Problem } from "@flatbed/contract"
import { findCommandLine } from "./command-line.ts"

export type RunningServer = { readonly pid: number; readonly port: number }

const readyLimitMs = 60_000
const lookEveryMs = 50

/**
 * The server that runs in a data folder and takes connections; undefined when none does. One that is starting,
 * recovering or stopping is waited for, at most a minute. A lock file whose process number now belongs to
 * another program is removed, because Postgres itself would refuse to start over it.
 */
export async function findRunningServer(data: string): Promise<RunningServer | undefined> {
  const deadline = Date.now() + readyLimitMs
  while (Date.now() < deadline) {
    const lock = await readLock(data)
    if (lock === undefined) return undefined
    const commandLine = await findCommandLine(lock.pid)
    if (commandLine === undefined) return undefined
    if (!commandLine.includes(data)) {
      await rm(join(data, "postmaster.pid"), { force: true })
      return undefined
    }
    if (lock.status === "ready" && lock.port !== undefined) return { pid: lock.pid, port: lock.port }
    await wait(lookEveryMs)
  }
  throw new Problem("database-unreachable", `The Postgres in ${data} neither starts nor stops.`, {
    hint: "Look at postgres.log beside it; end the process named in postmaster.pid if need be.",
  })
}

/** Ends a server whose data nobody wants back, without waiting: for a process that is exiting. */
export function endServerNow(data: string): void {
  try {
    const pid = Number(readFileSync(join(data, "postmaster.pid"), "utf8").split("\n")[0])
    if (pid > 0) process.kill(pid, "SIGQUIT")
  } catch {
    // No lock file or no such process: it has ended already.
  }
}

// The file's lines: process number, data folder, start time, port, socket folder, address, shared memory, status
// (miscadmin.h, LOCK_FILE_LINE_*). A server that is just starting has written only the first ones.
async function readLock(data: string): Promise<{ pid: number; port?: number; status: string } | undefined> {
  const text = await readFile(join(data, "postmaster.pid"), "utf8").catch(() => undefined)
  if (text === undefined) return undefined
  const lines = text.split("\n").map((line) => line.trim())
  const pid = Number(lines[0])
  if (!Number.isInteger(pid) || pid <= 0) return undefined
  const port = Number(lines[3])
  return { pid, ...(port > 0 ? { port } : {}), status: lines[7] ?? "" }
}
