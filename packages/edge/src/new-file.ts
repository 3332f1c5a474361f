/** A file that a command writes: it is there whole or not at all, and never in place of another. */
import { access, link, open, rm } from "node:fs/promises"
import { Problem } from "@flatbed/contract"

export type NewFile = {
  /** Appends; text as UTF-8. */
  write(content: string | Uint8Array): Promise<void>
  /** Gives the file its name. Raises file-exists when another has taken it meanwhile. */
  keep(): Promise<void>
  /** Takes away what was written, unless it was kept. */
  close(): Promise<void>
}

/**
 * Begins a file beside `path`. Raises file-exists when there is one, usage-invalid when none can be made there; `named`
 * is the path as the user typed it, `other` what else the user could name.
 */
export async function createNewFile(path: string, named = path, other = "another file"): Promise<NewFile> {
  const isThere = await access(path).then(
    () => true,
    () => false,
  )
  if (isThere) throw exists(named, other)
  // Of one process one command writes at a time; another process has another number.
  const aside = `${path}.${process.pid}.tmp`
  const file = await open(aside, "wx").catch((error) => {
    throw cannotWrite(named, error)
  })
  let isOpen = true
  const closeFile = async () => {
    if (isOpen) await file.close()
    isOpen = false
  }
  const failing = (error: unknown) => {
    throw cannotWrite(named, error)
  }

  return {
    async write(content) {
      const bytes = typeof content === "string" ? Buffer.from(content) : content
      for (let at = 0; at < bytes.length; ) {
        at += (await file.write(bytes, at, bytes.length - at).catch(failing)).bytesWritten
      }
    },
    async keep() {
      await file.sync().catch(failing)
      await closeFile()
      // Unlike a rename, a link refuses a name that is taken.
      await link(aside, path).catch((error: NodeJS.ErrnoException) => {
        throw error.code === "EEXIST" ? exists(named, other) : cannotWrite(named, error)
      })
    },
    async close() {
      await closeFile()
      await rm(aside, { force: true })
    },
  }
}

function exists(named: string, other: string): Problem {
  return new Problem("file-exists", `${named} is there already and stays as it is.`, {
    hint: `Move it away, or name ${other}.`,
    facts: { file: named },
  })
}

function cannotWrite(named: string, error: unknown): Problem {
  const { code = "unknown" } = error as NodeJS.ErrnoException
  const hint =
    code === "ENOSPC" || code === "EDQUOT"
      ? "Make room on that disk, or name a place on another."
      : "Name a place in a folder that is there and that this user may write."
  return new Problem("usage-invalid", `${named} cannot be written (${code}).`, {
    hint,
    facts: { file: named },
    cause: error,
  })
}
