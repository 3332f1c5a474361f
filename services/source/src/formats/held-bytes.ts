/** Bytes of a file that arrive piece by piece and are let go from the front, in one buffer that is used again. Pure. */

export type HeldBytes = {
  /** Copies a piece behind the others: it is lent. Views that `bytes` gave before are void. */
  add(piece: Buffer): void
  /** What is held: a view, no copy. */
  bytes(): Buffer
  /** Lets so many bytes go. */
  letGo(count: number): void
  /** Lets everything go, its memory too. */
  clear(): void
}

/**
 * Nobody holds more than `most` bytes and a piece for long: the buffer grows fourfold until then, and no further than
 * needed after that.
 */
export function createHeldBytes(most: number): HeldBytes {
  let memory = Buffer.alloc(0)
  let from = 0
  let to = 0

  function makeRoom(pieceBytes: number): void {
    if (to + pieceBytes <= memory.length) return
    const needed = to - from + pieceBytes
    const before = memory
    // Memory that nobody has written to costs nothing yet, and what was outgrown costs until it is collected: so the
    // steps are large.
    if (needed > memory.length)
      memory = Buffer.allocUnsafeSlow(Math.min(4 * needed, Math.max(needed, most + pieceBytes)))
    before.copy(memory, 0, from, to)
    to -= from
    from = 0
  }

  return {
    add(piece) {
      makeRoom(piece.length)
      to += piece.copy(memory, to)
    },
    bytes: () => memory.subarray(from, to),
    letGo(count) {
      from += count
    },
    clear() {
      memory = Buffer.alloc(0)
      from = 0
      to = 0
    },
  }
}
