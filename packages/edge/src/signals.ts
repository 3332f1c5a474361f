/** SIGINT and SIGTERM as an AbortSignal. */

/** Exit codes by convention: 128 plus the signal's number. */
const exitCodeOf = { SIGINT: 130, SIGTERM: 143 } as const

type Caught = keyof typeof exitCodeOf

type SignalWatch = {
  readonly signal: AbortSignal
  /** The exit code of the signal that came, or undefined. */
  exitCode(): number | undefined
  close(): void
}

/** The first signal aborts; a second one ends the process at once. */
export function watchSignals(): SignalWatch {
  const controller = new AbortController()
  let received: Caught | undefined
  const listen = (name: Caught) => {
    if (received !== undefined) process.exit(exitCodeOf[name])
    received = name
    controller.abort(new DOMException(`stopped by ${name}`, "AbortError"))
  }
  const names = Object.keys(exitCodeOf) as Caught[]
  for (const name of names) process.on(name, listen)
  return {
    signal: controller.signal,
    exitCode: () => (received === undefined ? undefined : exitCodeOf[received]),
    close: () => {
      for (const name of names) process.off(name, listen)
    },
  }
}

/** Whether something was thrown only because the signal asked for an end. */
export function isAbort(thrown: unknown, signal: AbortSignal): boolean {
  if (!signal.aborted) return false
  for (let error = thrown; error instanceof Error; error = error.cause) {
    if (error === signal.reason || error.name === "AbortError") return true
  }
  return false
}
