/** A service of ours as a child process: started from its bin, watched, and stopped within a limit. */
import { spawn } from "node:child_process"
import { setTimeout as wait } from "node:timers/promises"

export type Service = {
  readonly name: string
  readonly pid: number
  /** Resolves with the exit code (128 + signal's number as a shell would say) once it has ended. */
  readonly ended: Promise<number>
  /** SIGTERM, and SIGKILL when it takes longer than the limit. Resolves when it has ended. */
  stop(): Promise<void>
}

export type ServiceInput = {
  readonly name: string
  /** The bin, a JavaScript file. */
  readonly script: string
  readonly args: readonly string[]
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** Whether what it prints as its result is the user's to see. What it says on stderr always is. */
  readonly showsResult: boolean
}

const stopLimitMs = 30_000
const signalCodes: Readonly<Partial<Record<NodeJS.Signals, number>>> = {
  SIGINT: 130,
  SIGTERM: 143,
  SIGKILL: 137,
}

/** Starts a service in a session of its own: Ctrl-C reaches us alone, and we decide who stops first. */
export function startService(input: ServiceInput): Service {
  const child = spawn(process.execPath, [input.script, ...input.args], {
    cwd: input.cwd,
    env: { ...input.env },
    stdio: ["ignore", input.showsResult ? "inherit" : "ignore", "inherit"],
    detached: true,
  })
  const ended = new Promise<number>((resolve, reject) => {
    child.on("error", reject)
    child.on("exit", (code, signal) => resolve(code ?? (signal === null ? 1 : (signalCodes[signal] ?? 1))))
  })
  // Whoever waits sees the failure; nobody waiting must not make it an unhandled one.
  ended.catch(() => undefined)
  return {
    name: input.name,
    pid: child.pid ?? 0,
    ended,
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
      child.kill("SIGTERM")
      const limit = new AbortController()
      const late = wait(stopLimitMs, undefined, { signal: limit.signal })
        .then(() => child.kill("SIGKILL"))
        .catch(() => undefined)
      await ended.catch(() => undefined)
      limit.abort()
      await late
    },
  }
}
