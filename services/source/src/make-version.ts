/** From a path to a version: the cached index if the file is the same, otherwise passes until one is undisturbed. */
import { setTimeout as wait } from "node:timers/promises"
import { passWithFormats } from "./census-pass.ts"
import { type ChunkIndex, withHashKey } from "./chunk-index.ts"
import { sameIdentity } from "./file-identity.ts"
import type { Reader } from "./formats/format.ts"
import type { IndexStore } from "./index-folder.ts"
import { identifyFile, type OpenFile, openFile, unsettled } from "./open-file.ts"
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
  readonly indexes: IndexStore
  readonly signal: AbortSignal
  readonly onProgress: (bytes: number, of: number) => void
  /** The cache could not be read or written; the version is good all the same. */
  readonly onCacheTrouble: (error: unknown) => undefined
}

/** A version with the descriptor it was made from; whoever gets it closes it. */
export type MadeVersion = { readonly index: ChunkIndex; readonly open: OpenFile; readonly cached: boolean }

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
        kept = true
        return { index: withHashKey(found, shape.columns.hashKey), open, cached: true }
      }
      if (!(await isSettled(request, open))) continue
      const index = await undisturbed(request, open)
      if (index === undefined) continue
      await indexes.save({ shape: shapeName, identity: open.identity, index }).catch(request.onCacheTrouble)
      kept = true
      return { index, open, cached: false }
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

/** One pass; undefined when the file changed meanwhile, whatever the pass made of it. */
async function undisturbed(request: MakeRequest, open: OpenFile): Promise<ChunkIndex | undefined> {
  const { dataset, file, reader, shape, maxRecordBytes, signal, onProgress } = request
  onProgress(0, open.identity.bytes)
  const stayed = async () => sameIdentity(await open.identify(), open.identity)
  try {
    const index = await passWithFormats({
      dataset,
      file,
      open,
      reader,
      shape,
      maxRecordBytes,
      signal,
      onProgress: (bytes) => onProgress(bytes, open.identity.bytes),
    })
    return (await stayed()) ? index : undefined
  } catch (error) {
    // A file that is being written may look malformed; only what stayed the same is to blame.
    signal.throwIfAborted()
    if (await stayed()) throw error
    return undefined
  }
}
