/** From a path to a version: the cached index if the file is the same, otherwise passes until one is undisturbed. */
import { stat } from "node:fs/promises"
import { resolve } from "node:path"
import { setTimeout as wait } from "node:timers/promises"
import type { ChosenFiles } from "./await-files.ts"
import { stillWritten } from "./being-written.ts"
import { withHashKey } from "./chunk-index.ts"
import { sameIdentity } from "./file-identity.ts"
import { isPath } from "./file-patterns.ts"
import type { HeldVersion } from "./held-versions.ts"
import type { IndexStore } from "./index-folder.ts"
import type { KnownFiles } from "./known-files.ts"
import type { Listing } from "./list-files.ts"
import { identifyFile, type OpenFile, openFile, unsettled } from "./open-file.ts"
import { type ReadFile, readFile } from "./read-file.ts"
import { makeVersionOfFiles } from "./read-files.ts"
import type { Reading } from "./reading.ts"
import type { TextFile } from "./text/text-file.ts"
import { nameShape } from "./version-name.ts"

// How often a file may change under our eyes before the attempt is given up; the next look begins another.
const maxSettleRounds = 15
const maxPasses = 3

export type MakeRequest = {
  readonly dataset: string
  readonly reading: Reading
  /** Whether the settings name the format, rather than the files' endings. */
  readonly isFormatNamed: boolean
  readonly indexes: IndexStore
  /** What is known of the files of a dataset of several, and which of their checksums were compared. */
  readonly known: KnownFiles
  readonly proven: Map<string, string>
  /** What lay there just now, where several files are meant and somebody has looked. */
  readonly listing?: Listing | undefined
  readonly signal: AbortSignal
  readonly onProgress: (bytes: number, of: number) => void
  /** Of a dataset of several files: which of them are going to be read, and that one was. */
  readonly onChosen: (chosen: ChosenFiles) => void
  /** Which files are waited for, since they changed within the settle window; none once they are whole. */
  readonly onWritten: (files: readonly string[]) => void
  readonly onRead: (read: {
    readonly file: string
    readonly bytes: number
    readonly rows: number
    readonly ms: number
  }) => void
  /** Does the work when it is its turn. */
  readonly inTurn: <Result>(work: () => Promise<Result>) => Promise<Result>
  /** The cache could not be read or written; the version is good all the same. */
  readonly onCacheTrouble: (error: unknown) => undefined
}

/**
 * A version with the open files that it is served from; whoever gets it closes it. `isBehind`: other files have come
 * since.
 */
export type MadeVersion = HeldVersion & { readonly cached: boolean; readonly isBehind: boolean }

/** Whether the settings name one file, and there is no folder in its place. */
export async function isOneFile({ root, files, doneMarker, checksum }: Reading): Promise<boolean> {
  const [file = ""] = files
  if (files.length !== 1 || !isPath(file) || doneMarker !== undefined || checksum !== undefined) return false
  const found = await stat(resolve(root, file)).catch(() => undefined)
  return found?.isDirectory() !== true
}

/** Raises the problems of finding, opening and reading files, and file-unsettled when they do not keep still. */
export async function makeVersion(request: MakeRequest): Promise<MadeVersion> {
  if (!(await isOneFile(request.reading))) return makeVersionOfFiles(request)
  return makeVersionOfFile(request)
}

type FileRequest = MakeRequest & { readonly file: string }

async function makeVersionOfFile(made: MakeRequest): Promise<MadeVersion> {
  const { dataset, reading, indexes } = made
  const { root, shape } = reading
  const [file = ""] = reading.files
  const request = { ...made, file }
  const shapeName = nameShape(dataset, file, shape, reading.maxRecordBytes)
  let settled: Settled = "settled"
  for (let pass = 1; pass <= maxPasses; pass++) {
    const open = await openFile(root, file)
    let kept = false
    try {
      const found = await indexes.find(shapeName, open.identity).catch(request.onCacheTrouble)
      if (found !== undefined) {
        kept = found.text === undefined
        const layout = withHashKey(found.index.layout, shape.columns.hashKey)
        const index = { ...found.index, layout }
        return { index, ...serveFrom(open, found.text), cached: true, isBehind: false }
      }
      settled = await settle(request, open)
      if (settled !== "settled") continue
      request.onWritten([])
      // Waiting for a file to be whole takes nobody's turn.
      const made = await request.inTurn(() => undisturbed(request, open))
      if (made === undefined) continue
      const { index, text } = made
      await indexes
        .save({ shape: shapeName, identity: open.identity, index }, text)
        .catch(request.onCacheTrouble)
      kept = text === undefined
      return { index, ...serveFrom(open, text), cached: false, isBehind: false }
    } finally {
      if (!kept) await open.close()
    }
  }
  throw settled === "written" ? stillWritten(file, reading.settleMs) : unsettled(file)
}

/** `replaced`: what settled is another content than that which was opened; `written`: nothing settled. */
type Settled = "settled" | "replaced" | "written"

/**
 * Waits until nobody has touched the file for the settle window. By the file's own clock if that says so, else
 * by ours: a change time in the future must not wait for ever.
 */
async function settle({ file, reading, signal, onWritten }: FileRequest, open: OpenFile): Promise<Settled> {
  const { root, settleMs } = reading
  let seen = open.identity
  const judge = () => (sameIdentity(seen, open.identity) ? "settled" : "replaced")
  for (let round = 1; round <= maxSettleRounds; round++) {
    const untouchedMs = Date.now() - Number(BigInt(seen.ctimeNs) / 1_000_000n)
    if (untouchedMs >= settleMs) return judge()
    await wait(Math.min(settleMs, settleMs - untouchedMs), undefined, { signal })
    const now = await identifyFile(root, file)
    if (sameIdentity(now, seen)) return judge()
    seen = now
    onWritten([file])
  }
  return "written"
}

/** A text holds all that is served: the file may go. */
function serveFrom(open: OpenFile, text: TextFile | undefined): Pick<HeldVersion, "found" | "open"> {
  return { found: { kind: "one", identity: open.identity }, open: text ?? open }
}

/** One pass; undefined when the file changed meanwhile, whatever the pass made of it. */
async function undisturbed(request: FileRequest, open: OpenFile): Promise<ReadFile | undefined> {
  const { signal, onProgress } = request
  const of = open.identity.bytes
  onProgress(0, of)
  const stayed = async () => sameIdentity(await open.identify(), open.identity)
  try {
    const made = await readFile({
      ...request,
      ...request.reading,
      open,
      onProgress: (bytes) => onProgress(bytes, of),
    })
    if (await stayed()) return made
    await made.text?.close()
    return undefined
  } catch (error) {
    // A file that is being written may look malformed; only what stayed the same is to blame.
    signal.throwIfAborted()
    if (await stayed()) throw error
    return undefined
  }
}
