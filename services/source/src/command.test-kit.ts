/** For tests: one command run as the program runs it, with what it printed. */
import type { Command, CommandContext } from "@flatbed/edge"

type Typed = Partial<Pick<CommandContext, "args" | "options" | "configFile" | "env" | "signal">> & {
  /** The terminal's width; without it stdout is no terminal. */
  readonly columns?: number
}

/** The exit code, the value and text on stdout, and the messages on stderr. */
export async function runCommand<Value>(command: Command, { columns, ...typed }: Typed) {
  const printed: { value: Value; text: string }[] = []
  const notes: string[] = []
  const code = await command.run({
    args: {},
    options: {},
    configFile: undefined,
    json: false,
    signal: AbortSignal.timeout(20_000),
    env: {},
    stdin: () => process.stdin,
    stdout: Object.assign(Object.create(process.stdout), { columns }),
    stderr: process.stderr,
    print: (value, text) => printed.push({ value: value as Value, text }),
    note: (text) => notes.push(text),
    color: false,
    ...typed,
  })
  const [first] = printed
  if (first === undefined || printed.length > 1) throw new Error(`printed ${printed.length} results, not one`)
  return { code: code ?? 0, ...first, notes }
}
