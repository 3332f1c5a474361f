/**
 * One group of chunks into staging: COPY, rejects and receipts in one commit. When Postgres refuses the COPY, one message
 * finds its rows and brings the others into staging; the source is asked where they stand, and one statement sets them
 * aside. So bad rows cost two round trips to Postgres and a COPY more, however many of a group's chunks hold some.
 */
import { type Manifest, type ManifestChunk, Problem, type Reject } from "@flatbed/contract"
import type { SourceClient } from "../fetch/source-client.ts"
import type { Lease } from "../lease.ts"
import { hasReceipts, type Receipt, recordReceipts } from "../ledger/ledger.ts"
import type { Session } from "../postgres/database.ts"
import { type RefusedLine, repairCopy, tryCopy } from "../postgres/refused-lines.ts"
import { repairTable, type StagingColumn, stagingTable } from "../postgres/staging.ts"
import { placeRefusals, recordSome } from "../rejects/place-refusals.ts"
import { type Refusal, showValue } from "../rejects/refusal.ts"
import { recordRejects } from "../rejects/reject-ledger.ts"
import { type RejectTally, TooManyRejects } from "../rejects/reject-tally.ts"
import type { Patience, RetryPolicy } from "../retry.ts"
import type { EncodedChunk } from "./chunk-encoder.ts"
import { type ChunkGroup, chunkOfRow, lastOf, nameGroup, sumOf } from "./chunk-groups.ts"
import { readCells, splitLines } from "./copy-lines.ts"

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

/** The rows set aside here are more than the tally allows: `placed` and `refusals`, which have no place yet. */
class OverLimit extends Error {
  readonly placed: readonly Reject[]
  readonly refusals: readonly Refusal[]
  constructor(placed: readonly Reject[], refusals: readonly Refusal[]) {
    super("more rejects than allowed")
    this.placed = placed
    this.refusals = refusals
  }
}

/**
 * Loads the chunks, which `encoded` holds one behind the other. "before" when an earlier try had.
 *
 * @throws PartlyLoaded when one had some of them; TooManyRejects when the refused rows are more than the tally allows; Problem `data-refused` when Postgres
 * refuses the COPY and nobody can tell which rows.
 */
export async function stageGroup(
  run: StagedRun,
  chunks: ChunkGroup,
  encoded: EncodedChunk,
  parts: GroupParts,
): Promise<Staged> {
  const { runId, columns } = run
  const { lease, tally, hardSignal } = parts
  const staging = stagingTable(lease, runId)
  const chunkOf = (row: number) => chunkOfRow(chunks, row).chunk
  // By this side. A transaction may be done again, and each of its tries finds the same: it is counted once.
  let counted = 0
  let setAside: readonly Reject[] = []
  const records = sumOf(chunks, (chunk) => chunk.rows - chunk.rejects)
  try {
    const guarded = await count(encoded.refusals, [])
    const loaded = await lease.transaction((session) => load(session, guarded), {
      doing: `loading ${nameGroup(chunks)} of ${chunks[0].file}`,
      signal: hardSignal,
      // `requireReceipts` looks whether they are all there still, and what it commits makes them last.
      isProvisional: true,
      settle: async (session) => ((await hasReceipts(session, runId, spanOf(chunks))) ? "now" : undefined),
    })
    if (loaded === "now") parts.onRejects(inOrder([...encoded.rejects, ...setAside]))
    return { loaded, rows: records - setAside.length }
  } catch (error) {
    if (!(error instanceof OverLimit)) throw error
    await recordEnough(error)
    throw new TooManyRejects(nameGroup(chunks))
  }

  async function load(session: Session, guarded: readonly Reject[]): Promise<"now" | "before"> {
    // The receipts come first: a repeat waits here for the try before it, and learns whether it made it.
    const recorded = await recordReceipts(session, runId, chunks.map(receiptOf))
    if (recorded === 0) return "before"
    if (recorded < chunks.length) {
      // They will be counted again, chunk by chunk.
      tally.add(-counted)
      throw new PartlyLoaded(`${recorded} of ${nameGroup(chunks)} were not there`)
    }
    const copied = await tryCopy(session, staging, columns, encoded.copyText)
    const { refused, moved } =
      typeof copied === "number" ? { refused: [], moved: copied } : await repair(session, copied)
    const expected = records - guarded.length - refused.length
    if (moved !== expected) throw miscounted(chunks, moved, expected)
    setAside = await count(refused, guarded)
    await recordRejects(session, runId, {
      chunkOf,
      source: encoded.rejects,
      loader: setAside,
      refused: setAside.length,
    })
    return "now"
  }

  /** Which rows Postgres refuses; the others are in staging then. */
  async function repair(session: Session, refusal: Error) {
    const lines = splitLines(encoded.copyText)
    const side = repairTable(session, runId, chunks[0].chunk)
    const { refused, moved } = await repairCopy(session, { staging, columns, lines, side })
    // What staging takes from a table and not from COPY would be another value.
    if (refused.length === 0) throw refusal
    return { refused: refused.map((one) => toRefusal(one, lines[one.line - 1])), moved }
  }

  /** Adds these rows to the tally and, placed by the source, to those `before`. */
  async function count(refusals: readonly Refusal[], before: readonly Reject[]): Promise<readonly Reject[]> {
    const all = before.length + refusals.length
    const allowed = all === counted || tally.add(all - counted)
    counted = all
    if (!allowed) throw new OverLimit(before, refusals)
    return [...before, ...(await place(refusals))]
  }

  /** Past the limit some are written, and the run ends. */
  async function recordEnough({ placed, refusals }: OverLimit): Promise<void> {
    const loader = [...placed, ...(await place(refusals.slice(0, enoughRejects)))]
    await recordSome(runId, { chunkOf, source: encoded.rejects, loader }, counted, parts)
  }

  function toRefusal({ line, code, column, reason }: RefusedLine, text: Buffer | undefined): Refusal {
    const row = encoded.rows?.[line - 1] ?? chunks[0].first_row + line - 1
    const cell = readCells(text)[columns.findIndex(({ name }) => name === column)] ?? null
    return { row, code, column, reason, value: cell === null ? null : showValue(cell) }
  }

  async function place(refusals: readonly Refusal[]): Promise<Reject[]> {
    return await placeRefusals(refusals, chunks, run.manifest, parts)
  }
}

/** What a chunk's receipt says before rows of it are set aside here. */
const receiptOf = (chunk: ManifestChunk): Receipt => ({ ...chunk, raw_sha256: chunk.sha256, refused: 0 })

const spanOf = (chunks: ChunkGroup) => ({ first: chunks[0].chunk, last: lastOf(chunks) })

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
