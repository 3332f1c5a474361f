/**
 * One group of chunks into staging: COPY, rejects and receipts in one commit. When Postgres refuses the COPY, its rows
 * are found, placed in their files by asking the source, and set aside; then the others are COPYed again. So a group
 * costs at most three COPYs, however many of its chunks hold bad rows.
 */
import { type Manifest, Problem, type Reject, requestLimits } from "@flatbed/contract"
import type { EncodedChunk } from "./chunk-encoder.ts"
import { type ChunkGroup, chunkOfRow, lastOf, nameGroup, sumOf } from "./chunk-groups.ts"
import { readCells, splitLines, withoutLines } from "./copy-lines.ts"
import type { Lease } from "./lease.ts"
import { hasReceipts, type Receipt, recordReceipts } from "./ledger.ts"
import { copyRows } from "./postgres/copy.ts"
import { findRefusedLines, type RefusedLine } from "./postgres/refused-lines.ts"
import { repairTable, type StagingColumn, stagingTable } from "./postgres/staging.ts"
import { placeRefusal, type Refusal, showValue } from "./refusal.ts"
import { addRefused, recordRejects } from "./reject-ledger.ts"
import { type RejectTally, TooManyRejects } from "./reject-tally.ts"
import { mayRepeatRequest, type Patience, type RetryPolicy, withRetries } from "./retry.ts"
import type { SourceClient } from "./source-client.ts"

export type GroupParts = {
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
  /** Of staging. */
  readonly columns: readonly StagingColumn[]
  /** Whether they begin with each row's number. */
  readonly numbered: boolean
  /** Whether each row's file stands before that. */
  readonly withFiles: boolean
}

type Staged = { readonly loaded: "now" | "before"; readonly rows: number }

/** Some chunks of a group have their receipt and some have not: they have to be loaded one by one. */
export class PartlyLoaded extends Error {}

/** Of a group that breaks the limit, so many rejects are written: enough to see what is wrong. */
export const enoughRejects = 1_000

/**
 * Loads the chunks, which `encoded` holds one behind the other. "before" when an earlier try had.
 *
 * @throws PartlyLoaded when one had some of them; TooManyRejects when the refused rows are more than the tally allows; Problem `data-refused` when Postgres
 * refuses the rows that are left as well.
 */
export async function stageGroup(
  run: StagedRun,
  chunks: ChunkGroup,
  encoded: EncodedChunk,
  parts: GroupParts,
): Promise<Staged> {
  const chunkOf = (row: number) => chunkOfRow(chunks, row).chunk
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
    const rows = sumOf(chunks, (chunk) => chunk.rows - chunk.rejects) - refused.length
    const receipts = describeReceipts(refused)
    const span = { first: chunks[0].chunk, last: lastOf(chunks) }
    const loaded = await lease.transaction<"now" | "before">(
      async (session) => {
        // The receipts come first: a repeat waits here for the try before it, and learns whether it made it.
        const recorded = await recordReceipts(session, run.runId, receipts)
        if (recorded === 0) return "before"
        if (recorded < chunks.length) {
          // They will be counted again, chunk by chunk.
          parts.tally.add(-refused.length)
          throw new PartlyLoaded(`${recorded} of ${nameGroup(chunks)} were not there`)
        }
        const names = run.columns.map(({ name }) => name)
        const counted = await copyRows(session, stagingTable(run.runId), names, copyText)
        if (counted !== rows) throw miscounted(chunks, counted, rows)
        await recordRejects(session, run.runId, { chunkOf, source: encoded.rejects, loader: refused })
        await addRefused(session, run.runId, refused.length)
        return "now"
      },
      {
        doing: `loading ${nameGroup(chunks)} of ${chunks[0].file}`,
        signal: hardSignal,
        settle: async (session) => ((await hasReceipts(session, run.runId, span)) ? "now" : undefined),
      },
    )
    if (loaded === "now") onRejects(inOrder([...encoded.rejects, ...refused]))
    return { loaded, rows }
  }

  function describeReceipts(refused: readonly Reject[]): Receipt[] {
    const refusedOf = new Map<number, number>()
    for (const { row } of refused) refusedOf.set(chunkOf(row), (refusedOf.get(chunkOf(row)) ?? 0) + 1)
    return chunks.map((chunk) => ({
      ...chunk,
      raw_sha256: chunk.sha256,
      refused: refusedOf.get(chunk.chunk) ?? 0,
    }))
  }

  /** Counts these rows and places them; past the limit some are written, and the run ends. */
  async function setAside(refusals: readonly Refusal[]): Promise<Reject[]> {
    if (refusals.length === 0) return []
    if (parts.tally.add(refusals.length)) return await placeAll(refusals)
    const loader = await placeAll(refusals.slice(0, enoughRejects))
    const found = { chunkOf, source: encoded.rejects, loader }
    await parts.lease.transaction(
      async (session) => {
        await recordRejects(session, run.runId, found)
        await addRefused(session, run.runId, refusals.length)
      },
      { doing: "recording rejects", signal: parts.hardSignal },
    )
    parts.onRejects(inOrder([...encoded.rejects, ...loader]))
    throw new TooManyRejects(nameGroup(chunks))
  }

  async function findLines(lines: readonly Buffer[]): Promise<readonly RefusedLine[]> {
    const { runId, columns } = run
    const side = repairTable(runId, chunks[0].chunk)
    const copy = { staging: stagingTable(runId), columns, lines, side }
    return await parts.lease.transaction((session) => findRefusedLines(session, copy), {
      doing: `looking for the rows of ${nameGroup(chunks)} that Postgres refuses`,
      signal: parts.hardSignal,
    })
  }

  function toRefusal({ line, code, column, reason }: RefusedLine, text: Buffer | undefined): Refusal {
    const row = encoded.rows?.[line - 1] ?? chunks[0].first_row + line - 1
    const cell = readCells(text)[run.columns.findIndex(({ name }) => name === column)] ?? null
    return { row, code, column, reason, value: cell === null ? null : showValue(cell) }
  }

  /** One request for all of them, unless they are more than one may ask for. */
  async function placeAll(refusals: readonly Refusal[]): Promise<Reject[]> {
    const rising = [...refusals].sort((a, b) => a.row - b.row)
    const placed: Reject[] = []
    for (let from = 0; from < rising.length; from += requestLimits.rows)
      placed.push(...(await place(rising.slice(from, from + requestLimits.rows))))
    return placed
  }

  async function place(refusals: readonly Refusal[]): Promise<Reject[]> {
    const { dataset, version } = run.manifest
    const { source, retries: policy, patience, signal } = parts
    const rows = refusals.map(({ row }) => row)
    const ask = async () => {
      const origins = await source.getRows(dataset, version, rows, signal)
      return refusals.map((refusal, i) => placeRefusal(refusal, origins[i], chunkOfRow(chunks, refusal.row)))
    }
    return await withRetries(ask, { policy, patience, mayRepeat: mayRepeatRequest, signal })
  }
}

const inOrder = (rejects: readonly Reject[]) => [...rejects].sort((a, b) => a.row - b.row)

function miscounted(chunks: ChunkGroup, counted: number, expected: number): Problem {
  return new Problem(
    "receipt-unbalanced",
    `COPY counted ${counted} rows of ${nameGroup(chunks)}, not ${expected}.`,
    {
      hint: "They were rolled back.",
      facts: { chunk: chunks[0].chunk, chunks: chunks.length, counted, expected },
    },
  )
}
