/** Rows that this side sets aside: where they stand in the file, which the source is asked, and some of too many. */
import { type Manifest, type Reject, requestLimits } from "@flatbed/contract"
import type { SourceClient } from "../fetch/source-client.ts"
import type { Lease } from "../lease.ts"
import type { Work } from "../postgres/database.ts"
import { mayRepeatRequest, type Patience, type RetryPolicy, withRetries } from "../retry.ts"
import { type ChunkGroup, chunkOfRow } from "../staging/chunk-groups.ts"
import { placeRefusal, type Refusal } from "./refusal.ts"
import { type FoundRejects, findReject, recordRejects } from "./reject-ledger.ts"

export type AskParts = {
  readonly source: SourceClient
  readonly patience: Patience
  readonly retries: RetryPolicy
  /** Ends asking the source. */
  readonly signal: AbortSignal
}

/**
 * The rows of these chunks as rejects, in the order of the rows: one request for all of them, unless they are more than
 * one may ask for.
 *
 * @throws Problem `chunk-damaged` when the source places a row elsewhere; those of its answers.
 */
export async function placeRefusals(
  refusals: readonly Refusal[],
  chunks: ChunkGroup,
  { dataset, version }: Pick<Manifest, "dataset" | "version">,
  { source, retries: policy, patience, signal }: AskParts,
): Promise<Reject[]> {
  const rising = [...refusals].sort((a, b) => a.row - b.row)
  const placed: Reject[] = []
  for (let from = 0; from < rising.length; from += requestLimits.rows)
    placed.push(...(await place(rising.slice(from, from + requestLimits.rows))))
  return placed

  async function place(some: readonly Refusal[]): Promise<Reject[]> {
    const rows = some.map(({ row }) => row)
    const ask = async () => {
      const origins = await source.getRows(dataset, version, rows, signal)
      return some.map((refusal, i) => placeRefusal(refusal, origins[i], chunkOfRow(chunks, refusal.row)))
    }
    return await withRetries(ask, { policy, patience, mayRepeat: mayRepeatRequest, signal })
  }
}

/**
 * Of more rejects than are allowed lists these, and counts all `refused` rows: the run is to end. What is to be done `beside`
 * that is done in the same transaction.
 */
export async function recordSome(
  runId: number,
  found: Omit<FoundRejects, "refused">,
  refused: number,
  parts: {
    readonly lease: Lease
    readonly onRejects: (rejects: readonly Reject[]) => void
    readonly hardSignal: AbortSignal
  },
  beside: Work<void> = async () => undefined,
): Promise<void> {
  const write: Work<void> = async (session) => {
    await recordRejects(session, runId, { ...found, refused })
    await beside(session)
  }
  await parts.lease.transaction<unknown>(write, {
    doing: "recording rejects",
    signal: parts.hardSignal,
    // Done again, it would count them again.
    settle: async (session) => await findReject(session, runId, found.loader[0]?.row ?? 0),
  })
  parts.onRejects([...found.source, ...found.loader].sort((a, b) => a.row - b.row))
}
