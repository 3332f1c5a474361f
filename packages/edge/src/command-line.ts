/** What the user typed, matched against the commands of a program. */
import { Problem } from "@flatbed/contract"
import { Command as CommanderCommand, CommanderError, Option } from "commander"
import type { Command, Program } from "./program.ts"
import { commandLine } from "./shown-command.ts"

/** Either a command to run, or `answered`: help or the version is printed already. */
export type Parsed =
  | {
      readonly answered: false
      readonly command: Command
      readonly args: Readonly<Record<string, string | string[] | undefined>>
      readonly options: Readonly<Record<string, unknown>>
      readonly configFile: string | undefined
    }
  | { readonly answered: true; readonly exitCode: number }

type Terminal = {
  readonly writeOut: (text: string) => void
  readonly writeErr: (text: string) => void
  readonly color: boolean
  readonly env: Readonly<Record<string, string | undefined>>
}

/**
 * Parses the arguments (without node and script).
 *
 * @throws Problem `usage-invalid` for whatever the program does not understand, with the nearest name as hint.
 */
export function parseCommandLine(program: Program, argv: readonly string[], terminal: Terminal): Parsed {
  const { env, ...output } = terminal
  let chosen: Parsed | undefined
  const root = new CommanderCommand(program.name)
    .description(program.summary)
    .version(program.version, "--version", "print the version")
    .helpOption("-h, --help", "print this help")
    .exitOverride()
    // So that `load --version …` may mean something else than the program's own version.
    .enablePositionalOptions()
    .configureOutput({
      ...output,
      outputError: () => undefined,
      getOutHasColors: () => terminal.color,
    })
    .addHelpText("before", examplesText(program.commands.flatMap(({ examples }) => examples.slice(0, 1))))
  addCommonOptions(root)
  for (const command of program.commands) {
    const leaf = addCommand(root, command)
    leaf.action(() => {
      const { config, json: _json, ...typed } = leaf.optsWithGlobals()
      const repeatable = leaf.options.filter(({ parseArg }) => parseArg === collect)
      // Not as a default, which the help would show.
      const none = Object.fromEntries(repeatable.map((option) => [option.attributeName(), []]))
      const options = { ...none, ...typed }
      const args = Object.fromEntries(
        (command.arguments ?? []).map(({ name }, index) => [name, leaf.processedArgs[index]]),
      )
      chosen = { answered: false, command, args, options, configFile: config }
    })
  }
  try {
    root.parse(argv, { from: "user" })
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown
    return answer(thrown, program, env)
  }
  return chosen ?? { answered: true, exitCode: 0 }
}

function addCommand(root: CommanderCommand, command: Command): CommanderCommand {
  const words = command.name.split(" ")
  const parent = words.slice(0, -1).reduce((above, word) => {
    const group = above.commands.find((known) => known.name() === word) ?? above.command(word)
    return group.summary(`see ${root.name()} ${word} --help`)
  }, root)
  const leaf = parent.command(words.at(-1) ?? "").description(command.summary)
  for (const { name, summary, variadic = false, optional = false } of command.arguments ?? []) {
    const inner = variadic ? `${name}...` : name
    leaf.argument(optional ? `[${inner}]` : `<${inner}>`, summary)
  }
  for (const { flag, summary, repeatable = false } of command.options ?? []) {
    if (repeatable) leaf.addOption(new Option(flag, summary).argParser(collect))
    else leaf.option(flag, summary)
  }
  addCommonOptions(leaf)
  return leaf.addHelpText("before", examplesText(command.examples))
}

const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value]

// On the program and on each command, so that they may stand on either side of the command's name.
function addCommonOptions(command: CommanderCommand): void {
  command
    .addOption(new Option("--config <file>", "the settings file"))
    .addOption(new Option("--json", "print the result as JSON"))
}

function examplesText(examples: readonly string[]): string {
  return `Examples:\n${examples.map((example) => `  ${example}\n`).join("")}`
}

function answer(error: CommanderError, program: Program, env: Terminal["env"]): Parsed {
  if (error.exitCode === 0) return { answered: true, exitCode: 0 }
  // No command at all: commander has printed the help to stderr.
  if (error.code === "commander.help") return { answered: true, exitCode: 2 }
  // What stands behind an option may be a secret, put there because the option does not exist.
  const said = error.message.replace(/^error: /, "").replace(/^(unknown option '--[\w-]+)=.*'/s, "$1'")
  const [first = "", ...rest] = said.split("\n")
  const suggestion = rest.join(" ").replace(/^\((.*)\)$/, "$1")
  const help = commandLine(program.name, "--help", undefined, { env, script: process.argv[1] })
  throw new Problem("usage-invalid", `${program.name}: ${first}`, {
    hint: suggestion === "" ? `${help} lists what there is.` : suggestion,
  })
}
