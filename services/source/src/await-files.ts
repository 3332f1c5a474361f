/**
 * From what lies there to what is read: files that stood together at one moment, and of which none was touched for the
 * settle window since. What comes meanwhile is left to the next version; what is still being written is left out by
 * name, unless the version before has it: then its rows must not go away, so there is no version until it is whole.
 */
import { setTimeout as wait } from "node:timers/promises"
import { Problem } from "@flatbed/contract"
import { sameIdentity } from "./file-identity.ts"
import type { FilePattern } from "./file-patterns.ts"
import type { FormatName } from "./formats/formats.ts"
import { besideFile, findUnmatched, type LeftOut, type ListedFile, type Listing } from "./list-files.ts"
import { noFile } from "./no-file.ts"
import { judgeEndings } from "./other-endings.ts"
import { sidecarOf } from "./sidecars.ts"

export type ChosenFiles = {
  /** Without what is still being written. */
  readonly listing: Listing
  /** What is read, in order. */
  readonly files: readonly ListedFile[]
  /** What is not yet complete, and why. */
  readonly waiting: readonly LeftOut[]
}

export type ChoiceRules = {
  readonly patterns: readonly FilePattern[]
  /** CSV unless told. */
  readonly format?: FormatName | undefined
  /** Whether the settings name it; else no file may have the ending of another one. */
  readonly isFormatNamed: boolean
  readonly doneMarker?: string | undefined
  readonly checksum?: string | undefined
  readonly settleMs: number
  /** Whether the version before has this file. */
  readonly isServed: (file: string) => boolean
  /** The files of the version before. */
  readonly served: () => Iterable<string>
  /** Files of the version before that changed within the settle window; told after each. */
  readonly onWritten: (files: readonly string[]) => void
  readonly signal: AbortSignal
}

// How often what is there may change under our eyes before it is given up; the next look begins another attempt.
const maxRounds = 15
// A file that was never served and has changed so often is left out.
const maxChanges = 3

/**
 * Lists until what was found has stood still for the settle window; `first` is what was found just now. Raises
 * file-missing for a pattern that means no file, format-unknown for files of another format than is read, and
 * file-unsettled when nothing is complete, or a file of the version before is not.
 */
export async function awaitFiles(
  list: () => Promise<Listing>,
  rules: ChoiceRules,
  first?: Listing,
): Promise<ChosenFiles> {
  const { settleMs, signal } = rules
  const changes = new Map<string, number>()
  let chosen = choose(first ?? (await list()), rules, changes)
  for (let round = 1; round <= maxRounds; round += 1) {
    const untilMs = settlesIn(chosen, settleMs)
    if (untilMs <= 0) return chosen
    await wait(untilMs, undefined, { signal })
    const now = await list()
    const changed = changedSince(chosen.files, now)
    if (changed.length === 0 && !isBack(chosen, now, rules)) return chosen
    for (const file of changed) changes.set(file, (changes.get(file) ?? 0) + 1)
    chosen = choose(now, rules, changes)
    const there = new Set(chosen.files.map(({ file }) => file))
    rules.onWritten(changed.filter((file) => there.has(file) && rules.isServed(file)))
  }
  const [file = chosen.files[0]?.file ?? ""] = changes.keys()
  throw unsettled(file, { reason: "changes again and again", isUnmarked: false })
}

/** Whether all of these files are still what they were, in a listing that is newer. */
export function changedSince(files: readonly ListedFile[], now: Listing): string[] {
  const found = new Map(now.files.map(({ file, identity }) => [file, identity]))
  return files.flatMap(({ file, identity }) => {
    const other = found.get(file)
    return other !== undefined && sameIdentity(other, identity) ? [] : [file]
  })
}

/** A file that was taken away and written again is one that is being replaced, not one that is gone. */
export function isBack({ listing }: ChosenFiles, now: Listing, { served }: ChoiceRules): boolean {
  const were = new Set(listing.files.map(({ file }) => file))
  const are = new Set(now.files.map(({ file }) => file))
  for (const file of served()) if (!were.has(file) && are.has(file)) return true
  return false
}

function choose(listing: Listing, rules: ChoiceRules, changes: ReadonlyMap<string, number>): ChosenFiles {
  const { patterns, format = "csv", isFormatNamed, isServed } = rules
  const unmatched = findUnmatched(patterns, listing)
  if (unmatched !== undefined) throw noFile(unmatched, listing, format)
  const written = patterns.map((pattern) => pattern.written).join(", ")
  const other = isFormatNamed ? undefined : judgeEndings(written, listing.files, format)
  if (other !== undefined) throw other
  const files: ListedFile[] = []
  const waiting: (LeftOut & Wait)[] = []
  for (const one of listing.files) {
    const wait = findWait(one, listing, rules, changes)
    if (wait === undefined) files.push(one)
    else if (isServed(one.file)) throw unsettled(one.file, wait)
    else waiting.push({ file: one.file, ...wait })
  }
  const [first] = waiting
  if (files.length === 0 && first !== undefined) throw unsettled(first.file, first)
  // What is still being written was not looked at: this may have been its last change, and then nothing tells of another.
  const unseen = new Set(waiting.filter(({ isUnmarked }) => !isUnmarked).map(({ file }) => file))
  return {
    listing: { ...listing, files: listing.files.filter(({ file }) => !unseen.has(file)) },
    files,
    waiting: waiting.map(({ file, reason }) => ({ file, reason })),
  }
}

/** Why a file is not read yet; `isUnmarked`: for the file beside it that is to say that it is whole. */
type Wait = { readonly reason: string; readonly isUnmarked: boolean }

function findWait(
  { file, identity }: ListedFile,
  { beside }: Listing,
  { doneMarker, checksum, isServed }: ChoiceRules,
  changes: ReadonlyMap<string, number>,
): Wait | undefined {
  for (const template of [doneMarker, checksum]) {
    if (template === undefined) continue
    const sidecar = besideFile(file, sidecarOf(template))
    const found = beside.get(sidecar)
    if (found === undefined) return { reason: `waits for ${sidecar}`, isUnmarked: true }
    // A checksum says by itself which content it means; a marker means the one that was there when it was written.
    if (template === doneMarker && BigInt(found.mtimeNs) < BigInt(identity.mtimeNs))
      return {
        reason: `waits for ${sidecar} to be written again: that is older than the file`,
        isUnmarked: true,
      }
  }
  const changed = changes.get(file) ?? 0
  return changed >= maxChanges && !isServed(file)
    ? { reason: "is being written: it keeps changing", isUnmarked: false }
    : undefined
}

/**
 * In so many ms nothing of it was touched for the settle window, unless it changes again. By the file system's clock if
 * that says so, else by ours: a time in the future must not wait for ever.
 */
function settlesIn({ files, listing: { folders, beside } }: ChosenFiles, settleMs: number): number {
  const now = Date.now()
  const changed = [...files.map(({ identity }) => identity), ...beside.values()].map(({ ctimeNs }) =>
    Number(BigInt(ctimeNs) / 1_000_000n),
  )
  let left = 0
  for (const at of [...changed, ...folders.values()])
    left = Math.max(left, Math.min(settleMs, settleMs - (now - at)))
  return left
}

function unsettled(file: string, { reason, isUnmarked }: Wait): Problem {
  return new Problem(
    "file-unsettled",
    `${file} ${reason}${isUnmarked ? "" : "; it is still being written"}.`,
    {
      hint: isUnmarked
        ? "done_marker or checksum of the dataset asks for that file: write it when this one is whole, or correct the setting."
        : "Write it aside and rename it when it is whole.",
      facts: { file },
      retryAfterSeconds: 2,
    },
  )
}
