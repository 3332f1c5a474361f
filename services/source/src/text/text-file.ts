/** The file in which a text lies: written once, then read for as long as it is served. */
import type { FileHandle } from "node:fs/promises"
import { mkdir, mkdtemp, open, rename, rm, rmdir, statfs } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { Problem } from "@flatbed/contract"
import { counted } from "../counted.ts"
import { type FileIdentity, sameIdentity } from "../file-identity.ts"
import { identifyHandle, readInto } from "../open-file.ts"

export type TextFile = {
  /** Fills the buffer from the offset on and answers how many bytes there were. */
  read(into: Buffer, offset: number): Promise<number>
  identify(): Promise<FileIdentity>
  /** Waits for reads under way. */
  close(): Promise<void>
}

/** One that is being written; it is gone when it is closed, unless it was kept. */
export type TextDraft = TextFile & {
  /** The next bytes. Raises cache-unusable when there is no room for them. */
  write(bytes: Buffer): Promise<void>
  /** Gives it its place, where it survives this process; flushed to the disk first, unless told. */
  keep(path: string, options?: { readonly isFlushed: false }): Promise<void>
}

// Other things need the disk too.
const keptFreeBytes = 64 * 1024 * 1024
const lookEveryBytes = 64 * 1024 * 1024

/** Which file's text lies where, and how a person moves it. */
type Place = { readonly file: string; readonly folder: string; readonly setting: "cache" | "TMPDIR" }

/** A new, empty one with this path; the folder is made. `file` is whose text it will be. Raises cache-unusable. */
export async function createText(path: string, file: string): Promise<TextDraft> {
  const place: Place = { file, folder: dirname(path), setting: "cache" }
  try {
    await mkdir(place.folder, { recursive: true })
    return createDraft(await open(path, "wx+", 0o600), path, place)
  } catch (error) {
    throw unusable(place, error)
  }
}

/** One that leaves nothing behind, however this process ends. Raises cache-unusable. */
export async function createPassingText(file: string): Promise<TextDraft> {
  const place: Place = { file, folder: tmpdir(), setting: "TMPDIR" }
  try {
    const folder = await mkdtemp(join(place.folder, "flatbed-"))
    const path = join(folder, "text")
    const handle = await open(path, "wx+", 0o600)
    await rm(path)
    await rmdir(folder)
    return createDraft(handle, path, place)
  } catch (error) {
    throw unusable(place, error)
  }
}

/** One that was kept; undefined when it is not there or is not what was kept. */
export async function openText(path: string, identity: FileIdentity): Promise<TextFile | undefined> {
  const handle = await open(path, "r").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined
    throw error
  })
  if (handle === undefined) return undefined
  const text = createTextFile(handle, path)
  if (sameIdentity(await text.identify(), identity)) return text
  await text.close()
  return undefined
}

function createTextFile(handle: FileHandle, path: string): TextFile {
  let closing: Promise<void> | undefined
  return {
    read: (into, offset) => readInto(handle, into, offset),
    identify: () => identifyHandle(handle, path),
    close: () => {
      closing ??= handle.close()
      return closing
    },
  }
}

function createDraft(handle: FileHandle, path: string, place: Place): TextDraft {
  const text = createTextFile(handle, path)
  let written = 0
  let lookAt = 0
  let isKept = false

  async function refuseFullDisk(): Promise<void> {
    const { bavail, bsize } = await statfs(place.folder)
    const free = bavail * bsize
    if (free < keptFreeBytes + lookEveryBytes) throw noRoom(place, free)
    lookAt = written + lookEveryBytes
  }

  return {
    ...text,
    async write(bytes) {
      if (written >= lookAt) await refuseFullDisk()
      try {
        for (let done = 0; done < bytes.length; ) {
          const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, written + done)
          done += bytesWritten
        }
      } catch (error) {
        throw unusable(place, error)
      }
      written += bytes.length
    },
    async keep(kept, options) {
      if (options === undefined) await handle.sync()
      await rename(path, kept)
      isKept = true
    },
    async close() {
      await text.close()
      if (!isKept) await rm(path, { force: true })
    },
  }
}

function noRoom({ file, setting }: Place, free: number): Problem {
  return new Problem(
    "cache-unusable",
    `There is no room for the text of ${file}: ${counted(free, "byte")} are free.`,
    {
      hint: `Free some, or set ${setting} to a folder with more.`,
      facts: { file, free },
      retryAfterSeconds: 30,
    },
  )
}

const roomErrors = ["ENOSPC", "EDQUOT", "EFBIG", "EACCES", "EPERM", "EROFS", "ENOENT", "ENOTDIR"]

function unusable({ file, setting }: Place, error: unknown): unknown {
  if (!(error instanceof Error) || !("code" in error) || !roomErrors.includes(String(error.code)))
    return error
  return new Problem("cache-unusable", `The text of ${file} cannot be written (${error.code}).`, {
    hint: `Let this user write the folder that ${setting} names, and see that there is room.`,
    facts: { file },
    retryAfterSeconds: 30,
    cause: error,
  })
}
