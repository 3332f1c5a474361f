/** From many files to one version: what is known is taken up, what is not is read, and all of it stood at one moment. */
import { awaitFiles, type ChoiceRules, type ChosenFiles, changedSince, isBack } from "./await-files.ts"
import { joinTallies } from "./cells/day-month.ts"
import { countDates, decideDates, findUndecided } from "./census-pass.ts"
import { areAsSummed } from "./checksums.ts"
import { sameIdentity } from "./file-identity.ts"
import { createPart, type DecidedDates, type FilePart } from "./file-part.ts"
import type { PooledFile } from "./file-pool.ts"
import { nameContent } from "./known-files.ts"
import { createFileList, type ListedFile, sameListing } from "./list-files.ts"
import type { MadeVersion, MakeRequest } from "./make-version.ts"
import { mergeParts } from "./merge-parts.ts"
import { createListedFiles, type OpenFile, unsettled } from "./open-file.ts"
import { readFile } from "./read-file.ts"
import { sidecarOf } from "./sidecars.ts"
import type { TextDraft } from "./text/text-file.ts"
import { nameShape } from "./version-name.ts"

// How often something may change while it is read before it is given up; the next look begins another attempt.
const maxAttempts = 5
// Small files wait for the disk more than for the processor.
const readersAtOnce = 8
const smallBytes = 256 * 1024
// So little is read with one call, and held meanwhile.
const atOnceBytes = 32 * 1024

/** What came of an attempt to read the files: undefined when one of them changed. */
type Attempt = MadeVersion | undefined

/**
 * Raises what the patterns and the files are refused for, and file-unsettled when they do not keep still. A file that
 * changed is no reason to blame another one, nor itself.
 */
export async function makeVersionOfFiles(request: MakeRequest): Promise<MadeVersion> {
  const { dataset, known, indexes, signal, reading } = request
  const shapeName = nameShape(dataset, "", reading.shape, reading.maxRecordBytes)
  await known.load(indexes, shapeName).catch(request.onCacheTrouble)
  const { list, patterns } = createFileList(listRequestOf(request))
  const rules: ChoiceRules = {
    patterns,
    format: reading.shape.format,
    isFormatNamed: request.isFormatNamed,
    doneMarker: reading.doneMarker,
    checksum: reading.checksum,
    settleMs: reading.settleMs,
    isServed: (file) => known.served().has(file),
    served: known.served,
    onWritten: request.onWritten,
    signal,
  }
  for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
    const chosen = await awaitFiles(list, rules, attempt === 1 ? request.listing : undefined)
    request.onChosen(chosen)
    const made = await request.inTurn(() => tryFiles(request, chosen, shapeName, list, rules))
    if (made !== undefined) return made
  }
  throw unsettled(reading.files.join(", "))
}

/** How the files of a dataset are listed. */
export function listRequestOf({ reading, signal }: Pick<MakeRequest, "reading" | "signal">) {
  const { root, files, endings, doneMarker, checksum, settleMs } = reading
  const sidecars = [doneMarker, checksum].flatMap((one) => (one === undefined ? [] : [sidecarOf(one)]))
  return { root, files, endings, sidecars, settleMs, signal }
}

async function tryFiles(
  request: MakeRequest,
  chosen: ChosenFiles,
  shapeName: string,
  list: ReturnType<typeof createFileList>["list"],
  rules: ChoiceRules,
): Promise<Attempt> {
  const { known, indexes, dataset, reading } = request
  const isUnread = (one: ListedFile) => known.find(one) === undefined
  const cached = !chosen.files.some(isUnread)
  try {
    do {
      if (!(await readAll(request, chosen.files.filter(isUnread)))) return undefined
    } while (known.decide(await askAllRows(request, chosen.files)))
    if (!(await areAsSummed(request, chosen))) return undefined
  } catch (error) {
    await keep(request, shapeName, undefined, [])
    throw error
  }
  const parts = chosen.files.map((one) => known.find(one))
  if (!areAll(parts)) return undefined
  await known.open(parts)
  const now = await list()
  if (changedSince(chosen.files, now).length > 0 || isBack(chosen, now, rules)) return undefined
  const index = mergeParts(parts, {
    dataset,
    shape: reading.shape,
    maxRecordBytes: reading.maxRecordBytes,
    isUnion: reading.isUnion,
  })
  const open = known.serve(parts, indexes)
  await keep(request, shapeName, index.manifest.version, parts)
  const { listing, waiting } = chosen
  return {
    index,
    open,
    found: { kind: "many", listing, waiting },
    cached,
    isBehind: !sameListing(listing, now),
  }
}

function areAll(parts: readonly (FilePart | undefined)[]): parts is readonly FilePart[] {
  return parts.every((part) => part !== undefined)
}

function keep(
  { known, indexes, onCacheTrouble }: MakeRequest,
  shape: string,
  version: string | undefined,
  files: readonly FilePart[],
): Promise<void> {
  return known.keep(indexes, { shape, version, files }).catch(onCacheTrouble)
}

/** False when one of them is no longer what was listed. */
async function readAll(request: MakeRequest, files: readonly ListedFile[]): Promise<boolean> {
  const of = files.reduce((sum, { identity }) => sum + identity.bytes, 0)
  let done = 0
  let areSame = true
  let next = 0
  request.onProgress(0, of)
  const isSmall = files.every(({ identity }) => identity.bytes <= smallBytes)
  const shared = shareReading(request)

  async function readSome(): Promise<void> {
    while (areSame && next < files.length) {
      request.signal.throwIfAborted()
      const file = files[next] as ListedFile
      next += 1
      const onProgress = (bytes: number) => request.onProgress(done + bytes, of)
      if (!(await readOne(request, shared, file, onProgress))) areSame = false
      done += file.identity.bytes
    }
  }

  const readers = Array.from({ length: isSmall ? readersAtOnce : 1 }, () =>
    readSome().catch((error) => {
      areSame = false
      throw error
    }),
  )
  // Each has to end before anything is closed.
  const ends = await Promise.allSettled(readers)
  const failed = ends.find((end) => end.status === "rejected")
  if (failed !== undefined) throw failed.reason
  return areSame
}

/** What the reading of all files has in common; one object for all, since thousands of files ask it the same. */
function shareReading({ dataset, known, indexes, signal, reading }: MakeRequest) {
  const { root, reader, maxRecordBytes, maxTextBytes } = reading
  const decided = known.decided()
  const isAsked = Object.keys(decided).length > 0
  const columns = { ...reading.shape.columns, isPartial: true, ...(isAsked ? { decided } : {}) }
  const shape = { ...reading.shape, columns }
  return {
    open: createListedFiles(root).open,
    decided,
    reading: { dataset, reader, shape, isPart: true, maxRecordBytes, maxTextBytes, indexes, signal },
  }
}

async function readOne(
  request: MakeRequest,
  shared: ReturnType<typeof shareReading>,
  { file, identity }: ListedFile,
  onProgress: (bytes: number) => void,
): Promise<boolean> {
  const { known, indexes, signal } = request
  const { decided } = shared
  const started = performance.now()
  const open = await shared.open(file, identity)
  if (open === undefined) return false
  let kept: PooledFile | undefined
  try {
    const isAtOnce = identity.bytes <= atOnceBytes
    const bytes = isAtOnce ? await readAtOnce(open) : open
    const made = await readFile({ ...shared.reading, file, open: bytes, onProgress })
    // Before a version is made of them all files are looked at again. One that takes time is not kept until then.
    if (!isAtOnce && !sameIdentity(await open.identify(), identity)) {
      await made.text?.close()
      return false
    }
    const text = made.text === undefined ? undefined : await keepText(request, file, identity, made.text)
    kept = made.text ?? open
    const { tallies } = known.findContent({ file, identity }) ?? {}
    const others = { decided, text, ...(tallies === undefined ? {} : { tallies }) }
    const part = createPart(file, identity, made.index, others, known.share)
    known.add(part, indexes, kept)
    const { rows } = made.index.manifest
    request.onRead({ file, bytes: identity.bytes, rows, ms: performance.now() - started })
    return true
  } catch (error) {
    // A file that is being written may look malformed; only what stayed the same is to blame.
    signal.throwIfAborted()
    if (sameIdentity(await open.identify(), identity)) throw error
    return false
  } finally {
    if (kept !== open) await open.close()
  }
}

/** A small file in memory: its first bytes are looked at before it is read. */
async function readAtOnce({ identity, read }: OpenFile): Promise<Pick<OpenFile, "identity" | "read">> {
  const room = Buffer.allocUnsafe(identity.bytes)
  const bytes = room.subarray(0, await read(room, 0))
  return { identity, read: async (into, offset) => (offset < bytes.length ? bytes.copy(into, 0, offset) : 0) }
}

/**
 * How dates are written that the settings declare without saying so: where a record breaks the type, all rows of all
 * files are asked, each file once. Raises format-ambiguous.
 */
async function askAllRows(
  { known, reading, dataset, signal }: MakeRequest,
  files: readonly ListedFile[],
): Promise<DecidedDates> {
  const undecided = findUndecided(reading.shape)
  const parts = files.flatMap((one) => known.find(one) ?? [])
  const isTrouble = parts.some(({ index }) => index.manifest.rejects > 0)
  if (undecided.length === 0 || !(isTrouble || Object.keys(known.decided()).length > 0)) return {}
  const { maxRecordBytes, reader } = reading
  const columns = { ...reading.shape.columns, isPartial: true }
  const shape = { ...reading.shape, columns }
  const tallies: { file: string; rowsBefore: number; tallies: NonNullable<FilePart["tallies"]> }[] = []
  let rowsBefore = 0
  for (const part of parts) {
    const { file, index } = part
    const read = (into: Buffer, offset: number) => known.read(part, into, offset)
    const names = index.layout.fields.map(({ name }) => name)
    const request = { file, read, reader, shape, maxRecordBytes, signal }
    const own =
      part.tallies ??
      Object.fromEntries(
        [...(await countDates(request, names, undecided))].map(([name, census]) => [name, census.tally()]),
      )
    if (part.tallies === undefined) known.extend(part, own)
    tallies.push({ file, rowsBefore, tallies: own })
    rowsBefore += index.manifest.rows
  }
  const censusOf = (name: string) =>
    joinTallies(
      tallies.flatMap(({ file, rowsBefore, tallies: own }) => {
        const tally = new Map(Object.entries(own)).get(name)
        return tally === undefined ? [] : [{ file, rowsBefore, tally }]
      }),
    )
  return decideDates(undecided, censusOf, { dataset })
}

async function keepText(
  { indexes, onCacheTrouble }: MakeRequest,
  file: string,
  identity: ListedFile["identity"],
  draft: TextDraft,
): Promise<FilePart["text"]> {
  const name = nameContent(file, identity)
  const kept = await indexes.keepText(draft, name).catch(onCacheTrouble)
  return kept === undefined ? undefined : { name, identity: kept }
}
