/** Pure: which part of a version is loaded, when the table holds rows of its files already. */
import type { Beginning, Manifest, ManifestChunk, ManifestFile } from "@flatbed/contract"

/** Bytes by which a file is known: its own, or its text's where it has one. Chunks are ranges of them. */
export type Content = { readonly bytes: number; readonly sha256: string }

/** Records: rows in the table, set aside, and left out by the source's filter. */
export type RecordCounts = { readonly rows: number; readonly rejects: number; readonly filtered: number }

/** What is to be done with one file of a version. */
export type PlannedFile = {
  readonly file: string
  readonly content: Content
  /** `known`: all of its rows are in the table. `twice`: an earlier file of the version brings them. */
  readonly state: "new" | "grown" | "known" | "twice"
  /** What the table has of it. */
  readonly before: RecordCounts
  /** Of a file that has grown: the bytes that were loaded, as the source counts them now. */
  readonly beginning?: Beginning
  /** Of one that has grown under another name: the path at which it was loaded. */
  readonly from?: string
}

export type FileCounts = { readonly new: number; readonly grown: number; readonly known: number }

/** What of a version is loaded. */
export type VersionPart = {
  /** The version's manifest with nothing but the chunks that are to be fetched. */
  readonly manifest: Manifest
  readonly files: readonly PlannedFile[]
  /** Undefined where the mode loads whole versions. */
  readonly counts: FileCounts | undefined
  /** Rows of the version's files that the table has. */
  readonly knownRows: number
}

/** A chunk of which only the rows from `first_row` on are wanted; `whole` is what the source serves. */
export type PartialChunk = ManifestChunk & { readonly whole?: ManifestChunk }

const nothing: RecordCounts = { rows: 0, rejects: 0, filtered: 0 }

/** The bytes by which a file is known. A source of an older kind does not tell of a text; then it is the file's own. */
export function contentOf({ bytes, sha256, text_bytes, text_sha256 }: ManifestFile): Content {
  return text_bytes === undefined || text_sha256 === undefined
    ? { bytes, sha256 }
    : { bytes: text_bytes, sha256: text_sha256 }
}

/** All of it. */
export function wholeVersion(manifest: Manifest): VersionPart {
  const files = manifest.files.map((one) => newFile(one))
  return { manifest, files, counts: undefined, knownRows: 0 }
}

/** A file of which nothing is in the table. */
export function newFile(file: ManifestFile): PlannedFile {
  return { file: file.file, content: contentOf(file), state: "new", before: nothing }
}

/**
 * Of a manifest with these files the part that is not in the table: chunks of new files, and of one that has grown
 * those behind its beginning. Rows and chunks keep the version's numbers; a chunk in which the beginning ends is wanted
 * from its next row on.
 */
export function newPart(manifest: Manifest, files: readonly PlannedFile[]): VersionPart {
  const planned = new Map(files.map((one) => [one.file, one]))
  const passed = new Map<string, RecordCounts>()
  const chunks: PartialChunk[] = []
  for (const chunk of manifest.chunks) {
    const one = planned.get(chunk.file)
    if (one?.state === "new") chunks.push(chunk)
    if (one?.state !== "grown" || one.beginning === undefined) continue
    const { beginning } = one
    if (chunk.byte_from >= beginning.bytes) chunks.push(chunk)
    else if (chunk.byte_to > beginning.bytes) {
      const rest = cutChunk(chunk, beginning, passed.get(chunk.file) ?? nothing)
      if (rest.rows + rest.filtered > 0) chunks.push(rest)
    } else passed.set(chunk.file, add(passed.get(chunk.file) ?? nothing, chunk))
  }
  const entries = new Map(manifest.files.map((one) => [one.file, one]))
  const known = files.filter(({ state }) => state === "known" || state === "grown")
  const count = (...states: PlannedFile["state"][]) =>
    files.filter(({ state }) => states.includes(state)).length
  return {
    manifest: {
      ...manifest,
      files: files.flatMap((one) => remainder(one, entries.get(one.file))),
      rows: sum(chunks, ({ rows }) => rows),
      rejects: sum(chunks, ({ rejects }) => rejects),
      filtered: sum(chunks, ({ filtered }) => filtered),
      chunks,
    },
    files,
    counts: { new: count("new"), grown: count("grown"), known: count("known", "twice") },
    knownRows: sum(known, ({ before }) => before.rows),
  }
}

/** The chunk from the first row behind the beginning on; `passed` is what the file's chunks before it hold. */
function cutChunk(chunk: ManifestChunk, beginning: Beginning, passed: RecordCounts): PartialChunk {
  const rows = beginning.rows - passed.rows
  return {
    ...chunk,
    first_row: chunk.first_row + rows,
    rows: chunk.rows - rows,
    rejects: chunk.rejects - (beginning.rejects - passed.rejects),
    filtered: chunk.filtered - (beginning.filtered - passed.filtered),
    whole: chunk,
  }
}

/** The manifest's entry with the bytes that are new; none for a file of which nothing is loaded. */
function remainder({ state, beginning }: PlannedFile, entry: ManifestFile | undefined): ManifestFile[] {
  if (entry === undefined || state === "known" || state === "twice") return []
  if (beginning === undefined) return [entry]
  // Of a packed file its own share is not known; its text's is.
  return [{ ...entry, bytes: contentOf(entry).bytes - beginning.bytes }]
}

/** Two counts together. */
export function add(a: RecordCounts, b: RecordCounts): RecordCounts {
  return { rows: a.rows + b.rows, rejects: a.rejects + b.rejects, filtered: a.filtered + b.filtered }
}

function sum<T>(list: readonly T[], count: (one: T) => number): number {
  return list.reduce((all, one) => all + count(one), 0)
}
