/** A file's bytes from the first to the last, as its unpacking asks for them. */

export type FileBytes = {
  /** The offset of the next byte. */
  at(): number
  /** The next bytes: so many, or all that are left. Lent until something is asked for again. */
  peek(length: number): Promise<Buffer>
  /** The next bytes that are held, or else read; none at the end. Lent likewise. */
  block(): Promise<Buffer>
  /** So many of the bytes that were shown are done with. */
  skip(length: number): void
}

const blockBytes = 256 * 1024

/** `read` fills a buffer with the file's bytes in order; `onBytes` is shown each byte once. */
export function createFileBytes(
  read: (into: Buffer, offset: number) => Promise<number>,
  onBytes: (bytes: Buffer) => void,
): FileBytes {
  let at = 0
  let held: Buffer = Buffer.alloc(0)
  let room: Buffer = Buffer.alloc(0)

  async function more(): Promise<boolean> {
    const kept = held.length
    // What is held may lie in the room, and may have been lent: both stay as they are.
    if (room.length === 0 || kept > 0) room = Buffer.allocUnsafe(kept + blockBytes)
    held.copy(room)
    const filled = await read(room.subarray(kept, kept + blockBytes), at + kept)
    onBytes(room.subarray(kept, kept + filled))
    held = room.subarray(0, kept + filled)
    return filled > 0
  }

  return {
    at: () => at,
    async peek(length) {
      while (held.length < length && (await more()));
      return held.subarray(0, length)
    },
    async block() {
      if (held.length === 0) await more()
      return held
    },
    skip(length) {
      at += length
      held = held.subarray(length)
    },
  }
}
