/** Buffers of chunks, used again: to allocate a megabyte and have it collected costs more than to fill it. Pure. */

export type BufferPool = ReturnType<typeof createBufferPool>

// Chunks differ a little in size; so a buffer fits more of them than the one it was made for.
const granuleBytes = 256 * 1024

/** Keeps at most so many buffers that nobody uses. */
export function createBufferPool(most: number) {
  const idle: ArrayBufferLike[] = []
  // Weak, so that whoever fails need not give anything back.
  const lent = new WeakSet<ArrayBufferLike>()

  /** The smallest that is large enough, taken out. */
  function takeIdle(bytes: number): ArrayBufferLike | undefined {
    let best: ArrayBufferLike | undefined
    for (const one of idle) {
      if (one.byteLength >= bytes && one.byteLength < (best?.byteLength ?? Number.POSITIVE_INFINITY))
        best = one
    }
    if (best !== undefined) idle.splice(idle.indexOf(best), 1)
    return best
  }

  return {
    /** A buffer of so many bytes, whatever stands in them. */
    take(bytes: number): Buffer {
      const memory =
        takeIdle(bytes) ?? Buffer.allocUnsafeSlow(Math.ceil((bytes + 1) / granuleBytes) * granuleBytes).buffer
      lent.add(memory)
      return Buffer.from(memory, 0, bytes)
    },

    /** Takes a buffer back, or a part of one: nobody may look at it any more. What the pool never lent is left alone. */
    give({ buffer: memory }: Buffer): void {
      if (!lent.delete(memory)) return
      idle.push(memory)
      if (idle.length > most) idle.shift()
    },
  }
}
