/**
 * One dataset: looks whether its file has changed, makes the next version in the background, and keeps the one
 * before served until then.
 */
import { asProblem, type Manifest, Problem } from "@flatbed/contract"
import type { Logger } from "pino"
import { counted } from "./counted.ts"
import { type FileIdentity, sameIdentity } from "./file-identity.ts"
import type { Reader } from "./formats/format.ts"
import { createHeldVersions, type HeldVersion } from "./held-versions.ts"
import type { IndexFolder } from "./index-folder.ts"
import { makeVersion } from "./make-version.ts"
import type { SourceMetrics } from "./metrics.ts"
import { identifyFile, tellPath } from "./open-file.ts"
import type { Turns } from "./turns.ts"
import type { Shape } from "./version-name.ts"

export type DatasetParts = {
  readonly name: string
  readonly root: string
  readonly file: string
  readonly shape: Shape
  readonly reader: Reader
  readonly settleMs: number
  readonly keepVersionsMs: number
  readonly maxRecordBytes: number
  readonly maxTextBytes: number
  readonly indexes: IndexFolder
  readonly turns: Turns
  /** Told of each version that follows another one, or none. */
  readonly announce: (manifest: Manifest) => void
  readonly metrics: SourceMetrics
  readonly log: Logger
}

/** Why a content was not made a version, and until when it is not tried again; by the process's own clock, in ms. */
type Failure = {
  readonly problem: Problem
  readonly identity: FileIdentity | undefined
  readonly until: number
}

/** `state` speaks of the newest content, `current` is what is served meanwhile. */
export type DatasetStatus = {
  readonly state: "indexing" | "ready" | "failed"
  readonly current: HeldVersion | undefined
  readonly progress: { readonly bytes: number; readonly of: number } | undefined
  readonly problem: Problem | undefined
}

export type SourceDataset = {
  readonly name: string
  readonly shape: Shape
  readonly reader: Reader
  /** Looks at the file, which is cheap, and begins a version when it may have another content. Never raises. */
  look(): Promise<void>
  status(): DatasetStatus
  /** The current version; raises indexing, or why there is none. */
  getCurrent(): HeldVersion
  /** A version by its name; raises version-gone, version-not-found, or as getCurrent while there is none. */
  getVersion(version: string): HeldVersion
  /** The version's bytes are no longer in the file: it is gone for good, and its file is read anew. */
  discard(held: HeldVersion): Promise<void>
  /** Waits until no version is being made. */
  settled(): Promise<void>
  close(): Promise<void>
}

/** Nothing happens before the first look. */
export function createDataset(parts: DatasetParts): SourceDataset {
  const { name, root, file, indexes, metrics, log } = parts
  const stop = new AbortController()
  // Versions that were served once; their names survive in the index folder.
  const once = new Set<string>()
  const discarded = new Set<string>()
  const held = createHeldVersions(parts.keepVersionsMs, (one) => tellGone(one, "replaced"))
  let making: Promise<void> | undefined
  let progress = { bytes: 0, of: 0 }
  let failure: Failure | undefined
  let remembered = false
  // What was heard of while a version was made may have come too late for it.
  let lookAgain = false

  async function look(): Promise<void> {
    if (making !== undefined) lookAgain = true
    if (making !== undefined || stop.signal.aborted) return
    if (!remembered) {
      remembered = true
      for (const version of await indexes.versions().catch(() => [])) once.add(version)
    }
    let identity: FileIdentity
    try {
      identity = await identifyFile(root, file)
    } catch (error) {
      if (making === undefined) fail(error, undefined)
      return
    }
    // Another look may have begun a version while this one asked.
    if (making !== undefined || stop.signal.aborted) return
    const current = held.current()
    if (current !== undefined && sameIdentity(current.open.identity, identity)) {
      failure = undefined
      return
    }
    if (failure !== undefined && isJudged(failure, identity)) return
    progress = { bytes: 0, of: identity.bytes }
    making = parts.turns
      .take(() => make(identity))
      .finally(() => {
        making = undefined
        if (!lookAgain) return
        lookAgain = false
        void look()
      })
  }

  async function make(identity: FileIdentity): Promise<void> {
    const started = performance.now()
    try {
      stop.signal.throwIfAborted()
      const made = await makeVersion({
        ...parts,
        dataset: name,
        signal: stop.signal,
        onProgress: (bytes, of) => {
          progress = { bytes, of }
        },
        onCacheTrouble: (error) => {
          log.warn(
            { event: "cache.failed", dataset: name, err: error },
            `${name}: its chunk index is not kept`,
          )
        },
      })
      failure = undefined
      once.add(made.index.manifest.version)
      discarded.delete(made.index.manifest.version)
      const before = held.current()?.index.manifest.version
      held.publish(made)
      if (before !== made.index.manifest.version) parts.announce(made.index.manifest)
      tellPublished(made, made.cached, started)
    } catch (error) {
      if (stop.signal.aborted) return
      fail(error, identity)
      metrics.indexed(name, "failed", (performance.now() - started) / 1000)
    }
  }

  function fail(error: unknown, identity: FileIdentity | undefined): void {
    const problem = asProblem(error)
    // Only a content is judged once and for all; a missing file, or a disk that failed, is asked again.
    const lasting = problem.code !== "internal" && !problem.retryable
    const known = failure?.problem.code === problem.code && failure.problem.message === problem.message
    // Tried at every look, it would be under way at every look, and nobody would be told why.
    const waits = problem.code === "cache-unusable" ? (problem.retryAfterSeconds ?? 0) * 1000 : 0
    const until = lasting ? Number.POSITIVE_INFINITY : performance.now() + waits
    failure = { problem, identity, until }
    if (known) return
    const { code, message: detail, hint, facts } = tellPath(problem, root, file)
    const cause = code === "internal" ? { err: problem.cause } : {}
    log.error(
      { event: "version.failed", dataset: name, code, detail, hint, ...cause, facts },
      `${name}: ${detail}`,
    )
  }

  function tellPublished({ index }: HeldVersion, cached: boolean, started: number): void {
    const { version, rows, rejects, filtered, chunks, columns, files } = index.manifest
    const durationMs = Math.round(performance.now() - started)
    const bytes = files.reduce((sum, one) => sum + one.bytes, 0)
    const { encoding, compression, text_bytes: textBytes } = files[0] ?? {}
    log.info(
      {
        event: "version.published",
        dataset: name,
        version,
        rows,
        rejects,
        filtered,
        bytes,
        // Absent where the file is its text.
        encoding,
        compression,
        text_bytes: textBytes,
        chunks: chunks.length,
        duration_ms: durationMs,
        cached,
        reader: parts.reader.name,
        columns: columns.map((column) => `${column.name} ${column.type}`),
      },
      `${name}: ${counted(rows, "record")}${rejects === 0 ? "" : `, ${rejects} set aside,`}${filtered === 0 ? "" : `, ${filtered} filtered,`} in ${counted(chunks.length, "chunk")}: ` +
        `version ${version.slice(0, 12)}`,
    )
    metrics.indexed(name, cached ? "cached" : "published", durationMs / 1000)
  }

  function tellGone({ index }: HeldVersion, reason: "replaced" | "edited"): void {
    const { version } = index.manifest
    log.info(
      { event: "version.gone", dataset: name, version, reason },
      `${name}: ${version.slice(0, 12)} is gone`,
    )
  }

  function status(): DatasetStatus {
    const current = held.current()
    if (making !== undefined) return { state: "indexing", current, progress, problem: undefined }
    if (failure !== undefined)
      return { state: "failed", current, progress: undefined, problem: failure.problem }
    return {
      state: current === undefined ? "indexing" : "ready",
      current,
      progress: undefined,
      problem: undefined,
    }
  }

  function unavailable(): Problem {
    if (making === undefined && failure !== undefined) return failure.problem
    return new Problem(
      "indexing",
      `${name} is being read: ${progress.bytes} of ${counted(progress.of, "byte")}.`,
      {
        hint: "Ask again in a moment.",
        facts: { dataset: name, ...progress },
        retryAfterSeconds: 1,
      },
    )
  }

  function getCurrent(): HeldVersion {
    const current = held.current()
    if (current === undefined) throw unavailable()
    return current
  }

  return {
    name,
    shape: parts.shape,
    reader: parts.reader,
    look,
    status,
    getCurrent,
    getVersion(version) {
      const found = held.find(version)
      if (found !== undefined) return found
      // Without a current version, which one the file holds is not known yet.
      if (discarded.has(version)) throw versionGone(name, version)
      getCurrent()
      if (once.has(version)) throw versionGone(name, version)
      throw new Problem("version-not-found", `${name} has no version ${version}.`, {
        hint: "Ask for the dataset to learn its current version.",
        facts: { dataset: name, version },
      })
    },
    async discard(one) {
      const { version } = one.index.manifest
      if (held.find(version) !== one) return
      discarded.add(version)
      tellGone(one, "edited")
      await Promise.all([held.release(one), indexes.discard(version)])
      await look()
    },
    async settled() {
      while (making !== undefined) await making
    },
    async close() {
      stop.abort()
      await making
      await held.close()
    },
  }
}

function isJudged({ identity, until }: Failure, now: FileIdentity): boolean {
  return identity !== undefined && performance.now() < until && sameIdentity(identity, now)
}

/** The problem of a version whose bytes are no longer there. */
export function versionGone(dataset: string, version: string): Problem {
  return new Problem("version-gone", `Version ${version} of ${dataset} is no longer there.`, {
    hint: "Ask for the dataset to learn its current version and start over.",
    facts: { dataset, version },
  })
}
