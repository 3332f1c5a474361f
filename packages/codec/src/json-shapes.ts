/** The shapes of lines in a module's memory: a tree of what stands between their values. See `assembly/json-shapes.ts`. */

/** A line cut at its values: what stands before each, and the field of the value; last what ends the line, with −1. */
export type LineShape = readonly { readonly gap: Buffer; readonly field: number }[]

// In words of four bytes, as in assembly/json-shapes.ts.
const gapWords = 5
const gapPlace = { bytesAt: 0, length: 1, field: 2, inner: 3, beside: 4 } as const
export const cellBytes = 32
export const cellPlace = { from: 0, to: 1, kind: 2 } as const

const pathBytes = 4
// Levels of brackets and keys in them, eight bytes each.
const nestBytes = (32 + 128) * 8
const widestLoad = 16

/** Past these a file has so many shapes that comparing them gains nothing. */
export type ShapeLimits = { readonly gaps: number; readonly bytes: number }

/** Where the tables of so many fields lie, from `at` on, and where they end. */
export function placeShapes(at: number, fields: number, limits: ShapeLimits) {
  const gapsAt = at + 4
  const cellsAt = gapsAt + limits.gaps * gapWords * 4
  const pathAt = cellsAt + fields * cellBytes
  const nestAt = pathAt + fields * pathBytes
  const bytesAt = nestAt + nestBytes
  const end = bytesAt + Math.ceil((limits.bytes + widestLoad) / 4) * 4
  return { shapesAt: at, gapsAt, cellsAt, pathAt, nestAt, bytesAt, end }
}

export type ShapePlaces = ReturnType<typeof placeShapes>

/** Writes shapes into a memory that `viewsOf` shows as it is now. */
export function createShapes(
  { shapesAt, gapsAt, cellsAt, pathAt, bytesAt }: ShapePlaces,
  fields: number,
  limits: ShapeLimits,
  viewsOf: () => { readonly memory: Buffer; readonly words: Int32Array },
) {
  let gaps = 0
  let bytes = 0

  /** No shape is known, and no line has been followed. */
  const { memory } = viewsOf()
  memory.fill(0, shapesAt, gapsAt)
  memory.fill(0, cellsAt, pathAt)

  function addGap(gap: Buffer, field: number, beside: number): number {
    const { memory, words } = viewsOf()
    const address = gapsAt + gaps * gapWords * 4
    words.set([bytesAt + bytes, gap.length, field, 0, beside], address / 4)
    bytes += gap.copy(memory, bytesAt + bytes)
    gaps += 1
    return address
  }

  return {
    /** How many gaps are known. */
    gaps: () => gaps,

    /** Adds a shape; false where it has no room, or a field that has none. */
    learn(shape: LineShape): boolean {
      const length = shape.reduce((sum, { gap }) => sum + gap.length, 0)
      if (gaps + shape.length > limits.gaps || bytes + length > limits.bytes) return false
      if (shape.length > fields + 1 || shape.some(({ field }) => field >= fields)) return false
      const { memory, words } = viewsOf()
      const wordOf = (address: number, place: number) => words[address / 4 + place] as number
      let link = shapesAt / 4
      for (const { gap, field } of shape) {
        let known = words[link] as number
        while (known !== 0) {
          const from = wordOf(known, gapPlace.bytesAt)
          const size = wordOf(known, gapPlace.length)
          if (size < gap.length || gap.equals(memory.subarray(from, from + size))) break
          link = known / 4 + gapPlace.beside
          known = words[link] as number
        }
        // Longer ones come first: one may begin with another.
        if (known === 0 || wordOf(known, gapPlace.length) < gap.length) {
          known = addGap(gap, field, known)
          words[link] = known
        }
        link = known / 4 + gapPlace.inner
      }
      return true
    },
  }
}
