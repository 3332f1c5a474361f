/** One load by Flatbed with the clock running. */

import { difference } from "./copy-turn.ts"
import { cpuOf, cpuOfEndedChildren, peakOf, watchPeaks } from "./processes.ts"
import type { Server } from "./server.ts"
import { clear } from "./server.ts"
import { type LoaderOptions, type Services, type Source, table } from "./services.ts"

export type FlatbedTurn = {
  /** To the COMMIT that makes the version visible, by the loader's own log. */
  readonly commitSeconds: number
  /** To the end of the loader's process: ANALYZE and the end of its connections come after the COMMIT. */
  readonly processSeconds: number
  readonly cpu: Readonly<Record<"source" | "loader" | "postgres", number | undefined>>
  /** The source's is since it was started. */
  readonly peak: Readonly<Record<"source" | "loader" | "postgres", number | undefined>>
}

/**
 * Loads into a table that is not there yet. With `unseen` the clock starts when the file appears below a source
 * that never saw it, and the loader is started at the same moment; without, when the loader is started.
 */
export async function takeFlatbedTurn(input: {
  readonly server: Server
  readonly services: Services
  readonly source: Source
  readonly unseen?: string
  readonly options?: LoaderOptions
}): Promise<FlatbedTurn> {
  const { server, services, source, unseen } = input
  await clear(server, table)
  const sourcePid = source.program.pid
  const before = { source: cpuOf(sourcePid), loader: cpuOfEndedChildren(), postgres: server.cpu() }
  const backends = server.watchBackends()
  const began = Date.now()
  if (unseen !== undefined) await services.placeFile(unseen)
  const loader = services.startLoader(["load"], input.options)
  const peaks = watchPeaks(() => [loader.pid])
  try {
    const { at } = await loader.ended
    const published = loader.linesOf("run.published")[0]
    if (published === undefined) throw new Error("The loader ended well and published nothing.")
    return {
      commitSeconds: (Date.parse(published.time) - began) / 1000,
      processSeconds: (at - began) / 1000,
      cpu: {
        source: difference(cpuOf(sourcePid), before.source),
        loader: difference(cpuOfEndedChildren(), before.loader),
        postgres: difference(server.cpu(), before.postgres),
      },
      peak: { source: peakOf(sourcePid), loader: peaks.stop(), postgres: backends.stop() },
    }
  } finally {
    peaks.stop()
    backends.stop()
  }
}
