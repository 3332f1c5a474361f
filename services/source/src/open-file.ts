/**
 * Opens the files that the settings name, and only those: below the root, regular, never through a dot-folder.
 * Paths come from the settings alone; no part of a request reaches this file.
 */
import { close, constants, open as openDescriptor, read } from "node:fs"
import { type FileHandle, lstat, open, realpath } from "node:fs/promises"
import { isAbsolute, join, relative, resolve, sep } from "node:path"
import { Problem } from "@flatbed/contract"
import { type FileIdentity, sameIdentity } from "./file-identity.ts"
import { nameOf, parentOf } from "./file-patterns.ts"

export type OpenFile = {
  readonly identity: FileIdentity
  /** What the descriptor says now. */
  identify(): Promise<FileIdentity>
  /** Fills the buffer from the offset on and answers how many bytes there were. */
  read(into: Buffer, offset: number): Promise<number>
  /** Waits for reads under way. Closing twice is closing once. */
  close(): Promise<void>
}

export type BigStats = Awaited<ReturnType<typeof lstat>> & {
  readonly mtimeNs: bigint
  readonly ctimeNs: bigint
}

/**
 * The identity of a file below the root, without opening it. Raises file-missing, or file-forbidden for
 * whatever is not a regular file inside the root.
 */
export async function identifyFile(root: string, file: string): Promise<FileIdentity> {
  return (await find(root, file)).identity
}

// O_NONBLOCK: should a FIFO take a file's place, opening it returns. O_NOFOLLOW: likewise for a link.
const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOFOLLOW ?? 0)

/** Opens it for reading; the same problems. A FIFO is refused, not waited for. */
export async function openFile(root: string, file: string): Promise<OpenFile> {
  const found = await find(root, file)
  const handle = await open(found.path, flags).catch((error) => {
    throw refusal(file, error)
  })
  try {
    const identity = await identifyHandle(handle, file)
    // The path was looked at before it was opened: what was opened must be what lies there.
    const there = sameIdentity(identity, found.identity) ? identity : (await find(root, file)).identity
    if (there.dev !== identity.dev || there.ino !== identity.ino) throw unsettled(file)
    return createOpenFile(handle, file, identity)
  } catch (error) {
    await handle.close()
    throw error
  }
}

/**
 * Opens files of one listing, by their paths below the root and what they were then. Undefined for what is another file
 * now, or none; otherwise the same problems. What is opened is proven by its identity, so its path needs no second look,
 * and where a folder really lies is asked once: with thousands of small files that is what takes the time.
 */
export function createListedFiles(root: string) {
  const folders = new Map<string, Promise<string>>()

  async function findFolder(folder: string, file: string): Promise<string> {
    const below = resolve(root, folder)
    refuseOutside(file, relative(root, join(below, "any")))
    const itself = await realpath(below)
    refuseOutside(file, relative(await realpath(root), join(itself, "any")))
    return itself
  }

  async function placeOf(file: string): Promise<string> {
    const folder = parentOf(file)
    const found = folders.get(folder) ?? findFolder(folder, file)
    folders.set(folder, found)
    return join(await found, nameOf(file))
  }

  async function openThere(file: string): Promise<OpenFile> {
    try {
      const handle = await open(await placeOf(file), flags)
      try {
        return createOpenFile(handle, file, await identifyHandle(handle, file))
      } catch (error) {
        await handle.close()
        throw error
      }
    } catch (error) {
      // What could not be asked now may be asked again.
      folders.delete(parentOf(file))
      // A link, which is followed as far as it may lead.
      if (error instanceof Error && "code" in error && error.code === "ELOOP") return openFile(root, file)
      throw refusal(file, error)
    }
  }

  return {
    async open(file: string, listed: FileIdentity): Promise<OpenFile | undefined> {
      const opened = await openThere(file).catch((error) => {
        if (error instanceof Problem && (error.code === "file-missing" || error.code === "file-unsettled"))
          return undefined
        throw error
      })
      if (opened === undefined || sameIdentity(opened.identity, listed)) return opened
      await opened.close()
      return undefined
    },

    /**
     * Reads as `OpenFile.read` and keeps nothing open; undefined where that cannot be done. Whoever asks proves the bytes:
     * nobody looks at what kind of file it is, or which.
     */
    async readOnce(file: string, into: Buffer, offset: number): Promise<number | undefined> {
      try {
        return await readPath(await placeOf(file), into, offset)
      } catch {
        folders.delete(parentOf(file))
        return undefined
      }
    },
  }
}

// With a bare descriptor, as a FileHandle costs several times as much to make and to collect.
async function readPath(path: string, into: Buffer, offset: number): Promise<number> {
  return await new Promise((resolve, reject) => {
    openDescriptor(path, flags, (error, descriptor) => {
      if (error) {
        reject(error)
        return
      }
      let filled = 0
      const readOn = () => {
        read(descriptor, into, filled, into.length - filled, offset + filled, (failed, bytes) => {
          if (!failed) filled += bytes
          if (!failed && bytes > 0 && filled < into.length) {
            readOn()
            return
          }
          close(descriptor, () => {})
          if (failed) reject(failed)
          else resolve(filled)
        })
      }
      readOn()
    })
  })
}

function createOpenFile(handle: FileHandle, file: string, identity: FileIdentity): OpenFile {
  let closing: Promise<void> | undefined
  return {
    identity,
    identify: () => identifyHandle(handle, file),
    read: (into, offset) => readInto(handle, into, offset),
    close: () => {
      closing ??= handle.close()
      return closing
    },
  }
}

/** Fills the buffer from the offset on and answers how many bytes there were. */
export async function readInto(handle: FileHandle, into: Buffer, offset: number): Promise<number> {
  let filled = 0
  while (filled < into.length) {
    const { bytesRead } = await handle.read(into, filled, into.length - filled, offset + filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return filled
}

async function find(root: string, file: string): Promise<{ path: string; identity: FileIdentity }> {
  const written = relative(root, resolve(root, file))
  refuseOutside(file, written)
  try {
    const path = await realpath(resolve(root, file))
    refuseOutside(file, relative(await realpath(root), path))
    const stats = await lstat(path, { bigint: true })
    return { path, identity: identityOf(stats as BigStats, file) }
  } catch (error) {
    throw refusal(file, error)
  }
}

/** What an open file is now; raises file-forbidden when it is not a regular one. */
export async function identifyHandle(handle: FileHandle, file: string): Promise<FileIdentity> {
  return identityOf((await handle.stat({ bigint: true })) as BigStats, file)
}

/** Raises file-forbidden when it is not a regular file. */
export function identityOf(stats: BigStats, file: string): FileIdentity {
  if (!stats.isFile()) {
    throw new Problem("file-forbidden", `${file} is not a regular file.`, {
      hint: "Name a regular file in the dataset's files.",
      facts: { file },
    })
  }
  return {
    dev: String(stats.dev),
    ino: String(stats.ino),
    bytes: Number(stats.size),
    mtimeNs: String(stats.mtimeNs),
    ctimeNs: String(stats.ctimeNs),
  }
}

/** The problem of a file that would not keep still. */
export function unsettled(file: string): Problem {
  return new Problem("file-unsettled", `${file} changes while it is read.`, {
    hint: "Write it aside and rename it when it is whole.",
    facts: { file },
    retryAfterSeconds: 2,
  })
}

/**
 * The problem for whoever may know this server's folders: its log and its commands, never the wire. A file that
 * is not there, or may not be read, is named by the path that was looked at.
 */
export function tellPath(problem: Problem, root: string): Problem {
  const { code, message, hint, facts, cause, retryAfterSeconds } = problem
  if (code !== "file-missing" && code !== "file-forbidden") return problem
  const path = resolve(root, String(facts.file ?? ""))
  return new Problem(code, `${message.replace(/\.$/, "")}; looked at ${path}.`, {
    ...(hint === undefined ? {} : { hint }),
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    facts: { ...facts, path },
    cause,
  })
}

/** Raises file-forbidden for a path, relative to the root, that leaves it or has a part that begins with a dot. */
export function refuseOutside(file: string, belowRoot: string): void {
  const parts = belowRoot.split(sep)
  if (belowRoot === "" || isAbsolute(belowRoot) || parts[0] === "..") {
    throw new Problem("file-forbidden", `${file} lies outside the root.`, {
      hint: "Move it below the folder that `root` names, or set `root` to a folder above it.",
      facts: { file },
    })
  }
  if (parts.some((part) => part.startsWith("."))) {
    throw new Problem("file-forbidden", `${file} lies in a folder, or has a name, that begins with a dot.`, {
      hint: "Move it; what begins with a dot is never served.",
      facts: { file },
    })
  }
}

/** What a file is refused for when the system does not let us look at it; other errors as they are. */
export function refusal(file: string, error: unknown): unknown {
  if (!(error instanceof Error) || !("code" in error)) return error
  switch (error.code) {
    case "ENOENT":
    case "ENOTDIR":
      return new Problem("file-missing", `${file} is not there.`, {
        hint: "Put it below the root, or correct the dataset's files.",
        facts: { file },
        cause: error,
      })
    case "EACCES":
    case "EPERM":
    case "ELOOP":
      return new Problem("file-forbidden", `${file} may not be read (${error.code}).`, {
        hint: "Give the user that runs the source the right to read it.",
        facts: { file },
        cause: error,
      })
    default:
      return error
  }
}
