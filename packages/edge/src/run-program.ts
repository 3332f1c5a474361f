/** From the arguments to the exit code: the one place where a process of ours begins and ends. */
import { exitCodes } from "@flatbed/contract"
import { type Parsed, parseCommandLine } from "./command-line.ts"
import { drained, ignoreClosedPipe, takesColor, toJsonLine } from "./output.ts"
import type { CommandContext, Program } from "./program.ts"
import { describeFailure } from "./report-problem.ts"
import { isAbort, watchSignals } from "./signals.ts"

type Io = {
  /** Without node and script. */
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdin: NodeJS.ReadableStream
  readonly stdout: NodeJS.WritableStream
  readonly stderr: NodeJS.WritableStream
}

/**
 * Runs the command that was typed and resolves with the exit code; never rejects. A `main.ts` is one line:
 * `process.exitCode = await runProgram({ … })`.
 *
 * The codes are the contract's `exitCodes`; after SIGINT 130, after SIGTERM 143, whatever the command returns.
 */
export async function runProgram(program: Program, io: Partial<Io> = {}): Promise<number> {
  const {
    argv = process.argv.slice(2),
    env = process.env,
    stdout = process.stdout,
    stderr = process.stderr,
  } = io
  const stdin = () => io.stdin ?? process.stdin
  const json = argv.includes("--json")
  const how = { json, color: takesColor(stderr, env) }
  ignoreClosedPipe(stdout)
  ignoreClosedPipe(stderr)
  const signals = watchSignals()
  const stopCatching = catchStrays((thrown) => stderr.write(describeFailure(thrown, how).text))
  try {
    const color = takesColor(stdout, env)
    const parsed = parseCommandLine(program, argv, {
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
      color,
      env,
    })
    if (parsed.answered) return parsed.exitCode
    const code = await parsed.command.run(
      contextOf(parsed, { json, color, env, stdin, stdout, stderr }, signals.signal),
    )
    return signals.exitCode() ?? code ?? exitCodes.done
  } catch (thrown) {
    const stopped = signals.exitCode()
    if (stopped !== undefined && isAbort(thrown, signals.signal)) return stopped
    const { text, problem } = describeFailure(thrown, how)
    stderr.write(text)
    return stopped ?? problem.exitCode
  } finally {
    await Promise.all([drained(stdout), drained(stderr)])
    stopCatching()
    signals.close()
  }
}

type Terminal = Pick<CommandContext, "json" | "color" | "env" | "stdin" | "stdout" | "stderr">

function contextOf(
  { args, options, configFile }: Parsed & { answered: false },
  terminal: Terminal,
  signal: AbortSignal,
): CommandContext {
  return {
    ...terminal,
    args,
    options,
    configFile,
    signal,
    print: (value, text) => {
      terminal.stdout.write(terminal.json ? toJsonLine(value) : `${text}\n`)
    },
    note: (text) => {
      terminal.stderr.write(`${text}\n`)
    },
  }
}

/** What no `await` waited for is a bug: it is reported, and the process ends with what it can no longer trust. */
function catchStrays(report: (thrown: unknown) => void): () => void {
  const end = (thrown: unknown) => {
    report(thrown)
    process.exit(exitCodes.unexpected)
  }
  process.on("uncaughtException", end)
  process.on("unhandledRejection", end)
  return () => {
    process.off("uncaughtException", end)
    process.off("unhandledRejection", end)
  }
}
