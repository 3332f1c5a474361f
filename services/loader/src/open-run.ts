/** Resumes the run that was interrupted, or begins a new one with an empty staging table. */
import { type Manifest, type ManifestChunk, Problem } from "@flatbed/contract"
import { maskProblem } from "@flatbed/edge"
import { counted } from "./counted.ts"
import type { Lease } from "./lease.ts"
import {
  findOpenRuns,
  getReceipts,
  type OpenRun,
  type Receipt,
  type RunIdentity,
  recordAbandoned,
  recordFailure,
  recordResume,
  recordRun,
} from "./ledger/ledger.ts"
import type { Session } from "./postgres/database.ts"
import { createStaging, dropStaging, dropWidened, hasStaging, type StagingPlan } from "./postgres/staging.ts"
import { forgetRejects } from "./rejects/reject-ledger.ts"

export type OpenedRun = {
  readonly runId: number
  readonly resumed: boolean
  /** Chunks that are not in staging yet. */
  readonly missing: readonly ManifestChunk[]
  /** Rows of the others that were set aside here. */
  readonly refused: number
}

/** What a run is to do. */
export type Wanted = {
  readonly identity: RunIdentity
  readonly manifest: Manifest
  readonly staging: StagingPlan
  /** Whether it is to publish nothing. */
  readonly rehearsal: boolean
}

/**
 * A run is resumed when it loads the same version, or the same part of it, into the same table with the same settings,
 * column types and checks, and its staging is there. Every other open run of the pipeline is abandoned and its staging
 * dropped. A rehearsal always begins anew, and leaves all but earlier rehearsals as they are.
 */
export async function openRun(lease: Lease, wanted: Wanted): Promise<OpenedRun> {
  const { identity, manifest, staging } = wanted
  return await lease.transaction(
    async (session) => {
      const resumable = await abandonOthers(session, wanted, (run) => mayResume(session, run, wanted))
      if (resumable !== undefined) {
        await recordResume(session, resumable, lease.epoch)
        const receipts = await getReceipts(session, resumable)
        const missing = findMissing(manifest, receipts)
        const refused = receipts.reduce((sum, receipt) => sum + receipt.refused, 0)
        return { runId: resumable, resumed: true, missing, refused }
      }
      const runId = await recordRun(session, { ...wanted, ...identity, epoch: lease.epoch })
      await createStaging(session, runId, staging)
      return { runId, resumed: false, missing: manifest.chunks, refused: 0 }
    },
    { doing: `opening a run of ${identity.pipeline}` },
  )
}

/**
 * Makes sure that all chunks are in staging and stay there. A crash of Postgres' server may have taken back what was
 * committed provisionally; what is there now was so before this commit, which waits for the disk unless the server's
 * own default is not to, so no crash takes it any more.
 *
 * @throws Problem `chunks-lost` when some are not there: opened again, the run goes on with those.
 */
export async function requireReceipts(
  lease: Lease,
  runId: number,
  manifest: Manifest,
  signal: AbortSignal,
): Promise<void> {
  // Only who has written waits at COMMIT: the fence has, for it locks a row.
  const receipts = await lease.transaction((session) => getReceipts(session, runId), {
    doing: "looking whether all chunks have arrived",
    signal,
  })
  const { length } = findMissing(manifest, receipts)
  if (length === 0) return
  throw new Problem(
    "chunks-lost",
    `Postgres no longer has ${counted(length, "chunk")} that it had committed.`,
    {
      hint: "Its server has crashed during the load, or another took its place. Nothing was published; run the load again.",
      facts: { run: runId, chunks: length },
    },
  )
}

function findMissing({ chunks }: Manifest, receipts: readonly Receipt[]): ManifestChunk[] {
  const arrived = new Set(receipts.map(({ chunk }) => chunk))
  return chunks.filter(({ chunk }) => !arrived.has(chunk))
}

async function mayResume(
  session: Session,
  run: OpenRun,
  { staging, manifest }: Pick<Wanted, "staging" | "manifest">,
): Promise<boolean> {
  return (
    isSame(run.staging, staging) &&
    (await hasStaging(session, run.runId)) &&
    fits(await getReceipts(session, run.runId), manifest)
  )
}

/** The run that would be resumed, and which chunks are in staging; undefined where a new one would begin. */
export async function findResumable(
  session: Session,
  wanted: Wanted,
): Promise<{ readonly runId: number; readonly arrived: ReadonlySet<number> } | undefined> {
  const open = await findOpenRuns(session, wanted.identity.pipeline)
  for (const run of open.filter((one) => !one.rehearsal && isSameWork(one, wanted.identity))) {
    if (!(await mayResume(session, run, wanted))) continue
    const receipts = await getReceipts(session, run.runId)
    return { runId: run.runId, arrived: new Set(receipts.map(({ chunk }) => chunk)) }
  }
  return undefined
}

/**
 * A run without staging, for a version of which nothing will be loaded: the rejects that say why hang on it. The one
 * that was refused before for the same version is taken again.
 */
export async function openRefusedRun(lease: Lease, wanted: Wanted): Promise<number> {
  const { identity } = wanted
  return await lease.transaction(
    async (session) => {
      const before = await abandonOthers(
        session,
        wanted,
        async (run) => run.problem === "rejects-over-limit" && !(await hasStaging(session, run.runId)),
      )
      if (before === undefined)
        return await recordRun(session, { ...wanted, ...identity, epoch: lease.epoch })
      await recordResume(session, before, lease.epoch)
      return before
    },
    { doing: `opening a run of ${identity.pipeline}` },
  )
}

/**
 * Of the pipeline's open runs that do this work, the newest that may go on; all others are abandoned. No rehearsal goes
 * on, and to one other runs than rehearsals are no matter.
 */
async function abandonOthers(
  session: Session,
  { identity, rehearsal }: Wanted,
  mayGoOn: (run: OpenRun) => Promise<boolean>,
): Promise<number | undefined> {
  const found = await findOpenRuns(session, identity.pipeline)
  const open = rehearsal ? found.filter((run) => run.rehearsal) : found
  const alike = open.filter((run) => isSameWork(run, identity))
  let kept: number | undefined
  for (const run of alike) if (kept === undefined && !run.rehearsal && (await mayGoOn(run))) kept = run.runId
  const without = (runs: readonly OpenRun[]) =>
    runs.map(({ runId }) => runId).filter((runId) => runId !== kept)
  await recordAbandoned(session, without(open))
  await dropStaging(session, without(open))
  // Whoever does the same work again finds the same rejects: they would pile up, one set per try.
  await forgetRejects(session, without(alike))
  return kept
}

/**
 * Notes why the run stopped, so that `status` can tell. It stays open, unless its staging does not add up or holds a
 * load with too many rejects, or it was a rehearsal. Never throws: the database may be what failed, and the run's own
 * problem is the one to report.
 */
export async function noteFailure(
  lease: Lease,
  runId: number,
  error: unknown,
  { rehearsal }: Pick<Wanted, "rehearsal">,
): Promise<void> {
  const known =
    error instanceof Problem ? maskProblem(error) : { code: "stopped", message: "The run was stopped." }
  const work = lease.transaction(
    async (session) => {
      await recordFailure(session, runId, known)
      if (known.code === "receipt-unbalanced") await recordAbandoned(session, [runId])
      // What was refused depends on the table as it is: after too many, the next run looks at every row afresh.
      if (rehearsal || known.code === "receipt-unbalanced" || known.code === "rejects-over-limit")
        await dropStaging(session, [runId])
    },
    { doing: "noting the failure" },
  )
  await work.catch(() => undefined)
  // By itself: a session that is still ending may hold it, and what is noted above does not wait for that.
  const doing = "dropping a copy that is of no use"
  await lease.transaction((session) => dropWidened(session, runId), { doing }).catch(() => undefined)
}

function isSameWork(run: RunIdentity, wanted: RunIdentity): boolean {
  return (
    run.dataset === wanted.dataset &&
    run.version === wanted.version &&
    run.settingsSha256 === wanted.settingsSha256 &&
    run.target === wanted.target
  )
}

/** Whether all that has arrived is part of what is to be loaded. It is not where another part of the version is. */
function fits(receipts: readonly Receipt[], { chunks }: Manifest): boolean {
  const wanted = new Map(chunks.map((chunk) => [chunk.chunk, chunk]))
  return receipts.every(({ chunk, first_row, rows }) => {
    const one = wanted.get(chunk)
    return one?.first_row === first_row && one.rows === rows
  })
}

// Postgres gives jsonb's keys back in an order of its own.
function isSame(a: StagingPlan, b: StagingPlan): boolean {
  const flat = ({ columns, checks }: StagingPlan) =>
    JSON.stringify([
      columns.map(({ name, type, notNull, isBeside, place }) => [
        ...[name, type, notNull === true, isBeside === true, place ?? null],
      ]),
      checks.map(({ name, definition }) => [name, definition]),
    ])
  return flat(a) === flat(b)
}
