/** What a program of ours is made of, as its `main.ts` writes it down. */

export type Program = {
  readonly name: string
  readonly summary: string
  readonly version: string
  readonly commands: readonly Command[]
}

export type Command = {
  /** `serve`; two words make a subcommand: `token new`. */
  readonly name: string
  readonly summary: string
  readonly arguments?: readonly Argument[]
  readonly options?: readonly Option[]
  /** Complete lines that a user may type; the help opens with them. */
  readonly examples: readonly string[]
  /** Does the work. Returns the exit code, 0 when nothing is returned. */
  run(context: CommandContext): Promise<number | undefined> | Promise<void>
}

type Option = {
  readonly flag: string
  readonly summary: string
  /** Whether it may stand several times; its values are a list then, empty when it does not stand. */
  readonly repeatable?: boolean
}

type Argument = {
  readonly name: string
  readonly summary: string
  readonly variadic?: boolean
  readonly optional?: boolean
}

export type CommandContext = {
  /** By name; variadic ones are lists. */
  readonly args: Readonly<Record<string, string | string[] | undefined>>
  /** `--keep-going` is `keepGoing`; values are text as typed, flags without value `true`, of what is repeatable a list. */
  readonly options: Readonly<Record<string, unknown>>
  readonly configFile: string | undefined
  readonly json: boolean
  /** Aborts on the first SIGINT or SIGTERM; then the command closes what it opened and returns. */
  readonly signal: AbortSignal
  readonly env: Readonly<Record<string, string | undefined>>
  /** Opened when it is asked for. */
  stdin(): NodeJS.ReadableStream
  readonly stdout: NodeJS.WritableStream
  readonly stderr: NodeJS.WritableStream
  /** The result, to stdout: the value as one line of JSON with `--json`, otherwise the text. */
  print(value: unknown, text: string): void
  /** A message, to stderr. */
  note(text: string): void
  /** Whether stdout takes colours: it is a terminal and NO_COLOR is not set. */
  readonly color: boolean
}
