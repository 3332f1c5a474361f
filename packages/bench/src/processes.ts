/**
 * What processes cost, from /proc (proc(5)): CPU seconds and the peak of the resident set. On a system without it
 * nothing is measured, and the answers are undefined.
 */
import { readdirSync, readFileSync } from "node:fs"

// USER_HZ: what /proc counts in, 100 on every Linux whatever the kernel's own clock.
const ticksPerSecond = 100
const lookEveryMs = 50

type Stat = { readonly parent: number; readonly own: number; readonly reaped: number }

/** CPU seconds of a process and its threads, without its children. */
export function cpuOf(pid: number): number | undefined {
  return readStat(pid)?.own
}

/** CPU seconds of every child that this process has waited for, and of those that they had waited for. */
export function cpuOfEndedChildren(): number | undefined {
  return readStat(process.pid)?.reaped
}

/** CPU seconds of a process with all its children, those that have ended too. */
export function cpuOfTree(pid: number): number | undefined {
  const stat = readStat(pid)
  if (stat === undefined) return undefined
  return childrenOf(pid).reduce((sum, child) => sum + (cpuOf(child) ?? 0), stat.own + stat.reaped)
}

export function parentOf(pid: number): number | undefined {
  return readStat(pid)?.parent
}

/** Processes whose parent this is, now. */
export function childrenOf(pid: number): number[] {
  const listed = read(`/proc/${pid}/task/${pid}/children`)
  if (listed !== undefined) return listed.split(" ").filter(Boolean).map(Number)
  try {
    const all = readdirSync("/proc").filter((name) => /^\d+$/.test(name))
    return all.map(Number).filter((other) => parentOf(other) === pid)
  } catch {
    return []
  }
}

/** Largest resident set that a process ever had, in bytes. */
export function peakOf(pid: number): number | undefined {
  const line = /^VmHWM:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`) ?? "")
  return line === null ? undefined : Number(line[1]) * 1024
}

/**
 * Watches the peaks of processes that may end at any moment: `find` names those of interest whenever it is asked.
 * The kernel keeps the peak itself, so only growth in the last moments of a process is missed.
 */
export function watchPeaks(find: () => readonly number[]): { stop(): number | undefined } {
  let largest: number | undefined
  const look = () => {
    for (const pid of find()) {
      const peak = peakOf(pid)
      if (peak !== undefined && peak > (largest ?? 0)) largest = peak
    }
  }
  const timer = setInterval(look, lookEveryMs)
  look()
  return {
    stop() {
      clearInterval(timer)
      look()
      return largest
    },
  }
}

// The program's name stands in parentheses and may hold blanks and parentheses itself.
function readStat(pid: number): Stat | undefined {
  const text = read(`/proc/${pid}/stat`)
  if (text === undefined) return undefined
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ")
  const seconds = (...at: number[]) => at.reduce((sum, i) => sum + Number(fields[i]), 0) / ticksPerSecond
  return { parent: Number(fields[1]), own: seconds(11, 12), reaped: seconds(13, 14) }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return undefined
  }
}
