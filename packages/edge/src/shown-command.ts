/** Commands of ours as hints print them: runnable as they stand, from where the user stands. */
import { resolve } from "node:path"

/** How a process was started, as far as it tells how its user would start another one. */
export type StartedWith = {
  readonly env: Readonly<Record<string, string | undefined>>
  /** The script's path as it was called: `process.argv[1]`. */
  readonly script: string | undefined
}

const standardFiles: Readonly<Record<string, string>> = {
  "flatbed-source": "source.yaml",
  "flatbed-loader": "loader.yaml",
}

/**
 * `npx flatbed-loader rejects list --run 7 --config data/loader.yaml`. Without `npx` when this process was started
 * without it: in a container or under systemd the program is on the PATH. `--config` is left out when the file is
 * the one that the program reads by itself in this folder.
 */
export function commandLine(
  program: string,
  args: string,
  configFile?: string,
  started: StartedWith = { env: process.env, script: process.argv[1] },
): string {
  const standard = standardFiles[program]
  const isStandard =
    configFile === undefined || (standard !== undefined && resolve(configFile) === resolve(standard))
  const words = [
    program,
    ...(args === "" ? [] : [args]),
    ...(isStandard ? [] : ["--config", quote(configFile)]),
  ]
  return `${startedWithNpx(started) ? "npx " : ""}${words.join(" ")}`
}

function startedWithNpx({ env, script }: StartedWith): boolean {
  if (env.npm_execpath !== undefined || env.npm_lifecycle_event !== undefined) return true
  return script?.replaceAll("\\", "/").includes("node_modules/.bin/") ?? false
}

/** As a POSIX shell reads it back (POSIX.1-2024, Shell Command Language, 2.2). */
function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}
