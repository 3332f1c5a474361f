/** The end of a load with more rejects than allowed: what it says, and what `rejects list` can show of it. */
import { hashColumns, type Problem, type Reject } from "@flatbed/contract"
import type { AskParts } from "./fetch/ask-source.ts"
import { proveRejects } from "./fetch/chunk-proof.ts"
import type { Lease } from "./lease.ts"
import { getRunRejects } from "./ledger/ledger.ts"
import { noteFailure, openRefusedRun, type Wanted } from "./open-run.ts"
import { countRejects, getRejects, recordRejects } from "./rejects/reject-ledger.ts"
import type { RejectLimit } from "./rejects/reject-limit.ts"
import { createRejectLog } from "./rejects/reject-log.ts"
import { overLimit } from "./rejects/rejects-problem.ts"
import { mayRepeatRequest, withRetries } from "./retry.ts"
import { encodeChunk } from "./staging/chunk-encoder.ts"
import { type ChunkGroup, chunkOfRow, planGroups, servedGroup, wantedLines } from "./staging/chunk-groups.ts"
import { enoughRejects } from "./staging/stage-group.ts"
import type { ShowCommand } from "./summary.ts"

type Limit = {
  readonly limit: RejectLimit
  readonly allowed: number
  /** Whether the table is there already. */
  readonly hasTable: boolean
  readonly showCommand: ShowCommand
}

/**
 * Before a row moves: the manifest counts more rejects than allowed. Chunks with rejects are read until some 1,000
 * are in the ledger, nothing is staged, and the problem that ends the run comes back.
 */
export async function refuseVersion(
  lease: Lease,
  wanted: Wanted,
  limit: Limit,
  parts: AskParts & { readonly groupBytes: number },
): Promise<Problem> {
  const { manifest } = wanted
  const runId = await openRefusedRun(lease, wanted)
  const rejectLog = createRejectLog(parts.log, limit.showCommand)
  try {
    const doing = "recording rejects"
    let recorded = await lease.transaction((session) => countRejects(session, [runId]), { doing })
    const withRejects = manifest.chunks.filter(({ rejects }) => rejects > 0)
    for (const group of planGroups(withRejects, parts.groupBytes)) {
      if (recorded >= Math.min(enoughRejects, manifest.rejects)) break
      const rejects = await fetchRejects(wanted, group, parts)
      const chunkOf = (row: number) => chunkOfRow(group, row).chunk
      const found = { chunkOf, source: rejects, loader: [], refused: 0 }
      await lease.transaction((session) => recordRejects(session, runId, found), { doing })
      rejectLog.tell(rejects)
      recorded = await lease.transaction((session) => countRejects(session, [runId]), { doing })
    }
    const problem = await describeTooMany(lease, runId, wanted, limit, manifest.rejects)
    await noteFailure(lease, runId, problem, wanted)
    return problem
  } catch (error) {
    await noteFailure(lease, runId, error, wanted)
    throw error
  } finally {
    rejectLog.close(runId)
  }
}

/**
 * The problem of a run whose rejects are in the ledger: how many, and the first. `tallied` are those of chunks too that
 * Postgres has lost meanwhile.
 */
export async function describeTooMany(
  lease: Lease,
  runId: number,
  { manifest }: Pick<Wanted, "manifest">,
  limits: Limit,
  tallied: number,
): Promise<Problem> {
  return await lease.transaction(
    async (session) => {
      const [first] = await getRejects(session, [runId], 1)
      const known = await getRunRejects(session, runId)
      const rejects = known > limits.allowed ? known : tallied
      return overLimit({ runId, records: manifest.rows, rejects, first, ...limits })
    },
    { doing: "reading the rejects" },
  )
}

async function fetchRejects(
  { manifest }: Wanted,
  group: ChunkGroup,
  { source, retries: policy, patience, signal }: AskParts,
): Promise<readonly Reject[]> {
  const { dataset, version } = manifest
  const expected = { dataset, version, columnsSha256: hashColumns(manifest.columns), chunks: group }
  const columns = manifest.columns.map(({ name }) => name)
  const fetch = async () => {
    const lines = wantedLines(
      await source.getChunks({ ...expected, chunks: servedGroup(group) }, signal),
      group,
    )
    return proveRejects(encodeChunk(lines, { columns, firstRow: group[0].first_row }).rejects, expected)
  }
  return await withRetries(fetch, { policy, patience, mayRepeat: mayRepeatRequest, signal })
}
