/** One run of a pipeline from beginning to end. The page to read first. */
import { Problem } from "@flatbed/contract"
import { type AskParts, askForDataset, askForManifest } from "./ask-source.ts"
import { planColumns } from "./column-plan.ts"
import { claimLease, type Lease, type LeaseSettings } from "./lease.ts"
import { manifestBytes, type Publication, type RunIdentity } from "./ledger.ts"
import { loadModes } from "./load-modes/load-mode.ts"
import { noteFailure, openRun } from "./open-run.ts"
import type { Database } from "./postgres/database.ts"
import { publish } from "./publish.ts"
import { isVersionLost } from "./retry.ts"
import { createCounter, type RunProgress, tellBegin, tellColumns } from "./run-log.ts"
import type { Pipeline } from "./settings.ts"
import { stageChunks } from "./stage-chunks.ts"
import { analyzeTarget, findSamePublication, inspectTarget } from "./target.ts"

/** `signal`, among them, stops asking and fetching; what is being committed goes on. `hardStop` stops that too. */
export type RunParts = AskParts & {
  readonly database: Database
  readonly lease: LeaseSettings
  readonly connections: number
  readonly readAhead: number
  /** A name that no other run has. */
  readonly owner: string
  readonly onProgress: (progress: RunProgress) => void
  readonly hardStop: AbortController
}

export type RunResult = {
  readonly outcome: "published" | "up-to-date"
  readonly version: string
  readonly rows: number
  readonly bytes: number
  /** Chunks that this run fetched: fewer than the version has when it was resumed. */
  readonly fetched: number
  readonly run: number | undefined
}

const freshStarts = 3

/** Loads the dataset's newest version into the pipeline's table, exactly once, or throws what stopped it. */
export async function runPipeline(pipeline: Pipeline, parts: RunParts): Promise<RunResult> {
  const { database, patience, owner, log } = parts
  const onLost = (problem: Problem) => parts.hardStop.abort(problem)
  const lease = await claimLease({ pipeline: pipeline.name, owner }, parts.lease, {
    database,
    patience,
    onLost,
  })
  try {
    for (let start = 0; ; start++) {
      try {
        return await loadNewestVersion(pipeline, lease, parts)
      } catch (error) {
        if (!isVersionLost(error)) throw error
        if (start === freshStarts) throw unstable(pipeline, error)
        log.warn({ event: "run.restarted", code: error.code }, `starting over: ${error.message}`)
      }
    }
  } finally {
    await lease.release()
  }
}

async function loadNewestVersion(pipeline: Pipeline, lease: Lease, parts: RunParts): Promise<RunResult> {
  const dataset = await askForDataset(pipeline.dataset, parts)
  const identity = identify(pipeline, dataset.version)
  const target = await inspectTarget(pipeline, lease)
  const same = findSamePublication(target, identity)
  if (same !== undefined) return upToDate(same)

  const manifest = await askForManifest(pipeline.dataset, dataset.version, parts)
  const staging = compareColumns()
  const run = await openRun(lease, { identity, manifest, staging })
  const { runId, missing } = run
  const log = parts.log.child({ run: runId, version: manifest.version.slice(0, 12) })
  tellBegin(log, manifest, run)
  try {
    const onLoaded = createCounter(manifest, run, parts.onProgress)
    const hardSignal = parts.hardStop.signal
    await stageChunks({ runId, manifest }, missing, { ...parts, lease, log, hardSignal, onLoaded })

    const { evidence } = dataset
    const apply = loadModes[pipeline.mode]
    await publish(
      lease,
      { identity, runId, manifest, evidence, staging, table: pipeline.table, apply },
      hardSignal,
    )
    const { rows } = manifest
    log.info(
      { event: "run.published", table: pipeline.target, rows },
      `${pipeline.target} shows this version`,
    )
  } catch (error) {
    await noteFailure(lease, runId, error)
    throw error
  }
  await analyzeTarget(pipeline, lease, (error) => log.warn({ event: "table.not_analyzed", err: error }))
  const { version, rows } = manifest
  return {
    outcome: "published",
    version,
    rows,
    bytes: manifestBytes(manifest),
    fetched: missing.length,
    run: runId,
  }

  function compareColumns() {
    try {
      const { columns } = manifest
      return planColumns({
        target: pipeline.target,
        columns,
        evidence: dataset.evidence,
        table: target.table,
      })
    } catch (error) {
      tellColumns(parts.log, error)
      throw error
    }
  }
}

function identify(pipeline: Pipeline, version: string): RunIdentity {
  const { name, dataset, settingsSha256, target } = pipeline
  return { pipeline: name, dataset, version, settingsSha256, target }
}

function upToDate({ version, rows, bytes }: Publication): RunResult {
  return { outcome: "up-to-date", version, rows, bytes, fetched: 0, run: undefined }
}

function unstable({ dataset }: Pipeline, cause: Problem): Problem {
  return new Problem("version-unstable", `${dataset} changed during the load ${freshStarts + 1} times.`, {
    hint: "Write the file under another name and rename it when it is complete.",
    cause,
  })
}
