/** From a path to a version: the cached index if the file is the same, otherwise passes until one is undisturbed. */
import { setTimeout as wait } from "node:timers/promises"
import { withHashKey } from "./chunk-index.ts"
import { sameIdentity } from "./file-identity.ts"
import type { Reader } from "./formats/format.ts"
import type { HeldVersion, ServedBytes } from "./held-versions.ts"
import type { IndexStore } from "./index-folder.ts"
import { identifyFile, type OpenFile, openFile, unsettled } from "./open-file.ts"
import { type ReadFile, readFile } from "./read-file.ts"
import type { TextFile } from "./text/text-file.ts"
import { nameShape, type Shape } from "./version-name.ts"

// How often a file may change under our eyes before the attempt is given up; the next look begins another.
const maxSettleRounds = 15
const maxPasses = 3

export type MakeRequest = {
  readonly dataset: string
  readonly root: string
  readonly file: string
  readonly shape: Shape
  readonly reader: Reader
  readonly settleMs: number
  readonly maxRecordBytes: number
  /** The longest text that a packed or transcoded file may make. */
  readonly maxTextBytes: number
  readonly indexes: IndexStore
  readonly signal: AbortSignal
  readonly onProgress: (bytes: number, of: number) => void
  /** The cache could not be read or written; the version is good all the same. */
  readonly onCacheTrouble: (error: unknown) => undefined
}

/** A version with the descriptor that it is served from; whoever gets it closes it. */
export type MadeVersion = HeldVersion & { readonly cached: boolean }

/** Raises the problems of opening and of reading, and file-unsettled when the file will not keep still. */
export async function makeVersion(request: MakeRequest): Promise<MadeVersion> {
  const { dataset, root, file, shape, indexes } = request
  const shapeName = nameShape(dataset, file, shape, request.maxRecordBytes)
  for (let pass = 1; pass <= maxPasses; pass++) {
    const open = await openFile(root, file)
    let kept = false
    try {
      const found = await indexes.find(shapeName, open.identity).catch(request.onCacheTrouble)
      if (found !== undefined) {
        kept = found.text === undefined
        const index = withHashKey(found.index, shape.columns.hashKey)
        return { index, open: serveFrom(open, found.text), cached: true }
      }
      if (!(await isSettled(request, open))) continue
      const made = await undisturbed(request, open)
      if (made === undefined) continue
      const { index, text } = made
      await indexes
        .save({ shape: shapeName, identity: open.identity, index }, text)
        .catch(request.onCacheTrouble)
      kept = text === undefined
      return { index, open: serveFrom(open, text), cached: false }
    } finally {
      if (!kept) await open.close()
    }
  }
  throw unsettled(file)
}

/**
 * Waits until nobody has touched the file for the settle window. By the file's own clock if that says so, else
 * by ours: a change time in the future must not wait for ever. False when another file has taken its place.
 */
async function isSettled({ root, file, settleMs, signal }: MakeRequest, open: OpenFile): Promise<boolean> {
  let seen = open.identity
  for (let round = 1; round <= maxSettleRounds; round++) {
    const untouchedMs = Date.now() - Number(BigInt(seen.ctimeNs) / 1_000_000n)
    if (untouchedMs >= settleMs) break
    await wait(Math.min(settleMs, settleMs - untouchedMs), undefined, { signal })
    const now = await identifyFile(root, file)
    if (sameIdentity(now, seen)) break
    seen = now
  }
  return sameIdentity(seen, open.identity)
}

/** A text holds all that is served: the file may go. */
function serveFrom(open: OpenFile, text: TextFile | undefined): ServedBytes {
  return text === undefined ? open : { identity: open.identity, read: text.read, close: text.close }
}

/** One pass; undefined when the file changed meanwhile, whatever the pass made of it. */
async function undisturbed(request: MakeRequest, open: OpenFile): Promise<ReadFile | undefined> {
  const { signal, onProgress } = request
  const of = open.identity.bytes
  onProgress(0, of)
  const stayed = async () => sameIdentity(await open.identify(), open.identity)
  try {
    const made = await readFile({ ...request, open, onProgress: (bytes) => onProgress(bytes, of) })
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
