/** `npm run bench`'s edge: arguments, signals and exit codes. */
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { runBench } from "./bench.ts"
import { readOptions, usage } from "./options.ts"

const signalCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

/** Runs the bench with these arguments; answers the exit code and never rejects. */
export async function main(argv: readonly string[]): Promise<number> {
  const stop = new AbortController()
  let code: number | undefined
  const listeners = Object.entries(signalCodes).map(([name, signalCode]) => {
    const listener = () => {
      code ??= signalCode
      stop.abort(new Error(`stopped by ${name}`))
    }
    process.on(name, listener)
    return { name, listener }
  })
  try {
    const options = readOptions(argv)
    if (options === undefined) {
      process.stdout.write(usage)
      return 0
    }
    const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))))
    const report = await runBench({
      options,
      folder: join(root, ".flatbed", "bench"),
      command: ["npm run bench", ...(argv.length === 0 ? [] : ["--", ...argv])].join(" "),
      env: process.env,
      signal: stop.signal,
      note: (text) => process.stderr.write(`${text}\n`),
    })
    process.stdout.write(report)
    return 0
  } catch (thrown) {
    if (code !== undefined) return code
    const { message, code: known } = thrown as Error & { code?: unknown }
    const isUsage = typeof known === "string" && known.startsWith("ERR_PARSE_ARGS")
    process.stderr.write(`${message}\n${isUsage ? usage : ""}`)
    return isUsage ? 2 : 1
  } finally {
    for (const { name, listener } of listeners) process.off(name, listener)
  }
}
