/**
 * The files that the versions of one dataset are served from. Only so many are open at once, those that were read last;
 * the others are opened again by their paths, and what is read then is proven like everything else. One that is open
 * serves what it held when it was opened, whatever has taken its name since.
 */

/** Something that is read at offsets. */
export type PooledFile = {
  read(into: Buffer, offset: number): Promise<number>
  /** Waits for reads under way. */
  close(): Promise<void>
}

/** One content of one file. */
export type PoolEntry = {
  /** The same for the same content. */
  readonly key: string
  /** Undefined when it is no longer there. */
  open(): Promise<PooledFile | undefined>
  /** Of a small file: reads it where it is not open, and keeps it shut. Undefined where it has to be opened. */
  readOnce?(into: Buffer, offset: number): Promise<number | undefined>
}

export type FilePool = {
  /** It may be read from now on; `opened` is used if it is open already. Each hold is given back by `release`. */
  hold(entry: PoolEntry, opened?: PooledFile): void
  /** Fills the buffer and answers how many bytes there were; none when it is gone. */
  read(key: string, into: Buffer, offset: number): Promise<number>
  /** Opens it now, so that it is served to the end. */
  open(key: string): Promise<void>
  release(key: string): Promise<void>
  close(): Promise<void>
}

type Held = { readonly entry: PoolEntry; holders: number; file: Promise<PooledFile | undefined> | undefined }

/** At most `maxOpen` files are open, beside those that are being read at this moment. */
export function createFilePool(maxOpen: number): FilePool {
  const held = new Map<string, Held>()
  // In the order of their last use.
  const open = new Set<string>()

  async function shut(key: string): Promise<void> {
    const one = held.get(key)
    open.delete(key)
    const file = one?.file
    if (one === undefined || file === undefined) return
    one.file = undefined
    await (await file.catch(() => undefined))?.close()
  }

  function used(key: string): void {
    open.delete(key)
    open.add(key)
    const [oldest] = open
    if (open.size > maxOpen && oldest !== undefined) void shut(oldest)
  }

  return {
    hold(entry, opened) {
      const known = held.get(entry.key)
      if (known === undefined) {
        const file = opened === undefined ? undefined : Promise.resolve(opened)
        held.set(entry.key, { entry, holders: 1, file })
        if (file !== undefined) used(entry.key)
        return
      }
      known.holders += 1
      if (opened === undefined) return
      if (known.file === undefined) {
        known.file = Promise.resolve(opened)
        used(entry.key)
      } else void opened.close()
    },
    async read(key, into, offset) {
      for (;;) {
        const one = held.get(key)
        if (one === undefined) throw Object.assign(new Error(`${key} was let go`), { code: "EBADF" })
        if (one.file === undefined) {
          const filled = await one.entry.readOnce?.(into, offset)
          if (filled !== undefined) return filled
        }
        one.file ??= one.entry.open()
        const { file } = one
        used(key)
        try {
          const opened = await file
          if (opened !== undefined) return await opened.read(into, offset)
          if (one.file === file) await shut(key)
          return 0
        } catch (error) {
          // Closed under way, since others were read meanwhile: then it is opened again.
          const isClosed = error instanceof Error && "code" in error && error.code === "EBADF"
          if (isClosed && one.file !== file) continue
          if (one.file === file) await shut(key)
          throw error
        }
      }
    },
    async open(key) {
      const one = held.get(key)
      if (one === undefined || one.file !== undefined) return
      one.file = one.entry.open()
      used(key)
      if ((await one.file.catch(() => undefined)) === undefined) await shut(key)
    },
    async release(key) {
      const one = held.get(key)
      if (one === undefined) return
      one.holders -= 1
      if (one.holders > 0) return
      await shut(key)
      if (one.holders === 0) held.delete(key)
    },
    async close() {
      await Promise.all([...held.keys()].map(shut))
      held.clear()
    },
  }
}
