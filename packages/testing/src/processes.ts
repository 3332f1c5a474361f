/** Built programs as child processes: started, watched through what they print, and ended by a signal. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { ledgerVariable } from "./database.ts"
import { waitFor } from "./wait-for.ts"

export type ProcessEnd = { readonly code: number | null; readonly signal: NodeJS.Signals | null }

export type TestProcess = {
  readonly pid: number
  stdout(): string
  stderr(): string
  /** Waits until a whole line on either output matches, and answers it; fails when the process ends first. */
  waitForLine(pattern: RegExp, limitMs?: number): Promise<string>
  /** Waits for the n-th log line (NDJSON) with this event name, n from 1. */
  waitForEvent(event: string, options?: { count?: number; limitMs?: number }): Promise<LogLine>
  /** Every log line so far that is NDJSON with an event name. */
  events(): LogLine[]
  kill(signal: NodeJS.Signals): void
  /** Waits until it has ended and its outputs are read to the end. */
  end(limitMs?: number): Promise<ProcessEnd>
  /** For the end of a test: SIGKILL if it still runs, then `end`. */
  close(): Promise<void>
}

export type LogLine = { readonly event: string; readonly [field: string]: unknown }

export type ProcessInput = {
  /** A JavaScript file, run by the Node that runs the test. */
  readonly script: string
  readonly args?: readonly string[]
  readonly cwd?: string
  /** The whole environment beside PATH, HOME and the name of the ledger. */
  readonly env?: Readonly<Record<string, string>>
  /** A program with its arguments that becomes Node, such as `nsenter`: the process is then still one. */
  readonly under?: readonly string[]
}

const patienceMs = 20_000

/** Starts a program; its standard input is empty. */
export function startProcess(input: ProcessInput): TestProcess {
  const [command = process.execPath, ...before] = [...(input.under ?? []), process.execPath]
  const child = spawn(command, [...before, input.script, ...(input.args ?? [])], {
    cwd: input.cwd,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...ledgerVariable, ...input.env },
    stdio: ["ignore", "pipe", "pipe"],
  })
  const stdout = collect(child.stdout)
  const stderr = collect(child.stderr)
  const closed = once(child, "close")
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null
  const lines = () => [...completeLines(stdout()), ...completeLines(stderr())]
  const events = () => lines().flatMap(readLogLine)

  async function waitUntil<T>(find: () => T | undefined, what: string, limitMs = patienceMs): Promise<T> {
    const found = await waitFor(
      () => {
        // Asked before the outputs are read: what a process said last arrives before its end.
        const ended = hasEnded() && child.stdout.readableEnded && child.stderr.readableEnded
        const answer = find()
        if (answer !== undefined) return { answer }
        return ended ? { answer: undefined } : undefined
      },
      { limitMs, what },
    ).catch((error: Error) => {
      throw new Error(`${error.message}\n${describe(child, stdout(), stderr())}`)
    })
    if (found.answer !== undefined) return found.answer
    throw new Error(`The process ended before ${what}.\n${describe(child, stdout(), stderr())}`)
  }

  async function end(limitMs = patienceMs): Promise<ProcessEnd> {
    const what = `the end of ${input.script}`
    await waitFor(() => hasEnded(), { limitMs, what }).catch((error: Error) => {
      throw new Error(`${error.message}\n${describe(child, stdout(), stderr())}`)
    })
    await closed
    return { code: child.exitCode, signal: child.signalCode }
  }

  return {
    pid: child.pid ?? 0,
    stdout,
    stderr,
    events,
    waitForLine: (pattern, limitMs) =>
      waitUntil(() => lines().find((line) => pattern.test(line)), `a line like ${pattern}`, limitMs),
    waitForEvent: (event, options = {}) => {
      const count = options.count ?? 1
      const find = () => events().filter((line) => line.event === event)[count - 1]
      return waitUntil(find, `event ${event} number ${count}`, options.limitMs)
    },
    kill: (signal) => {
      child.kill(signal)
    },
    end,
    close: async () => {
      if (!hasEnded()) child.kill("SIGKILL")
      await end()
    },
  }
}

function collect(stream: NodeJS.ReadableStream): () => string {
  let text = ""
  stream.setEncoding("utf8")
  stream.on("data", (part: string) => {
    text += part
  })
  return () => text
}

function completeLines(text: string): string[] {
  return text.split("\n").slice(0, -1)
}

function readLogLine(line: string): LogLine[] {
  if (!line.startsWith("{")) return []
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === "object" && value !== null && "event" in value ? [value as LogLine] : []
  } catch {
    return []
  }
}

function describe(child: ChildProcess, stdout: string, stderr: string): string {
  const state = `exit code ${child.exitCode}, signal ${child.signalCode}`
  return `${state}\n--- stdout\n${stdout}\n--- stderr\n${stderr}`
}
