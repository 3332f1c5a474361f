// If this fails, a record that arrives in pieces is read with another record's bytes in it, or takes memory without end.
import { createRandom } from "@flatbed/testing"
import { expect, test } from "vitest"
import { createHeldBytes } from "./held-bytes.ts"

test("what is held is what was added and not let go, whatever the pieces", () => {
  const random = createRandom(20261121)
  for (let round = 0; round < 200; round++) {
    const held = createHeldBytes(random.between(0, 300))
    let expected = Buffer.alloc(0)
    for (let step = 0; step < 60; step++) {
      // The piece is lent: its memory is written over afterwards.
      const piece = Buffer.from(Array.from({ length: random.between(0, 90) }, () => random.between(0, 255)))
      expected = Buffer.concat([expected, piece])
      held.add(piece)
      piece.fill(0)
      expect(held.bytes().equals(expected)).toBe(true)
      const count = random.chance(0.5) ? expected.length : random.between(0, expected.length)
      held.letGo(count)
      expected = expected.subarray(count)
      expect(held.bytes().equals(expected)).toBe(true)
    }
    held.clear()
    expect(held.bytes()).toHaveLength(0)
  }
})

test("a record as long as the limit is held in a buffer hardly longer", () => {
  const most = 2 ** 20
  const held = createHeldBytes(most)
  const piece = Buffer.alloc(2 ** 16)
  while (held.bytes().length <= most) held.add(piece)
  expect(held.bytes().buffer.byteLength).toBeLessThanOrEqual(most + 2 * piece.length)
})
