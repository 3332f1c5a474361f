/** A file that is far larger than memory should ever be: loaded once, and its chunks asked for. */
import { type ChunkTimes, timeChunks } from "./chunk-times.ts"
import type { DataFile } from "./data-files.ts"
import type { Form } from "./data-sets.ts"
import { type FlatbedTurn, takeFlatbedTurn } from "./flatbed-turn.ts"
import { clear, fingerprint } from "./server.ts"
import { readServed, type Served, table, withServices } from "./services.ts"
import { type Bench, clearTables, learnShape, requireSame } from "./throughput.ts"

/** A file that holds the rows of another one so many times, both written in `form`. */
export type Repeated = {
  readonly base: DataFile
  readonly file: DataFile
  readonly form: Form
  /** The rows of `base` as CSV. */
  readonly copied: DataFile
}

export type Volume = Served & {
  readonly file: DataFile
  readonly turn: FlatbedTurn
  readonly chunks: ChunkTimes
}

/**
 * Loads the file from unseen to COMMIT, then asks for chunks all over its version. Raises an Error when the table does
 * not hold the rows that `\\copy` makes of the base, that often.
 */
export async function measureVolume({ base, file, form, copied }: Repeated, bench: Bench): Promise<Volume> {
  const { server, note, signal, env } = bench
  const name = `${(file.bytes / 1e9).toFixed(1)} GB`
  const input = { folder: `${bench.folder}/volume`, databaseUrl: server.url, env, form, signal }
  try {
    return await withServices(input, async (services) => {
      const once = await learnShape({ name, file: base, copied }, { ...bench, services })
      const times = file.rows / base.rows
      const source = await services.startSource()
      const turn = await takeFlatbedTurn({ server, services, source, unseen: file.path })
      note(`${name}: loaded in ${turn.commitSeconds.toFixed(0)} s`)
      const expected = { rows: file.rows, hash: String(BigInt(once.hash) * BigInt(times)) }
      requireSame(name, await fingerprint(server, table), expected)
      await clear(server, table)
      const served = readServed(await source.published())
      return { file, turn, ...served, chunks: await timeChunks(source, signal) }
    })
  } finally {
    await clearTables(server)
  }
}
