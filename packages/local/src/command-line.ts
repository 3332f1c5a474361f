/** What a process was started with. A number alone proves nothing: the system gives it out again. */
import { readFile } from "node:fs/promises"
import { runCommand } from "./run-command.ts"

/** The command line of a process, its words joined by blanks; undefined when no such process runs. */
export async function findCommandLine(pid: number): Promise<string | undefined> {
  if (!isAlive(pid)) return undefined
  if (process.platform === "linux") {
    const words = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")
    return words === "" ? undefined : words.replaceAll("\0", " ").trim()
  }
  const listed = await runCommand({
    command: "ps",
    args: ["-p", String(pid), "-o", "command="],
    cwd: "/",
    timeoutMs: 5000,
  })
  return listed.code === 0 ? listed.output.trim() : undefined
}

/** Whether a process with this number runs, whoever owns it. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"
  }
}
