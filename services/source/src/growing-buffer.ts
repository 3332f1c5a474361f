/** One buffer for parts whose number or size is not known before. Pure. */
import type { BufferPool } from "@flatbed/codec"

export type GrowingBuffer = {
  /** Room for so many more bytes behind what is there; to be filled before the next call. */
  add(bytes: number): Buffer
  /** Everything so far: a view, no copy, of which `add` makes an old one. */
  bytes(): Buffer
}

/** Begins with room for so many bytes, and doubles; what it outgrew goes back to the pool. */
export function createGrowingBuffer(
  expected: number,
  { take, give }: Pick<BufferPool, "take" | "give">,
): GrowingBuffer {
  let memory = take(expected)
  let filled = 0
  return {
    add(bytes) {
      if (filled + bytes > memory.length) {
        const larger = take(Math.max(2 * memory.length, filled + bytes))
        memory.copy(larger, 0, 0, filled)
        give(memory)
        memory = larger
      }
      filled += bytes
      return memory.subarray(filled - bytes, filled)
    },
    bytes: () => memory.subarray(0, filled),
  }
}
