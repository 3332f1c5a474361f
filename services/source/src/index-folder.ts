/**
 * The chunk indexes of one dataset in the cache folder, and the newest text. Each is written aside, flushed and renamed,
 * so a reader sees a whole one or none; what is damaged all the same counts as none.
 */
import { mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises"
import { join } from "node:path"
import { type ChunkIndex, decodeIndex, encodeIndex, type StoredIndex } from "./chunk-index.ts"
import { type FileIdentity, sameIdentity } from "./file-identity.ts"
import { decodeParts, encodeParts, type StoredParts } from "./file-part.ts"
import { createPassingText, createText, openText, type TextDraft, type TextFile } from "./text/text-file.ts"

// Old indexes only serve to tell what is gone apart from what never was; so many is memory enough.
const keptIndexes = 32
const indexEnding = ".json"
const goneEnding = ".gone"
const textEnding = ".text"
const asideEnding = ".tmp"
// Of a dataset of several files: what each of them held.
const partsName = "files"

/** What was kept of a version. Whoever gets a text closes it. */
export type FoundIndex = { readonly index: ChunkIndex; readonly text: TextFile | undefined }

export type IndexFolder = {
  /** What was made with these settings from a file of this identity. An index whose text is not there is none. */
  find(shape: string, identity: FileIdentity): Promise<FoundIndex | undefined>
  /** Keeps it, with its text, in the place of every other text: those that are served stay readable. */
  save(stored: Omit<StoredIndex, "text">, text: TextDraft | undefined): Promise<void>
  /** A new text, gone when it is closed unless it was saved. `file` is whose it is. Raises cache-unusable. */
  createText(file: string): Promise<TextDraft>
  /** What was kept of several files that were read with these settings. */
  findParts(shape: string): Promise<StoredParts | undefined>
  /** Keeps it in the place of what was kept before, and no texts but theirs. */
  saveParts(stored: StoredParts): Promise<void>
  /** Gives a text a name of its own; what it is then, or undefined where nothing is kept. */
  keepText(draft: TextDraft, name: string): Promise<FileIdentity | undefined>
  /** A text by that name; undefined when it is not there or is not what was kept. Whoever gets it closes it. */
  openText(name: string, identity: FileIdentity): Promise<TextFile | undefined>
  /** Forgets what a version was, not that it was. */
  discard(version: string): Promise<void>
  /** The versions this folder has seen, the oldest of them perhaps forgotten. */
  versions(): Promise<string[]>
}

/** Where indexes are found and left. */
export type IndexStore = Omit<IndexFolder, "discard" | "versions">

/** For commands that make a version and leave nothing behind. */
export const noIndexes: IndexStore = {
  find: async () => undefined,
  save: async () => {},
  createText: createPassingText,
  findParts: async () => undefined,
  saveParts: async () => {},
  keepText: async () => undefined,
  openText: async () => undefined,
}

/** Makes the folder when something is saved. */
export function createIndexFolder(folder: string): IndexFolder {
  const pathOf = (version: string, ending: string) => join(folder, version + ending)
  // The texts that this process is writing; another one's lies there since it died.
  const underWay = new Set<string>()
  const isLeftBehind = (name: string) => name.endsWith(textEnding + asideEnding) && !underWay.has(name)
  let texts = 0
  let isCleared = false

  const list = () => listFolder(folder)

  const removeTexts = (isOver: (name: string) => boolean) => removeFiles(folder, isOver)

  async function prune(): Promise<void> {
    const names = (await list()).filter((name) => !isText(name) && name !== partsName)
    const aged = await Promise.all(
      names.map(async (name) => ({ name, age: await ageOf(join(folder, name)) })),
    )
    aged.sort((a, b) => b.age - a.age)
    for (const { name } of aged.slice(keptIndexes)) await rm(join(folder, name), { force: true })
  }

  return {
    async find(shape, identity) {
      for (const name of await list()) {
        if (!name.endsWith(indexEnding)) continue
        const stored = decodeIndex(await readFile(join(folder, name)))
        if (stored?.shape !== shape || !sameIdentity(stored.identity, identity)) continue
        const { index, text: kept } = stored
        if (kept === undefined) return { index, text: undefined }
        const text = await openText(pathOf(index.manifest.version, textEnding), kept)
        if (text !== undefined) return { index, text }
      }
      return undefined
    },
    async createText(file) {
      // Only processes that died leave some behind, so once is enough.
      if (!isCleared) await removeTexts(isLeftBehind)
      isCleared = true
      texts += 1
      const name = `${process.pid}.${texts}${textEnding}${asideEnding}`
      underWay.add(name)
      const draft = await createText(join(folder, name), file).catch((error) => {
        underWay.delete(name)
        throw error
      })
      return {
        ...draft,
        close: () => draft.close().finally(() => underWay.delete(name)),
      }
    },
    async save(made, draft) {
      await mkdir(folder, { recursive: true })
      const { version } = made.index.manifest
      const textName = version + textEnding
      await draft?.keep(join(folder, textName))
      const isReplaced = (name: string) =>
        name.endsWith(textEnding) && (draft === undefined || name !== textName)
      await removeTexts((name) => isReplaced(name) || isLeftBehind(name))
      const stored = { ...made, text: await draft?.identify() }
      // In one process one pass at a time writes here; another process has another number.
      const aside = pathOf(version, `.${process.pid}${asideEnding}`)
      await writeWhole(aside, [encodeIndex(stored)])
      await rename(aside, pathOf(version, indexEnding))
      await rm(pathOf(version, goneEnding), { force: true })
      await prune()
    },
    async findParts(shape) {
      const bytes = await readFile(join(folder, partsName)).catch((error: NodeJS.ErrnoException) => {
        if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined
        throw error
      })
      const stored = bytes === undefined ? undefined : decodeParts(bytes)
      return stored?.shape === shape ? stored : undefined
    },
    async saveParts(stored) {
      await mkdir(folder, { recursive: true })
      const aside = join(folder, `${partsName}.${process.pid}${asideEnding}`)
      await writeWhole(aside, encodeParts(stored))
      await rename(aside, join(folder, partsName))
      const kept = new Set(stored.parts.map(({ text }) => `${text?.name}${textEnding}`))
      await removeTexts((name) => (name.endsWith(textEnding) && !kept.has(name)) || isLeftBehind(name))
      if (stored.version === undefined) return
      // There is no index of it, only that it was.
      await writeWhole(pathOf(stored.version, goneEnding), [])
      await prune()
    },
    async keepText(draft, name) {
      // Not flushed: what a crash leaves of it is not what is described, and every chunk is proven.
      await draft.keep(pathOf(name, textEnding), { isFlushed: false })
      return draft.identify()
    },
    openText: (name, identity) => openText(pathOf(name, textEnding), identity),
    async discard(version) {
      await rename(pathOf(version, indexEnding), pathOf(version, goneEnding)).catch(
        (error: NodeJS.ErrnoException) => {
          if (error.code !== "ENOENT") throw error
        },
      )
      await rm(pathOf(version, textEnding), { force: true })
    },
    async versions() {
      const names = await list()
      return names
        .filter((name) => name.endsWith(indexEnding) || name.endsWith(goneEnding))
        .map((name) => name.slice(0, name.lastIndexOf(".")))
    },
  }
}

async function writeWhole(path: string, blocks: readonly Buffer[]): Promise<void> {
  const file = await open(path, "w", 0o600)
  try {
    for (const block of blocks) await file.writeFile(block)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Texts of datasets that are served no more would take room for ever; the cache may be emptied at any time. */
export async function removeOtherTexts(cache: string, datasets: readonly string[]): Promise<void> {
  const others = (await listFolder(cache)).filter((name) => !datasets.includes(name))
  for (const name of others) await removeFiles(join(cache, name), isText)
}

async function listFolder(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return []
    throw error
  })
}

async function removeFiles(folder: string, isOver: (name: string) => boolean): Promise<void> {
  const names = (await listFolder(folder)).filter(isOver)
  await Promise.all(names.map((name) => rm(join(folder, name), { force: true })))
}

const isText = (name: string) => name.endsWith(textEnding) || name.endsWith(textEnding + asideEnding)

async function ageOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.mtimeMs ?? 0
}
