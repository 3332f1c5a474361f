/**
 * One chunk into staging: COPY, rejects and receipt in one commit. When Postgres refuses the COPY, its rows are
 * found, placed in the file by asking the source, and set aside; then the others are COPYed again.
 */
import { type Manifest, type ManifestChunk, Problem, type Reject } from "@flatbed/contract"
import type { EncodedChunk } from "./chunk-encoder.ts"
import { readCells, splitLines, withoutLines } from "./copy-lines.ts"
import type { Lease } from "./lease.ts"
import { hasReceipt, recordReceipt } from "./ledger.ts"
import { copyRows } from "./postgres/copy.ts"
import { findRefusedLines, type RefusedLine } from "./postgres/refused-lines.ts"
import { repairTable, type StagingColumn, stagingTable } from "./postgres/staging.ts"
import { placeRefusal, type Refusal, showValue } from "./refusal.ts"
import { addRefused, recordRejects } from "./reject-ledger.ts"
import { type RejectTally, TooManyRejects } from "./reject-tally.ts"
import { mayRepeatRequest, type Patience, type RetryPolicy, withRetries } from "./retry.ts"
import type { SourceClient } from "./source-client.ts"

export type ChunkParts = {
  readonly lease: Lease
  readonly source: SourceClient
  readonly patience: Patience
  readonly retries: RetryPolicy
  readonly tally: RejectTally
  /** Told of rejects once they are committed. */
  readonly onRejects: (rejects: readonly Reject[]) => void
  /** Ends asking the source. */
  readonly signal: AbortSignal
  /** Ends everything. */
  readonly hardSignal: AbortSignal
}

export type StagedRun = {
  readonly runId: number
  readonly manifest: Manifest
  readonly columns: readonly StagingColumn[]
}

type Staged = { readonly loaded: "now" | "before"; readonly rows: number }

/** Of a chunk that breaks the limit, so many rejects are written: enough to see what is wrong. */
export const enoughRejects = 1_000

// So many questions for places are asked at once; the source reads a chunk for each.
const placesAtOnce = 4

/**
 * Loads the chunk. "before" when an earlier try had.
 *
 * @throws TooManyRejects when its refused rows are more than the tally allows; Problem `data-refused` when Postgres
 * refuses the rows that are left as well.
 */
export async function stageChunk(
  run: StagedRun,
  chunk: ManifestChunk,
  encoded: EncodedChunk,
  parts: ChunkParts,
): Promise<Staged> {
  const refused = await setAside(encoded.refusals)
  try {
    return await commit(encoded.copyText, refused)
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== "data-refused") throw error
    const lines = splitLines(encoded.copyText)
    const found = await findLines(lines)
    if (found.length === 0) throw error
    const more = await setAside(found.map((one) => toRefusal(one, lines[one.line - 1])))
    const left = withoutLines(lines, new Set(found.map(({ line }) => line)))
    return await commit(left, [...refused, ...more])
  }

  async function commit(copyText: Buffer, refused: readonly Reject[]): Promise<Staged> {
    const { lease, hardSignal, onRejects } = parts
    const rows = chunk.rows - chunk.rejects - refused.length
    const loaded = await lease.transaction<"now" | "before">(
      async (session) => {
        const receipt = { ...chunk, raw_sha256: chunk.sha256, refused: refused.length }
        // The receipt comes first: a repeat waits here for the try before it, and learns whether it made it.
        if (!(await recordReceipt(session, run.runId, receipt))) return "before"
        const names = run.columns.map(({ name }) => name)
        const counted = await copyRows(session, stagingTable(run.runId), names, copyText)
        if (counted !== rows) throw miscounted(chunk, counted, rows)
        const found = { chunk: chunk.chunk, source: encoded.rejects, loader: refused }
        await recordRejects(session, run.runId, found)
        await addRefused(session, run.runId, refused.length)
        return "now"
      },
      {
        doing: `loading chunk ${chunk.chunk} of ${chunk.file}`,
        signal: hardSignal,
        settle: async (session) => ((await hasReceipt(session, run.runId, chunk.chunk)) ? "now" : undefined),
      },
    )
    if (loaded === "now") onRejects(inOrder([...encoded.rejects, ...refused]))
    return { loaded, rows }
  }

  /** Counts these rows and places them; past the limit some are written, and the run ends. */
  async function setAside(refusals: readonly Refusal[]): Promise<Reject[]> {
    if (refusals.length === 0) return []
    if (parts.tally.add(refusals.length)) return await placeAll(refusals)
    const loader = await placeAll(refusals.slice(0, enoughRejects))
    const found = { chunk: chunk.chunk, source: encoded.rejects, loader }
    await parts.lease.transaction(
      async (session) => {
        await recordRejects(session, run.runId, found)
        await addRefused(session, run.runId, refusals.length)
      },
      { doing: "recording rejects", signal: parts.hardSignal },
    )
    parts.onRejects(inOrder([...encoded.rejects, ...loader]))
    throw new TooManyRejects(`chunk ${chunk.chunk}`)
  }

  async function findLines(lines: readonly Buffer[]): Promise<readonly RefusedLine[]> {
    const { runId, columns } = run
    const side = repairTable(runId, chunk.chunk)
    const copy = { staging: stagingTable(runId), columns, lines, side }
    return await parts.lease.transaction((session) => findRefusedLines(session, copy), {
      doing: `looking for the rows of chunk ${chunk.chunk} that Postgres refuses`,
      signal: parts.hardSignal,
    })
  }

  function toRefusal({ line, code, column, reason }: RefusedLine, text: Buffer | undefined): Refusal {
    const row = encoded.rows?.[line - 1] ?? chunk.first_row + line - 1
    const cell = readCells(text)[run.columns.findIndex(({ name }) => name === column)] ?? null
    return { row, code, column, reason, value: cell === null ? null : showValue(cell) }
  }

  async function placeAll(refusals: readonly Refusal[]): Promise<Reject[]> {
    const placed: Reject[] = []
    for (let from = 0; from < refusals.length; from += placesAtOnce) {
      placed.push(...(await Promise.all(refusals.slice(from, from + placesAtOnce).map(place))))
    }
    return placed
  }

  async function place(refusal: Refusal): Promise<Reject> {
    const { dataset, version } = run.manifest
    const { source, retries: policy, patience, signal } = parts
    const ask = async () =>
      placeRefusal(refusal, await source.getRow(dataset, version, refusal.row, signal), chunk)
    return await withRetries(ask, { policy, patience, mayRepeat: mayRepeatRequest, signal })
  }
}

const inOrder = (rejects: readonly Reject[]) => [...rejects].sort((a, b) => a.row - b.row)

function miscounted({ chunk }: ManifestChunk, counted: number, expected: number): Problem {
  return new Problem(
    "receipt-unbalanced",
    `COPY counted ${counted} rows of chunk ${chunk}, not ${expected}.`,
    {
      hint: "The chunk was rolled back.",
      facts: { chunk, counted, expected },
    },
  )
}
