/** The log of a service: one pino logger, to stderr or to a file. */
import { Problem } from "@flatbed/contract"
import pino from "pino"
import { PinoPretty } from "pino-pretty"
import { maskSecrets, secretKeys, stars } from "./mask-secrets.ts"

/** For the services' settings schemas. */
export const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const

export type LogLevel = (typeof logLevels)[number]

export type Log = pino.Logger & {
  /** Writes out what is buffered and closes the file. Nothing may be logged afterwards. */
  close(): void
}

type LogInput = {
  readonly service: "source" | "loader"
  readonly level: LogLevel
  /** NDJSON is appended to this file, made with its folder if need be; otherwise the log goes to stderr. */
  readonly file?: string | undefined
  /** For people instead of NDJSON; by default when stderr is a terminal and no file is named. */
  readonly pretty?: boolean | undefined
  /** Events whose lines are not written: somebody else tells the same on the same terminal. */
  readonly leaveOut?: readonly string[] | undefined
  /** Told event and message of each line of the level or above, beside the log. */
  readonly onLine?: ((event: string, text: string) => void) | undefined
}

/**
 * Opens the log. Each line has `time` (RFC 3339, UTC), `level` (a word), `service`, `event` and `msg`; secrets
 * are masked wherever they stand. Lines are written before the call returns, so that a killed process
 * has logged everything it did.
 *
 * @throws Problem `settings-invalid` when the file cannot be opened.
 */
export function createLog({ service, level, file, pretty, leaveOut = [], onLine }: LogInput): Log {
  const destination = openDestination(file, pretty ?? (file === undefined && process.stderr.isTTY === true))
  const logger = pino(
    {
      level,
      base: { service },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: secretPaths(), censor: stars },
      hooks: {
        streamWrite: maskSecrets,
        logMethod(args, method) {
          const [fields, text] = args as unknown as [unknown, unknown]
          const event = String((fields as { event?: unknown } | null)?.event ?? "")
          const said = typeof fields === "string" ? fields : text
          onLine?.(event, maskSecrets(String(said ?? "")))
          if (!leaveOut.includes(event)) method.apply(this, args)
        },
      },
    },
    destination,
  )
  let closed = false
  const close = () => {
    if (closed) return
    closed = true
    destination.end()
  }
  return Object.assign(logger, { close })
}

type Destination = { write(line: string): void; end(): void }

function openDestination(file: string | undefined, pretty: boolean): Destination {
  if (pretty) {
    const destination = file === undefined ? process.stderr.fd : openFile(file)
    return PinoPretty({
      destination,
      sync: true,
      colorize: file === undefined && process.stderr.isTTY === true && !process.env.NO_COLOR,
      ignore: "service",
      translateTime: "SYS:HH:MM:ss",
    })
  }
  return file === undefined ? pino.destination({ fd: process.stderr.fd, sync: true }) : openFile(file)
}

function openFile(file: string) {
  try {
    return pino.destination({ dest: file, append: true, mkdir: true, sync: true })
  } catch (cause) {
    throw new Problem(
      "settings-invalid",
      `The log file ${file} cannot be opened: ${(cause as Error).message}`,
      {
        hint: "Name a file in log.file that this user may write.",
        cause,
      },
    )
  }
}

// pino's redaction names every depth; deeper than three maps nothing of ours is logged.
function secretPaths(): string[] {
  const depths = ["", "*.", "*.*.", "*.*.*."]
  return depths.flatMap((depth) => secretKeys.map((key) => `${depth}${key}`))
}
