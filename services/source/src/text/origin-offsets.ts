/** Where the borders in a text lie in the file that it was made of. */
import type { Encoding } from "./encodings.ts"
import { createMeasure } from "./origin.ts"

const blockBytes = 256 * 1024

/** For offsets in the text, in ascending order and each at a character's border, those in the unpacked file. */
export async function findOriginOffsets(
  read: (into: Buffer, offset: number) => Promise<number>,
  encoding: Encoding,
  offsets: readonly number[],
): Promise<number[]> {
  const measure = createMeasure(encoding)
  const block = Buffer.allocUnsafe(blockBytes)
  let blockFrom = 0
  let filled = 0
  let at = 0
  let origin = 0
  const found: number[] = []
  for (const offset of offsets) {
    while (at < offset) {
      if (at >= blockFrom + filled) {
        blockFrom = at
        filled = await read(block, at)
        if (filled === 0) throw new Error(`the text ends at byte ${at}, before ${offset}`)
      }
      const to = Math.min(offset, blockFrom + filled)
      origin += measure(block.subarray(at - blockFrom, to - blockFrom))
      at = to
    }
    found.push(origin)
  }
  return found
}
