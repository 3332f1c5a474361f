/**
 * Brings missing chunks into staging, several groups at once: fetch, prove, encode, then COPY and receipts in one commit.
 * A chunk that is large goes alone, as a group of one.
 */
import { createBufferPool } from "@flatbed/codec"
import { hashColumns, type Problem } from "@flatbed/contract"
import type { Logger } from "pino"
import { proveRejects } from "../fetch/chunk-proof.ts"
import { createReadAhead } from "../fetch/read-ahead.ts"
import { mayRepeatRequest, withRetries } from "../retry.ts"
import { counted } from "../summary.ts"
import type { CellGuard } from "./cell-guard.ts"
import { type EncodedChunk, encodeChunk } from "./chunk-encoder.ts"
import { bytesOf, type ChunkGroup, nameGroup, servedGroup, sumOf, wantedLines } from "./chunk-groups.ts"
import { fileCells } from "./file-cells.ts"
import { type GroupParts, PartlyLoaded, type StagedRun, stageGroup } from "./stage-group.ts"

type Parts = GroupParts & {
  readonly log: Logger
  /** How many groups are COPYed at once. */
  readonly connections: number
  /** How many more are fetched meanwhile. */
  readonly readAhead: number
  /** Ends fetching; a COPY under way goes on to its commit. */
  readonly signal: AbortSignal
  /** See cell-guard.ts. */
  readonly guards: readonly (CellGuard | undefined)[] | undefined
  readonly onLoaded: (chunks: ChunkGroup) => void
}

type Fetched = { readonly encoded: EncodedChunk; readonly attempt: number }

/**
 * Loads these chunks of the run's version. Chunks that were committed stay when it fails: the first failure ends
 * the fetching, lets the COPYs under way commit, and is thrown.
 */
export async function stageGroups(
  run: StagedRun,
  groups: readonly ChunkGroup[],
  parts: Parts,
): Promise<void> {
  const { manifest } = run
  const { dataset, version } = manifest
  const columns = manifest.columns.map(({ name }) => name)
  const columnsSha256 = hashColumns(manifest.columns)
  const failure = new AbortController()
  const signal = AbortSignal.any([parts.signal, failure.signal])
  const texts = createBufferPool(parts.connections + parts.readAhead)
  let at = 0
  const ahead = createReadAhead(() => groups[at++], fetchGroup, parts.readAhead)

  const workers = Array.from({ length: parts.connections }, work)
  await Promise.allSettled(workers)
  parts.signal.throwIfAborted()
  failure.signal.throwIfAborted()

  async function work(): Promise<void> {
    try {
      while (!signal.aborted) {
        const next = ahead.take()
        if (next === undefined) return
        const fetched = await next.result
        if (signal.aborted) return
        await loadGroup(next.item, fetched)
      }
    } catch (error) {
      // The first failure is the reason; those that its abort causes add nothing.
      if (!failure.signal.aborted) failure.abort(error)
    }
  }

  async function fetchGroup(chunks: ChunkGroup): Promise<Fetched> {
    return await withRetries(
      async (attempt) => {
        const expected = { dataset, version, columnsSha256, chunks }
        const lines = await parts.source.getChunks({ ...expected, chunks: servedGroup(chunks) }, signal)
        const { numbered } = run
        const files = run.withFiles ? fileCells(chunks) : undefined
        const shape = { columns, firstRow: chunks[0].first_row, guards: parts.guards, numbered, files }
        const encoded = encodeChunk(wantedLines(lines, chunks), shape, texts.take)
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
          const which = { chunk: chunks[0].chunk, chunks: chunks.length }
          const fields = { event: "chunk.retried", ...which, attempt, code, pause_ms: pauseMs }
          const verb = chunks.length === 1 ? "is" : "are"
          parts.log.warn(fields, `${nameGroup(chunks)} ${verb} asked for again: ${message}`)
        },
      },
    )
  }

  async function loadGroup(chunks: ChunkGroup, { encoded, attempt }: Fetched): Promise<void> {
    const began = performance.now()
    const staged = await stageGroup(run, chunks, encoded, { ...parts, signal }).catch((error: unknown) => {
      if (error instanceof PartlyLoaded) return "partly" as const
      throw error
    })
    texts.give(encoded.copyText)
    if (staged === "partly") {
      for (const chunk of chunks) await loadGroup([chunk], await fetchGroup([chunk]))
      return
    }
    parts.onLoaded(chunks)
    if (staged.loaded === "before") return
    const { rows } = staged
    // Where only a part is loaded, chunks have the version's numbers all the same.
    const of = manifest.chunks.at(-1)?.chunk
    const fields = {
      event: "chunk.loaded",
      chunk: chunks[0].chunk,
      chunks: chunks.length,
      of,
      rows,
      rejects: sumOf(chunks, (chunk) => chunk.rows) - rows,
      bytes: bytesOf(chunks),
      duration_ms: Math.round(performance.now() - began),
      attempt,
    }
    parts.log.info(fields, `${nameGroup(chunks)} of ${of}: ${counted(rows, "row")}`)
  }
}
