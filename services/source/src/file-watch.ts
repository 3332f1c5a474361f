/**
 * Hears from the operating system that a file changed. Folders are watched, not files: a file that is replaced
 * by a rename is another file, of which a watch on the one before never hears. What is heard is a hint to look;
 * what is missed (a network file system, a folder swapped as a whole) is for the regular look to find.
 */
import { type FSWatcher, watch } from "node:fs"
import { realpath, stat } from "node:fs/promises"
import { basename, dirname } from "node:path"
import type { Logger } from "pino"

type WatchParts = {
  /** Absolute paths. They need not be there yet. */
  readonly files: readonly string[]
  /** Absolute paths of the folders of which every change is to be told, as they are now. */
  readonly folders?: () => readonly string[]
  /** Called for a file, or a folder, at most once per `gatherMs`, that long after the first sign. */
  readonly onChange: (path: string) => void
  readonly gatherMs: number
  /** Told once per folder that cannot be watched. */
  readonly log: Logger
}

export type FileWatch = {
  /**
   * Watches the folders as they are now. Called again, it mends what could not be watched before. Never raises. Answers
   * the folders that were not watched until now.
   */
  renew(): Promise<readonly string[]>
  close(): void
}

// Each costs the system something, and it has only so many.
const maxFolders = 1000

type Watched = { readonly watcher: FSWatcher; readonly identity: string }
/** Folder → name in it → the files asked for that this name belongs to. */
type Wanted = ReadonlyMap<string, ReadonlyMap<string, ReadonlySet<string>>>

/** Watches nothing before the first `renew`. */
export function createFileWatch({
  files,
  folders = () => [],
  onChange,
  gatherMs,
  log,
}: WatchParts): FileWatch {
  const watched = new Map<string, Watched>()
  const told = new Set<string>()
  const gathering = new Map<string, NodeJS.Timeout>()
  let wanted: Wanted = new Map()
  let inWhole: ReadonlySet<string> = new Set()
  let isLimited = false
  let closed = false

  async function renew(): Promise<readonly string[]> {
    const now = await findFolders(files)
    const whole = new Set(folders())
    for (const folder of whole) if (!now.has(folder) && now.size < maxFolders) now.set(folder, new Map())
    if ([...whole].some((folder) => !now.has(folder))) tellLimit(whole.size)
    const identities = await Promise.all(
      [...now.keys()].map(async (folder) => [folder, await identify(folder)] as const),
    )
    if (closed) return []
    wanted = now
    inWhole = whole
    const begun: string[] = []
    for (const folder of watched.keys()) if (!now.has(folder)) drop(folder)
    for (const [folder, identity] of identities) {
      if (watched.get(folder)?.identity === identity) continue
      drop(folder)
      begin(folder, identity)
      begun.push(folder)
    }
    return begun
  }

  function begin(folder: string, identity: string): void {
    try {
      const watcher = watch(folder, { persistent: false }, (_, name) => hear(folder, name))
      watcher.on("error", (error) => {
        drop(folder)
        tell(folder, error)
      })
      watched.set(folder, { watcher, identity })
      told.delete(folder)
    } catch (error) {
      tell(folder, error)
    }
  }

  function drop(folder: string): void {
    watched.get(folder)?.watcher.close()
    watched.delete(folder)
  }

  // Not every system says which name changed.
  function hear(folder: string, name: string | null): void {
    const names = wanted.get(folder)
    const meant = name === null ? [...(names?.values() ?? [])] : [names?.get(name) ?? []]
    for (const file of meant.flatMap((some) => [...some])) gather(file)
    if (inWhole.has(folder)) gather(folder)
  }

  function gather(file: string): void {
    if (closed || gathering.has(file)) return
    const timer = setTimeout(() => {
      gathering.delete(file)
      onChange(file)
    }, gatherMs)
    gathering.set(file, timer.unref())
  }

  function tell(folder: string, error: unknown): void {
    if (closed || told.has(folder)) return
    told.add(folder)
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown"
    log.warn(
      { event: "watch.failed", folder, code },
      `${folder} cannot be watched (${code}); its files are looked at every scan_interval instead`,
    )
  }

  function tellLimit(count: number): void {
    if (isLimited || closed) return
    isLimited = true
    log.warn(
      { event: "watch.limited", folders: count, limit: maxFolders },
      `${count} folders are more than the ${maxFolders} that are watched; the others are looked at every scan_interval`,
    )
  }

  return {
    renew,
    close() {
      closed = true
      for (const folder of [...watched.keys()]) drop(folder)
      for (const timer of gathering.values()) clearTimeout(timer)
    },
  }
}

/** A file is changed where its name lies and, through a symbolic link, where it lies itself. */
async function findFolders(
  files: readonly string[],
): Promise<Map<string, ReadonlyMap<string, ReadonlySet<string>>>> {
  const folders = new Map<string, Map<string, Set<string>>>()
  for (const file of files) {
    const itself = await realpath(file).catch(() => file)
    for (const path of [file, itself]) {
      const names = folders.get(dirname(path)) ?? new Map<string, Set<string>>()
      folders.set(dirname(path), names)
      names.set(basename(path), (names.get(basename(path)) ?? new Set()).add(file))
    }
  }
  return folders
}

/** What tells a folder from another one that took its name. */
async function identify(folder: string): Promise<string> {
  return stat(folder).then(
    ({ dev, ino }) => `${dev}:${ino}`,
    () => "absent",
  )
}
