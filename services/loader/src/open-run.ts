/** Resumes the run that was interrupted, or begins a new one with an empty staging table. */
import { type Manifest, type ManifestChunk, Problem } from "@flatbed/contract"
import type { Lease } from "./lease.ts"
import {
  findOpenRuns,
  getReceipts,
  type RunIdentity,
  recordAbandoned,
  recordFailure,
  recordResume,
  recordRun,
} from "./ledger.ts"
import { createStaging, dropStaging, hasStaging, type StagingColumn } from "./postgres/staging.ts"

export type OpenedRun = {
  readonly runId: number
  readonly resumed: boolean
  /** Chunks that are not in staging yet. */
  readonly missing: readonly ManifestChunk[]
}

/**
 * A run is resumed when it loads the same version into the same table with the same settings and column types, and
 * its staging is there. Every other open run of the pipeline is abandoned and its staging dropped.
 */
export async function openRun(
  lease: Lease,
  wanted: {
    readonly identity: RunIdentity
    readonly manifest: Manifest
    readonly staging: readonly StagingColumn[]
  },
): Promise<OpenedRun> {
  const { identity, manifest, staging } = wanted
  return await lease.transaction(
    async (session) => {
      const open = await findOpenRuns(session, identity.pipeline)
      let resumable: number | undefined
      for (const run of open) {
        const same = isSameWork(run, identity) && isSame(run.stagingColumns, staging)
        if (resumable === undefined && same && (await hasStaging(session, run.runId))) resumable = run.runId
      }
      const others = open.map(({ runId }) => runId).filter((runId) => runId !== resumable)
      await recordAbandoned(session, others)
      await dropStaging(session, others)

      if (resumable !== undefined) {
        await recordResume(session, resumable, lease.epoch)
        const arrived = new Set((await getReceipts(session, resumable)).map(({ chunk }) => chunk))
        const missing = manifest.chunks.filter(({ chunk }) => !arrived.has(chunk))
        return { runId: resumable, resumed: true, missing }
      }
      const runId = await recordRun(session, {
        ...identity,
        manifest,
        epoch: lease.epoch,
        stagingColumns: staging,
      })
      await createStaging(session, runId, staging)
      return { runId, resumed: false, missing: manifest.chunks }
    },
    { doing: `opening a run of ${identity.pipeline}` },
  )
}

/**
 * Notes why the run stopped, so that `status` can tell; it stays open. Staging that does not add up is not resumed.
 * Never throws: the database may be what failed, and the run's own problem is the one to report.
 */
export async function noteFailure(lease: Lease, runId: number, error: unknown): Promise<void> {
  const known = error instanceof Problem ? error : { code: "stopped", message: "The run was stopped." }
  const work = lease.transaction(
    async (session) => {
      await recordFailure(session, runId, known)
      if (known.code !== "receipt-unbalanced") return
      await recordAbandoned(session, [runId])
      await dropStaging(session, [runId])
    },
    { doing: "noting the failure" },
  )
  await work.catch(() => undefined)
}

function isSameWork(run: RunIdentity, wanted: RunIdentity): boolean {
  return (
    run.dataset === wanted.dataset &&
    run.version === wanted.version &&
    run.settingsSha256 === wanted.settingsSha256 &&
    run.target === wanted.target
  )
}

// Postgres gives jsonb's keys back in an order of its own.
function isSame(a: readonly StagingColumn[], b: readonly StagingColumn[]): boolean {
  const flat = (columns: readonly StagingColumn[]) =>
    JSON.stringify(columns.map(({ name, type }) => [name, type]))
  return flat(a) === flat(b)
}
