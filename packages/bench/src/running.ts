/** A program that runs while the bench watches: its log lines one by one, its end, its output when it fails. */
import { type ChildProcess, spawn } from "node:child_process"
import { createInterface } from "node:readline"

export type LogLine = { readonly event: string; readonly time: string; readonly [field: string]: unknown }

export type Running = {
  readonly pid: number
  /** Milliseconds since 1970, taken just before it was started. */
  readonly startedAt: number
  /** The first log line with this event, as soon as there is one. Rejects when the program ends first. */
  waitFor(event: string): Promise<LogLine>
  /** Every log line so far with this event. */
  linesOf(event: string): LogLine[]
  /** When it has ended: the clock then. Rejects, with what it said last, unless it ended with 0. */
  readonly ended: Promise<{ readonly at: number; readonly stdout: string }>
  stop(): Promise<void>
}

export type RunInput = {
  readonly command: string
  readonly args: readonly string[]
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** Log events to keep; of a hundred thousand others nothing stays. */
  readonly events?: readonly string[]
  /** Ends it, when nobody else would. */
  readonly signal?: AbortSignal
}

const keptLines = 40

/** Starts a program with nothing on its standard input. */
export function startRunning(input: RunInput): Running {
  const startedAt = Date.now()
  const child = spawn(input.command, [...input.args], {
    cwd: input.cwd,
    env: input.env as NodeJS.ProcessEnv,
    stdio: ["ignore", "pipe", "pipe"],
    signal: input.signal,
  })
  const kept: LogLine[] = []
  const waiting: { event: string; tell: (line: LogLine) => void }[] = []
  const said: string[] = []
  let stdout = ""
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text
  })
  const lines = createInterface({ input: child.stderr })
  lines.on("line", (text) => {
    said.push(text)
    if (said.length > keptLines) said.shift()
    const line = readLogLine(text, input.events ?? [])
    if (line === undefined) return
    kept.push(line)
    for (const one of waiting.filter(({ event }) => event === line.event)) one.tell(line)
  })
  const exit = whenExited(child)
  const ended = exit.then(({ code, at }) => {
    if (code === 0) return { at, stdout }
    const command = [input.command, ...input.args].join(" ")
    throw new Error(`${command} ended with ${code}:\n${said.join("\n")}\n${stdout}`)
  })
  // Whoever waits sees the failure; nobody waiting must not make it an unhandled one.
  ended.catch(() => undefined)

  return {
    pid: child.pid ?? 0,
    startedAt,
    ended,
    linesOf: (event) => kept.filter((line) => line.event === event),
    waitFor(event) {
      const found = kept.find((line) => line.event === event)
      if (found !== undefined) return Promise.resolve(found)
      return new Promise((resolve, reject) => {
        waiting.push({ event, tell: resolve })
        const unheard = () => reject(new Error(`The program ended before ${event}:\n${said.join("\n")}`))
        ended.then(unheard, unheard)
      })
    },
    async stop() {
      child.kill("SIGTERM")
      await exit.catch(() => undefined)
    },
  }
}

function whenExited(child: ChildProcess): Promise<{ code: number | string; at: number }> {
  return new Promise((resolve, reject) => {
    let at = 0
    child.on("error", reject)
    // The clock is read at the end of the process; its last words may arrive a little later.
    child.on("exit", () => {
      at = Date.now()
    })
    child.on("close", (code, signal) => resolve({ code: code ?? signal ?? "?", at }))
  })
}

function readLogLine(text: string, events: readonly string[]): LogLine | undefined {
  if (!events.some((event) => text.includes(`"event":"${event}"`))) return undefined
  return JSON.parse(text) as LogLine
}
