/** `npm start`'s edge: arguments, signals and exit codes. */
import { dirname } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { asProblem, exitCodes, Problem, problems } from "@flatbed/contract"
import { start } from "./start.ts"

const usage = `npm start                   loads data/ into a Postgres of its own and stays up on the schedules
npm start -- a.csv b.csv    loads these files, each into a table of its name, and again when they change
npm start -- --rows 2000000 makes a file of so many rows and loads it, to watch, and to kill the loader meanwhile
npm start -- --once         ends after the first load
`

const signalCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

/** Runs `npm start` with these arguments; answers the exit code and never rejects. */
export async function main(argv: readonly string[]): Promise<number> {
  const stop = new AbortController()
  let code: number | undefined
  const listeners = Object.entries(signalCodes).map(([name, signalCode]) => {
    const listener = () => {
      // Ctrl-C often comes twice, from the terminal and from npm: what stops already goes on stopping.
      code ??= signalCode
      stop.abort(new Error(`stopped by ${name}`))
    }
    process.on(name, listener)
    return { name, listener }
  })
  try {
    const wanted = readArguments(argv)
    if (wanted === undefined) {
      process.stdout.write(usage)
      return exitCodes.done
    }
    const ended = await start({
      root: dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url))))),
      ...wanted,
      // npm runs scripts in the clone and keeps here where it was called from.
      from: process.env.INIT_CWD ?? process.cwd(),
      env: process.env,
      signal: stop.signal,
      print: (text) => process.stdout.write(`${text}\n`),
      // A loader that was killed leaves its bar on the line.
      note: (text) => process.stderr.write(`${process.stderr.isTTY ? "\u001b[2K" : ""}${text}\n`),
    })
    return code ?? ended
  } catch (thrown) {
    if (code !== undefined && thrown === stop.signal.reason) return code
    return report(thrown)
  } finally {
    for (const { name, listener } of listeners) process.off(name, listener)
  }
}

type Wanted = { readonly once: boolean; readonly files: string[]; readonly rows: number | undefined }

/** What was asked for; undefined when that was help. */
function readArguments(argv: readonly string[]): Wanted | undefined {
  const { values, positionals: files } = parse(argv)
  if (values.help === true) return undefined
  const rows = values.rows === undefined ? undefined : Number(values.rows)
  if (rows !== undefined && (!Number.isSafeInteger(rows) || rows < 1))
    throw refused(`--rows ${values.rows}: expected a whole number from 1, such as 2000000`)
  if (rows !== undefined && files.length > 0)
    throw refused(`--rows makes a file of its own; it does not go with ${files.join(" ")}`)
  return { once: values.once === true, files, rows }
}

function parse(argv: readonly string[]) {
  const options = {
    once: { type: "boolean" },
    rows: { type: "string" },
    help: { type: "boolean", short: "h" },
  } as const
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true })
  } catch (cause) {
    throw refused((cause as Error).message.split(". ")[0] ?? "", cause)
  }
}

const refused = (message: string, cause?: unknown) =>
  new Problem("usage-invalid", message, { hint: `Known are:\n${usage}`, cause })

function report(thrown: unknown): number {
  const problem = asProblem(thrown)
  const lines = [`${problem.code}: ${problems[problem.code].title}`, problem.message, problem.hint ?? ""]
  process.stderr.write(`${lines.filter((line) => line !== "").join("\n  ")}\n`)
  if (problem.code === "internal") process.stderr.write(`${(thrown as Error)?.stack ?? String(thrown)}\n`)
  return problem.exitCode
}
