/** Services that outlived an `npm start` which was killed: they hold the ports, so the next start ends them. */
import { readFile, rm, writeFile } from "node:fs/promises"
import { setTimeout as wait } from "node:timers/promises"
import { findCommandLine } from "./command-line.ts"

type Started = { readonly pid: number; readonly script: string }

export type StartedServices = {
  /** Ends what the file names and still runs. Answers how many those were. */
  endLeftBehind(): Promise<number>
  /** Remembers a service that was just started. */
  record(pid: number, script: string): Promise<void>
  /** Forgets them all: they have ended. */
  clear(): Promise<void>
}

const patienceMs = 10_000
const lookEveryMs = 50

/** Keeps the list of running services in a file, so that it survives us. */
export function createStartedServices(file: string): StartedServices {
  const started: Started[] = []
  return {
    endLeftBehind: async () => {
      const left = await readStarted(file)
      const running: Started[] = []
      // A number may belong to another program by now: only a process that runs our script is ours to end.
      for (const one of left) if (await runs(one)) running.push(one)
      await Promise.all(running.map(end))
      return running.length
    },
    record: async (pid, script) => {
      started.push({ pid, script })
      await writeFile(file, JSON.stringify(started))
    },
    clear: () => rm(file, { force: true }),
  }
}

async function readStarted(file: string): Promise<Started[]> {
  const text = await readFile(file, "utf8").catch(() => "[]")
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) ? value.filter(isStarted) : []
  } catch {
    // Cut off while it was written, by the same kill that left the services behind.
    return []
  }
}

function isStarted(value: unknown): value is Started {
  const { pid, script } = (value ?? {}) as Partial<Started>
  return Number.isInteger(pid) && typeof script === "string"
}

async function runs({ pid, script }: Started): Promise<boolean> {
  return (await findCommandLine(pid))?.includes(script) === true
}

async function end(service: Started): Promise<void> {
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    process.kill(service.pid, signal)
    const deadline = Date.now() + patienceMs
    while (Date.now() < deadline) {
      if (!(await runs(service))) return
      await wait(lookEveryMs)
    }
  }
}
