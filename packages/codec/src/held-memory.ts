/** Bytes in a module's memory, behind its tables: more come at the end, and what is done with goes at the front. */
import { behindInput, type Codec, memoryOf, returnCodec } from "./codec-module.ts"

const roomAtFirst = 512 * 1024

export type HeldMemory = ReturnType<typeof createHeldMemory>

/** Nothing is held at first; the bytes will begin at `heldAt`, and the memory grows with them. */
export function createHeldMemory(codec: Codec, heldAt: number) {
  let room = roomAtFirst
  let memory = memoryOf(codec, heldAt + room + behindInput)
  let words = wordsOf(memory)
  // The bytes from `start` on are held; those before are let go of, and overwritten when more come.
  let start = heldAt
  let end = heldAt
  /** How many bytes came before the first in memory. */
  let before = 0
  let closed = false

  function moveToFront(): void {
    memory.copyWithin(heldAt, start, end)
    before += start - heldAt
    end -= start - heldAt
    start = heldAt
  }

  return {
    /** The module's whole memory; void after `hold`, as are `words`. */
    memory: () => memory,
    words: () => words,

    /** Copies the next bytes behind the others. Addresses from before are void. */
    hold(bytes: Buffer): void {
      moveToFront()
      const needed = end - heldAt + bytes.length
      if (needed > room) {
        room = Math.max(room * 2, needed)
        memory = memoryOf(codec, heldAt + room + behindInput)
        words = wordsOf(memory)
      }
      end += bytes.copy(memory, end)
    },

    /** What is held: a view, void after the next `hold`. */
    bytes: () => memory.subarray(start, end),
    /** Addresses of the first byte held, and behind the last. */
    start: () => start,
    end: () => end,

    /** Lets so many bytes go. */
    letGo(count: number): void {
      start += count
    },
    /** Lets everything before an address go. */
    letGoTo(address: number): void {
      start = address
    },

    /** How many bytes had come before the one at this address since the beginning. */
    offsetOf: (address: number): number => before + address - heldAt,

    /** Gives the memory to the next that needs one. Nothing may be called afterwards. */
    close(): void {
      // One that grew is let go instead: nobody else may need as much.
      if (!closed && room === roomAtFirst) returnCodec(codec)
      closed = true
    },
  }
}

function wordsOf(memory: Buffer): Int32Array {
  return new Int32Array(memory.buffer, 0, memory.byteLength >> 2)
}
