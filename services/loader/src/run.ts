/** One run of a pipeline from beginning to end. The page to read first. */
import { Problem } from "@flatbed/contract"
import type { CheckResult } from "./checks/check.ts"
import { compileChecks } from "./checks/compile-checks.ts"
import { refuseRowCount } from "./checks/expected-rows.ts"
import { runChecks } from "./checks/run-checks.ts"
import { refuseShown } from "./checks/shown-version.ts"
import { planStaging } from "./columns/column-plan.ts"
import { agreeOnColumns } from "./columns/compare-columns.ts"
import { fileColumn, rowColumn } from "./columns/own-columns.ts"
import { type AskParts, askForManifest } from "./fetch/ask-source.ts"
import { chooseVersion } from "./fetch/choose-version.ts"
import { claimLease, type Lease, type LeaseSettings } from "./lease.ts"
import { manifestBytes, type RunIdentity } from "./ledger/ledger.ts"
import type { Publication } from "./ledger/publication-ledger.ts"
import { noteFailure, openRun, requireReceipts } from "./open-run.ts"
import { placeRepeated } from "./place-repeated.ts"
import { planPart } from "./plan-part.ts"
import type { Database, Work } from "./postgres/database.ts"
import { publish } from "./publish.ts"
import type { RunReceipt } from "./receipt.ts"
import { describeTooMany, refuseVersion } from "./refuse-load.ts"
import { createPhases, type Rehearsal } from "./rehearsal.ts"
import { rehearsePublish } from "./rehearse.ts"
import { allowedCount } from "./rejects/reject-limit.ts"
import { createRejectLog } from "./rejects/reject-log.ts"
import { createRejectTally, TooManyRejects } from "./rejects/reject-tally.ts"
import { areChunksLost, isVersionLost } from "./retry.ts"
import { createCounter, type RunProgress, tellBegin, tellNotSwapped, tellPublished } from "./run-log.ts"
import type { Pipeline } from "./settings/pipeline-settings.ts"
import { createGuards } from "./staging/cell-guard.ts"
import { planGroups } from "./staging/chunk-groups.ts"
import { stageGroups } from "./staging/stage-groups.ts"
import type { ShowCommand } from "./summary.ts"
import {
  analyzeTarget,
  findStandingPublication,
  inspectForLoad,
  inspectTarget,
  rememberTag,
} from "./target.ts"
import type { FileCounts } from "./version-part.ts"

/** `signal`, among them, stops asking and fetching; what is being committed goes on. `hardStop` stops that too. */
export type RunParts = AskParts & {
  readonly database: Database
  readonly lease: LeaseSettings
  readonly connections: number
  readonly readAhead: number
  /** Small chunks that follow each other travel and commit together, up to so many bytes of the file. */
  readonly groupBytes: number
  /** A name that no other run has. */
  readonly owner: string
  readonly showCommand: ShowCommand
  /** Whether all is done in earnest and then taken back. */
  readonly rehearse: boolean
  /** The beginning of the name of the version to load; undefined: the newest. */
  readonly chosen: string | undefined
  readonly onProgress: (progress: RunProgress) => void
  /** Told which version is to be loaded, as soon as the source has named it. */
  readonly onVersion: (version: string) => void
  readonly hardStop: AbortController
}

export type RunResult = {
  readonly outcome: "published" | "rehearsed" | "up-to-date"
  readonly version: string
  /** The newest version, when another one was chosen. */
  readonly newest: string | undefined
  /** Rows that the table took. With the rejects and the filtered they are the records of what was loaded. */
  readonly rows: number
  /** Rows of the version that the table had from before; 0 but for `append`. */
  readonly knownRows: number
  /** Undefined but for `append`. */
  readonly files: FileCounts | undefined
  readonly rejects: number
  /** Records that the source's filter leaves out. */
  readonly filtered: number
  readonly bytes: number
  /** Chunks that this run fetched: fewer than the version has when it was resumed. */
  readonly fetched: number
  readonly run: number | undefined
  /** How the pipeline's checks came out; none where nothing was published or rehearsed. */
  readonly checks: readonly CheckResult[]
  /** Undefined when nothing was published or rehearsed. */
  readonly receipt: RunReceipt | undefined
  /** Undefined but for a rehearsal. */
  readonly rehearsal: Rehearsal | undefined
}

// For each of the two reasons.
const mostRestarts = 3

/**
 * Loads the dataset's newest version into the pipeline's table, or the one that was chosen, exactly once, or throws what
 * stopped it.
 */
export async function runPipeline(pipeline: Pipeline, parts: RunParts): Promise<RunResult> {
  const { database, patience, owner, log } = parts
  const onLost = (problem: Problem) => parts.hardStop.abort(problem)
  const lease = await claimLease({ pipeline: pipeline.name, owner }, parts.lease, {
    database,
    patience,
    onLost,
  })
  try {
    let [freshStarts, resumptions] = [0, 0]
    for (;;) {
      try {
        return await loadVersion(pipeline, lease, parts)
      } catch (error) {
        if (areChunksLost(error) && resumptions < mostRestarts) {
          resumptions += 1
          log.warn({ event: "run.restarted", code: error.code }, `going on: ${error.message}`)
          continue
        }
        // In place of a version that was chosen there is no other one.
        if (!isVersionLost(error) || parts.chosen !== undefined) throw error
        if (freshStarts === mostRestarts) throw unstable(pipeline, error)
        freshStarts += 1
        log.warn({ event: "run.restarted", code: error.code }, `starting over: ${error.message}`)
      }
    }
  } finally {
    await lease.release()
  }
}

async function loadVersion(pipeline: Pipeline, lease: Lease, parts: RunParts): Promise<RunResult> {
  const phases = createPhases()
  const { rehearse } = parts
  const published = findStandingPublication(await inspectTarget(pipeline, lease), pipeline)
  const dataset = await chooseVersion(pipeline.dataset, parts.chosen, published?.datasetTag, parts)
  if (dataset === "unchanged") {
    if (published === undefined) throw new Error("the source answered a question that was not asked")
    parts.onVersion(published.version)
    return upToDate(pipeline, published, parts)
  }
  const { evidence, tag, newest } = dataset
  parts.onVersion(dataset.version)
  const identity = identify(pipeline, dataset.version)
  // Looked at again: the source may have taken its time, and the table may be another one by now.
  const target = await inspectForLoad(pipeline, lease)
  const same = findStandingPublication(target, pipeline)
  if (same?.version === dataset.version) {
    if (tag !== undefined && tag !== same.datasetTag && !rehearse) await rememberTag(lease, same, tag)
    return { ...upToDate(pipeline, same, parts), newest }
  }

  const whole = await askForManifest(pipeline.dataset, dataset.version, parts)
  const part = await planPart(pipeline, whole, target.table?.oid, lease, parts)
  const { manifest } = part
  const limit = pipeline.maxRejects
  const allowed = allowedCount(limit, manifest.rows)
  if (manifest.rejects <= allowed) refuseRowCount(pipeline, countRows(manifest.rejects))
  const compared = { pipeline, manifest, evidence, allowed, target, checksLater: true }
  const columns = await agreeOnColumns(compared, askDatabase, parts.log)
  const limits = { limit, allowed, hasTable: target.table !== undefined, showCommand: parts.showCommand }
  const staging = planStaging(columns, target.table, pipeline.rules)
  const checks = await compileChecks(pipeline, staging.columns, lease)
  const wanted = { identity, manifest, staging, rehearsal: rehearse }
  const versionLog = parts.log.child({ version: manifest.version.slice(0, 12) })
  if (manifest.rejects > allowed)
    throw await refuseVersion(lease, wanted, limits, { ...parts, log: versionLog })

  const run = await openRun(lease, wanted)
  const { runId, missing } = run
  const log = versionLog.child({ run: runId })
  const rejectLog = createRejectLog(log, parts.showCommand)
  const tally = createRejectTally(manifest.rejects + run.refused, allowed)
  tellBegin(log, manifest, run, parts.source.coding())
  let checked: readonly CheckResult[]
  phases.enter("staging")
  let done: Pick<RunResult, "receipt" | "rehearsal">
  try {
    const onLoaded = createCounter(manifest, run, parts.onProgress)
    const hardSignal = parts.hardStop.signal
    const guards = createGuards(manifest.columns, evidence, columns.columns)
    const onRejects = rejectLog.tell
    const isOwn = (name: string) => staging.columns.some((one) => one.isOwn && one.name === name)
    const [numbered, withFiles] = [isOwn(rowColumn), isOwn(fileColumn)]
    const copied = staging.columns.filter(({ isBeside }) => !isBeside)
    const staged = { runId, manifest, columns: copied, numbered, withFiles }
    const stageParts = { ...parts, lease, log, hardSignal, onLoaded, onRejects, guards, tally }
    await stageGroups(staged, planGroups(missing, parts.groupBytes), stageParts)
    await requireReceipts(lease, runId, manifest, hardSignal)
    checked = await runChecks(pipeline, checks, staged, stageParts)
    refuseRowCount(pipeline, countRows(tally.rejects()))

    phases.enter("publishing")
    const { table, mode, rules, indexes, contract, swapWaitMs } = pipeline
    const onNotSwapped = () => tellNotSwapped(log, pipeline)
    const publishing = {
      ...{ identity, runId, part, seen: target, evidence, datasetTag: tag, staging, allowed },
      ...{ table, mode, rules, indexes, contract, swapWaitMs, onNotSwapped },
    }
    const how = { signal: hardSignal, patience: parts.patience }
    if (rehearse) {
      const { receipt, locks } = await rehearsePublish(lease, publishing, how)
      done = { receipt, rehearsal: { locks, seconds: phases.seconds() } }
    } else {
      const { receipt, indexes } = await publish(lease, publishing, how)
      done = { receipt, rehearsal: undefined }
      tellPublished(log, pipeline.target, receipt, indexes)
    }
  } catch (error) {
    const reason =
      error instanceof TooManyRejects
        ? await describeTooMany(lease, runId, wanted, limits, tally.rejects())
        : await placeRepeated(error, manifest, parts)
    await noteFailure(lease, runId, reason, wanted)
    throw reason
  } finally {
    rejectLog.close(runId)
  }
  if (!rehearse)
    await analyzeTarget(pipeline, lease, (error) => log.warn({ event: "table.not_analyzed", err: error }))
  return {
    outcome: rehearse ? "rehearsed" : "published",
    version: manifest.version,
    newest,
    rows: manifest.rows - tally.rejects(),
    knownRows: part.knownRows,
    files: part.counts,
    rejects: tally.rejects(),
    filtered: manifest.filtered,
    bytes: manifestBytes(manifest),
    fetched: missing.length,
    run: runId,
    checks: checked,
    ...done,
  }

  function countRows(rejects: number) {
    return { rows: part.knownRows + manifest.rows - rejects, rejects }
  }

  async function askDatabase<T>(work: Work<T>): Promise<T> {
    return await lease.transaction(work, { doing: `looking at ${pipeline.target}` })
  }
}

function identify(pipeline: Pipeline, version: string): RunIdentity {
  const { name, dataset, settingsSha256, target } = pipeline
  return { pipeline: name, dataset, version, settingsSha256, target }
}

function upToDate(pipeline: Pipeline, shown: Publication, { showCommand }: RunParts): RunResult {
  refuseShown(pipeline, shown, showCommand)
  const { version, rows, knownRows, rejects, filtered, bytes } = shown
  return {
    outcome: "up-to-date",
    version,
    newest: undefined,
    rows: rows + knownRows,
    knownRows,
    files: undefined,
    rejects,
    filtered,
    bytes,
    fetched: 0,
    run: undefined,
    checks: [],
    receipt: undefined,
    rehearsal: undefined,
  }
}

function unstable({ dataset }: Pipeline, cause: Problem): Problem {
  return new Problem("version-unstable", `${dataset} changed during the load ${mostRestarts + 1} times.`, {
    hint: "Write the file under another name and rename it when it is complete.",
    cause,
  })
}
