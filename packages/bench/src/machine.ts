/** The machine a table was measured on, and how. */
import { availableParallelism, cpus, totalmem } from "node:os"

export type Machine = {
  readonly date: string
  readonly cpu: string
  readonly cores: number
  readonly memoryBytes: number
  readonly system: string
  readonly node: string
  readonly postgres: string
  readonly command: string
}

/** What this process runs on, with what it cannot know by itself. */
export function describeMachine(known: { readonly postgres: string; readonly command: string }): Machine {
  return {
    date: new Date().toISOString().slice(0, 10),
    cpu: cpus()[0]?.model.trim() ?? "unknown processor",
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    system: `${process.platform} ${process.arch}`,
    node: process.versions.node,
    ...known,
  }
}
