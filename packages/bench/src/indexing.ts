/** How fast a source makes a version of a file that it never saw, with nothing else going on. */
import type { DataFile } from "./data-files.ts"
import { cpuOf } from "./processes.ts"
import type { Services } from "./services.ts"
import { type Spread, spreadOf } from "./statistics.ts"

export type Indexing = {
  readonly megabytesPerSecond: Spread
  /** The source's CPU seconds from its start to the version, all rounds. */
  readonly cpuSeconds: readonly (number | undefined)[]
}

/** By the source's own log: from finding the file to its version, digests and evidence over all rows included. */
export async function measureIndexing(services: Services, file: DataFile, rounds: number): Promise<Indexing> {
  const speeds: number[] = []
  const cpuSeconds: (number | undefined)[] = []
  for (let round = 0; round < rounds; round++) {
    const source = await services.startPublished(file.path)
    const { duration_ms: ms } = await source.published()
    speeds.push(file.bytes / 1e6 / (Math.max(1, Number(ms)) / 1000))
    cpuSeconds.push(cpuOf(source.program.pid))
  }
  return { megabytesPerSecond: spreadOf(speeds), cpuSeconds }
}
