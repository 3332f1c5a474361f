/** One short command, run to its end: never through a shell, always with a time limit. */
import { spawn } from "node:child_process"

/** The system account that a command runs as, when we are root and it must not be. */
export type Account = { readonly uid: number; readonly gid: number; readonly name: string }

export type CommandResult = { readonly code: number; readonly output: string }

type CommandInput = {
  readonly command: string
  readonly args: readonly string[]
  readonly cwd: string
  readonly timeoutMs: number
  readonly account?: Account | undefined
}

/**
 * Runs a command with an environment of PATH and LC_ALL alone, in a session of its own so that Ctrl-C in the
 * terminal does not reach it. Answers its exit code and everything it printed; a command that cannot be started
 * answers 127, one that outlasts the limit is killed and answers 124.
 */
export function runCommand(input: CommandInput): Promise<CommandResult> {
  return new Promise((resolve) => {
    const output: Buffer[] = []
    const child = spawn(input.command, [...input.args], {
      cwd: input.cwd,
      env: { PATH: process.env.PATH ?? "/usr/bin:/bin", LC_ALL: "C" },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
      ...(input.account === undefined ? {} : { uid: input.account.uid, gid: input.account.gid }),
    })
    let timedOut = false
    const timer = setTimeout(() => {
      timedOut = true
      child.kill("SIGKILL")
    }, input.timeoutMs)
    child.stdout.on("data", (bytes: Buffer) => output.push(bytes))
    child.stderr.on("data", (bytes: Buffer) => output.push(bytes))
    const finish = (code: number, extra = "") => {
      clearTimeout(timer)
      resolve({ code, output: Buffer.concat(output).toString("utf8") + extra })
    }
    child.on("error", (error) => finish(127, error.message))
    child.on("close", (code) => {
      if (timedOut)
        finish(124, `\n${input.command} took longer than ${input.timeoutMs / 1000} s and was ended.`)
      else finish(code ?? 1)
    })
  })
}
