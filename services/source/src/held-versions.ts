/** The versions of one dataset that can be served: the current one and, for a while, those before it. */
import type { ChunkIndex } from "./chunk-index.ts"
import type { OpenFile } from "./open-file.ts"

// Each holds a descriptor, and a file rewritten every second must not use them up.
const maxReplaced = 32

/** What chunks are read from, a file or its text, with the file's identity. */
export type ServedBytes = Pick<OpenFile, "identity" | "read" | "close">

/** A version with the open descriptor its chunks are read from. */
export type HeldVersion = { readonly index: ChunkIndex; readonly open: ServedBytes }

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
