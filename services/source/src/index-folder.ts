/**
 * The chunk indexes of one dataset in the cache folder. Each is written aside, flushed and renamed, so a reader
 * sees a whole one or none; what is damaged all the same counts as none.
 */
import { mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises"
import { join } from "node:path"
import { type ChunkIndex, decodeIndex, encodeIndex, type StoredIndex } from "./chunk-index.ts"
import { type FileIdentity, sameIdentity } from "./file-identity.ts"

// Old indexes only serve to tell what is gone apart from what never was; so many is memory enough.
const keptIndexes = 32
const indexEnding = ".json"
const goneEnding = ".gone"

export type IndexFolder = {
  /** The index made with these settings from a file of this identity. */
  find(shape: string, identity: FileIdentity): Promise<ChunkIndex | undefined>
  save(stored: StoredIndex): Promise<void>
  /** Forgets what a version was, not that it was. */
  discard(version: string): Promise<void>
  /** The versions this folder has seen, the oldest of them perhaps forgotten. */
  versions(): Promise<string[]>
}

/** Where indexes are found and left. */
export type IndexStore = Pick<IndexFolder, "find" | "save">

/** For commands that make a version and leave nothing behind. */
export const noIndexes: IndexStore = { find: async () => undefined, save: async () => {} }

/** Makes the folder when something is saved. */
export function createIndexFolder(folder: string): IndexFolder {
  const pathOf = (version: string, ending: string) => join(folder, version + ending)

  async function list(): Promise<string[]> {
    return readdir(folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT" || error.code === "ENOTDIR") return []
      throw error
    })
  }

  async function prune(): Promise<void> {
    const names = await list()
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
        if (stored?.shape === shape && sameIdentity(stored.identity, identity)) return stored.index
      }
      return undefined
    },
    async save(stored) {
      await mkdir(folder, { recursive: true })
      const { version } = stored.index.manifest
      // In one process one pass at a time writes here; another process has another number.
      const aside = pathOf(version, `.${process.pid}.tmp`)
      const file = await open(aside, "w", 0o600)
      try {
        await file.writeFile(encodeIndex(stored))
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(aside, pathOf(version, indexEnding))
      await rm(pathOf(version, goneEnding), { force: true })
      await prune()
    },
    async discard(version) {
      await rename(pathOf(version, indexEnding), pathOf(version, goneEnding)).catch(
        (error: NodeJS.ErrnoException) => {
          if (error.code !== "ENOENT") throw error
        },
      )
    },
    async versions() {
      const names = await list()
      return names
        .filter((name) => !name.endsWith(".tmp"))
        .map((name) => name.slice(0, name.lastIndexOf(".")))
    },
  }
}

async function ageOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.mtimeMs ?? 0
}
