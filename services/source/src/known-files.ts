/**
 * What is known of the files of one dataset: the part of each that was read, so that it need not be read again, and the
 * open files that versions are served from. Versions share it.
 */
import { createHash } from "node:crypto"
import { type FileIdentity, sameIdentity } from "./file-identity.ts"
import { createSharing, type DecidedDates, type FilePart } from "./file-part.ts"
import { createFilePool, type PoolEntry, type PooledFile } from "./file-pool.ts"
import type { ServedBytes } from "./held-versions.ts"
import type { IndexStore } from "./index-folder.ts"
import type { ListedFile } from "./list-files.ts"
import { createListedFiles, openFile } from "./open-file.ts"
import type { Reading } from "./reading.ts"
import { makeText } from "./text/make-text.ts"
import { createPassingText } from "./text/text-file.ts"

export type KnownFiles = ReturnType<typeof createKnownFiles>

type KnownRequest = Pick<Reading, "root" | "shape" | "maxTextBytes">

// A version of fewer files keeps all of them open, so that one that is replaced is served to the end.
const maxOpen = 256
// So little is read once for a version or two: keeping it open would only close another one.
const smallBytes = 32 * 1024

/** Nothing is known at first. */
export function createKnownFiles({ root, shape, maxTextBytes }: KnownRequest, signal: AbortSignal) {
  const parts = new Map<string, FilePart>()
  const pool = createFilePool(maxOpen)
  const listed = createListedFiles(root)
  let served: ReadonlySet<string> = new Set()
  let isLoaded = false
  let decided: DecidedDates = {}

  function entryOf(part: FilePart, indexes: IndexStore): PoolEntry {
    const { file, text, identity } = part
    if (part.index.manifest.files[0]?.text_bytes === undefined) {
      const entry = { key: keyOf(part), open: () => openAgain(part) }
      if (identity.bytes > smallBytes) return entry
      return { ...entry, readOnce: (into, offset) => listed.readOnce(file, into, offset) }
    }
    if (text === undefined) return { key: keyOf(part), open: () => remakeText(file) }
    return { key: keyOf(part), open: () => indexes.openText(text.name, text.identity) }
  }

  /** Another file in its place may hold the same bytes, which are proven when they are read. */
  async function openAgain({ file, identity }: FilePart): Promise<PooledFile | undefined> {
    const same = await listed.open(file, identity).catch(() => undefined)
    return same ?? (await openFile(root, file).catch(() => undefined))
  }

  /** A text that is not kept is made again when it was let go. */
  async function remakeText(file: string): Promise<PooledFile | undefined> {
    const open = await openFile(root, file).catch(() => undefined)
    if (open === undefined) return undefined
    try {
      const encoding = shape.encoding ?? "utf-8"
      const request = { file, open, encoding, maxTextBytes, signal, createText: createPassingText }
      return (await makeText({ ...request, onProgress: () => {} })).text?.draft
    } finally {
      await open.close()
    }
  }

  function findContent({ file, identity }: ListedFile): FilePart | undefined {
    const part = parts.get(file)
    return part !== undefined && sameIdentity(part.identity, identity) ? part : undefined
  }

  function add(part: FilePart, indexes: IndexStore, opened?: PooledFile): void {
    const before = parts.get(part.file)
    parts.set(part.file, part)
    pool.hold(entryOf(part, indexes), opened)
    if (before !== undefined) void pool.release(keyOf(before))
  }

  function remove(file: string): void {
    const part = parts.get(file)
    parts.delete(file)
    if (part !== undefined) void pool.release(keyOf(part))
  }

  return {
    /** The same description is one object, however many files it is of. */
    share: createSharing(),
    add,
    /** It has to be read again. */
    remove,
    /** What was read of this very content, with dates read as they are now. */
    find(one: ListedFile): FilePart | undefined {
      const part = findContent(one)
      return part !== undefined && sameDates(part.decided, decided) ? part : undefined
    },
    findContent,
    /** How dates are read in all files. */
    decided: () => decided,
    /** From now on dates are read so; false if they were before. */
    decide(dates: DecidedDates): boolean {
      if (sameDates(dates, decided)) return false
      decided = dates
      return true
    },
    /** More of what is known of this content. */
    extend(part: FilePart, tallies: NonNullable<FilePart["tallies"]>): void {
      if (parts.get(part.file) === part) parts.set(part.file, { ...part, tallies })
    },
    /** Reads the content that was read before, or its text. */
    read: (part: FilePart, into: Buffer, offset: number) => pool.read(keyOf(part), into, offset),
    /** The files of the latest version, also of one that another process made. */
    served: () => served,
    parts: (): readonly FilePart[] => [...parts.values()],
    /** The names of the texts that are needed. */
    texts: () => new Set([...parts.values()].flatMap(({ text }) => (text === undefined ? [] : [text.name]))),
    /** Takes up what was kept, once. */
    async load(indexes: IndexStore, shape: string): Promise<void> {
      if (isLoaded) return
      isLoaded = true
      const stored = await indexes.findParts(shape)
      if (stored === undefined) return
      served = new Set(stored.served)
      decided = stored.parts[0]?.decided ?? {}
      for (const part of stored.parts) add(part, indexes)
    },
    /** From now on these are the files, and no others. */
    async keep(
      indexes: IndexStore,
      kept: {
        readonly shape: string
        readonly version: string | undefined
        readonly files: readonly FilePart[]
      },
    ) {
      const files = new Set(kept.files.map(({ file }) => file))
      if (kept.version !== undefined) {
        served = files
        for (const file of [...parts.keys()]) if (!files.has(file)) remove(file)
      }
      await indexes.saveParts({
        shape: kept.shape,
        version: kept.version,
        served: [...served],
        parts: [...parts.values()],
      })
    },
    /** Opens them all where they are few enough. */
    async open(files: readonly FilePart[]): Promise<void> {
      if (files.length > maxOpen) return
      for (const part of files) await pool.open(keyOf(part))
    },
    /** What the chunks of a version over these files are read from; closing it gives up its hold on them. */
    serve(files: readonly FilePart[], indexes: IndexStore): ServedBytes {
      const keys = new Map(files.map((part) => [part.file, keyOf(part)]))
      for (const part of files) pool.hold(entryOf(part, indexes))
      let closing: Promise<void> | undefined
      return {
        read: (into, offset, file) => pool.read(keys.get(file) ?? "", into, offset),
        close: () => {
          closing ??= Promise.all([...keys.values()].map(pool.release)).then(() => {})
          return closing
        },
      }
    },
    close: pool.close,
  }
}

function sameDates(a: DecidedDates, b: DecidedDates): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b)
}

function keyOf(part: FilePart): string {
  const known = keys.get(part)
  if (known !== undefined) return known
  const key = part.text?.name ?? nameContent(part.file, part.identity)
  keys.set(part, key)
  return key
}

const keys = new WeakMap<FilePart, string>()

/** A name for one content of one file, short enough for a file's. */
export function nameContent(file: string, identity: FileIdentity, ...others: readonly unknown[]): string {
  return createHash("sha256")
    .update(JSON.stringify([file, identity, ...others]))
    .digest("hex")
    .slice(0, 40)
}
