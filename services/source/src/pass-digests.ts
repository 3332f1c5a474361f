/** Pure: the SHA-256 of a file and of each of its chunks, from bytes that pass once. */
import { createHash } from "node:crypto"
import { createChunkDigests } from "./chunk-digests.ts"

/** What a scan found out with some bytes: offsets in the file, in order. */
export type PassMarks = {
  /** The header's end, if it was found now: it is in no chunk. */
  readonly headerEnd: number | undefined
  /** The ends of chunks that are whole now. */
  readonly chunkEnds: readonly number[]
  /** Up to here, records are whole: whatever comes, these bytes belong to chunks that are whole or under way. */
  readonly settledTo: number
}

export type Digests = { readonly sha256: string; readonly chunks: readonly string[] }

/** Takes the bytes in order, each with what was found out by them. */
export function createPassDigests() {
  const whole = createHash("sha256")
  const chunkDigests = createChunkDigests()
  const chunks: string[] = []

  function mark({ headerEnd, chunkEnds }: PassMarks): void {
    if (headerEnd !== undefined) chunkDigests.skip(headerEnd)
    for (const end of chunkEnds) chunks.push(chunkDigests.close(end))
  }

  return {
    /** The bytes may change afterwards. */
    add(bytes: Buffer, marks: PassMarks): void {
      whole.update(bytes)
      chunkDigests.add(bytes)
      mark(marks)
      chunkDigests.settle(marks.settledTo)
    },
    /** All of them, in hex, with what was found out after the last bytes. */
    finish(marks: PassMarks): Digests {
      mark(marks)
      return { sha256: whole.digest("hex"), chunks }
    },
  }
}
