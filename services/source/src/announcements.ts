/** Who wants to hear of new versions is told, in the order in which they were published. */
import type { Manifest, VersionPublished } from "@flatbed/contract"

export type Announcement = {
  /** Counts up while this process lives; means nothing after a restart. */
  readonly id: number
  readonly published: VersionPublished
}

export type Announcements = {
  announce(manifest: Manifest): void
  /** The latest of each dataset, in the order in which they were published. */
  latest(): readonly Announcement[]
  /** Calls the listener with each announcement from now on, until the answered function is called. */
  subscribe(listener: (announcement: Announcement) => void): () => void
}

/** Remembers one announcement per dataset: whoever comes later has to hear of the current version only. */
export function createAnnouncements(): Announcements {
  const latest = new Map<string, Announcement>()
  const listeners = new Set<(announcement: Announcement) => void>()
  let count = 0
  return {
    announce({ dataset, version, rows }) {
      count += 1
      const published = { dataset, version, rows, published_at: new Date().toISOString() }
      const announcement = { id: count, published }
      // Deleted first, so that it moves to the end.
      latest.delete(dataset)
      latest.set(dataset, announcement)
      for (const listener of listeners) listener(announcement)
    },
    latest: () => [...latest.values()],
    subscribe(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}
