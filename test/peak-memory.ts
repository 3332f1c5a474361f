/** How much memory a process had at most. */
import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"

export type PeakMemory = {
  /** MiB, so far or up to the end of the process. */
  peak(): number
  close(): void
}

/**
 * Watches the resident memory of a process: on Linux the kernel's own high-water mark, elsewhere the highest of many
 * looks.
 */
export function watchPeakMemory(pid: number): PeakMemory {
  let peak = 0
  const look = () => {
    peak = Math.max(peak, process.platform === "linux" ? readHighWater(pid) : readNow(pid))
  }
  const timer = setInterval(look, 20)
  return {
    peak: () => {
      look()
      return Math.round(peak)
    },
    close: () => clearInterval(timer),
  }
}

// proc(5): VmHWM is the peak resident set size in kB; a process that has ended has no line any more.
function readHighWater(pid: number): number {
  try {
    return (
      Number(/^VmHWM:\s+([0-9]+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024
    )
  } catch {
    return 0
  }
}

function readNow(pid: number): number {
  try {
    return Number(execFileSync("ps", ["-o", "rss=", "-p", String(pid)], { encoding: "utf8" })) / 1024
  } catch {
    return 0
  }
}
