/**
 * One dataset: looks whether its files have changed, makes the next version in the background, and keeps the one
 * before served until then.
 */
import { asProblem, type Manifest, Problem } from "@flatbed/contract"
import type { Logger } from "pino"
import type { ChosenFiles } from "./await-files.ts"
import { createDatasetLog } from "./dataset-log.ts"
import type { Reader } from "./formats/format.ts"
import { createHeldVersions, type Found, type HeldVersion, sameFound } from "./held-versions.ts"
import type { IndexFolder } from "./index-folder.ts"
import { createKnownFiles } from "./known-files.ts"
import { createFileList, type LeftOut, type Listing } from "./list-files.ts"
import { createLooks } from "./looks.ts"
import { isOneFile, type MakeRequest, makeVersion } from "./make-version.ts"
import type { SourceMetrics } from "./metrics.ts"
import { identifyFile } from "./open-file.ts"
import { listRequestOf } from "./read-files.ts"
import type { Turns } from "./turns.ts"
import { createWaitedFiles } from "./waited-files.ts"

export type DatasetParts = Pick<MakeRequest, "reading" | "isFormatNamed"> & {
  readonly name: string
  readonly keepVersionsMs: number
  readonly indexes: IndexFolder
  readonly turns: Turns
  /** Told of each version that follows another one, or none. */
  readonly announce: (manifest: Manifest) => void
  /** Told when other folders than before are looked into for files. */
  readonly onFolders: () => void
  readonly metrics: SourceMetrics
  readonly log: Logger
}

/** Why a content was not made a version, and until when it is not tried again; by the process's own clock, in ms. */
type Failure = {
  readonly problem: Problem
  readonly found: Found | undefined
  readonly until: number
}

/** `state` speaks of the newest content, `current` is what is served meanwhile. */
export type DatasetStatus = {
  readonly state: "indexing" | "ready" | "failed"
  readonly current: HeldVersion | undefined
  readonly progress: { readonly bytes: number; readonly of: number } | undefined
  readonly problem: Problem | undefined
  /** Files that are waited for or left out, since they are still being written; and what is meant and is no file. */
  readonly waiting: readonly LeftOut[]
  readonly leftOut: readonly LeftOut[]
}

export type SourceDataset = {
  readonly name: string
  readonly reader: Reader
  /**
   * Looks at what is there, which is cheap, and begins a version when that may have another content. Never raises. Where
   * it takes long, since there are many files, not every look looks, unless something was `heard`.
   */
  look(heard?: "heard"): Promise<void>
  /** The folders that were looked into, absolute; none where the settings name one file. */
  folders(): readonly string[]
  status(): DatasetStatus
  /** The current version; raises indexing, or why there is none. */
  getCurrent(): HeldVersion
  /** A version by its name; raises version-gone, version-not-found, or as getCurrent while there is none. */
  getVersion(version: string): HeldVersion
  /** All versions that can be served, the current one first, then the latest before it. */
  versions(): readonly HeldVersion[]
  /** The version's bytes are no longer in the file: it is gone for good, and its file is read anew. */
  discard(held: HeldVersion, file: string): Promise<void>
  /** Waits until no version is being made. */
  settled(): Promise<void>
  close(): Promise<void>
}

/** Nothing happens before the first look. */
export function createDataset(parts: DatasetParts): SourceDataset {
  const { name, reading, indexes, metrics } = parts
  const tell = createDatasetLog(parts)
  const { root } = reading
  const stop = new AbortController()
  const known = createKnownFiles(reading, stop.signal)
  const proven = new Map<string, string>()
  const { list } = createFileList(listRequestOf({ reading, signal: stop.signal }))
  // Versions that were served once; their names survive in the index folder.
  const once = new Set<string>()
  const discarded = new Set<string>()
  const waited = createWaitedFiles(reading.settleMs, tell.waits)
  const held = createHeldVersions(parts.keepVersionsMs, (one) => tell.gone(one, "replaced"))
  let making: Promise<void> | undefined
  let progress: DatasetStatus["progress"]
  let failure: Failure | undefined
  let remembered = false
  // What was heard of while a version was made may have come too late for it.
  let lookAgain = false
  let folders: readonly string[] = []
  let leftOut: readonly LeftOut[] = []
  const looks = createLooks(lookNow)

  async function look(heard?: "heard"): Promise<void> {
    if (making !== undefined) lookAgain = true
    if (making !== undefined || stop.signal.aborted) return
    await looks.look(heard)
  }

  async function lookNow(): Promise<number> {
    const started = performance.now()
    await lookOnce()
    return performance.now() - started
  }

  async function lookOnce(): Promise<void> {
    if (!remembered) {
      remembered = true
      for (const version of await indexes.versions().catch(() => [])) once.add(version)
    }
    let found: Found
    try {
      found = await find()
    } catch (error) {
      if (making === undefined && !stop.signal.aborted) fail(error, undefined)
      return
    }
    // Another look may have begun a version while this one asked.
    if (making !== undefined || stop.signal.aborted) return
    const current = held.current()
    if (current !== undefined && sameFound(current.found, found)) {
      failure = undefined
      waited.takeServed(current.found)
      return
    }
    if (failure !== undefined && isJudged(failure, found)) return
    progress = found.kind === "one" ? { bytes: 0, of: found.identity.bytes } : undefined
    making = make(found).finally(() => {
      making = undefined
      if (!lookAgain) return
      lookAgain = false
      void look("heard")
    })
  }

  async function find(): Promise<Found> {
    if (await isOneFile(reading)) {
      const identity = await identifyFile(root, reading.files[0] ?? "")
      return { kind: "one", identity }
    }
    const listing = await list()
    takeFolders(listing)
    return { kind: "many", listing, waiting: [] }
  }

  function takeFolders({ folders: found }: Listing): void {
    const now = [...found.keys()]
    const isSame = now.length === folders.length && now.every((folder, i) => folder === folders[i])
    folders = now
    if (!isSame) parts.onFolders()
  }

  function takeWritten(files: readonly string[]): void {
    waited.takeWritten(files)
    progress = undefined
  }

  function takeChosen(chosen: ChosenFiles): void {
    waited.takeChosen(chosen.waiting)
    leftOut = chosen.listing.leftOut
    takeFolders(chosen.listing)
  }

  async function make(found: Found): Promise<void> {
    const started = performance.now()
    try {
      stop.signal.throwIfAborted()
      const made = await makeVersion({
        ...{ dataset: name, reading, indexes, known, proven, signal: stop.signal },
        isFormatNamed: parts.isFormatNamed,
        listing: found.kind === "many" ? found.listing : undefined,
        inTurn: parts.turns.take,
        onChosen: takeChosen,
        onWritten: takeWritten,
        onRead: tell.read,
        onProgress: (bytes, of) => {
          progress = of === 0 ? undefined : { bytes, of }
        },
        onCacheTrouble: tell.cacheFailed,
      })
      failure = undefined
      waited.takeServed(made.found)
      once.add(made.index.manifest.version)
      discarded.delete(made.index.manifest.version)
      const before = held.current()?.index.manifest.version
      held.publish(made)
      if (made.isBehind) lookAgain = true
      if (before !== made.index.manifest.version) parts.announce(made.index.manifest)
      tell.published(made, made.cached, started)
    } catch (error) {
      if (stop.signal.aborted) return
      fail(error, found)
      metrics.indexed(name, "failed", (performance.now() - started) / 1000)
    }
  }

  function fail(error: unknown, found: Found | undefined): void {
    const problem = asProblem(error)
    // Only a content is judged once and for all; a missing file, or a disk that failed, is asked again.
    const lasting = problem.code !== "internal" && !problem.retryable
    const isKnown = failure?.problem.code === problem.code && failure.problem.message === problem.message
    // Tried at every look, it would be under way at every look, and nobody would be told why.
    const isTold = problem.code === "cache-unusable" || found?.kind === "many"
    const waits = isTold ? (problem.retryAfterSeconds ?? 0) * 1000 : 0
    const until = lasting ? Number.POSITIVE_INFINITY : performance.now() + waits
    failure = { problem, found, until }
    if (!isKnown) tell.failed(problem)
  }

  function status(): DatasetStatus {
    const current = held.current()
    const always = { current, waiting: waited.all(), leftOut, progress: undefined, problem: undefined }
    if (making !== undefined) return { ...always, state: "indexing", progress }
    if (failure !== undefined) return { ...always, state: "failed", problem: failure.problem }
    return { ...always, state: current === undefined ? "indexing" : "ready" }
  }

  function unavailable(): Problem {
    if (making === undefined && failure !== undefined) return failure.problem
    return waited.unavailable(name, progress)
  }

  function getCurrent(): HeldVersion {
    const current = held.current()
    if (current === undefined) throw unavailable()
    return current
  }

  return {
    name,
    reader: reading.reader,
    look,
    folders: () => folders,
    status,
    getCurrent,
    versions: held.all,
    getVersion(version) {
      const found = held.find(version)
      if (found !== undefined) return found
      // Without a current version, which one the file holds is not known yet.
      if (discarded.has(version)) throw versionGone(name, version, held.all())
      getCurrent()
      if (once.has(version)) throw versionGone(name, version, held.all())
      throw new Problem("version-not-found", `${name} has no version ${version}.`, {
        hint: "Ask for the dataset to learn its current version.",
        facts: { dataset: name, version },
      })
    },
    async discard(one, file) {
      const { version } = one.index.manifest
      if (held.find(version) !== one) return
      discarded.add(version)
      tell.gone(one, "edited")
      known.remove(file)
      await Promise.all([held.release(one), indexes.discard(version)])
      await look("heard")
    },
    async settled() {
      while (making !== undefined) await making
    },
    async close() {
      stop.abort()
      await making
      await held.close()
      await known.close()
    },
  }
}

function isJudged({ found, until }: Failure, now: Found): boolean {
  return found !== undefined && performance.now() < until && sameFound(found, now)
}

const shownVersions = 5

/** The problem of a version whose bytes are no longer there; `served` are those that can be had instead. */
export function versionGone(
  dataset: string,
  version: string,
  served: readonly Pick<HeldVersion, "index">[] = [],
): Problem {
  const names = served.slice(0, shownVersions).map(({ index }) => index.manifest.version.slice(0, 12))
  const more = served.length > shownVersions ? ", …" : ""
  const had = names.length === 0 ? "" : ` Served now, the newest first: ${names.join(", ")}${more}.`
  return new Problem("version-gone", `Version ${version} of ${dataset} is no longer there.${had}`, {
    hint: "Ask for the dataset to learn its current version and start over.",
    facts: { dataset, version },
  })
}
