/**
 * Which files of a version the table has, which are new, and which have grown: by their digests, never by their names
 * or times. Of a file that has grown the source is asked whether it begins with what was loaded.
 */
import { type Beginning, type Manifest, type ManifestFile, Problem, requestLimits } from "@flatbed/contract"
import type { KnownFile } from "./ledger/file-ledger.ts"
import { toStorable } from "./rejects/refusal.ts"
import { count } from "./summary.ts"
import { type Content, contentOf, newFile, type PlannedFile } from "./version-part.ts"

/** Beginnings of a file of the version, by its place in the manifest, from 1; the lengths are bytes, rising. */
export type AskBeginnings = (file: number, lengths: readonly number[]) => Promise<readonly Beginning[]>

/** A file of the version whose content the table does not have. */
type Unknown = { readonly entry: ManifestFile; readonly content: Content; readonly place: number }

/** Why a file is no longer what was appended from it. */
type Change = { readonly unknown: Unknown; readonly known: KnownFile; readonly found: string }

/**
 * The version's files, in their order, each with what is to be done. A content that the table has is not loaded again,
 * whatever it is called now. A file that is longer than what was loaded from its path, or from a path that is gone, is
 * proven to begin with it. A path at which other content stands is a new file if the old content is elsewhere in the
 * version, as when logs are rotated, if the path was gone in the last version, or if no record came from the old content:
 * a log may be made before its first line is written.
 *
 * @throws Problem `file-changed` for a file that is not what was appended from it.
 */
export async function compareFiles(
  manifest: Manifest,
  known: readonly KnownFile[],
  ask: AskBeginnings,
): Promise<PlannedFile[]> {
  const byDigest = new Map(known.map((one) => [one.content.sha256, one]))
  const latest = latestByPath(known)
  const planned = new Map<string, PlannedFile>()
  const unknown: Unknown[] = []
  const seen = new Set<string>()
  for (const [index, entry] of manifest.files.entries()) {
    const content = contentOf(entry)
    const same = byDigest.get(content.sha256)
    if (seen.has(content.sha256)) planned.set(entry.file, { ...newFile(entry), state: "twice" })
    else if (same !== undefined)
      planned.set(entry.file, { ...newFile(entry), state: "known", before: same.counts })
    else unknown.push({ entry, content, place: index + 1 })
    seen.add(content.sha256)
  }
  const current = new Set(known.filter(({ isCurrent }) => isCurrent).map(keyOf))
  const here = manifest.files.map((entry) => ({ file: toStorable(entry.file), content: contentOf(entry) }))
  const stayed = new Set(here.map(keyOf).filter((key) => current.has(key)))
  const moved = new Set(
    here.filter((one) => !current.has(keyOf(one))).map(({ content: { sha256 } }) => sha256),
  )

  const changes: Change[] = []
  const strangers: Unknown[] = []
  const continued = new Set<string>()
  for (const one of unknown) {
    const before = latest.get(toStorable(one.entry.file))
    if (before === undefined) {
      strangers.push(one)
      continue
    }
    const { growth, torn, found } = await proveGrowth(one, [before])
    if (growth !== undefined) take(one, growth)
    // A name that was free for a while is given again: new deliveries often have the name of one that was taken away.
    else if ((!before.isCurrent && torn === undefined) || isWithoutRecords(before)) strangers.push(one)
    else changes.push({ unknown: one, known: before, found: torn === undefined ? found : goesOn })
  }
  // What stood at a path of the last version, and now stands neither there nor elsewhere, may have gone on elsewhere.
  let lost = known.filter((one) => {
    const key = keyOf(one)
    const isHere = stayed.has(key) || continued.has(key) || moved.has(one.content.sha256)
    return current.has(key) && !isHere && !isWithoutRecords(one)
  })
  for (const one of [...changes.map((change) => change.unknown), ...strangers]) {
    if (lost.length === 0) break
    const own = latest.get(toStorable(one.entry.file))
    const { growth, torn } = await proveGrowth(
      one,
      lost.filter((before) => before !== own),
    )
    if (torn !== undefined && growth === undefined)
      throw changedFile({ unknown: one, known: torn, found: goesOn })
    if (growth === undefined) continue
    take(one, growth)
    lost = lost.filter((before) => before !== growth.known)
  }
  for (const change of changes) {
    const { unknown: one, known: before } = change
    const isElsewhere = moved.has(before.content.sha256) || continued.has(keyOf(before))
    if (!planned.has(one.entry.file) && !isElsewhere) throw changedFile(change)
  }
  return manifest.files.map((entry) => planned.get(entry.file) ?? newFile(entry))

  function take({ entry, content }: Unknown, { known: before, beginning }: Growth): void {
    const from = before.file === toStorable(entry.file) ? {} : { from: before.file }
    const counted = { before: before.counts, beginning, ...from }
    planned.set(entry.file, { file: entry.file, content, state: "grown", ...counted })
    continued.add(keyOf(before))
  }

  /**
   * The longest of these contents with which the file begins. Without one, `torn` is one that it begins with and whose
   * last record has become another, and `found` says what there is instead.
   */
  async function proveGrowth(
    { content, place }: Unknown,
    candidates: readonly KnownFile[],
  ): Promise<{ growth?: Growth; torn?: KnownFile; found: string }> {
    // Every file begins with no bytes at all: that proves nothing, and the source refuses to be asked.
    const shorter = candidates.filter(({ content: { bytes } }) => bytes > 0 && bytes < content.bytes)
    const lengths = [...new Set(shorter.map((one) => one.content.bytes))].sort((a, b) => a - b)
    let answer: { growth?: Growth; torn?: KnownFile } = {}
    let found = `it has ${count(content.bytes)} bytes and other content`
    for (let from = 0; from < lengths.length; from += requestLimits.beginnings) {
      for (const beginning of await ask(place, lengths.slice(from, from + requestLimits.beginnings))) {
        if (beginning.sha256 === null) found = "the source hashes a column of it, so it tells no digests"
        const same = shorter.find(
          ({ content: { bytes, sha256 } }) => bytes === beginning.bytes && sha256 === beginning.sha256,
        )
        if (same === undefined) continue
        answer = beginning.whole ? { growth: { known: same, beginning } } : { ...answer, torn: same }
      }
    }
    return { ...answer, found }
  }
}

const isWithoutRecords = ({ counts: { rows, rejects, filtered } }: KnownFile) =>
  rows + rejects + filtered === 0

const goesOn = "their last record was not ended by a line end, and now it goes on"

/** A content at a path. */
const keyOf = ({ file, content }: Pick<KnownFile, "file" | "content">) => `${content.sha256} ${file}`

type Growth = { readonly known: KnownFile; readonly beginning: Beginning }

/** What stood at each path most recently. */
function latestByPath(known: readonly KnownFile[]): Map<string, KnownFile> {
  const latest = new Map<string, KnownFile>()
  for (const one of known) {
    const other = latest.get(one.file)
    const isLater =
      other === undefined || (one.isCurrent !== other.isCurrent ? one.isCurrent : one.runId >= other.runId)
    if (isLater) latest.set(one.file, one)
  }
  return latest
}

function changedFile({ unknown: { entry }, known, found }: Change): Problem {
  const { bytes, sha256 } = known.content
  const when = known.publishedAt.toISOString()
  return new Problem(
    "file-changed",
    `${entry.file} does not begin with the ${count(bytes)} bytes that were appended from it (run ${known.runId}, ${when}): ${found}.`,
    {
      hint:
        "Nothing was loaded. append takes new files, and files that only grew at their end by whole lines; a JSON document " +
        "that has grown is rewritten, for its last bracket moves. Put the file back, or give the new content a name of its own. " +
        "For files that are rewritten use mode upsert, mirror or replace.",
      facts: { file: entry.file, bytes, sha256, run: known.runId },
    },
  )
}
