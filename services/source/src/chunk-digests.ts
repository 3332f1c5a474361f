/** Pure: the SHA-256 of every chunk, from bytes that pass once, though a chunk's end is known only afterwards. */
import { createHash } from "node:crypto"

/** Takes the bytes in order; `close` names the offset up to which the chunk under way reaches. */
export function createChunkDigests() {
  let hash = createHash("sha256")
  let held: Buffer[] = []
  let heldFrom = 0

  /** Feeds the held bytes up to the offset into the chunk under way, or passes them by. */
  function take(to: number, use: (bytes: Buffer) => void): void {
    while (heldFrom < to) {
      const [first] = held
      if (first === undefined) throw new Error(`no bytes are held at ${heldFrom}, wanted up to ${to}`)
      const part = first.subarray(0, to - heldFrom)
      use(part)
      heldFrom += part.length
      if (part.length === first.length) held = held.slice(1)
      else held[0] = first.subarray(part.length)
    }
  }

  const feed = (to: number) => take(to, (bytes) => hash.update(bytes))

  return {
    /** The next bytes; not copied, so they must stay as they are until `settle`, which follows each time. */
    add(bytes: Buffer): void {
      held.push(bytes)
    },
    /** The bytes up to here are in no chunk: the header. */
    skip: (to: number) => take(to, () => {}),
    /** The bytes up to here belong to the chunk under way; of the others a copy is kept. */
    settle(to: number): void {
      feed(to)
      // Those before the last are copies already.
      const last = held.pop()
      if (last !== undefined) held.push(Buffer.from(last))
    },
    /** The chunk under way ends here: its digest in hex. */
    close(to: number): string {
      feed(to)
      const digest = hash.digest("hex")
      hash = createHash("sha256")
      return digest
    },
  }
}
