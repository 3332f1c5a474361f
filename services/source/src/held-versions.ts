/** The versions of one dataset that can be served: the current one and, for a while, those before it. */
import type { ChunkIndex } from "./chunk-index.ts"
import { type FileIdentity, sameIdentity } from "./file-identity.ts"
import { type LeftOut, type Listing, sameListing } from "./list-files.ts"

// Each holds a descriptor, and a file rewritten every second must not use them up.
const maxReplaced = 32

/** What chunks are read from: files, or their texts. */
export type ServedBytes = {
  /** Fills the buffer from the offset in this file on and answers how many bytes there were. */
  read(into: Buffer, offset: number, file: string): Promise<number>
  /** Waits for reads under way. */
  close(): Promise<void>
}

/** What lay there when a version was made of it: the one file, or all that were listed. */
export type Found =
  | { readonly kind: "one"; readonly identity: FileIdentity }
  | { readonly kind: "many"; readonly listing: Listing; readonly waiting: readonly LeftOut[] }

/** Whether nothing that the file system tells has changed. */
export function sameFound(a: Found, b: Found): boolean {
  if (a.kind === "one") return b.kind === "one" && sameIdentity(a.identity, b.identity)
  return b.kind === "many" && sameListing(a.listing, b.listing)
}

/** A version with the open files its chunks are read from. */
export type HeldVersion = { readonly index: ChunkIndex; readonly found: Found; readonly open: ServedBytes }

/** Holds each successor's predecessor for `keepMs`. `onReleased` hears of each that is let go then. */
export function createHeldVersions(keepMs: number, onReleased: (held: HeldVersion) => void) {
  const held = new Map<string, HeldVersion>()
  const timers = new Map<HeldVersion, NodeJS.Timeout>()
  let current: HeldVersion | undefined

  function forget(one: HeldVersion): void {
    const { version } = one.index.manifest
    if (held.get(version) === one) held.delete(version)
    if (current === one) current = undefined
    clearTimeout(timers.get(one))
    timers.delete(one)
  }

  async function release(one: HeldVersion): Promise<void> {
    forget(one)
    await one.open.close()
  }

  function retire(one: HeldVersion): void {
    const end = () => {
      void release(one)
      onReleased(one)
    }
    timers.set(one, setTimeout(end, keepMs).unref())
    if (timers.size <= maxReplaced) return
    const [oldest] = timers.keys()
    if (oldest === undefined) return
    void release(oldest)
    onReleased(oldest)
  }

  return {
    current: () => current,
    find: (version: string) => held.get(version),
    /** All that can be served, the current one first, then the latest before it. */
    all: (): readonly HeldVersion[] => [...held.values()].reverse(),
    /** Makes it the current version; one with the same name gives its descriptor up at once. */
    publish(next: HeldVersion): void {
      const { version } = next.index.manifest
      const same = held.get(version)
      const before = current
      if (same !== undefined) void release(same)
      if (before !== undefined && before !== same) retire(before)
      held.set(version, next)
      current = next
    },
    release,
    async close(): Promise<void> {
      await Promise.all([...held.values()].map(release))
    },
  }
}
