/** Brings missing chunks into staging, several at once: fetch, prove, encode, then COPY and receipt in one commit. */
import { createBufferPool } from "@flatbed/codec"
import { hashColumns, type ManifestChunk, type Problem } from "@flatbed/contract"
import type { Logger } from "pino"
import type { CellGuard } from "./cell-guard.ts"
import { type EncodedChunk, encodeChunk } from "./chunk-encoder.ts"
import { proveRejects } from "./chunk-proof.ts"
import { createReadAhead } from "./read-ahead.ts"
import { mayRepeatRequest, withRetries } from "./retry.ts"
import { type ChunkParts, type StagedRun, stageChunk } from "./stage-chunk.ts"

type Parts = ChunkParts & {
  readonly log: Logger
  /** How many chunks are COPYed at once. */
  readonly connections: number
  /** How many more are fetched meanwhile. */
  readonly readAhead: number
  /** Ends fetching; a COPY under way goes on to its commit. */
  readonly signal: AbortSignal
  /** See cell-guard.ts. */
  readonly guards: readonly (CellGuard | undefined)[] | undefined
  readonly onLoaded: (chunk: ManifestChunk) => void
}

type Fetched = { readonly encoded: EncodedChunk; readonly attempt: number }

/**
 * Loads these chunks of the run's version. Chunks that were committed stay when it fails: the first failure ends
 * the fetching, lets the COPYs under way commit, and is thrown.
 */
export async function stageChunks(
  run: StagedRun,
  missing: readonly ManifestChunk[],
  parts: Parts,
): Promise<void> {
  const { manifest } = run
  const { dataset, version } = manifest
  const columns = manifest.columns.map(({ name }) => name)
  const columnsSha256 = hashColumns(manifest.columns)
  const failure = new AbortController()
  const signal = AbortSignal.any([parts.signal, failure.signal])
  const texts = createBufferPool(parts.connections + parts.readAhead)
  const ahead = createReadAhead(missing, fetchChunk, parts.readAhead)

  const workers = Array.from({ length: Math.min(parts.connections, missing.length) }, work)
  await Promise.allSettled(workers)
  parts.signal.throwIfAborted()
  failure.signal.throwIfAborted()

  async function work(): Promise<void> {
    try {
      while (!signal.aborted) {
        const next = ahead.take()
        if (next === undefined) return
        const { encoded, attempt } = await next.result
        if (signal.aborted) return
        await loadChunk(next.item, encoded, attempt)
      }
    } catch (error) {
      // The first failure is the reason; those that its abort causes add nothing.
      if (!failure.signal.aborted) failure.abort(error)
    }
  }

  async function fetchChunk(chunk: ManifestChunk): Promise<Fetched> {
    return await withRetries(
      async (attempt) => {
        const expected = { dataset, version, columnsSha256, chunk }
        const lines = await parts.source.getChunk(expected, signal)
        const shape = { columns, firstRow: chunk.first_row, guards: parts.guards }
        const encoded = encodeChunk(lines, shape, texts.take)
        parts.source.reuse(lines)
        proveRejects(encoded.rejects, expected)
        return { encoded, attempt }
      },
      {
        policy: parts.retries,
        patience: parts.patience,
        mayRepeat: mayRepeatRequest,
        signal,
        onRetry: (error, attempt, pauseMs) => {
          const { code, message } = error as Problem
          const fields = { event: "chunk.retried", chunk: chunk.chunk, attempt, code, pause_ms: pauseMs }
          parts.log.warn(fields, `chunk ${chunk.chunk} is asked for again: ${message}`)
        },
      },
    )
  }

  async function loadChunk(chunk: ManifestChunk, encoded: EncodedChunk, attempt: number): Promise<void> {
    const began = performance.now()
    const { loaded, rows } = await stageChunk(run, chunk, encoded, { ...parts, signal })
    texts.give(encoded.copyText)
    parts.onLoaded(chunk)
    if (loaded === "before") return
    const fields = {
      event: "chunk.loaded",
      chunk: chunk.chunk,
      of: manifest.chunks.length,
      rows,
      rejects: chunk.rows - rows,
      bytes: chunk.byte_to - chunk.byte_from,
      duration_ms: Math.round(performance.now() - began),
      attempt,
    }
    parts.log.info(fields, `chunk ${chunk.chunk} of ${manifest.chunks.length}: ${rows} rows`)
  }
}
