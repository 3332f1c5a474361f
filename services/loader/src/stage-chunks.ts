/** Brings missing chunks into staging, several at once: fetch, prove, encode, then COPY and receipt in one commit. */
import { hashColumns, type Manifest, type ManifestChunk, Problem } from "@flatbed/contract"
import pg from "pg"
import type { Logger } from "pino"
import { encodeChunk } from "./chunk-encoder.ts"
import type { Lease } from "./lease.ts"
import { hasReceipt, recordReceipt } from "./ledger.ts"
import { copyRows } from "./postgres/copy.ts"
import { stagingTable } from "./postgres/staging.ts"
import { createReadAhead } from "./read-ahead.ts"
import { mayRepeatRequest, type Patience, type RetryPolicy, withRetries } from "./retry.ts"
import type { SourceClient } from "./source-client.ts"

type Parts = {
  readonly lease: Lease
  readonly source: SourceClient
  readonly log: Logger
  readonly patience: Patience
  readonly retries: RetryPolicy
  /** How many chunks are COPYed at once. */
  readonly connections: number
  /** How many more are fetched meanwhile. */
  readonly readAhead: number
  /** Ends fetching; a COPY under way goes on to its commit. */
  readonly signal: AbortSignal
  /** Ends everything. */
  readonly hardSignal: AbortSignal
  readonly onLoaded: (chunk: ManifestChunk) => void
}

type Fetched = { readonly copyText: Buffer; readonly attempt: number }

/**
 * Loads these chunks of the run's version. Chunks that were committed stay when it fails: the first failure ends
 * the fetching, lets the COPYs under way commit, and is thrown.
 */
export async function stageChunks(
  run: { readonly runId: number; readonly manifest: Manifest },
  missing: readonly ManifestChunk[],
  parts: Parts,
): Promise<void> {
  const { runId, manifest } = run
  const { dataset, version } = manifest
  const columns = manifest.columns.map(({ name }) => name)
  const columnsSha256 = hashColumns(manifest.columns)
  const failure = new AbortController()
  const signal = AbortSignal.any([parts.signal, failure.signal])
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
        const { copyText, attempt } = await next.result
        if (signal.aborted) return
        await loadChunk(next.item, copyText, attempt)
      }
    } catch (error) {
      // The first failure is the reason; those that its abort causes add nothing.
      if (!failure.signal.aborted) failure.abort(error)
    }
  }

  async function fetchChunk(chunk: ManifestChunk): Promise<Fetched> {
    return await withRetries(
      async (attempt) => {
        const lines = await parts.source.getChunk({ dataset, version, columnsSha256, chunk }, signal)
        return { copyText: encodeChunk(lines, columns.length, chunk.first_row), attempt }
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

  async function loadChunk(chunk: ManifestChunk, copyText: Buffer, attempt: number): Promise<void> {
    const began = performance.now()
    const loaded = await parts.lease
      .transaction(
        async (session) => {
          // The receipt comes first: a repeat waits here for the try before it, and learns whether it made it.
          if (!(await recordReceipt(session, runId, { ...chunk, raw_sha256: chunk.sha256 }))) return "before"
          const counted = await copyRows(session, stagingTable(runId), columns, copyText)
          if (counted !== chunk.rows - chunk.rejects) throw miscounted(chunk, counted)
          return "now"
        },
        {
          doing: `loading chunk ${chunk.chunk}`,
          signal: parts.hardSignal,
          settle: async (session) => ((await hasReceipt(session, runId, chunk.chunk)) ? "now" : undefined),
        },
      )
      .catch((error) => {
        throw placeRefusal(error, chunk)
      })
    parts.onLoaded(chunk)
    if (loaded === "before") return
    const fields = {
      event: "chunk.loaded",
      chunk: chunk.chunk,
      of: manifest.chunks.length,
      rows: chunk.rows - chunk.rejects,
      bytes: chunk.byte_to - chunk.byte_from,
      duration_ms: Math.round(performance.now() - began),
      attempt,
    }
    parts.log.info(fields, `chunk ${chunk.chunk} of ${manifest.chunks.length}: ${fields.rows} rows`)
  }
}

function miscounted(chunk: ManifestChunk, counted: number): Problem {
  const expected = chunk.rows - chunk.rejects
  return new Problem(
    "receipt-unbalanced",
    `COPY counted ${counted} rows of chunk ${chunk.chunk}, not ${expected}.`,
    {
      hint: "The chunk was rolled back.",
      facts: { chunk: chunk.chunk, counted, expected },
    },
  )
}

/** Adds the row of the version to a refusal that names only the line of one COPY. */
function placeRefusal(error: unknown, chunk: ManifestChunk): unknown {
  if (!(error instanceof Problem) || error.code !== "data-refused") return error
  const context = error.cause instanceof pg.DatabaseError ? error.cause.where : undefined
  // In text COPY every row is one line (Postgres manual, COPY), so the line is the row within the chunk.
  const line = Number(/, line ([0-9]+)/.exec(context ?? "")?.[1])
  const row = Number.isNaN(line) ? error.facts.row : chunk.first_row + line - 1
  if (row === undefined || row === null) return error
  return new Problem("data-refused", `Row ${row} of ${chunk.file}: ${error.message}`, {
    hint:
      error.hint ??
      "Mend the row in the file, or give the column a type in the source's settings that takes it.",
    facts: { ...error.facts, row, chunk: chunk.chunk, file: chunk.file },
    cause: error.cause,
  })
}
